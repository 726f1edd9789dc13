/* Listening at a path is refused by its directory, or by what the program may do. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "core/forbid.h"
#include "net/stale.h"

#include <sys/resource.h>
#include <sys/stat.h>

static void check_refused(const char *path, const whorl_listener_options *options, int error)
{
    whorl_listener *listener;
    int before = open_descriptors();
    check_equal(whorl_listen_unix(path, options, &listener), error);
    check(listener == NULL);
    check_equal(open_descriptors(), before);
}

/* --- A directory of others --- */

static intptr_t listen_at_anothers(void *path)
{
    check_refused(path, NULL, -EACCES);
    check_equal(access(path, F_OK), 0);
    return 0;
}

static int as_nobody(void *path)
{
    enum { NOBODY = 65534 };
    if (geteuid() == 0) {
        check_equal(setresgid(NOBODY, NOBODY, NOBODY), 0);
        check_equal(setresuid(NOBODY, NOBODY, NOBODY), 0);
    }
    return (int)whorl_run(listen_at_anothers, path);
}

static void a_stale_file_that_may_not_be_removed_is_told_of(void **state)
{
    (void)state;
    test_path top = path_of(""), directory = path_of("others"), path = path_of("others/socket");
    assert_int_equal(chmod(top.text, 0755), 0);
    assert_int_equal(mkdir(directory.text, 0755), 0);
    leave_stale(path.text);
    assert_int_equal(chmod(path.text, 0777), 0);
    assert_int_equal(chmod(directory.text, 0555), 0);
    run_in_child(as_nobody, path.text);
    assert_int_equal(chmod(directory.text, 0755), 0);
}

/* --- A program that has too few descriptors --- */

/* What they lack for is not taken for somebody who is there. */
static intptr_t listen_with_few(void *path)
{
    enum { ENOUGH = 8 };
    struct rlimit before;
    check_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int free_one = dup(STDIN_FILENO), refused = 0;
    close(free_one);
    for (int more = 0; more < ENOUGH; more++) {
        whorl_listener *listener;
        whorl_datagram *datagram;
        const struct rlimit few = {(rlim_t)(free_one + more), before.rlim_max};
        check_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        int error = whorl_listen_unix(path, NULL, &listener);
        check(error == 0 || error == -EMFILE);
        refused += error != 0;
        check_equal(whorl_datagram_open_unix(error ? path : "@", NULL, &datagram),
                    error ? -EMFILE : -EINVAL);
        check_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (error == 0) {
            check_equal(whorl_listener_close(listener), 0);
            leave_stale(path);
        }
    }
    check(refused > 1 && refused < ENOUGH);
    return unlink(path);
}

static void without_descriptors_a_stale_file_is_not_taken_for_a_live_one(void **state)
{
    (void)state;
    test_path path = path_of("stale");
    leave_stale(path.text);
    run_checks(listen_with_few, path.text);
}

/* --- A program that may not change modes --- */

static intptr_t listen_with_mode(void *path)
{
    whorl_listener_options options = {.mode = 0600};
    whorl_listener *listener;
    check_refused(path, &options, -EPERM);
    check_equal(access(path, F_OK), -1);
    check_equal(whorl_listen_unix(path, NULL, &listener), 0);
    return whorl_listener_close(listener);
}

static int without_fchmod(void *path)
{
    check_equal(forbid_call(SYS_fchmod, EPERM), 0);
    return (int)whorl_run(listen_with_mode, path);
}

static int without_chmod(void *path)
{
#ifdef SYS_chmod
    check_equal(forbid_call(SYS_chmod, EPERM), 0);
#else
    check_equal(forbid_call(SYS_fchmodat, EPERM), 0);
#endif
    return (int)whorl_run(listen_with_mode, path);
}

static void a_mode_that_cannot_be_set_leaves_no_file(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    run_in_child(without_fchmod, path.text);
    run_in_child(without_chmod, path.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_stale_file_that_may_not_be_removed_is_told_of),
        behaviour(without_descriptors_a_stale_file_is_not_taken_for_a_live_one),
        behaviour(a_mode_that_cannot_be_set_leaves_no_file),
    };
    return run_behaviours("listener_unix_refused", tests);
}
