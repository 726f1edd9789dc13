/*
 * For tests of whole files: each body runs with a new file that has no name until it is whole, and
 * with one that has. On a file system without the former they are the same.
 */
#ifndef TESTS_FS_WRITE_WAYS_H
#define TESTS_FS_WRITE_WAYS_H

#include "fs/small_disk.h"

#include <fs/replacement.h>
#include <fs/whole_file.h>
#include <string.h>
#include <sys/stat.h>

static unsigned way; /* 0, or REPLACEMENT_NAMED */

static const whorl_write_options plain;

static inline int write_text(const char *name, const char *text)
{
    return write_file_with(path_of(name).text, text, strlen(text), &plain, way);
}

static inline int write_text_with(const char *name, const char *text,
                                  const whorl_write_options *options)
{
    return write_file_with(path_of(name).text, text, strlen(text), options, way);
}

static inline bool holds(const char *name, const char *text)
{
    return file_holds_bytes(path_of(name).text, text, strlen(text));
}

static inline void run_both_ways(whorl_fn *fn)
{
    umask(022);
    for (int i = 0; i < 2; i++) {
        way = i == 0 ? 0 : REPLACEMENT_NAMED;
        test_path here = path_of("");
        run_checks(fn, here.text);
    }
}

#endif
