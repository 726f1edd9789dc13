/*
 * Names: statx, rename, unlink, mkdir, and their *at forms. Every effect is looked at with plain
 * system calls; each body runs on every set of features.
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

static bool is_content_of(const char *name, const char *expected)
{
    char text[32] = {0};
    check(read_whole(path_of(name).text, text, sizeof text - 1) >= 0);
    return strcmp(text, expected) == 0;
}

static int open_directory(void)
{
    return open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* --- statx --- */

static intptr_t stat_files(void *arg)
{
    (void)arg;
    make_file("file");
    check_equal(chmod(path_of("file").text, 0640), 0);
    struct statx status = {0};
    test_path path = path_of("file");
    check_equal(whorl_statx(AT_FDCWD, path.text, 0, STATX_BASIC_STATS, &status), 0);
    check_equal(status.stx_size, 4);
    check_equal(status.stx_mode, S_IFREG | 0640);
    check((status.stx_mask & STATX_SIZE) != 0);

    int fd = open(path.text, O_RDONLY | O_CLOEXEC);
    memset(&status, 0, sizeof status);
    check_equal(whorl_statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &status), 0);
    check_equal(status.stx_size, 4);
    check_equal(close(fd), 0);

    check_equal(symlink("file", path_of("link").text), 0);
    path = path_of("link");
    check_equal(whorl_statx(-1, path.text, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status), 0);
    check_equal(status.stx_mode & S_IFMT, S_IFLNK);
    check_equal(whorl_statx(-1, path.text, 0, STATX_TYPE, &status), 0);
    check_equal(status.stx_mode & S_IFMT, S_IFREG);
    return unlink(path.text);
}

static void statx_tells_of_files(void **state)
{
    (void)state;
    run_checks_on_all_features(stat_files, NULL);
}

static intptr_t stat_wrongly(void *arg)
{
    (void)arg;
    make_file("file");
    struct statx status;
    test_path path = path_of("file"), below = path_of("file/below"), missing = path_of("missing");
    check_equal(whorl_statx(-1, missing.text, 0, STATX_SIZE, &status), -ENOENT);
    check_equal(whorl_statx(-1, below.text, 0, STATX_SIZE, &status), -ENOTDIR);
    check_equal(whorl_statx(-1, "file", 0, STATX_SIZE, &status), -EBADF);
    check_equal(whorl_statx(-1, "", 0, STATX_SIZE, &status), -ENOENT);
    check_equal(whorl_statx(-1, NULL, 0, STATX_SIZE, &status), -EFAULT);
    check_equal(whorl_statx(-1, path.text, 0, STATX_SIZE, NULL), -EFAULT);
    check_equal(whorl_statx(-1, path.text, 1 << 30, STATX_SIZE, &status), -EINVAL);
    check_equal(whorl_statx(-1, path.text, 0, STATX__RESERVED, &status), -EINVAL);
    return 0;
}

static void statx_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(stat_wrongly, NULL);
}

/* --- rename --- */

static intptr_t rename_files(void *arg)
{
    (void)arg;
    make_file("a");
    make_file("b");
    test_path a = path_of("a"), b = path_of("b"), c = path_of("c");
    check_equal(whorl_rename(a.text, c.text), 0);
    check(!exists("a") && is_content_of("c", "a"));
    check_equal(whorl_rename(c.text, b.text), 0);
    check(!exists("c") && is_content_of("b", "a"));

    make_file("c");
    int dirfd = open_directory();
    check_equal(whorl_renameat2(dirfd, "b", dirfd, "c", RENAME_NOREPLACE), -EEXIST);
    check(is_content_of("b", "a") && is_content_of("c", "c"));
    check_equal(whorl_renameat2(dirfd, "b", dirfd, "c", RENAME_EXCHANGE), 0);
    check(is_content_of("b", "c") && is_content_of("c", "a"));
    check_equal(whorl_renameat2(dirfd, "b", -1, a.text, 0), 0);
    check_equal(whorl_renameat2(-1, c.text, dirfd, "a", 0), 0);
    check(!exists("b") && !exists("c") && is_content_of("a", "a"));
    return close(dirfd);
}

static void rename_moves_and_replaces(void **state)
{
    (void)state;
    run_checks_on_all_features(rename_files, NULL);
}

