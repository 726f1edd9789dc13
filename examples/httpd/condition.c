/* See condition.h. */
#include "condition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "date.h"

void validators_set(struct validators *self, uint64_t inode, int64_t size, struct timespec modified)
{
    snprintf(self->etag, sizeof self->etag, "\"%" PRIx64 ".%lx-%" PRIx64 "-%" PRIx64 "\"",
             (uint64_t)modified.tv_sec, (unsigned long)modified.tv_nsec, (uint64_t)size, inode);
    self->modified = modified.tv_sec;
    self->exists = true;
}

/* Takes the next entity tag of a list; its quotes belong to it. False: the list ends, or makes no
 * sense. */
static bool next_tag(struct words *list, struct words *tag, bool *weak)
{
    size_t skipped = 0;
    while (skipped < list->len && strchr(", \t", list->text[skipped]) != NULL)
        skipped++;
    *weak = list->len - skipped >= 2 && memcmp(list->text + skipped, "W/", 2) == 0;
    skipped += *weak ? 2 : 0;
    const char *begin = list->text + skipped;
    size_t left = list->len - skipped;
    const char *quote = left > 1 && *begin == '"' ? memchr(begin + 1, '"', left - 1) : NULL;
    if (quote == NULL)
        return false;
    *tag = (struct words){begin, (size_t)(quote + 1 - begin)};
    list->len = left - tag->len;
    list->text = quote + 1;
    return true;
}

enum comparison { STRONG, WEAK };

/* Whether a list of entity tags, or "*", names the file. */
static bool names_file(struct words list, const struct validators *file, enum comparison comparison)
{
    struct words tag;
    bool weak;
    if (!file->exists)
        return false;
    if (list.len == 1 && *list.text == '*')
        return true;
    while (next_tag(&list, &tag, &weak))
        if (tag.len == strlen(file->etag) && memcmp(tag.text, file->etag, tag.len) == 0 &&
            !(weak && comparison == STRONG))
            return true;
    return false;
}

/* Whether the file was changed after a date; where that is none, `otherwise`. */
static bool changed_since(struct words date, const struct validators *file, bool otherwise)
{
    time_t when;
    if (!date_parse(date.text, date.len, &when))
        return otherwise;
    return !file->exists || file->modified > when;
}

int condition_status(const struct request *request, const struct validators *file)
{
    struct words value;
    bool reads = request->parser.method == HTTP_GET || request->parser.method == HTTP_HEAD;
    if (request_field(request, FIELD_IF_MATCH, &value)) {
        if (!names_file(value, file, STRONG))
            return 412;
    } else if (request_field(request, FIELD_IF_UNMODIFIED_SINCE, &value)) {
        if (changed_since(value, file, false))
            return 412;
    }
    if (request_field(request, FIELD_IF_NONE_MATCH, &value)) {
        if (names_file(value, file, WEAK))
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
    if (value.len > 0 && (*value.text == '"' || *value.text == 'W'))
        return value.len == strlen(file->etag) && memcmp(value.text, file->etag, value.len) == 0;
    return date_parse(value.text, value.len, &when) && when == file->modified;
}
