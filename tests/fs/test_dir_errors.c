/*
 * Directories used wrongly: what cannot be opened, what is not open, calls outside tasks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static intptr_t open_wrongly(void *arg)
{
    whorl_dir dir;
    check_equal(whorl_dir_open(&dir, path_of("missing").text, 0), -ENOENT);
    check_equal(whorl_dir_open(&dir, path_of("dangling").text, 0), -ENOENT);
    check_equal(whorl_dir_open(&dir, path_of("file").text, 0), -ENOTDIR);
    check_equal(whorl_dir_open(&dir, path_of("fifo").text, 0), -ENOTDIR);
    check_equal(whorl_dir_open(&dir, "", 0), -ENOENT);
    check_equal(whorl_dir_open(&dir, NULL, 0), -EFAULT);
    check_equal(whorl_dir_openat(&dir, -1, "name", 0), -EBADF);
    check_equal(whorl_dir_open(&dir, "/", O_RDWR), -EINVAL);
    check_equal(whorl_dir_open(&dir, "/", O_PATH), -EINVAL);
    check_equal(whorl_dir_open(NULL, "/", 0), -EINVAL);
    return (intptr_t)arg;
}

static void opening_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    write_whole(path_of("file").text, "", 0);
    check_equal(symlink("nowhere", path_of("dangling").text), 0);
    check_equal(mkfifo(path_of("fifo").text, 0600), 0);
    run_checks(open_wrongly, NULL);
}

static intptr_t use_what_is_closed(void *arg)
{
    whorl_dir dir;
    whorl_dir_entry entry;
    check_equal(whorl_dir_open(&dir, "/nowhere/at/all", 0), -ENOENT);
    for (int i = 0; i < 2; i++) {
        check_equal(whorl_dir_next(&dir, &entry), -EINVAL);
        check_equal(whorl_dir_rewind(&dir), -EINVAL);
        check_equal(whorl_dir_fd(&dir), -EINVAL);
        check_equal(whorl_dir_close(&dir), -EINVAL);
        if (i == 0) {
            check_equal(whorl_dir_open(&dir, "/", 0), 0);
            check_equal(whorl_dir_next(&dir, NULL), -EINVAL);
            check_equal(whorl_dir_close(&dir), 0);
        }
    }
    check_equal(whorl_dir_next(NULL, &entry), -EINVAL);
    check_equal(whorl_dir_rewind(NULL), -EINVAL);
    check_equal(whorl_dir_fd(NULL), -EINVAL);
    check_equal(whorl_dir_close(NULL), -EINVAL);
    return (intptr_t)arg;
}

static void what_is_not_open_is_refused(void **state)
{
    (void)state;
    run_checks(use_what_is_closed, NULL);
}

static intptr_t open_for_later(void *arg)
{
    return whorl_dir_open(arg, "/", 0);
}

static intptr_t close_it(void *arg)
{
    return whorl_dir_close(arg);
}

static void outside_a_task_every_call_is_refused(void **state)
{
    (void)state;
    whorl_dir dir;
    whorl_dir_entry entry;
    assert_int_equal(whorl_dir_open(&dir, "/", 0), -EPERM);
    run_checks(open_for_later, &dir);
    assert_int_equal(whorl_dir_next(&dir, &entry), -EPERM);
    assert_int_equal(whorl_dir_close(&dir), -EPERM);
    run_checks(close_it, &dir); /* another run may go on with it */
}

/* The descriptor is the directory's: who closes it breaks it. */
static intptr_t lose_the_descriptor(void *arg)
{
    whorl_dir dir;
    whorl_dir_entry entry;
    check_equal(whorl_dir_open(&dir, path_of("").text, 0), 0);
    check_equal(close(whorl_dir_fd(&dir)), 0);
    check_equal(whorl_dir_next(&dir, &entry), -EBADF);
    check_equal(whorl_dir_rewind(&dir), 0);
    check_equal(whorl_dir_next(&dir, &entry), -EBADF);
    check_equal(whorl_dir_close(&dir), -EBADF);
    return (intptr_t)arg;
}

static void without_its_descriptor_reading_and_closing_say_so(void **state)
{
    (void)state;
    run_checks(lose_the_descriptor, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(opening_gives_the_errors_of_its_page),
        behaviour(what_is_not_open_is_refused),
        behaviour(outside_a_task_every_call_is_refused),
        behaviour(without_its_descriptor_reading_and_closing_say_so),
    };
    return run_behaviours("dir_errors", tests);
}
