/*
 * Logs on bad days: the disk is full, the file is as large as it may become, the device fails, the
 * file is another user's, there is no memory. An append that gives an error is not in the log, one
 * that gives an LSN is, whatever comes in between.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/log_calls.h"
#include "fs/small_disk.h"
#include "starve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITERS = 16, LONGEST = 30000, ACKS_MAX = 10000 };

static struct {
    whorl_log log;
    int64_t lsns[ACKS_MAX]; /* acknowledged, ascending within a turn */
    int acks;
    int refused;
    int error; /* with which all were refused */
    random_source source;
} scene;

static size_t make_record(int64_t seed, unsigned char *bytes)
{
    size_t len = 1 + (size_t)(seed * 7919 % LONGEST);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(seed + (int64_t)i / 3);
    return len;
}

/* A record that can be told from each other by its first bytes. */
static intptr_t append_until_refused(void *arg)
{
    unsigned char bytes[LONGEST + 8];
    (void)arg;
    for (;;) {
        int64_t seed = (int64_t)random_below(&scene.source, 1 << 30);
        size_t len = make_record(seed, bytes + 8);
        memcpy(bytes, &seed, 8);
        int64_t lsn = whorl_log_append(&scene.log, bytes, len + 8);
        if (lsn < 0) {
            check_equal(lsn, scene.error);
            scene.refused++;
            return 0;
        }
        if (check(scene.acks < ACKS_MAX))
            scene.lsns[scene.acks++] = lsn;
    }
}

static void append_by_many_until_refused(int error)
{
    whorl_task *tasks[WRITERS];
    scene.error = error;
    for (int i = 0; i < WRITERS; i++)
        check((tasks[i] = whorl_spawn(append_until_refused, NULL)) != NULL);
    for (int i = 0; i < WRITERS; i++)
        check_equal(whorl_join(tasks[i]), 0);
}

/* All records are whole, and are the acknowledged ones and no others. */
static void check_log(void)
{
    unsigned char bytes[LONGEST];
    whorl_log_cursor cursor;
    whorl_log_record record;
    int found, count = 0;
    int64_t seed;
    check_equal(whorl_log_cursor_begin(&cursor, &scene.log, 0), 0);
    while ((found = whorl_log_cursor_next(&cursor, &record)) == 1) {
        if (!check(count < scene.acks) || !check(record.len > 8))
            break;
        check_equal(record.lsn, scene.lsns[count++]);
        memcpy(&seed, record.data, 8);
        check_equal(make_record(seed, bytes), record.len - 8);
        check(memcmp(bytes, (const char *)record.data + 8, record.len - 8) == 0);
    }
    check_equal(found, 0);
    check_equal(count, scene.acks);
    check_equal(whorl_log_cursor_end(&cursor), 0);
}

static void open_scene(const char *path)
{
    whorl_log_stats stats;
    check_equal(whorl_log_open(&scene.log, path, NULL), 0);
    check_equal(whorl_log_get_stats(&scene.log, &stats), 0);
    check_equal(stats.recovered, scene.acks);
    check_equal(stats.dropped, 0);
}

static void begin_scene(const char *path)
{
    scene.acks = scene.refused = 0;
    scene.source = random_from_seed(21);
    open_scene(path);
}

/* --- No room --- */

static intptr_t fill_up(void *root)
{
    struct stat seen;
    (void)root;
    begin_scene("log");
    int fd = open("filler", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    check_equal(posix_fallocate(fd, 0, 2 << 20), 0);
    close(fd);
    append_by_many_until_refused(-ENOSPC);
    check(scene.acks > 50 && scene.refused == WRITERS);
    check_log();
    /* What has been refused takes no room. */
    check_equal(stat("log", &seen), 0);
    check_equal(seen.st_size, 8192 + whorl_log_end(&scene.log));
    check_equal(whorl_log_close(&scene.log), 0);
    open_scene("log");
    check_log();
    /* With room again, the same log goes on. */
    int before = scene.acks;
    append_by_many_until_refused(-ENOSPC);
    check_equal(unlink("filler"), 0);
    append_by_many_until_refused(-ENOSPC);
    check(scene.acks > before + 20);
    check_log();
    /* And what is dropped makes room. */
    check_equal(whorl_log_truncate(&scene.log, whorl_log_end(&scene.log)), 0);
    scene.acks = 0;
    append_by_many_until_refused(-ENOSPC);
    check(scene.acks > before);
    check_log();
    check_equal(whorl_log_close(&scene.log), 0);
    open_scene("log");
    check_log();
    return whorl_log_close(&scene.log);
}

static void appends_on_a_full_disk_give_ENOSPC_and_the_log_goes_on_when_there_is_room(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, fill_up);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, fill_up);
}

