/*
 * The power fails while a log is used. What the log has written since the last flush may be on the
 * disk or not, sector by sector, in any order; what was flushed is. All writes and flushes of the
 * log go through a model of such a disk; now and then, between any two of them, one of the many
 * states in which the disk might be is put into a file, and opened as a log.
 *
 * Then all that was acknowledged must be there, in its place; what else is there must be whole and
 * in order; and what was said to be dropped must be gone.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/log_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SECTOR = 512,
    DISK = 1 << 20,
    PENDING_MAX = 4000,
    WRITERS = 5,
    ROUNDS = 12,
    PUTS = 12,
    ACKS_MAX = ROUNDS * WRITERS * PUTS,
    LONGEST = 3000,
};

/* --- The disk --- */

/* A sector's part of a write, or (len 0) a new length of the file. */
struct pending {
    size_t at;
    size_t len;
    char bytes[SECTOR];
};

static struct {
    bool is_watched; /* the calls are those of the log that is played with */
    char image[DISK];
    size_t size;
    struct pending pending[PENDING_MAX];
    size_t count;
    random_source source;
    long flushes, failures; /* of the power */
} disk;

static void apply(char *image, size_t *size, const struct pending *change)
{
    if (change->len == 0) {
        if (change->at < *size)
            memset(image + change->at, 0, *size - change->at);
        *size = change->at;
        return;
    }
    memcpy(image + change->at, change->bytes, change->len);
    if (*size < change->at + change->len)
        *size = change->at + change->len;
}

static void disk_flush(void)
{
    for (size_t i = 0; i < disk.count; i++)
        apply(disk.image, &disk.size, &disk.pending[i]);
    disk.count = 0;
    disk.flushes++;
}

static void disk_write(size_t at, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t part = SECTOR - at % SECTOR;
        part = part < len ? part : len;
        if (!check(disk.count < PENDING_MAX && at + part <= DISK))
            return;
        struct pending *change = &disk.pending[disk.count++];
        change->at = at;
        change->len = part;
        memcpy(change->bytes, bytes, part);
        at += part;
        bytes += part;
        len -= part;
    }
}

static void disk_writev(size_t at, const struct iovec *iov, int count)
{
    for (int i = 0; i < count; i++) {
        disk_write(at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
}

static void disk_resize(size_t size)
{
    if (check(disk.count < PENDING_MAX))
        disk.pending[disk.count++] = (struct pending){.at = size};
}

/* --- What is known of the log --- */

struct mark {
    int32_t writer;
    int32_t number;
};

static struct {
    whorl_log log;
    struct ack {
        struct mark mark;
        int64_t lsn;
    } acks[ACKS_MAX];
    size_t acks_count;
    int64_t first;         /* that a truncate has made durable */
    int64_t first_to_come; /* that one is about to */
    int round;
    long found;
} scene;

static size_t make_record(struct mark mark, char *bytes)
{
    size_t len = sizeof mark + (size_t)(mark.number * 577 + mark.writer * 91) % LONGEST;
    if (mark.number % 3 != 0)
        len = sizeof mark + len % 40;
    memcpy(bytes, &mark, sizeof mark);
    for (size_t i = sizeof mark; i < len; i++)
        bytes[i] = (char)(i % 5 == 0 ? 0 : mark.number + mark.writer + (int)i);
    return len;
}

static void check_whole(const whorl_log_record *record, struct mark *mark)
{
    char bytes[LONGEST + sizeof *mark];
    *mark = (struct mark){.writer = -1};
    if (!check(record->len >= sizeof *mark))
        return;
    memcpy(mark, record->data, sizeof *mark);
    check(mark->writer >= 0 && mark->writer < WRITERS);
    check_equal(make_record(*mark, bytes), record->len);
    check(memcmp(bytes, record->data, record->len) == 0);
}

/* All acknowledged records from `first` on, in their places, and then perhaps others. */
static void check_records(whorl_log *log)
{
    whorl_log_cursor cursor;
    whorl_log_record record;
    struct mark mark;
    int64_t first = whorl_log_first(log);
    size_t next = 0;
    check(first == scene.first || first == scene.first_to_come);
    while (next < scene.acks_count && scene.acks[next].lsn < first)
        next++;
    check_equal(whorl_log_cursor_begin(&cursor, log, 0), 0);
    while (whorl_log_cursor_next(&cursor, &record) == 1) {
        check_whole(&record, &mark);
        scene.found++;
        if (next == scene.acks_count)
            continue;
        check_equal(record.lsn, scene.acks[next].lsn);
        check_equal(mark.writer, scene.acks[next].mark.writer);
        check_equal(mark.number, scene.acks[next].mark.number);
        next++;
    }
    check_equal(next, scene.acks_count);
    check_equal(whorl_log_cursor_end(&cursor), 0);
}

/* The power fails now. */
static void fail_power(void)
{
    static char image[DISK];
    whorl_log log;
    size_t size = disk.size;
    uint64_t chance = random_below(&disk.source, 5); /* from nothing to everything */
    memcpy(image, disk.image, sizeof image);
    for (size_t i = 0; i < disk.count; i++)
        if (random_below(&disk.source, 4) < chance)
            apply(image, &size, &disk.pending[i]);
    disk.is_watched = false;
    write_whole(path_of("found").text, image, size);
    if (check_equal(whorl_log_open(&log, path_of("found").text, NULL), 0)) {
        check_records(&log);
        check_equal(whorl_log_close(&log), 0);
    }
    disk.failures++;
    disk.is_watched = true;
}

static void perhaps_fail_power(void)
{
    if (random_below(&disk.source, 6) == 0 && failed_checks() == 0)
        fail_power();
}

/* --- The log's calls --- */

int __real_whorl_link_ops(whorl_op *ops, size_t n);
int __wrap_whorl_link_ops(whorl_op *ops, size_t n);
int __real_whorl_fsync(int fd);
int __wrap_whorl_fsync(int fd);
int __real_whorl_fdatasync(int fd);
int __wrap_whorl_fdatasync(int fd);
int __real_whorl_ftruncate(int fd, off_t length);
int __wrap_whorl_ftruncate(int fd, off_t length);
ssize_t __real_whorl_pwrite(int fd, const void *buf, size_t len, off_t offset);
ssize_t __wrap_whorl_pwrite(int fd, const void *buf, size_t len, off_t offset);
ssize_t __real_whorl_pwritev(int fd, const struct iovec *iov, int count, off_t offset);
ssize_t __wrap_whorl_pwritev(int fd, const struct iovec *iov, int count, off_t offset);

static void watch_op(const whorl_op *op)
{
    const char *name = whorl_op_name(op);
    if (strcmp(name, "writev") == 0)
        disk_writev(op->offset, (const struct iovec *)(uintptr_t)op->addr, (int)op->len);
    else if (strcmp(name, "write") == 0)
        disk_write(op->offset, (const char *)(uintptr_t)op->addr, op->len);
    else if (check_text(name, "fsync"))
        disk_flush();
}

int __wrap_whorl_link_ops(whorl_op *ops, size_t n)
{
    for (size_t i = 0; i < n && disk.is_watched; i++) {
        watch_op(&ops[i]);
        if (n > 2)
            fail_power(); /* a header: there are few */
        else
            perhaps_fail_power();
    }
    return __real_whorl_link_ops(ops, n);
}

/* Not that of the directory. */
int __wrap_whorl_fsync(int fd)
{
    struct stat seen;
    if (disk.is_watched && fstat(fd, &seen) == 0 && S_ISREG(seen.st_mode))
        disk_flush();
    return __real_whorl_fsync(fd);
}

int __wrap_whorl_fdatasync(int fd)
{
    if (disk.is_watched)
        disk_flush();
    return __real_whorl_fdatasync(fd);
}

int __wrap_whorl_ftruncate(int fd, off_t length)
{
    if (disk.is_watched) {
        disk_resize((size_t)length);
        perhaps_fail_power();
    }
    return __real_whorl_ftruncate(fd, length);
}

ssize_t __wrap_whorl_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    if (disk.is_watched) {
        disk_write((size_t)offset, buf, len);
        perhaps_fail_power();
    }
    return __real_whorl_pwrite(fd, buf, len, offset);
}

ssize_t __wrap_whorl_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    if (disk.is_watched) {
        disk_writev((size_t)offset, iov, count);
        perhaps_fail_power();
    }
    return __real_whorl_pwritev(fd, iov, count, offset);
}

