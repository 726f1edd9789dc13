/*
 * What the user sees while files come: lines that tell what has happened and, on a terminal, bars
 * below them that are redrawn in place ten times a second. One task writes all of it, so that lines
 * and bars never mix, and with the ring, so that a terminal that was stopped (ctrl-S) holds up
 * nothing else.
 *
 * Escapes go to a terminal only. No colours if NO_COLOR is set; no bars if the terminal is "dumb".
 */
#ifndef GET_BOARD_H
#define GET_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <whorl.h>

#include "bars.h"

struct get;

struct board {
    const struct get *get;
    bool has_bars;
    bool has_colors;
    bool is_quiet;
    bool is_ending;
    char *lines; /* told, and not written yet */
    size_t len;
    int standing; /* lines of bars on the terminal now */
    bars bars;
    whorl_event stirred; /* there is something to write, or it is ending */
    whorl_task *task;    /* NULL: none */
};

enum board_kind { BOARD_NEWS, BOARD_FAILURE };

/* Begins. 0, or -errno. */
int board_begin(struct board *self, const struct get *get);

/* Tells a line, without its end; news is for those who have not asked for quiet. Does not wait. */
void board_tell(struct board *self, enum board_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the bars away, and writes what was told. Works in a cancelled task. */
void board_end(struct board *self);

#endif