/* Less room than would be written ahead, and enough for the record. */
static intptr_t append_into_the_rest(void *root)
{
    enum { ROOM = 256 << 10 };
    static char record[100000];
    (void)root;
    begin_scene("log");
    off_t size = fill_disk("filler");
    check_equal(truncate("filler", size - ROOM), 0);
    check_equal(whorl_log_append(&scene.log, record, sizeof record), 0);
    check(whorl_log_append(&scene.log, record, sizeof record) > 0);
    check_equal(whorl_log_append(&scene.log, record, sizeof record), -ENOSPC);
    return whorl_log_close(&scene.log);
}

static void what_is_written_ahead_takes_no_room_from_records(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, append_into_the_rest);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, append_into_the_rest);
}

static intptr_t make_without_room(void *root)
{
    (void)root;
    fill_disk("filler");
    check_equal(whorl_log_open(&scene.log, "log", NULL), -ENOSPC);
    check_equal(whorl_log_open(&scene.log, "log", NULL), -ENOSPC);
    check_equal(unlink("filler"), 0);
    begin_scene("log");
    check(whorl_log_append(&scene.log, "a", 1) >= 0);
    return whorl_log_close(&scene.log);
}

static void a_log_that_cannot_be_made_for_want_of_room_can_be_made_later(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, make_without_room);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, make_without_room);
}

/* --- A limit on the size of files --- */

enum { LIMIT = 400000 };

static intptr_t reach_limit(void *arg)
{
    static char large[LIMIT];
    (void)arg;
    begin_scene(path_of("log").text);
    append_by_many_until_refused(-EFBIG);
    check(scene.acks > 5 && scene.refused == WRITERS);
    check_log();
    /* Writes until the limit are cut short there, and cut off again. */
    check_equal(whorl_log_append(&scene.log, large, sizeof large), -EFBIG);
    check_log();
    while (whorl_log_end(&scene.log) + 8192 + 16 <= LIMIT) {
        int64_t room = LIMIT - 8192 - whorl_log_end(&scene.log) - 8;
        size_t len = room > 5000 ? 5000 : (size_t)room;
        check(whorl_log_append(&scene.log, large, len) >= 0);
    }
    check_equal(whorl_log_append(&scene.log, large, 100), -EFBIG);
    check_equal(whorl_log_close(&scene.log), 0);
    check_equal(whorl_log_open(&scene.log, path_of("log").text, NULL), 0);
    check(whorl_log_end(&scene.log) + 8192 + 16 > LIMIT);
    check_equal(whorl_log_truncate(&scene.log, whorl_log_end(&scene.log)), 0);
    check(whorl_log_append(&scene.log, large, LIMIT / 2) >= 0);
    return whorl_log_close(&scene.log);
}

static int run_limited(void *arg)
{
    limit_file_size(LIMIT);
    int result = (int)whorl_run(reach_limit, arg);
    unlink(path_of("log").text);
    return result;
}

static void appends_beyond_the_limit_on_files_give_EFBIG_and_what_fits_goes_in(void **state)
{
    (void)state;
    path_of("");
    run_in_child(run_limited, NULL);
}

static intptr_t make_beyond_limit(void *arg)
{
    (void)arg;
    check_equal(whorl_log_open(&scene.log, path_of("log").text, NULL), -EIO);
    return 0;
}

static int run_tightly_limited(void *arg)
{
    limit_file_size(8192 + 4); /* the mark of the end is eight bytes long */
    int result = (int)whorl_run(make_beyond_limit, arg);
    unlink(path_of("log").text);
    return result;
}

static void a_header_that_is_written_short_is_an_error(void **state)
{
    (void)state;
    path_of("");
    run_in_child(run_tightly_limited, NULL);
}

/* --- A device that fails --- */

