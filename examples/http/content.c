/* See content.h. */
#include "content.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- Types --- */

/* In the order of the suffixes. Text is taken to be UTF-8. */
static const struct type {
    const char *suffix;
    const char *media;
} types[] = {
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"c", "text/plain; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"deb", "application/vnd.debian.binary-package"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"h", "text/plain; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jar", "application/java-archive"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"log", "text/plain; charset=utf-8"},
    {"m4a", "audio/mp4"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

static int compare(const void *key, const void *entry)
{
    return strcasecmp(key, ((const struct type *)entry)->suffix);
}

const char *type_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');
    const struct type *found = NULL;
    if (dot != NULL)
        found = bsearch(dot + 1, types, sizeof types / sizeof *types, sizeof *types, compare);
    return found != NULL ? found->media : "application/octet-stream";
}

/* --- Dates --- */

/* The names of days and months are the C locale's, which the server never leaves. */
static const char *const forms[] = {
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT", /* see in_reach */
    "%a %b %e %H:%M:%S %Y",
};

void date_format(time_t when, char text[DATE_LEN + 1])
{
    struct tm tm;
    if (gmtime_r(&when, &tm) == NULL || strftime(text, DATE_LEN + 1, forms[0], &tm) != DATE_LEN)
        date_format(0, text);
}

/* A year of two digits is of this century, unless it would be more than 50 years ahead. */
static int in_reach(int year)
{
    time_t now = time(NULL);
    struct tm tm;
    int this_year = gmtime_r(&now, &tm) != NULL ? tm.tm_year : 0;
    year = this_year / 100 * 100 + year % 100;
    return year > this_year + 50 ? year - 100 : year;
}

/* Whether the calendar has such a day, and of that name. */
static bool is_day(const struct tm *tm)
{
    struct tm day = {.tm_mday = tm->tm_mday, .tm_mon = tm->tm_mon, .tm_year = tm->tm_year};
    timegm(&day);
    return day.tm_mday == tm->tm_mday && day.tm_wday == tm->tm_wday;
}

/* strptime(3) is generous about case, blanks and digits, and HTTP is not: so the date must be what
 * is written when it is written again. */
bool date_parse(const char *text, size_t len, time_t *when)
{
    char line[64], again[sizeof line];
    if (len >= sizeof line || memchr(text, '\0', len) != NULL)
        return false;
    snprintf(line, sizeof line, "%.*s", (int)len, text);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(line, forms[i], &tm);
        if (end == NULL || *end != '\0' || tm.tm_mday == 0 || tm.tm_sec > 60 ||
            strftime(again, sizeof again, forms[i], &tm) == 0 || strcmp(line, again) != 0)
            continue;
        if (i == 1)
            tm.tm_year = in_reach(tm.tm_year);
        bool is_real = is_day(&tm);
        *when = timegm(&tm);
        return is_real;
    }
    return false;
}

/* --- Ranges --- */

/* A number of decimal digits from *at on; one that is too large counts as the largest. False: there
 * is no digit. */
static bool read_number(const char **at, const char *end, int64_t *number)
{
    const char *begin = *at;
    *number = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        int value = **at - '0';
        *number = *number > (INT64_MAX - value) / 10 ? INT64_MAX : *number * 10 + value;
    }
    return *at > begin;
}

enum range_kind range_parse(const char *text, size_t len, int64_t size, struct range *out)
{
    static const char unit[] = "bytes=";
    const char *at = text + sizeof unit - 1, *end = text + len;
    int64_t from, to;
    if (len < sizeof unit || strncasecmp(text, unit, sizeof unit - 1) != 0)
        return RANGE_NONE;
    bool has_from = read_number(&at, end, &from);
    if (at == end || *at++ != '-')
        return RANGE_NONE;
    bool has_to = read_number(&at, end, &to);
    if (at != end || (!has_from && !has_to) || (has_from && has_to && to < from))
        return RANGE_NONE;
    if (!has_from && to > 0 && size == 0)
        return RANGE_NONE; /* the end of nothing is nothing: no part has a place there */
    if (!has_from) {       /* so many at the end */
        from = to < size ? size - to : 0;
        to = size - 1;
    }
    if (from >= size)
        return RANGE_UNSATISFIED;
    if (!has_to || to >= size)
        to = size - 1;
    *out = (struct range){from, to - from + 1};
    return RANGE_ONE;
}

