/* See date.h. */
#include "date.h"

#include <stdio.h>
#include <string.h>

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void date_format(time_t when, char text[DATE_LEN + 1])
{
    struct tm tm;
    char made[160]; /* a year may have more digits than four */
    if (gmtime_r(&when, &tm) == NULL)
        memset(&tm, 0, sizeof tm);
    snprintf(made, sizeof made, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(text, made, DATE_LEN);
    text[DATE_LEN] = '\0';
}

static bool find_month(const char *name, int *month)
{
    for (*month = 0; *month < 12; ++*month)
        if (strcmp(months[*month], name) == 0)
            return true;
    return false;
}

/* A year of two digits that seems to be more than 50 years ahead is of the past century. */
static int whole_year(int year)
{
    struct tm now;
    time_t second = time(NULL);
    gmtime_r(&second, &now);
    int century = (now.tm_year + 1900) / 100 * 100;
    return century + year > now.tm_year + 1900 + 50 ? century + year - 100 : century + year;
}

bool date_parse(const char *text, size_t len, time_t *when)
{
    char line[64], month[4];
    struct tm tm = {0};
    int end = 0, year = 0;
    if (len >= sizeof line)
        return false;
    memcpy(line, text, len);
    line[len] = '\0';
    sscanf(line, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month, &year,
           &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end);
    if (end != (int)len) { /* Sunday, 06-Nov-94 08:49:37 GMT */
        sscanf(line, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &tm.tm_mday, month, &year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end);
        year = whole_year(year);
    }
    if (end != (int)len) /* Sun Nov  6 08:49:37 1994 */
        sscanf(line, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &year, &end);
    if (end == 0 || end != (int)len || !find_month(month, &tm.tm_mon))
        return false;
    tm.tm_year = year - 1900;
    if (tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
        tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
        return false;
    *when = timegm(&tm);
    return true;
}

bool date_tick(struct date_clock *self)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == self->second && self->text[0] != '\0')
        return false;
    self->second = now.tv_sec;
    date_format(now.tv_sec, self->text);
    return true;
}
