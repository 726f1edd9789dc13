/*
 * See json.h. An object holds workload, part where the workload has several, subject, the
 * parameters by their option's names, the figures that apply as medians over the rounds, the number
 * of rounds and the main figure's spread.
 */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "endpoint.h"
#include "fail.h"
#include "text.h"

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
        text_put_json(out, text);
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
    text_put_json(out, command_name(kind));
    if (from->workload->part != NULL) {
        fputs(", \"part\": ", out);
        text_put_json(out, from->workload->part);
    }
    fputs(", \"subject\": ", out);
    text_put_json(out, which->subject->name);
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
