/* The bars themselves: one for each file that is coming, as many as the terminal has room for, and
 * one for all. */
#ifndef GET_BARS_H
#define GET_BARS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct get;

/* How fast all of it comes: bytes a second over the last seconds. */
typedef struct bars {
    bool has_colors;
    int64_t at;    /* ns: when it was last looked at; 0: never */
    int64_t bytes; /* that had come by then */
    double rate;
} bars;

/* Draws them, a line each, and returns how many lines these are. None is wider than `columns` - 1,
 * so that no terminal wraps it. */
int bars_draw(bars *self, FILE *out, const struct get *get, int columns, int rows);

#endif
