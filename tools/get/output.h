/*
 * The file that a download becomes. Until it is whole it is called NAME.part; its bytes are written
 * in order, one write in flight at a time, so that whatever ends the program, and when, what is
 * there is the beginning of the file. Then it is synced, and renamed.
 *
 * Every write is one of the ring's. While a file is open it is locked, against a second whorl-get
 * that is given the same URL.
 */
#ifndef GET_OUTPUT_H
#define GET_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "directory.h"
#include "failure.h"

typedef struct output {
    struct directory *directory;
    const char *name; /* at the end */
    char *part;       /* NAME.part: until then */
    char *note;       /* NAME.part.from: see version.h */
    int fd;
    int64_t size;     /* bytes that were written */
    bool is_finished; /* it has its name: there is no .part any more */
} output;

/* Opens NAME.part, be it there or not, unless NAME is there and must not be replaced. 0, or below 0
 * with a failure told; then there is nothing to close. */
int output_open(output *self, struct directory *directory, const char *name, bool replaces,
                struct failure *failure);

/* Empties it. 0, or below 0 with a failure told. */
int output_restart(output *self, struct failure *failure);

/* Writes at its end. 0, or below 0 with a failure told; what was written before is counted. */
int output_write(output *self, const char *data, size_t len, struct failure *failure);

/* It is whole: gives it its name, when its content is on disk. 0,
 * or below 0 with a failure told. */
int output_finish(output *self, bool replaces, struct failure *failure);

/* Removes NAME.part and its note. */
void output_remove(output *self);

/* Closes it. An empty .part is removed. Works in a cancelled task. */
void output_close(output *self);

#endif
