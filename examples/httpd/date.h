/* The dates of HTTP: written as RFC 9110, 5.6.7 wants them, read in the three forms that it names.
 */
#ifndef HTTPD_DATE_H
#define HTTPD_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum { DATE_LEN = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* One beyond the year 9999 is written as 1970 begins. */
void date_format(time_t when, char text[DATE_LEN + 1]);

/* False: it is no date. */
bool date_parse(const char *text, size_t len, time_t *when);

#endif