/* --- The game --- */

static intptr_t put_some(void *arg)
{
    struct mark mark = {.writer = (int32_t)(intptr_t)arg, .number = scene.round * PUTS};
    char bytes[LONGEST + sizeof mark];
    for (int i = 0; i < PUTS; i++, mark.number++) {
        int64_t lsn = whorl_log_append(&scene.log, bytes, make_record(mark, bytes));
        check(lsn >= 0);
        scene.acks[scene.acks_count++] = (struct ack){mark, lsn};
    }
    return 0;
}

/* Somewhere among what is there. */
static void drop_some(void)
{
    int64_t lsn = whorl_log_end(&scene.log);
    size_t here = 0;
    while (here < scene.acks_count && scene.acks[here].lsn < scene.first)
        here++;
    size_t which = here + random_below(&disk.source, scene.acks_count - here + 1);
    if (which < scene.acks_count)
        lsn = scene.acks[which].lsn;
    scene.first_to_come = lsn;
    check_equal(whorl_log_truncate(&scene.log, lsn), 0);
    scene.first = lsn;
}

static intptr_t play(void *arg)
{
    whorl_log_options options = {.reserve = 16 << 10};
    const char *path = arg;
    disk.is_watched = true;
    check_equal(whorl_log_open(&scene.log, path, &options), 0);
    for (scene.round = 0; scene.round < ROUNDS && failed_checks() == 0; scene.round++) {
        whorl_task *tasks[WRITERS];
        for (intptr_t i = 0; i < WRITERS; i++)
            tasks[i] = whorl_spawn(put_some, (void *)i);
        for (intptr_t i = 0; i < WRITERS; i++)
            check_equal(whorl_join(tasks[i]), 0);
        drop_some();
        fail_power();
        if (random_below(&disk.source, 3) > 0)
            continue;
        check_equal(whorl_log_close(&scene.log), 0);
        fail_power();
        check_equal(whorl_log_open(&scene.log, path, &options), 0);
    }
    disk.is_watched = false;
    return whorl_log_close(&scene.log);
}

static void begin_game(void)
{
    scene.acks_count = 0;
    scene.first = scene.first_to_come = 0;
    memset(disk.image, 0, sizeof disk.image);
    disk.size = disk.count = 0;
}

static void whenever_the_power_fails_what_was_acknowledged_is_on_the_disk(void **state)
{
    test_path path = path_of("log");
    (void)state;
    disk.source = random_from_seed(31);
    for (long i = test_rounds(6); i > 0; i--) {
        unlink(path.text);
        begin_game();
        run_checks(play, path.text);
    }
    printf("the power has failed %ld times between %ld flushes; %ld records were found\n",
           disk.failures, disk.flushes, scene.found);
    check(disk.failures > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(whenever_the_power_fails_what_was_acknowledged_is_on_the_disk),
    };
    return run_behaviours("log power", tests);
}
