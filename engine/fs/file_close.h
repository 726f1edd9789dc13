/* The end of a file that nobody has closed, at the end of its run: a leftover's functions. */
#ifndef FS_FILE_CLOSE_H
#define FS_FILE_CLOSE_H

#include <core/leftover.h>

void file_stop(struct leftover *self);
void file_end_left(struct leftover *self);

#endif
