/*
 * Links, and directories taken away: link, linkat, symlink, symlinkat, rmdir; and that closing
 * either directory of an operation on two names ends it or waits for it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "fs/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void remove_all(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(unlink(path_of(names[i]).text) == 0 || rmdir(path_of(names[i]).text) == 0 ||
              errno == ENOENT);
}

static int open_directory(const char *name)
{
    return open(path_of(name).text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static long links_of(const char *name)
{
    struct stat status;
    return stat(path_of(name).text, &status) == 0 ? (long)status.st_nlink : -1;
}

static void check_target(const char *name, const char *expected)
{
    char text[64] = {0};
    check(readlink(path_of(name).text, text, sizeof text - 1) > 0);
    check_text(text, expected);
}

/* --- Links --- */

static intptr_t link_names(void *arg)
{
    (void)arg;
    static const char *const names[] = {"one", "two", "three", "soft", "of soft", "of file"};
    remove_all(names, count_of(names));
    make_file("one");
    int dirfd = open_directory("");
    test_path one = path_of("one"), two = path_of("two"), of_file = path_of("of file");
    check_equal(whorl_link(one.text, two.text), 0);
    check_equal(links_of("one"), 2);
    check_equal(whorl_linkat(dirfd, "two", dirfd, "three", 0), 0);
    check_equal(links_of("one"), 3);
    check_equal(whorl_symlink("one", path_of("soft").text), 0);
    check_target("soft", "one");
    check_equal(whorl_linkat(dirfd, "soft", dirfd, "of soft", 0),
                0); /* one more name of the link */
    check_target("of soft", "one");
    check_equal(whorl_linkat(-1, path_of("soft").text, -1, of_file.text, AT_SYMLINK_FOLLOW), 0);
    check_equal(links_of("one"), 4);
    check_equal(unlink(of_file.text), 0);
    int fd = open(one.text, O_PATH | O_CLOEXEC);
    int plain = linkat(fd, "", dirfd, "of file", AT_EMPTY_PATH) == 0 ? 0 : -errno;
    check(plain != 0 || unlink(of_file.text) == 0);
    check_equal(whorl_linkat(fd, "", dirfd, "of file", AT_EMPTY_PATH), plain);
    check_equal(close(fd), 0);
    return close(dirfd);
}

static void link_gives_a_file_one_more_name(void **state)
{
    (void)state;
    run_checks_on_all_features(link_names, NULL);
}

static intptr_t link_wrongly(void *arg)
{
    (void)arg;
    static const char *const names[] = {"one", "two", "directory"};
    remove_all(names, count_of(names));
    make_file("one");
    make_file("two");
    test_path one = path_of("one"), two = path_of("two"), directory = path_of("directory");
    test_path missing = path_of("missing"), below = path_of("one/below");
    check_equal(mkdir(directory.text, 0700), 0);
    check_equal(whorl_link(missing.text, two.text), -ENOENT);
    check_equal(whorl_link(one.text, two.text), -EEXIST);
    check_equal(whorl_link(one.text, below.text), -ENOTDIR);
    check_equal(whorl_link(one.text, path_of("missing/two").text), -ENOENT);
    check_equal(whorl_link(directory.text, missing.text), -EPERM);
    check_equal(whorl_link("/proc/version", missing.text), -EXDEV);
    check_equal(whorl_link(NULL, two.text), -EFAULT);
    check_equal(whorl_link(one.text, NULL), -EFAULT);
    check_equal(whorl_link("", two.text), -ENOENT);
    check_equal(whorl_linkat(-1, "one", -1, missing.text, 0), -EBADF);
    check_equal(whorl_linkat(-1, one.text, -1, "missing", 0), -EBADF);
    check_equal(whorl_linkat(-1, one.text, -1, missing.text, 1 << 30), -EINVAL);
    check_equal(links_of("one"), 1);
    check(!exists("missing"));
    return 0;
}

static void link_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(link_wrongly, NULL);
}

