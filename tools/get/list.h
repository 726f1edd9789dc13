/* The URLs of a run, with their names and sums: all is looked at before anything is downloaded. */
#ifndef GET_LIST_H
#define GET_LIST_H

#include <stddef.h>

#include "download.h"
#include "options.h"

struct list {
    download *downloads;
    size_t count;
    size_t room;
};

/* Takes the URLs of the command line and of --input-file, in this order. `name`, if not NULL, is
 * for the only one. 0, or -1: refused, with a sentence. Outside a run. */
int list_make(struct list *self, const options *given, const char *name);
void list_drop(struct list *self);

#endif
