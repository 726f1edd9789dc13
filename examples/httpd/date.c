/* See date.h. The names of days and months are the C locale's, which the server never leaves. */
#include "date.h"

#include <string.h>

static const char *const forms[] = {
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT", /* years from 69 on are of the past century */
    "%a %b %e %H:%M:%S %Y",
};

void date_format(time_t when, char text[DATE_LEN + 1])
{
    struct tm tm;
    if (gmtime_r(&when, &tm) == NULL || strftime(text, DATE_LEN + 1, forms[0], &tm) != DATE_LEN)
        date_format(0, text);
}

enum { LINE_ROOM = 64 };

/* strptime(3) is generous about case, blanks and digits, and HTTP is not: so the date must be what
 * is written when it is written again. */
static bool is_in_form(const char *line, const char *form, struct tm *tm)
{
    char again[LINE_ROOM];
    const char *end = strptime(line, form, tm);
    return end != NULL && *end == '\0' && tm->tm_mday > 0 && tm->tm_sec <= 60 &&
           strftime(again, sizeof again, form, tm) > 0 && strcmp(line, again) == 0;
}

bool date_parse(const char *text, size_t len, time_t *when)
{
    char line[LINE_ROOM];
    if (len >= sizeof line || memchr(text, '\0', len) != NULL)
        return false;
    memcpy(line, text, len);
    line[len] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        if (is_in_form(line, forms[i], &tm)) {
            *when = timegm(&tm);
            return true;
        }
    }
    return false;
}
