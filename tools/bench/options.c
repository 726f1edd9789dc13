/*
 * Parsing the command line, by the tables of option_table.c. Refusals are one sentence each: what
 * is wrong, why, and what to do. Nothing here looks at the machine.
 */
#include "options.h"

#include <string.h>
#include <whorl.h>

#include "fail.h"

static const option_entry *find_option(const char *name, size_t length)
{
    for (size_t i = 0; i < option_count; i++)
        if (strlen(option_table[i].name) == length &&
            strncmp(option_table[i].name, name, length) == 0)
            return &option_table[i];
    return NULL;
}

/* Digits, and for seconds a fraction too; multiplied by `scale`. 0, or -1 if it is no number. */
static int parse_scaled(const char *text, uint64_t scale, const char **rest, uint64_t *out)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            value = UINT64_MAX / 16;
    if (at == text)
        return -1;
    if (__builtin_mul_overflow(value, scale, &value))
        value = UINT64_MAX;
    if (scale > 1 && *at == '.') {
        const char *first = ++at;
        for (uint64_t part = scale / 10; *at >= '0' && *at <= '9'; at++, part /= 10)
            value += part * (uint64_t)(*at - '0');
        if (at == first)
            return -1;
    }
    *rest = at;
    *out = value;
    return 0;
}

static int parse_number(const option_entry *entry, const char *text, uint64_t *out)
{
    uint64_t scale = entry->kind == OPTION_SECONDS ? UINT64_C(1000000000) : 1;
    const char *rest;
    if (parse_scaled(text, scale, &rest, out) != 0)
        return -1;
    if (entry->kind == OPTION_BYTES && *rest != '\0') {
        const char *suffix = strchr("KMGkmg", *rest);
        if (suffix == NULL)
            return -1;
        unsigned shift = 10 * (unsigned)((suffix - "KMGkmg") % 3 + 1);
        *out = *out > UINT64_MAX >> shift ? UINT64_MAX : *out << shift;
        rest++;
    }
    return *rest == '\0' ? 0 : -1;
}

static void show_bound(char *out, size_t room, const option_entry *entry, uint64_t bound)
{
    if (entry->kind == OPTION_SECONDS)
        snprintf(out, room, "%g", (double)bound / 1e9);
    else if (entry->kind == OPTION_BYTES && bound >= 1 << 30)
        snprintf(out, room, "%lluG", (unsigned long long)(bound >> 30));
    else
        snprintf(out, room, "%llu", (unsigned long long)bound);
}

static int set_number(const option_entry *entry, const char *text, options *out)
{
    char low[32], high[32];
    show_bound(low, sizeof low, entry, entry->minimum);
    show_bound(high, sizeof high, entry, entry->maximum);
    const char *kind = entry->kind == OPTION_SECONDS ? "a number of seconds (such as 0.5)"
                       : entry->kind == OPTION_BYTES ? "a number of bytes (such as 4096 or 64K)"
                                                     : "a whole number";
    uint64_t value;
    if (parse_number(entry, text, &value) != 0)
        return fail("--%s is \"%s\", which is not %s: give one from %s to %s", entry->name, text,
                    kind, low, high);
    if (value < entry->minimum || value > entry->maximum)
        return fail("--%s is %s, which is out of bounds: give %s from %s to %s", entry->name, text,
                    kind, low, high);
    memcpy((char *)out + entry->offset, &value, sizeof value);
    return 0;
}

/* Each number of a list in turn; the first stays in the option's own field. */
static int set_list(const option_entry *entry, const char *text, options *out)
{
    char part[32];
    number_list *list = (number_list *)((char *)out + entry->list);
    do {
        size_t length = strcspn(text, ",");
        if (list->count == LIST_MAX)
            return fail("--%s has more than %d numbers: give fewer at a time", entry->name,
                        LIST_MAX);
        snprintf(part, sizeof part, "%.*s", (int)length, text);
        if (set_number(entry, part, out) != 0)
            return -1;
        list->values[list->count++] = option_number(out, entry);
        text += length;
    } while (*text++ == ',');
    memcpy((char *)out + entry->offset, &list->values[0], sizeof list->values[0]);
    return 0;
}

