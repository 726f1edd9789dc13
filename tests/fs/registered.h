/*
 * For tests of the registered buffers that files with O_DIRECT have: a file that is written and
 * read as a whole, and what is registered meanwhile, as VmPin of /proc/self/status shows it.
 */
#ifndef TESTS_FS_REGISTERED_H
#define TESTS_FS_REGISTERED_H

#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    BUFFER = 64 << 10,
    DEPTH = 4,
    FILE_KIB = BUFFER * DEPTH >> 10, /* what a file may have registered */
    PIECE = 24000,
    TOTAL = 100 * PIECE,
    OWN = 64, /* that the engine would have */
};

static char sent[TOTAL];
static char found[TOTAL];

static inline long pinned(void)
{
    return status_figure("VmPin:");
}

static inline whorl_file *open_with(const char *path, int flags)
{
    whorl_file *file = NULL;
    whorl_file_options options = {.buffer_size = BUFFER, .depth = DEPTH};
    check_equal(whorl_file_open(path, O_RDWR | O_CREAT | flags, &options, &file), 0);
    return file;
}

static inline whorl_file *open_direct(void)
{
    return open_with(path_of("file").text, O_DIRECT | O_TRUNC);
}

static inline void write_all(whorl_file *file)
{
    for (size_t at = 0; at < TOTAL; at += PIECE)
        check_equal(whorl_file_write(file, sent + at, PIECE), PIECE);
}

static inline void read_all(whorl_file *file)
{
    memset(found, 0, sizeof found);
    check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
    for (size_t at = 0; at < TOTAL; at += PIECE)
        check_equal(whorl_file_read(file, found + at, PIECE), PIECE);
    check_equal(whorl_file_read(file, found, 1), 0);
    check_equal(memcmp(found, sent, TOTAL), 0);
}

/* Writes and reads it all, and returns the KiB that were registered beyond `before`. */
static inline long use(whorl_file *file, long before)
{
    check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
    write_all(file);
    read_all(file);
    return pinned() - before;
}

static inline void check_some_buffers(long kib)
{
    check(kib >= BUFFER >> 10 && kib <= FILE_KIB);
}

/* Whether there is O_DIRECT in the directory of the tests. */
static inline void begin(void)
{
    fill_pattern(sent, sizeof sent, 1);
    int fd = open(path_of("file").text, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0666);
    if (fd < 0)
        skip_because("the file system of the temporary directory has no O_DIRECT");
    close(fd);
}

#endif
