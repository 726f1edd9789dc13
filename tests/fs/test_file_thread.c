/*
 * Calls on descriptors that a thread makes: bytes copied within the kernel, a whole file system
 * written out, locks that are waited for.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int open_file(const char *name)
{
    return open(path_of(name).text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* --- Copies --- */

static intptr_t copy_ranges(void *arg)
{
    char text[32] = "";
    off_t from_offset = 4, to_offset = 2;
    write_whole(path_of("from").text, "0123456789", 10);
    int from = open_file("from"), to = open_file("to");
    check_equal(whorl_copy_file_range(from, NULL, to, NULL, 4, 0), 4);
    check_equal(lseek(from, 0, SEEK_CUR), 4);
    check_equal(lseek(to, 0, SEEK_CUR), 4);
    check_equal(whorl_copy_file_range(from, &from_offset, to, &to_offset, 100, 0), 6);
    check_equal(from_offset, 10);
    check_equal(to_offset, 8);
    check_equal(lseek(from, 0, SEEK_CUR), 4);
    check_equal(whorl_copy_file_range(from, &from_offset, to, NULL, 100, 0), 0);
    check_equal(read_whole(path_of("to").text, text, sizeof text), 8);
    check_text(text, "01456789");
    check_equal(whorl_copy_file_range(from, NULL, to, NULL, 1, 1), -EINVAL);
    check_equal(whorl_copy_file_range(-1, NULL, to, NULL, 1, 0), -EBADF);
    check_equal(whorl_syncfs(from), 0);
    check_equal(whorl_syncfs(-1), -EBADF);
    check_equal(close(from) + close(to), 0);
    return (intptr_t)arg;
}

static void ranges_of_files_are_copied_within_the_kernel(void **state)
{
    (void)state;
    run_checks(copy_ranges, NULL);
}

/* --- Locks --- */

static int one, other; /* the same file, opened twice */

static bool can_lock(int fd, int operation)
{
    if (flock(fd, operation | LOCK_NB) != 0)
        return false;
    check_equal(flock(fd, LOCK_UN), 0);
    return true;
}

static intptr_t lock_other(void *arg)
{
    return whorl_flock(other, (int)(intptr_t)arg);
}

static intptr_t wait_for_a_lock(void *arg)
{
    int64_t begin = whorl_now();
    check_equal(whorl_flock(one, LOCK_SH), 0);
    check(can_lock(other, LOCK_SH));
    check(!can_lock(other, LOCK_EX));
    whorl_task *waits = whorl_spawn(lock_other, (void *)LOCK_EX);
    check_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    check_equal(whorl_is_done(waits), 0);
    check_equal(whorl_flock(one, LOCK_UN), 0);
    check_equal(whorl_join(waits), 0);
    check(whorl_now() - begin < WHORL_SECONDS(2));
    check_equal(whorl_flock(one, LOCK_EX | LOCK_NB), -EWOULDBLOCK);
    check_equal(whorl_flock(one, LOCK_SH | LOCK_NB), -EWOULDBLOCK);
    check_equal(whorl_flock(other, LOCK_UN), 0);
    check_equal(whorl_flock(one, LOCK_EX | LOCK_NB), 0);
    check_equal(whorl_flock(one, LOCK_UN), 0);
    return (intptr_t)arg;
}

static intptr_t cancel_who_waits(void *arg)
{
    whorl_timeout scope;
    check_equal(whorl_flock(one, LOCK_EX), 0);
    whorl_task *waits = whorl_spawn(lock_other, (void *)LOCK_EX);
    check_equal(whorl_sleep(WHORL_MS(200)), 0);
    check_equal(whorl_cancel(waits), 0);
    check_equal(whorl_join(waits), -ECANCELED);
    check_equal(whorl_timeout_begin(&scope, WHORL_SECONDS(3)), 0);
    check_equal(whorl_timeout_end(&scope, whorl_flock(other, LOCK_SH)), -ETIMEDOUT);

    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_flock(one, LOCK_EX), -ECANCELED); /* though it has it */
    check_equal(whorl_flock(one, LOCK_UN), 0);          /* a release works */
    check(can_lock(other, LOCK_EX));
    check_equal(flock(one, LOCK_EX), 0);
    check_equal(whorl_flock(one, LOCK_UN | LOCK_NB), 0);
    check(can_lock(other, LOCK_EX));
    return (intptr_t)arg;
}

static intptr_t lock_wrongly(void *arg)
{
    check_equal(whorl_flock(-1, LOCK_EX), -EBADF);
    check_equal(whorl_flock(-1, LOCK_UN), -EBADF);
    check_equal(whorl_flock(one, 0), -EINVAL);
    check_equal(whorl_flock(one, LOCK_NB), -EINVAL);
    check_equal(whorl_flock(one, 1 << 20), -EINVAL);
    return (intptr_t)arg;
}

static void run_with_one_file(whorl_fn *fn)
{
    static const whorl_config virtual_clock = {.clock = WHORL_CLOCK_VIRTUAL};
    one = open_file("locked");
    other = open_file("locked");
    run_checks_with(&virtual_clock, fn, NULL);
    check_equal(close(one) + close(other), 0);
}

static void a_lock_is_waited_for(void **state)
{
    (void)state;
    run_with_one_file(wait_for_a_lock);
}

static void who_waits_for_a_lock_is_cancelled_without_it(void **state)
{
    (void)state;
    run_with_one_file(cancel_who_waits);
}

static void what_is_no_lock_is_refused(void **state)
{
    (void)state;
    run_with_one_file(lock_wrongly);
    assert_int_equal(whorl_flock(0, LOCK_EX), -EPERM);
    assert_int_equal(whorl_flock(0, LOCK_UN), -EPERM);
}

/* Those who wait for a lock keep no thread: the only one is free for others. */
static intptr_t keep_no_thread(void *arg)
{
    enum { WAITERS = 20 };
    whorl_task *waits[WAITERS];
    check_equal(whorl_flock(one, LOCK_EX), 0);
    for (int i = 0; i < WAITERS; i++)
        waits[i] = whorl_spawn(lock_other, (void *)LOCK_SH);
    check_equal(whorl_sleep(WHORL_MS(5)), 0);
    for (int i = 0; i < 50; i++)
        check_equal(whorl_access("/", F_OK), 0);
    check_equal(whorl_flock(one, LOCK_UN), 0);
    for (int i = 0; i < WAITERS; i++)
        check_equal(whorl_join(waits[i]), 0);
    return (intptr_t)arg;
}

static void who_waits_for_a_lock_keeps_no_thread(void **state)
{
    (void)state;
    static const whorl_config one_thread = {.threads = 1};
    one = open_file("locked");
    other = open_file("locked");
    run_checks_with(&one_thread, keep_no_thread, NULL);
    check_equal(close(one) + close(other), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(ranges_of_files_are_copied_within_the_kernel),
        behaviour(a_lock_is_waited_for),
        behaviour(who_waits_for_a_lock_is_cancelled_without_it),
        behaviour(what_is_no_lock_is_refused),
        behaviour(who_waits_for_a_lock_keeps_no_thread),
    };
    return run_behaviours("file_thread", tests);
}