static intptr_t symlink_names(void *arg)
{
    (void)arg;
    static const char *const names[] = {"soft", "dangling", "one"};
    remove_all(names, count_of(names));
    make_file("one");
    int dirfd = open_directory("");
    test_path soft = path_of("soft");
    check_equal(whorl_symlink(path_of("one").text, soft.text), 0);
    check_target("soft", path_of("one").text);
    check_equal(whorl_symlinkat("no/where", dirfd, "dangling"), 0);
    check_target("dangling", "no/where");
    check_equal(whorl_symlink("one", soft.text), -EEXIST);
    check_equal(whorl_symlink("", path_of("missing").text), -ENOENT);
    check_equal(whorl_symlink("one", ""), -ENOENT);
    check_equal(whorl_symlink("one", path_of("missing/two").text), -ENOENT);
    check_equal(whorl_symlink("one", path_of("one/below").text), -ENOTDIR);
    check_equal(whorl_symlink(NULL, path_of("missing").text), -EFAULT);
    check_equal(whorl_symlink("one", NULL), -EFAULT);
    check_equal(whorl_symlinkat("one", -1, "missing"), -EBADF);
    check(!exists("missing"));
    return close(dirfd);
}

static void symlink_makes_a_name_that_leads_anywhere(void **state)
{
    (void)state;
    run_checks_on_all_features(symlink_names, NULL);
}

static intptr_t remove_directories(void *arg)
{
    (void)arg;
    test_path directory = path_of("directory"), inner = path_of("directory/inner");
    static const char *const names[] = {"one"};
    remove_all(names, 1);
    make_file("one");
    check_equal(mkdir(directory.text, 0700), 0);
    check_equal(mkdir(inner.text, 0700), 0);
    check_equal(whorl_rmdir(directory.text), -ENOTEMPTY);
    check_equal(whorl_rmdir(inner.text), 0);
    check_equal(whorl_rmdir(inner.text), -ENOENT);
    check_equal(whorl_rmdir(path_of("one").text), -ENOTDIR);
    check_equal(whorl_rmdir(NULL), -EFAULT);
    check_equal(whorl_rmdir(path_of("directory/.").text), -EINVAL);
    check_equal(whorl_rmdir("/"), -EBUSY);
    check_equal(whorl_rmdir(directory.text), 0);
    check(!exists("directory") && exists("one"));
    return 0;
}

static void rmdir_takes_away_what_is_empty(void **state)
{
    (void)state;
    run_checks_on_all_features(remove_directories, NULL);
}

/* --- Two directories --- */

static whorl_op move_or_link(bool links, int from, int to)
{
    return links ? whorl_op_linkat(from, "one", to, "two", 0)
                 : whorl_op_renameat2(from, "one", to, "two", 0);
}

/* The directory is closed before the kernel has seen the op, and another takes its number. */
static intptr_t close_a_directory(void *arg)
{
    (void)arg;
    for (int trial = 0; trial < 4; trial++) {
        bool links = trial & 1, closes_new = trial & 2;
        static const char *const names[] = {"from/one", "to/two", "other/two", "other/one"};
        remove_all(names, count_of(names));
        make_file("from/one");
        make_file("other/one");
        int from = open_directory("from"), to = open_directory("to");
        whorl_op op = move_or_link(links, from, to);
        check_equal(whorl_op_start(&op), 0);
        int closed = closes_new ? to : from;
        check_equal(whorl_close(closed), 0);
        check_equal(open_directory("other"), closed);
        int result = whorl_op_await(&op);
        check(result == 0 || result == -ECANCELED);
        check_equal(exists("to/two"), result == 0);
        check(exists("other/one") && !exists("other/two"));
        check_equal(close(from), 0);
        check_equal(close(to), 0);
    }
    return 0;
}

static void closing_either_directory_ends_a_rename_or_a_link(void **state)
{
    (void)state;
    static const char *const directories[] = {"from", "to", "other"};
    for (size_t i = 0; i < count_of(directories); i++)
        assert_int_equal(mkdir(path_of(directories[i]).text, 0700), 0);
    for (long round = 0; round < test_rounds(20); round++)
        run_checks(close_a_directory, NULL);
}

