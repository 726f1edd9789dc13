/*
 * See report.h. Columns, ratios and notes come from the workload's table. Colours only on a
 * terminal, and not with NO_COLOR (no-color.org).
 */
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_WIDTH = 20, COLUMN_WIDTH = 13, CELL = 64 };

static const char *style(FILE *out, const char *code)
{
    const char *forbidden = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool is_dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    if ((forbidden != NULL && *forbidden != '\0') || is_dumb || !isatty(fileno(out)))
        return "";
    return code;
}

static const char *bold(FILE *out)
{
    return style(out, "\033[1m");
}

static const char *plain(FILE *out)
{
    return style(out, "\033[0m");
}

void report_line(FILE *tables, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    FILE *out = tables != NULL ? tables : stderr;
    vfprintf(out, format, arguments);
    fputc('\n', out);
    fflush(out);
    va_end(arguments);
}

/* 1234567 as 1,234,567. */
static void show_count(double value, char out[CELL])
{
    char digits[CELL];
    int length = snprintf(digits, sizeof digits, "%.0f", value), at = 0;
    for (int i = 0; i < length && at < CELL - 2; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

static void show_ns(double ns, char out[CELL])
{
    if (ns < 1e3)
        snprintf(out, CELL, "%.*f ns", ns < 100 ? 1 : 0, ns);
    else if (ns < 1e6)
        snprintf(out, CELL, "%.*f us", ns < 1e4 ? 2 : 1, ns / 1e3);
    else
        snprintf(out, CELL, "%.*f ms", ns < 1e7 ? 2 : 1, ns / 1e6);
}

/* A speed in MB/s is of what a run moves: all of --total for write. */
static double bytes_per_op(const options *given)
{
    if (given->command != COMMAND_WRITE)
        return (double)given->size;
    uint64_t pieces = (given->total + given->size - 1) / given->size;
    return (double)given->total / (double)pieces;
}

static void show(const column *as, const row *from, char out[CELL])
{
    double value = series_median(&from->series, as->figure);
    if (isnan(value))
        snprintf(out, CELL, "-");
    else if (as->unit == UNIT_NS)
        show_ns(value, out);
    else if (as->unit == UNIT_MB_PER_SECOND)
        snprintf(out, CELL, "%.0f", value * bytes_per_op(&from->options) / 1e6);
    else
        show_count(value, out);
}

/* The spread stands once, after the first column of the main figure. */
static bool has_spread(const workload *which, const column *at)
{
    const column *first = which->columns;
    while (first->figure != which->main)
        first++;
    return at == first;
}

static void print_head(FILE *out, const outcome *from)
{
    const workload *which = from->workload;
    fprintf(out, "%s%-*s", bold(out), NAME_WIDTH, "");
    for (const column *next = which->columns; next->title != NULL; next++) {
        fprintf(out, "%*s", COLUMN_WIDTH, next->title);
        if (has_spread(which, next))
            fprintf(out, "%9s", "spread");
    }
    fprintf(out, "%s\n", plain(out));
}

static void print_row(FILE *out, const outcome *from, const row *which)
{
    bool is_ours = strncmp(which->subject->name, "whorl", 5) == 0;
    fprintf(out, "%s  %-*s", is_ours ? bold(out) : "", NAME_WIDTH - 2, which->subject->name);
    for (const column *next = from->workload->columns; next->title != NULL; next++) {
        char cell[CELL];
        show(next, which, cell);
        fprintf(out, "%*s", COLUMN_WIDTH, cell);
        if (has_spread(from->workload, next))
            fprintf(out, "%7.1f %%", 100 * series_spread(&which->series, next->figure));
    }
    fprintf(out, "%s\n", is_ours ? plain(out) : "");
}

static const row *find_row(const outcome *from, const char *name)
{
    for (size_t i = 0; i < from->count; i++)
        if (strcmp(from->rows[i].subject->name, name) == 0 && from->rows[i].left_out[0] == '\0')
            return &from->rows[i];
    return NULL;
}

static void print_ratio(FILE *out, const outcome *from, const comparison *pair)
{
    const row *above = find_row(from, pair->above), *below = find_row(from, pair->below);
    if (above == NULL || below == NULL)
        return;
    char name[CELL];
    snprintf(name, sizeof name, "%s / %s", pair->above, pair->below);
    fprintf(out, "  %-40s", name);
    const ratio_of *next = from->workload->ratios_of;
    const char *gap = "";
    for (; next < from->workload->ratios_of + RATIOS_OF_MAX && next->title != NULL; next++) {
        middle all = series_ratio(&above->series, &below->series, next->figure);
        fprintf(out, "%s%s %s%.3f%s (%.3f .. %.3f)", gap, next->title, bold(out), all.median,
                plain(out), all.lower, all.upper);
        gap = "  ";
    }
    fputc('\n', out);
}

static void show_parameter(const option_entry *entry, const options *given, char out[CELL])
{
    uint64_t value = option_number(given, entry);
    if (entry->kind == OPTION_SECONDS)
        snprintf(out, CELL, "%g", (double)value / 1e9);
    else if (entry->kind == OPTION_BYTES && value >= 1 << 20 && value % (1 << 20) == 0)
        snprintf(out, CELL, "%" PRIu64 " MiB", value >> 20);
    else if (entry->kind == OPTION_BYTES && value >= 1 << 10 && value % (1 << 10) == 0)
        snprintf(out, CELL, "%" PRIu64 " KiB", value >> 10);
    else
        snprintf(out, CELL, "%" PRIu64, value);
}

/* A named file; what a terminal would take for a command is shown as a question mark. */
static void print_file(FILE *out, const options *given)
{
    if (!given->file_is_named)
        return;
    fputs(", file ", out);
    for (const unsigned char *at = (const unsigned char *)given->file; *at != '\0'; at++)
        fputc(*at < ' ' || *at == 0x7F ? '?' : *at, out);
}

static void print_title(FILE *out, const outcome *from)
{
    const options *given = &from->options;
    char title[TITLE_MAX];
    workload_title(from->workload, title);
    fprintf(out, "\n%s%s%s", bold(out), title, plain(out));
    const char *before = ": ";
    for (size_t i = 0; i < option_count; i++) {
        const option_entry *entry = &option_table[i];
        if (entry->kind == OPTION_TEXT || !option_applies(given, entry))
            continue;
        char value[CELL] = "";
        if (entry->kind != OPTION_FLAG)
            show_parameter(entry, given, value);
        else if (option_number(given, entry) == 0)
            continue;
        fprintf(out, "%s%s%s%s", before, entry->name, *value != '\0' ? " " : "", value);
        before = ", ";
    }
    fprintf(out, "%srounds %zu", before, from->rows[0].series.rounds);
    print_file(out, given);
    fputc('\n', out);
}

static void print_table(FILE *out, const outcome *from)
{
    print_title(out, from);
    print_head(out, from);
    for (size_t i = 0; i < from->count; i++)
        if (from->rows[i].left_out[0] == '\0')
            print_row(out, from, &from->rows[i]);
    const comparison *pair = from->workload->ratios;
    for (; pair < from->workload->ratios + RATIOS_MAX && pair->above != NULL; pair++)
        print_ratio(out, from, pair);
    for (size_t i = 0; i < NOTES_MAX && from->workload->notes[i] != NULL; i++)
        fprintf(out, "  %s\n", from->workload->notes[i]);
}

void report_outcome(FILE *tables, const outcome *from)
{
    if (tables != NULL)
        print_table(tables, from);
    for (size_t i = 0; i < from->count; i++)
        if (from->rows[i].left_out[0] != '\0')
            report_line(tables, "  %s is left out: %s.", from->rows[i].subject->name,
                        from->rows[i].left_out);
}
