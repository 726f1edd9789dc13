/*
 * How many reads and writes a buffered file has in flight: several while it is gone through in
 * order, one after a seek, and never more than it was told. This program stands where they are made
 * (the linker's --wrap). With O_DIRECT, where none ends in its own submission.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <core/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 32 << 20, BUFFER = 64 << 10, DEPTH = 6, SEEKS = 50 };

static size_t most; /* in flight, since it was set to 0 */

static void note_one_more(void)
{
    size_t now = loop_here->ops_in_flight + 1;
    most = now > most ? now : most;
}

whorl_op __real_whorl_op_pread(int fd, void *buf, size_t len, off_t offset);
whorl_op __wrap_whorl_op_pread(int fd, void *buf, size_t len, off_t offset);
whorl_op __wrap_whorl_op_pread(int fd, void *buf, size_t len, off_t offset)
{
    note_one_more();
    return __real_whorl_op_pread(fd, buf, len, offset);
}

whorl_op __real_whorl_op_pwrite(int fd, const void *data, size_t len, off_t offset);
whorl_op __wrap_whorl_op_pwrite(int fd, const void *data, size_t len, off_t offset);
whorl_op __wrap_whorl_op_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    note_one_more();
    return __real_whorl_op_pwrite(fd, data, len, offset);
}

/* --- What is counted --- */

static char content[SIZE], found[SIZE];

static size_t write_through(whorl_file *file)
{
    enum { PIECE = 10000 };
    most = 0;
    for (size_t done = 0; done < SIZE;) {
        size_t len = SIZE - done < PIECE ? SIZE - done : PIECE;
        check_equal(whorl_file_write(file, content + done, len), len);
        done += len;
    }
    check_equal(whorl_file_flush(file), 0);
    return most;
}

static size_t read_through(whorl_file *file)
{
    most = 0;
    check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
    check_equal(whorl_file_read(file, found, SIZE), SIZE);
    check_equal(memcmp(found, content, SIZE), 0);
    return most;
}

static size_t seek_about(whorl_file *file)
{
    char byte;
    most = 0;
    for (int64_t i = 0; i < SEEKS; i++) {
        int64_t place = i % 2 == 0 ? i * BUFFER : SIZE - (i + 1) * BUFFER;
        check_equal(whorl_file_seek(file, place, SEEK_SET), place);
        check_equal(whorl_file_read(file, &byte, 1), 1);
        check_equal(byte, content[place]);
    }
    return most;
}

static intptr_t count_all(void *arg)
{
    static const unsigned depths[] = {1, 2, DEPTH};
    for (size_t i = 0; i < count_of(depths); i++) {
        whorl_file_options options = {.buffer_size = BUFFER, .depth = depths[i]};
        whorl_file *file;
        int flags = O_RDWR | O_CREAT | O_TRUNC | O_DIRECT;
        int error = whorl_file_open(arg, flags, &options, &file);
        if (error)
            return error;
        size_t writes = write_through(file);
        size_t reads = read_through(file);
        size_t after_seeks = seek_about(file);
        printf("depth %u: %zu writes, %zu reads, %zu after seeks\n", depths[i], writes, reads,
               after_seeks);
        check(writes <= depths[i] && reads <= depths[i]);
        check(depths[i] == 1 || (writes > 1 && reads > 1));
        check_equal(after_seeks, 1);
        check_equal(whorl_file_close(file), 0);
    }
    return 0;
}

static void several_are_in_flight_in_order_and_one_after_a_seek(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (char)(i * 31 % 253);
    intptr_t result = run(count_all, path_of("file").text);
    if (result == -EINVAL)
        skip_because("the file system has no O_DIRECT");
    assert_int_equal(result, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(several_are_in_flight_in_order_and_one_after_a_seek),
    };
    return run_behaviours("file_depth", tests);
}