static intptr_t break_device(void *root)
{
    whorl_log_cursor cursor;
    (void)root;
    check_equal(whorl_log_open(&scene.log, "log", NULL), 0);
    check_equal(whorl_log_append(&scene.log, "kept", 4), 0);
    disk_break();
    check_equal(whorl_log_append(&scene.log, "lost", 4), -EIO);
    check_equal(whorl_log_end(&scene.log), 12);
    /* Nothing can be trusted any more, and nothing is said to be durable. */
    check_equal(whorl_log_append(&scene.log, "more", 4), -EIO);
    check_equal(whorl_log_truncate(&scene.log, 0), -EIO);
    scene.acks = scene.refused = 0;
    append_by_many_until_refused(-EIO);
    check_equal(scene.refused, WRITERS);
    check_equal(whorl_log_cursor_begin(&cursor, &scene.log, 0), 0);
    check_next(&cursor, 0, "kept", 4);
    check_no_next(&cursor);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    check_equal(whorl_log_close(&scene.log), 0);
    check_equal(whorl_log_close(&scene.log), -EBADF);
    return 0;
}

static void a_log_whose_flush_has_failed_says_nothing_is_durable_any_more(void **state)
{
    (void)state;
    run_on_small_disk(DISK_EXT4, DISK_BYTES, break_device);
}

/* --- Another user --- */

static intptr_t open_as_nobody(void *arg)
{
    (void)arg;
    check_equal(whorl_log_open(&scene.log, "roots", NULL), -EACCES);
    check_equal(whorl_log_open(&scene.log, "private/log", NULL), -EACCES);
    check_equal(whorl_log_open(&scene.log, "blind/log", NULL), -EACCES);
    check_equal(whorl_log_open(&scene.log, "mine", NULL), 0);
    return whorl_log_close(&scene.log);
}

static void what_may_not_be_read_and_written_is_not_opened(void **state)
{
    (void)state;
    write_whole(path_of("roots").text, "", 0);
    assert_int_equal(chmod(path_of("roots").text, 0600), 0);
    assert_int_equal(mkdir(path_of("private").text, 0700), 0);
    assert_int_equal(mkdir(path_of("blind").text, 0700), 0);
    assert_int_equal(chmod(path_of("blind").text, 0733), 0);
    run_checks_as_nobody(open_as_nobody, NULL);
}

/* --- No memory --- */

static intptr_t go_without_memory(void *arg)
{
    static char large[1 << 20];
    whorl_log other;
    whorl_log_cursor cursor;
    whorl_log_record record;
    (void)arg;
    begin_scene(path_of("log").text);
    check_equal(whorl_log_append(&scene.log, large, sizeof large), 0);
    check_equal(whorl_log_cursor_begin(&cursor, &scene.log, 0), 0);
    whorl_task *warm = whorl_spawn(append_until_refused, NULL);
    check_equal(whorl_cancel(warm), 0);
    check_equal(whorl_join(warm), -ECANCELED);
    rlim_t before = leave_memory(0);
    void *taken = take_heap();
    check_equal(whorl_log_open(&other, path_of("other").text, NULL), -ENOMEM);
    check_equal(whorl_log_cursor_next(&cursor, &record), -ENOMEM);
    for (int i = 0; i < 100; i++)
        check(whorl_log_append(&scene.log, large, 100) > 0);
    check_equal(whorl_log_truncate(&scene.log, whorl_log_end(&scene.log)), 0);
    check_equal(whorl_log_append(&scene.log, large, sizeof large) > 0, 1);
    int64_t first = whorl_log_first(&scene.log);
    limit_memory_to(before);
    give_heap_back(taken);
    check_equal(whorl_log_cursor_next(&cursor, &record), -ESTALE);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    check_record(&scene.log, first, large, sizeof large);
    return whorl_log_close(&scene.log);
}

static void appends_need_no_memory_and_what_needs_some_says_ENOMEM(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer cannot run without memory for itself");
    path_of("");
    run_checks_in_child(NULL, go_without_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(appends_on_a_full_disk_give_ENOSPC_and_the_log_goes_on_when_there_is_room),
        behaviour(what_is_written_ahead_takes_no_room_from_records),
        behaviour(a_log_that_cannot_be_made_for_want_of_room_can_be_made_later),
        behaviour(appends_beyond_the_limit_on_files_give_EFBIG_and_what_fits_goes_in),
        behaviour(a_header_that_is_written_short_is_an_error),
        behaviour(a_log_whose_flush_has_failed_says_nothing_is_durable_any_more),
        behaviour(what_may_not_be_read_and_written_is_not_opened),
        behaviour(appends_need_no_memory_and_what_needs_some_says_ENOMEM),
    };
    return run_behaviours("log on bad days", tests);
}