struct closing {
    int fd;
    intptr_t result;
};

static intptr_t close_it(void *arg)
{
    struct closing *one = arg;
    one->result = whorl_close(one->fd);
    return 0;
}

/* While somebody closes a directory, no new op may use it, in either place. */
static intptr_t start_under_a_closer(void *arg)
{
    (void)arg;
    static const char *const names[] = {"from/one", "to/two"};
    remove_all(names, count_of(names));
    make_file("from/one");
    int from = open_directory("from"), to = open_directory("to");
    whorl_op ops[] = {move_or_link(true, from, to), move_or_link(true, from, to)};
    check_equal(whorl_op_start(&ops[0]), 0);
    struct closing one = {.fd = to};
    whorl_task *closer = whorl_spawn(close_it, &one);
    check_equal(whorl_yield(), 0); /* it waits for the first op */
    bool waits = whorl_is_done(closer) == 0 && is_open(to);
    check_equal(whorl_op_start(&ops[1]), 0);
    if (waits)
        check_equal(whorl_op_await(&ops[1]), -EBADF);
    whorl_op_await(&ops[1]);
    int result = whorl_op_await(&ops[0]);
    check(result == 0 || result == -ECANCELED);
    check_equal(whorl_join(closer), 0);
    check_equal(one.result, 0);
    return close(from);
}

static void a_directory_that_is_being_closed_takes_no_new_name(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("from").text, 0700), 0);
    assert_int_equal(mkdir(path_of("to").text, 0700), 0);
    for (long round = 0; round < test_rounds(20); round++)
        run_checks(start_under_a_closer, NULL);
}

/* One directory in both places, closed by one and waited for once. */
static intptr_t close_the_only_directory(void *arg)
{
    (void)arg;
    static const char *const names[] = {"one", "two"};
    remove_all(names, count_of(names));
    make_file("one");
    int dirfd = open_directory("");
    whorl_op op = move_or_link(false, dirfd, dirfd);
    check_equal(whorl_op_start(&op), 0);
    check_equal(whorl_close(dirfd), 0);
    int result = whorl_op_await(&op);
    check(result == 0 || result == -ECANCELED);
    check_equal(exists("two"), result == 0);
    return 0;
}

static void one_directory_in_both_places_is_closed_once(void **state)
{
    (void)state;
    for (long round = 0; round < test_rounds(20); round++)
        run_checks(close_the_only_directory, NULL);
}

/* Both directories at once, by two tasks. */
static intptr_t close_both(void *arg)
{
    (void)arg;
    static const char *const names[] = {"from/one", "to/two"};
    remove_all(names, count_of(names));
    make_file("from/one");
    struct closing ends[] = {{.fd = open_directory("from")}, {.fd = open_directory("to")}};
    whorl_op op = move_or_link(false, ends[0].fd, ends[1].fd);
    check_equal(whorl_op_start(&op), 0);
    whorl_task *closers[] = {whorl_spawn(close_it, &ends[0]), whorl_spawn(close_it, &ends[1])};
    check_equal(whorl_join(closers[0]), 0);
    check_equal(whorl_join(closers[1]), 0);
    check(ends[0].result == 0 && ends[1].result == 0);
    int result = whorl_op_await(&op);
    check(result == 0 || result == -ECANCELED);
    return 0;
}

static void both_directories_are_closed_at_once(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("from").text, 0700), 0);
    assert_int_equal(mkdir(path_of("to").text, 0700), 0);
    for (long round = 0; round < test_rounds(20); round++)
        run_checks(close_both, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(link_gives_a_file_one_more_name),
        behaviour(link_gives_the_errors_of_its_page),
        behaviour(symlink_makes_a_name_that_leads_anywhere),
        behaviour(rmdir_takes_away_what_is_empty),
        behaviour(closing_either_directory_ends_a_rename_or_a_link),
        behaviour(a_directory_that_is_being_closed_takes_no_new_name),
        behaviour(one_directory_in_both_places_is_closed_once),
        behaviour(both_directories_are_closed_at_once),
    };
    return run_behaviours("links", tests);
}
