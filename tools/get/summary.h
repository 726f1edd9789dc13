/* What became of a run: a line for people, and JSON for programs. */
#ifndef GET_SUMMARY_H
#define GET_SUMMARY_H

#include <stdint.h>
#include <stdio.h>

struct get;

typedef struct summary {
    size_t saved, failed, cancelled;
} summary;

summary summary_of(const struct get *get);

/* Tells it on the board. `begun` is when the run did, as whorl_now counts. */
void summary_tell(const summary *self, struct get *get, int64_t begun);

/* An array with an object for each URL, in their order. 0, or -1: it could not be written. */
int summary_put_json(const struct get *get, FILE *out);

#endif