/* --- Conditions --- */

enum { TICK_MOST = 2 }; /* seconds, of the clocks of file systems: that is FAT's */

void validators_set(struct validators *self, uint64_t inode, int64_t size, struct timespec modified)
{
    time_t age = time(NULL) - modified.tv_sec;
    bool may_change = modified.tv_nsec == 0 && age <= TICK_MOST && age >= -TICK_MOST;
    snprintf(self->etag, sizeof self->etag, "%s\"%" PRIx64 ".%lx-%" PRIx64 "-%" PRIx64 "\"",
             may_change ? "W/" : "", (uint64_t)modified.tv_sec, (unsigned long)modified.tv_nsec,
             (uint64_t)size, inode);
    self->modified = modified.tv_sec;
    self->exists = true;
}

enum comparison { STRONG, WEAK };

/* Whether `at` is where an item of the list begins. */
static bool begins_item(struct words list, const char *at)
{
    return at == list.text || (at > list.text && strchr(", \t", at[-1]) != NULL);
}

/* Whether a list of entity tags, or "*", names the file. Its tag is looked for with its quotes,
 * which stand within none. */
static bool names_file(struct words list, const struct validators *file, enum comparison comparison)
{
    const char *at = list.text, *end = at + list.len, *tag = strchr(file->etag, '"');
    if (!file->exists || words_are(list, "*"))
        return file->exists;
    if (tag == NULL || (tag > file->etag && comparison == STRONG))
        return false;
    size_t len = strlen(tag);
    while ((at = memmem(at, (size_t)(end - at), tag, len)) != NULL) {
        bool is_weak = at - list.text >= 2 && memcmp(at - 2, "W/", 2) == 0;
        if (begins_item(list, is_weak ? at - 2 : at) && (comparison == WEAK || !is_weak))
            return true;
        at += len;
    }
    return false;
}

/* The same of all lines of a request's list. */
static bool field_names_file(const struct request *request, enum field field,
                             const struct validators *file, enum comparison comparison)
{
    struct words value;
    for (size_t line = 0; request_line_of(request, field, line, &value); line++)
        if (names_file(value, file, comparison))
            return true;
    return false;
}

/* Whether the file was changed after a date; where there is none, or no time, `otherwise`. */
static bool changed_since(struct words date, const struct validators *file, bool otherwise)
{
    time_t when;
    if (file->etag[0] == '\0' || !date_parse(date.text, date.len, &when))
        return otherwise;
    return file->modified > when;
}

int condition_status(const struct request *request, const struct validators *file)
{
    struct words value;
    bool reads = request->parser.method == HTTP_GET || request->parser.method == HTTP_HEAD;
    if (request_field(request, FIELD_IF_MATCH, &value)) {
        if (!field_names_file(request, FIELD_IF_MATCH, file, STRONG))
            return 412;
    } else if (request_field(request, FIELD_IF_UNMODIFIED_SINCE, &value)) {
        if (changed_since(value, file, false))
            return 412;
    }
    if (request_field(request, FIELD_IF_NONE_MATCH, &value)) {
        if (field_names_file(request, FIELD_IF_NONE_MATCH, file, WEAK))
            return reads ? 304 : 412;
    } else if (reads && request_field(request, FIELD_IF_MODIFIED_SINCE, &value)) {
        if (!changed_since(value, file, true))
            return 304;
    }
    return 0;
}

bool condition_range_holds(const struct request *request, const struct validators *file)
{
    struct words value;
    time_t when;
    if (!request_field(request, FIELD_IF_RANGE, &value))
        return true;
    if (value.len == strlen(file->etag) && memcmp(value.text, file->etag, value.len) == 0)
        return *value.text == '"';
    if (file->etag[0] != '"')
        return false; /* nor is its time a strong one */
    return date_parse(value.text, value.len, &when) && when == file->modified;
}
