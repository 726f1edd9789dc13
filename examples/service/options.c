/* See options.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As many as a table may have; and what getopt_long gives for its first one, and more for the next:
 * no characters. */
enum { MOST_ENTRIES = 20, LONG = 256 };

int options_refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputs("; --help tells more\n", stderr);
    va_end(arguments);
    return -1;
}

static void print_entry(const char *name, const char *value, const char *text)
{
    printf("  --%s%s%s\n        %s\n", name, value ? " " : "", value ? value : "", text);
}

static _Noreturn void print_help(const struct option_table *table)
{
    fputs(table->usage, stdout);
    for (size_t i = 0; i < table->count; i++)
        print_entry(table->entries[i].name, table->entries[i].value, table->entries[i].help);
    print_entry("help", NULL, "print this");
    fputs(table->notes, stdout);
    if (fflush(stdout) == 0 && !ferror(stdout))
        exit(EXIT_SUCCESS);
    perror(program_invocation_short_name);
    exit(EXIT_FAILURE);
}

/* Digits, and for seconds a point among them. */
static int set_number(const struct option_entry *entry, const char *text)
{
    static const char suffixes[] = "KMG";
    bool is_seconds = entry->kind == OPTION_SECONDS;
    char *end;
    double value = strtod(text, &end);
    size_t digits = strspn(text, is_seconds ? "0123456789." : "0123456789");
    bool is_plain = digits > 0 && end == text + digits;
    const char *suffix = entry->kind == OPTION_BYTES && *end ? strchr(suffixes, *end) : NULL;
    if (suffix) {
        value *= (double)(1024 << 10 * (suffix - suffixes));
        end++;
    }
    if (!is_plain || *end || value < entry->least || value > entry->most)
        return options_refuse("--%s wants a %s from %g to %.10g, not \"%s\"", entry->name,
                              is_seconds ? "number of seconds" : "whole number", entry->least,
                              entry->most, text);
    if (is_seconds)
        *(int64_t *)entry->place = (int64_t)(value * 1e9) + (value > 0 && value < 1e-9);
    else
        *(size_t *)entry->place = (size_t)value;
    return 0;
}

static int take(const struct option_entry *entry, const char *text)
{
    if (entry->kind != OPTION_FLAG && entry->kind != OPTION_TEXT)
        return set_number(entry, text);
    if (entry->kind == OPTION_TEXT && *text == '\0')
        return options_refuse("--%s is empty", entry->name);
    if (entry->kind == OPTION_TEXT)
        *(const char **)entry->place = text;
    else
        *(bool *)entry->place = true;
    return 0;
}

/* A word that begins with "--", and that getopt_long does not take. */
static int refuse_word(const struct option_table *table, const char *word)
{
    size_t len = strcspn(word, "=");
    int count = strncmp("help", word + 2, len - 2) == 0;
    for (size_t i = 0; i < table->count; i++)
        count += strncmp(table->entries[i].name, word + 2, len - 2) == 0;
    if (count > 1 && optopt < LONG)
        return options_refuse("\"%.*s\" is short for several options", (int)len, word);
    return options_refuse("there is no option \"%s\", or it takes no value", word);
}

int options_take(const struct option_table *table, int argc, char **argv)
{
    struct option longs[MOST_ENTRIES + 2] = {0};
    assert(table->count <= MOST_ENTRIES);
    for (size_t i = 0; i < table->count; i++) {
        int takes = table->entries[i].kind == OPTION_FLAG ? no_argument : required_argument;
        longs[i] = (struct option){table->entries[i].name, takes, NULL, LONG + (int)i};
    }
    longs[table->count] = (struct option){"help", no_argument, NULL, LONG + MOST_ENTRIES};
    opterr = 0;
    int code, taken = 0;
    while (taken == 0 && (code = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
        const char *word = argv[optind - 1];
        if (code == ':')
            taken = options_refuse("%s needs a value", word);
        else if (code == '?' && (optopt == 0 || optopt >= LONG))
            taken = refuse_word(table, word);
        else if (code == '?')
            taken = options_refuse("there is no option \"-%c\"", optopt);
        else if (code == LONG + MOST_ENTRIES)
            print_help(table);
        else
            taken = take(&table->entries[code - LONG], optarg);
    }
    return taken;
}
