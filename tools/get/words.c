/* See words.h. */
#include "words.h"

#include <stdio.h>

words words_bytes(double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    words made;
    size_t unit = 0;
    while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1000;
        unit++;
    }
    snprintf(made.text, sizeof made.text, unit > 0 && bytes < 99.95 ? "%.1f %s" : "%.0f %s", bytes,
             units[unit]);
    return made;
}

words words_time(double ns)
{
    words made;
    double seconds = ns / 1e9;
    unsigned long whole = seconds < 1e9 ? (unsigned long)(seconds + 0.5) : 1000000000;
    if (seconds < 9.95)
        snprintf(made.text, sizeof made.text, "%.1f s", seconds);
    else if (whole < 60)
        snprintf(made.text, sizeof made.text, "%lu s", whole);
    else if (whole < 3600)
        snprintf(made.text, sizeof made.text, "%lu:%02lu", whole / 60, whole % 60);
    else
        snprintf(made.text, sizeof made.text, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60,
                 whole % 60);
    return made;
}
