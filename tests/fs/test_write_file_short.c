/*
 * Whole files whose writes come to less than asked. One is cut short by the kernel, at a limit on
 * the size of files that is lifted before the next; many, or one that takes nothing at all, by this
 * program, which stands where writes are made (the linker's --wrap).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "fs/write_ways.h"

#include <core/ring.h>
#include <errno.h>
#include <fs/transfer.h>
#include <sys/resource.h>

#define LARGE (5 * TRANSFER_PIECE + 4321)

static char content[LARGE];

/* --- Where writes are made --- */

static enum { AS_THEY_ARE, AT_A_LIMIT, AT_RANDOM, TAKE_NOTHING } writes_are;
static random_source random_lengths;
static size_t size_now;      /* of the file that is written */
static unsigned write_count; /* since it was begun */

/* As root, too, files grow no further than this. */
static void set_limit(rlim_t bytes)
{
    struct rlimit limit;
    check_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    check_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

whorl_op __real_whorl_op_pwrite(int fd, const void *data, size_t len, off_t offset);
whorl_op __wrap_whorl_op_pwrite(int fd, const void *data, size_t len, off_t offset);
whorl_op __wrap_whorl_op_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    write_count++;
    if (writes_are == AT_A_LIMIT)
        set_limit(write_count == 1 ? size_now / 2 : RLIM_INFINITY);
    else if (writes_are == AT_RANDOM)
        len = 1 + random_below(&random_lengths, len);
    else if (writes_are == TAKE_NOTHING)
        len = 0;
    return __real_whorl_op_pwrite(fd, data, len, offset);
}

/* What is not the next of a chain is submitted when all is written. */
static unsigned late_syncs;

void __real_ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link);
void __wrap_ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link);
void __wrap_ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link)
{
    static enum ring_link before;
    struct stat status;
    if (op->code == RING_OP_FSYNC && before != RING_LINK_SOFT) {
        check_equal(fstat(op->fd, &status), 0);
        check_equal(status.st_size, size_now);
        late_syncs++;
    }
    before = link;
    __real_ring_fill(ring, op, token, link);
}

/* --- Writing --- */

static int write_so(size_t size, size_t *written)
{
    whorl_write_options options = {.written = written};
    size_now = size;
    write_count = late_syncs = 0;
    *written = 77;
    return write_file_with(path_of("file").text, content, size, &options, way);
}

static bool is_whole(size_t size)
{
    return file_holds_bytes(path_of("file").text, content, size);
}

static intptr_t write_at_a_limit(void *arg)
{
    static const size_t sizes[] = {2, 1000, 100000, TRANSFER_PIECE};
    size_t written;
    writes_are = AT_A_LIMIT;
    for (size_t i = 0; i < count_of(sizes); i++) {
        check_equal(write_so(sizes[i], &written), 0);
        check_equal(written, sizes[i]);
        check_equal(write_count, 2);
        check_equal(late_syncs, 1);
        check(is_whole(sizes[i]));
        check_equal(names_in(arg), 1);
    }
    writes_are = AS_THEY_ARE;
    return 0;
}

static void write_both_ways(whorl_fn *fn)
{
    fill_pattern(content, LARGE, 1);
    test_path here = path_of("");
    for (unsigned i = 0; i < 2; i++) {
        way = i == 0 ? 0 : REPLACEMENT_NAMED;
        run_checks_in_child(NULL, fn, here.text);
    }
}

static void the_rest_of_a_short_write_is_written_before_the_file_is_synced(void **state)
{
    (void)state;
    write_both_ways(write_at_a_limit);
}

static intptr_t write_at_random(void *arg)
{
    size_t written;
    random_lengths = random_from_seed(1);
    writes_are = AT_RANDOM;
    for (long i = 0; i < test_rounds(20); i++) {
        size_t size = 1 + random_below(&random_lengths, LARGE);
        check_equal(write_so(size, &written), 0);
        check_equal(written, size);
        check(is_whole(size));
        check_equal(names_in(arg), 1);
    }
    writes_are = AS_THEY_ARE;
    return 0;
}

static void however_many_writes_are_short_the_file_is_whole(void **state)
{
    (void)state;
    write_both_ways(write_at_random);
}

static intptr_t write_nothing(void *arg)
{
    static const size_t sizes[] = {1000, LARGE};
    size_t written;
    check_equal(write_so(500, &written), 0);
    writes_are = TAKE_NOTHING;
    for (size_t i = 0; i < count_of(sizes); i++) {
        check_equal(write_so(sizes[i], &written), -EIO);
        check_equal(written, 0);
        check(is_whole(500));
        check_equal(names_in(arg), 1);
    }
    writes_are = AS_THEY_ARE;
    return 0;
}

static void a_file_that_takes_nothing_gives_EIO_and_leaves_the_old_one(void **state)
{
    (void)state;
    write_both_ways(write_nothing);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(the_rest_of_a_short_write_is_written_before_the_file_is_synced),
        behaviour(however_many_writes_are_short_the_file_is_whole),
        behaviour(a_file_that_takes_nothing_gives_EIO_and_leaves_the_old_one),
    };
    return run_behaviours("write_file_short", tests);
}
