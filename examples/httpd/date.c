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

bool date_parse(const char *text, size_t len, time_t *when)
{
    char line[64];
    if (len >= sizeof line)
        return false;
    memcpy(line, text, len);
    line[len] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(line, forms[i], &tm);
        if (end == line + len && tm.tm_mday > 0 && tm.tm_sec <= 60) {
            *when = timegm(&tm);
            return true;
        }
    }
    return false;
}
