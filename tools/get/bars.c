/*
 * See bars.h. A line:
 *
 *     some-name.iso       [=========>           ]  45%   12.3 MB   4.5 MB/s  0:07
 *
 * Names are cut to a third of the width, and what does not fit falls away from the right.
 */
#include "bars.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "get.h"
#include "text.h"
#include "words.h"

enum { NAME_MAX_COLUMNS = 40, NAME_MIN_COLUMNS = 8, FIGURES_COLUMNS = 40, BAR_MIN = 6 };

/* A character of a name, and the columns that it takes: of what the locale does not know, one. */
static const char *next_character(const char *at, int *columns)
{
    size_t length = text_utf8_length(at);
    wchar_t wide;
    int width = length > 0 && mbtowc(&wide, at, length) > 0 ? wcwidth(wide) : 1;
    *columns = width < 0 ? 1 : width;
    return at + (length > 0 ? length : 1);
}

/* The end of what of a name goes into so many columns; *used are those that it takes. */
static const char *fit(const char *name, int columns, int *used)
{
    int more;
    const char *next;
    for (*used = 0; *name != '\0'; name = next, *used += more) {
        next = next_character(name, &more);
        if (*used + more > columns)
            break;
    }
    return name;
}

/* At most so many columns of a name; a longer one ends with "..". */
static void put_name(FILE *out, const char *name, int columns)
{
    int used;
    const char *end = fit(name, columns, &used), *dots = "";
    if (*end != '\0') {
        end = fit(name, columns - 2, &used);
        dots = "..";
        used += 2;
    }
    fprintf(out, "%.*s%s%*s", (int)(end - name), name, dots, used < columns ? columns - used : 0,
            "");
}

/* [====>    ], of `columns` columns; a part below 0 is not known. */
static void put_bar(FILE *out, const bars *self, double part, int columns)
{
    int inner = columns - 2;
    int full = part < 0 ? 0 : (int)(part * inner + 0.5);
    fputs(self->has_colors ? "[\033[36m" : "[", out);
    for (int i = 0; i < inner; i++)
        fputc(i < full ? (i + 1 == full && full < inner ? '>' : '=') : ' ', out);
    fputs(self->has_colors ? "\033[m]" : "]", out);
}

static void put_line(FILE *out, const bars *self, const char *name, double part,
                     const char *figures, int columns)
{
    int width = columns - 1;
    int for_name = width / 3 < NAME_MAX_COLUMNS ? width / 3 : NAME_MAX_COLUMNS;
    int for_bar = width - for_name - FIGURES_COLUMNS - 2;
    if (for_name < NAME_MIN_COLUMNS)
        for_name = width < NAME_MIN_COLUMNS ? width : NAME_MIN_COLUMNS;
    put_name(out, name, for_name);
    int left = width - for_name - 1;
    if (for_bar >= BAR_MIN) {
        fputc(' ', out);
        put_bar(out, self, part, for_bar);
        left -= for_bar + 1;
    }
    if (left > 0)
        fprintf(out, " %.*s", left, figures);
    fputc('\n', out);
}

/* Bytes that were there are no achievement of this run. */
static double rate_of(const download *each, int64_t now)
{
    double seconds = (double)(now - each->begun) / 1e9;
    return seconds > 0 ? (double)each->received / seconds : 0;
}

static void put_download(FILE *out, const bars *self, const download *each, int columns,
                         int64_t now)
{
    char figures[128], percent[8] = "";
    double rate = rate_of(each, now);
    bool is_known = each->size > 0 && each->have <= each->size;
    double part = is_known ? (double)each->have / (double)each->size : -1;
    double left = is_known && rate > 0 ? (double)(each->size - each->have) / rate : -1;
    if (is_known)
        snprintf(percent, sizeof percent, "%d%%", (int)(part * 100));
    snprintf(figures, sizeof figures, "%4s %8s %8s/s %s", percent,
             words_bytes((double)each->have).text, words_bytes(rate).text,
             left >= 0 ? words_time(left * 1e9).text : "");
    put_line(out, self, each->name, part, figures, columns);
}

/* The rate of all follows what came since the last look, a tenth at a time. */
static void take_pace(bars *self, int64_t bytes, int64_t now)
{
    if (self->at != 0 && now > self->at) {
        double latest = (double)(bytes - self->bytes) * 1e9 / (double)(now - self->at);
        self->rate += (latest - self->rate) * (self->rate == 0 ? 1 : 0.1);
    }
    self->at = now;
    self->bytes = bytes;
}

static void put_total(FILE *out, bars *self, const struct get *get, int columns, int64_t now)
{
    char figures[128];
    size_t done = 0;
    int64_t bytes = 0;
    double parts = 0;
    for (size_t i = 0; i < get->list.count; i++) {
        const download *each = &get->list.downloads[i];
        bool is_done = each->fate > FATE_RUNNING;
        bytes += each->received;
        done += is_done;
        if (is_done)
            parts += 1;
        else if (each->size > 0 && each->have <= each->size)
            parts += (double)each->have / (double)each->size;
    }
    take_pace(self, bytes, now);
    snprintf(figures, sizeof figures, "%3d%% %8s %8s/s %zu of %zu files",
             (int)(100 * parts / (double)get->list.count), words_bytes((double)bytes).text,
             words_bytes(self->rate).text, done, get->list.count);
    put_line(out, self, "total", parts / (double)get->list.count, figures, columns);
}

int bars_draw(bars *self, FILE *out, const struct get *get, int columns, int rows)
{
    int64_t now = whorl_now();
    int lines = 0, most = rows - 2; /* the total's, and the one where the cursor stands */
    for (size_t i = 0; i < get->list.count && lines < most; i++) {
        if (!get->list.downloads[i].is_moving)
            continue;
        put_download(out, self, &get->list.downloads[i], columns, now);
        lines++;
    }
    put_total(out, self, get, columns, now);
    return lines + 1;
}
