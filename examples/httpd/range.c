/* See range.h. */
#include "range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

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

static enum range_kind last_bytes(int64_t count, int64_t size, struct range *out)
{
    if (count == 0 || size == 0)
        return RANGE_UNSATISFIED;
    out->len = count < size ? count : size;
    out->from = size - out->len;
    return RANGE_ONE;
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
    if (!has_from)
        return last_bytes(to, size, out);
    if (from >= size)
        return RANGE_UNSATISFIED;
    if (!has_to || to >= size)
        to = size - 1;
    out->from = from;
    out->len = to - from + 1;
    return RANGE_ONE;
}
