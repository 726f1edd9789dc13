/* Whole files with what only tests choose. */
#ifndef FS_WHOLE_FILE_H
#define FS_WHOLE_FILE_H

#include <whorl/whole_file.h>

/* As whorl_write_file, of checked arguments; `flags` may hold REPLACEMENT_NAMED. */
int write_file_with(const char *path, const void *data, size_t size,
                    const whorl_write_options *options, unsigned flags);

/* As whorl_copy_file, of checked arguments, in one of the `ways` of fs/copy.h. */
int copy_file_with(const char *from, const char *to, unsigned flags, unsigned ways);

#endif
