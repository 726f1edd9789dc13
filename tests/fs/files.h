/* What the tests of names share: files by their names below the behaviour's directory. */
#ifndef TESTS_FS_FILES_H
#define TESTS_FS_FILES_H

#include "support.h"

#include <string.h>
#include <sys/stat.h>

/* Whether there is anything of that name, be it a link that leads nowhere. */
static inline bool exists(const char *name)
{
    struct stat status;
    return lstat(path_of(name).text, &status) == 0;
}

/* A file whose content is its own name. */
static inline void make_file(const char *name)
{
    write_whole(path_of(name).text, name, strlen(name));
}

#endif
