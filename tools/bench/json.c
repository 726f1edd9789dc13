/*
 * See json.h. An object holds workload, part where the workload has several, subject, the
 * parameters by their option's names, the figures that apply as medians over the rounds, the number
 * of rounds and the main figure's spread. Strings are escaped by RFC 8259; bytes that are not ASCII
 * go through as they are, and those that are no UTF-8 become U+FFFD.
 */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "endpoint.h"
#include "fail.h"

/* Length of the UTF-8 sequence at `at` (RFC 3629), or 0 if there is none. */
static size_t utf8_length(const unsigned char *at)
{
    size_t length = at[0] < 0x80                    ? 1
                    : at[0] >= 0xC2 && at[0] < 0xE0 ? 2
                    : at[0] >= 0xE0 && at[0] < 0xF0 ? 3
                    : at[0] >= 0xF0 && at[0] < 0xF5 ? 4
                                                    : 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    bool is_overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    bool is_outside = (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF4 && at[1] > 0x8F);
    return is_overlong || is_outside ? 0 : length;
}

void json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        size_t length = utf8_length(at);
        if (length == 0)
            fputs("\\ufffd", out);
        else if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7F)
            fprintf(out, "\\u%04x", *at);
        else
            fwrite(at, 1, length, out);
        at += length == 0 ? 1 : length;
    }
    fputc('"', out);
}

/* A temporary file is null, and --connect has its host always. */
static void put_text(FILE *out, const option_entry *entry, const options *given)
{
    const char *text = option_text(given, entry);
    char whole[sizeof ENDPOINT_HOST + 32];
    if (entry->offset == offsetof(options, connect) && strchr(text, ':') == NULL) {
        snprintf(whole, sizeof whole, ENDPOINT_HOST ":%s", text);
        text = whole;
    }
    if (entry->offset == offsetof(options, file) && !given->file_is_named)
        fputs("null", out);
    else
        json_string(out, text);
}

static void put_parameter(FILE *out, const option_entry *entry, const options *given)
{
    fprintf(out, ", \"%s\": ", entry->name);
    uint64_t value = entry->kind != OPTION_TEXT ? option_number(given, entry) : 0;
    if (entry->kind == OPTION_TEXT)
        put_text(out, entry, given);
    else if (entry->kind == OPTION_FLAG)
        fputs(value != 0 ? "true" : "false", out);
    else if (entry->kind == OPTION_SECONDS)
        fprintf(out, "%.13g", (double)value / 1e9); /* to the ns, up to an hour */
    else
        fprintf(out, "%" PRIu64, value);
}

static bool is_carried(const option_entry *entry, const options *given)
{
    return option_applies(given, entry) &&
           (entry->offset != offsetof(options, connect) || given->connect != NULL);
}

static void put_row(FILE *out, const outcome *from, const row *which)
{
    command kind = which->options.command;
    fputs("  {\"workload\": ", out);
    json_string(out, command_name(kind));
    if (from->workload->part != NULL) {
        fputs(", \"part\": ", out);
        json_string(out, from->workload->part);
    }
    fputs(", \"subject\": ", out);
    json_string(out, which->subject->name);
    for (size_t i = 0; i < option_count; i++)
        if (is_carried(&option_table[i], &which->options))
            put_parameter(out, &option_table[i], &which->options);
    for (figure key = 0; key < FIGURE_COUNT; key++) {
        double value = series_median(&which->series, key);
        if (figure_key(key) != NULL && isfinite(value))
            fprintf(out, ", \"%s\": %.10g", figure_key(key), value);
    }
    double spread = series_spread(&which->series, from->workload->main);
    fprintf(out, ", \"rounds\": %zu, \"spread\": %.6g}", which->series.rounds,
            isfinite(spread) ? spread : 0);
}

void json_begin(json *to, FILE *out)
{
    *to = (json){.out = out};
    fputc('[', out);
}

void json_outcome(json *to, const outcome *from)
{
    for (size_t i = 0; i < from->count; i++) {
        if (from->rows[i].left_out[0] != '\0')
            continue;
        fputs(to->has_row ? ",\n" : "\n", to->out);
        to->has_row = true;
        put_row(to->out, from, &from->rows[i]);
    }
}

int json_end(json *to)
{
    fputs("\n]\n", to->out);
    if (fflush(to->out) == 0 && !ferror(to->out))
        return 0;
    return fail("writing the JSON failed: see that there is room where it goes");
}
