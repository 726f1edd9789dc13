/* A file of SHA-256 sums, as sha256sum(1) writes them. */
#ifndef GET_SUMS_H
#define GET_SUMS_H

#include "list.h"

/* Gives each download the sum that stands beside its name in `file`, of whose names the last part
 * counts. 0, or -1: refused, with a sentence: a line is none, a name is not there, or the URL says
 * otherwise. Outside a run. */
int sums_apply(const char *file, struct list *list);

#endif
