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

enum { MOST_ENTRIES = 20, FIRST_CODE = 256, HELP_COLUMN = 26 };

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
    printf("  --%s%s%-*s ", name, value ? " " : "",
           HELP_COLUMN - (int)strlen(name) - (value ? 1 : 0), value ? value : "");
    for (; *text; text++) {
        putchar(*text);
        if (*text == '\n')
            printf("%*s", HELP_COLUMN + 5, "");
    }
    putchar('\n');
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

/* What a number counts for, by what stands behind it; 0: nonsense. */
static double unit_of(const struct option_entry *entry, const char *suffix)
{
    static const char suffixes[] = "KMG";
    if (*suffix == '\0')
        return 1;
    const char *found = entry->kind == OPTION_BYTES ? strchr(suffixes, *suffix) : NULL;
    return found && suffix[1] == '\0' ? (double)((uint64_t)1024 << 10 * (found - suffixes)) : 0;
}

/* Digits, and for seconds a point among them. */
static int set_number(const struct option_entry *entry, const char *text)
{
    bool is_seconds = entry->kind == OPTION_SECONDS;
    char *end;
    double value = strtod(text, &end);
    size_t digits = strspn(text, is_seconds ? "0123456789." : "0123456789");
    double unit = unit_of(entry, end);
    bool is_plain = digits > 0 && end == text + digits && unit > 0;
    value *= unit;
    if (!is_plain || value < entry->least || value > entry->most)
        return options_refuse("--%s wants a %s from %g to %.10g, not \"%s\"", entry->name,
                              is_seconds ? "number of seconds" : "whole number", entry->least,
                              entry->most, text);
    if (is_seconds)
        *(int64_t *)entry->place = (int64_t)(value * 1e9);
    else
        *(size_t *)entry->place = (size_t)value;
    return 0;
}

static int take(const struct option_entry *entry, const char *text)
{
    switch (entry->kind) {
    case OPTION_FLAG:
        *(bool *)entry->place = true;
        return 0;
    case OPTION_TEXT:
        if (*text == '\0')
            return options_refuse("--%s is empty", entry->name);
        *(const char **)entry->place = text;
        return 0;
    case OPTION_NUMBER:
    case OPTION_BYTES:
    case OPTION_SECONDS:
        return set_number(entry, text);
    }
    return -1;
}

/* Why a word that begins with "--" is none of the table's. A name that is whole is not short for
 * another that begins with it. */
static int refuse_word(const struct option_table *table, const char *word)
{
    size_t len = strcspn(word, "="), count = 0;
    bool is_whole = false;
    for (size_t i = 0; i <= table->count && len > 2; i++) {
        const char *name = i < table->count ? table->entries[i].name : "help";
        count += strncmp(name, word + 2, len - 2) == 0;
        is_whole |= strlen(name) == len - 2 && strncmp(name, word + 2, len - 2) == 0;
    }
    if (count > 1 && !is_whole)
        return options_refuse("\"%.*s\" is short for several options", (int)len, word);
    return options_refuse("there is no option \"%s\", or it takes no value", word);
}

int options_take(const struct option_table *table, int argc, char **argv)
{
    struct option longs[MOST_ENTRIES + 2] = {{"help", no_argument, NULL, 'h'}};
    assert(table->count <= MOST_ENTRIES);
    for (size_t i = 0; i < table->count; i++) {
        int takes = table->entries[i].kind == OPTION_FLAG ? no_argument : required_argument;
        longs[i + 1] = (struct option){table->entries[i].name, takes, NULL, FIRST_CODE + (int)i};
    }
    opterr = 0;
    int code, taken = 0;
    while (taken == 0 && (code = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
        const char *word = argv[optind - 1];
        if (code == 'h')
            print_help(table);
        else if (code == ':')
            taken = options_refuse("%s needs a value", word);
        else if (code == '?' && optopt > 0 && optopt < FIRST_CODE && optopt != 'h')
            taken = options_refuse("there is no option \"-%c\"", optopt);
        else if (code < FIRST_CODE)
            taken = refuse_word(table, word);
        else
            taken = take(&table->entries[code - FIRST_CODE], optarg);
    }
    return taken;
}