static int set_option(const option_entry *entry, const char *text, options *out)
{
    size_t index = (size_t)(entry - option_table);
    if ((out->given >> index & 1) != 0)
        return fail("--%s stands there twice: give it once", entry->name);
    out->given |= 1u << index;
    if (entry->kind == OPTION_FLAG) {
        uint64_t one = 1;
        memcpy((char *)out + entry->offset, &one, sizeof one);
        return 0;
    }
    if (entry->list != 0)
        return set_list(entry, text, out);
    if (entry->kind != OPTION_TEXT)
        return set_number(entry, text, out);
    if (*text == '\0')
        return fail("--%s is empty: give it a %s, or leave it out", entry->name, entry->value);
    memcpy((char *)out + entry->offset, &text, sizeof text);
    return 0;
}

/* Takes the option at argv[at]. Returns how many words it used, or -1. */
static int take_option(int argc, char **argv, int at, options *out)
{
    const char *name = argv[at] + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const option_entry *entry = find_option(name, length);
    if (strncmp(argv[at], "--", 2) != 0 || entry == NULL)
        return fail("there is no option \"%s\": see whorl-bench %s --help", argv[at],
                    command_name(out->command));
    if ((entry->commands >> out->command & 1) == 0)
        return fail("%s has no option --%s: see whorl-bench %s --help for those it has",
                    command_name(out->command), entry->name, command_name(out->command));
    if (entry->kind == OPTION_FLAG) {
        if (equals != NULL)
            return fail("--%s takes no value: leave the %s out", entry->name, equals);
        return set_option(entry, NULL, out) == 0 ? 1 : -1;
    }
    if (equals != NULL)
        return set_option(entry, equals + 1, out) == 0 ? 1 : -1;
    if (at + 1 >= argc)
        return fail("--%s needs a value: write --%s %s", entry->name, entry->name, entry->value);
    return set_option(entry, argv[at + 1], out) == 0 ? 2 : -1;
}

static int refuse_command(const char *name)
{
    char names[256] = "";
    for (command which = 0; which < COMMAND_COUNT; which++) {
        const char *before = which == 0 ? "" : which == COMMAND_COUNT - 1 ? " and " : ", ";
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", before, command_name(which));
    }
    return fail("there is no subcommand \"%s\": it is one of %s (see whorl-bench --help)", name,
                names);
}

static int find_command(const char *name, command *out)
{
    for (command which = 0; which < COMMAND_COUNT; which++) {
        if (strcmp(name, command_name(which)) != 0)
            continue;
        *out = which;
        return 0;
    }
    return refuse_command(name);
}

/* Answers --help and --version wherever they stand; 1 if one did. */
static int answer(int argc, char **argv)
{
    for (int at = 1; at < argc; at++) {
        if (strcmp(argv[at], "--version") == 0) {
            printf("whorl-bench %s\n", whorl_version());
            return 1;
        }
        if (strcmp(argv[at], "--help") != 0 && strcmp(argv[at], "-h") != 0)
            continue;
        command which = COMMAND_COUNT;
        if (argv[1][0] != '-' && find_command(argv[1], &which) != 0)
            return -1;
        help_print(stdout, which);
        return 1;
    }
    return 0;
}

int options_parse(int argc, char **argv, options *out)
{
    *out = (options){.command = COMMAND_COUNT, .file_fd = -1};
    int answered = answer(argc, argv);
    if (answered != 0)
        return answered;
    if (argc < 2)
        return fail("say what to measure: whorl-bench quick gives an overview in under a minute, "
                    "whorl-bench --help lists the rest");
    if (find_command(argv[1], &out->command) != 0)
        return -1;
    for (int at = 2, used; at < argc; at += used) {
        used = take_option(argc, argv, at, out);
        if (used < 0)
            return -1;
    }
    return 0;
}