static intptr_t rename_wrongly(void *arg)
{
    (void)arg;
    make_file("file");
    if (!exists("directory"))
        check_equal(mkdir(path_of("directory").text, 0700), 0);
    if (!exists("directory/full"))
        check_equal(mkdir(path_of("directory/full").text, 0700), 0);
    if (!exists("other"))
        check_equal(mkdir(path_of("other").text, 0700), 0);
    test_path file = path_of("file"), missing = path_of("missing"), other = path_of("other");
    test_path directory = path_of("directory"), below = path_of("file/below");
    test_path inside = path_of("directory/full/inside");
    check_equal(whorl_rename(missing.text, file.text), -ENOENT);
    check_equal(whorl_rename(file.text, below.text), -ENOTDIR);
    check_equal(whorl_rename(directory.text, file.text), -ENOTDIR);
    check_equal(whorl_rename(file.text, directory.text), -EISDIR);
    check_equal(whorl_rename(other.text, directory.text), -ENOTEMPTY);
    check_equal(whorl_rename(directory.text, inside.text), -EINVAL);
    check_equal(whorl_rename(NULL, file.text), -EFAULT);
    check_equal(whorl_rename(file.text, NULL), -EFAULT);
    check_equal(whorl_renameat2(-1, "file", -1, "other", 0), -EBADF);
    check_equal(whorl_renameat2(-1, file.text, -1, missing.text, 1u << 30), -EINVAL);
    check(is_content_of("file", "file") && exists("directory/full") && !exists("missing"));
    return 0;
}

static void rename_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(rename_wrongly, NULL);
}

/* --- mkdir and unlink --- */

static intptr_t make_and_remove(void *arg)
{
    (void)arg;
    struct stat status;
    test_path directory = path_of("made"), file = path_of("file");
    check_equal(whorl_mkdir(directory.text, 0775), 0);
    check_equal(stat(directory.text, &status), 0);
    check_equal(status.st_mode, S_IFDIR | 0750);
    int dirfd = open_directory();
    check_equal(whorl_mkdirat(dirfd, "made/inner", 0700), 0);
    check(exists("made/inner"));
    check_equal(whorl_unlinkat(dirfd, "made/inner", AT_REMOVEDIR), 0);
    check(!exists("made/inner"));
    check_equal(whorl_unlinkat(-1, directory.text, AT_REMOVEDIR), 0);
    check(!exists("made"));

    make_file("file");
    check_equal(whorl_unlink(file.text), 0);
    check(!exists("file"));
    make_file("file");
    check_equal(whorl_unlinkat(dirfd, "file", 0), 0);
    check(!exists("file"));
    return close(dirfd);
}

static void mkdir_makes_and_unlink_removes(void **state)
{
    (void)state;
    mode_t mask = umask(027);
    run_checks_on_all_features(make_and_remove, NULL);
    umask(mask);
}

static intptr_t mkdir_wrongly(void *arg)
{
    (void)arg;
    make_file("file");
    test_path file = path_of("file"), below = path_of("file/below"), root = path_of("");
    test_path deeper = path_of("missing/deeper");
    check_equal(whorl_mkdir(file.text, 0700), -EEXIST);
    check_equal(whorl_mkdir(root.text, 0700), -EEXIST);
    check_equal(whorl_mkdir(deeper.text, 0700), -ENOENT);
    check_equal(whorl_mkdir(below.text, 0700), -ENOTDIR);
    check_equal(whorl_mkdir("", 0700), -ENOENT);
    check_equal(whorl_mkdir(NULL, 0700), -EFAULT);
    check_equal(whorl_mkdirat(-1, "name", 0700), -EBADF);
    check(!exists("missing"));
    return 0;
}

static void mkdir_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(mkdir_wrongly, NULL);
}

static intptr_t unlink_wrongly(void *arg)
{
    (void)arg;
    make_file("file");
    if (!exists("directory"))
        check_equal(mkdir(path_of("directory").text, 0700), 0);
    make_file("directory/full");
    test_path file = path_of("file"), directory = path_of("directory");
    test_path missing = path_of("missing"), below = path_of("file/below");
    check_equal(whorl_unlink(missing.text), -ENOENT);
    check_equal(whorl_unlink(below.text), -ENOTDIR);
    check_equal(whorl_unlink(directory.text), -EISDIR);
    check_equal(whorl_unlink(NULL), -EFAULT);
    check_equal(whorl_unlinkat(-1, directory.text, AT_REMOVEDIR), -ENOTEMPTY);
    check_equal(whorl_unlinkat(-1, file.text, AT_REMOVEDIR), -ENOTDIR);
    check_equal(whorl_unlinkat(-1, file.text, 1 << 30), -EINVAL);
    check_equal(whorl_unlinkat(-1, "file", 0), -EBADF);
    check(exists("file") && exists("directory/full"));
    return 0;
}

static void unlink_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(unlink_wrongly, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(statx_tells_of_files),
        behaviour(statx_gives_the_errors_of_its_page),
        behaviour(rename_moves_and_replaces),
        behaviour(rename_gives_the_errors_of_its_page),
        behaviour(mkdir_makes_and_unlink_removes),
        behaviour(mkdir_gives_the_errors_of_its_page),
        behaviour(unlink_gives_the_errors_of_its_page),
    };
    return run_behaviours("names", tests);
}
