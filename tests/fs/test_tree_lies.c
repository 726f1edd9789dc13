/*
 * Trees of which the file system tells what is not so, or no more: entries of another type than
 * they were listed with, or seen to be, directories that cannot be read, and one that is another
 * when it is opened again. This stands before getdents64(2) and fstatat(2) (the linker's --wrap).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/trees.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fs/tree.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int listed_type; /* 0: as it is */
static atomic_uint seen_type;
static atomic_bool fails_to_list;
static atomic_bool awaits_deepest; /* until the end of a chain is listed */

/* Whether the name is in the batch. */
static bool lists(const void *batch, ssize_t got, const char *name)
{
    for (ssize_t at = 0; at < got;) {
        const struct dirent64 *entry = (const struct dirent64 *)((const char *)batch + at);
        if (strcmp(entry->d_name, name) == 0)
            return true;
        at += entry->d_reclen;
    }
    return false;
}

static void reach_deepest(void);

ssize_t __real_getdents64(int fd, void *batch, size_t room);
ssize_t __wrap_getdents64(int fd, void *batch, size_t room);
ssize_t __wrap_getdents64(int fd, void *batch, size_t room)
{
    if (atomic_load(&fails_to_list)) {
        errno = EIO;
        return -1;
    }
    ssize_t got = __real_getdents64(fd, batch, room);
    if (atomic_load(&awaits_deepest) && lists(batch, got, "end"))
        reach_deepest();
    int type = atomic_load(&listed_type);
    for (ssize_t at = 0; type != 0 && at < got;) {
        struct dirent64 *entry = (struct dirent64 *)((char *)batch + at);
        if (strcmp(entry->d_name, "odd") == 0)
            entry->d_type = (unsigned char)type;
        at += entry->d_reclen;
    }
    return got;
}

int __real_fstatat(int dirfd, const char *path, struct stat *status, int flags);
int __wrap_fstatat(int dirfd, const char *path, struct stat *status, int flags);
int __wrap_fstatat(int dirfd, const char *path, struct stat *status, int flags)
{
    int result = __real_fstatat(dirfd, path, status, flags);
    unsigned type = atomic_load(&seen_type);
    if (result == 0 && type != 0 && strcmp(path, "odd") == 0)
        status->st_mode = (status->st_mode & ~(mode_t)S_IFMT) | type;
    return result;
}

static void lie(int listed, unsigned seen)
{
    atomic_store(&listed_type, listed);
    atomic_store(&seen_type, seen);
}

static mode_t type_of(const char *name)
{
    struct stat status;
    return lstat(path_of(name).text, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

/* "tree" with a file, and "tree/odd", which is of the type. */
static void make_tree(mode_t type)
{
    test_path odd = path_of("tree/odd");
    check_equal(mkdir(path_of("tree").text, 0700), 0);
    write_whole(path_of("tree/file").text, "text", 4);
    if (S_ISDIR(type))
        check_equal(mkdir(odd.text, 0700), 0);
    else if (S_ISLNK(type))
        check_equal(symlink("file", odd.text), 0);
    else
        check_equal(mknod(odd.text, type | 0600, 0), 0);
}

static int copy(whorl_tree_report *report)
{
    return whorl_copy_tree(path_of("tree").text, path_of("copy").text, WHORL_TREE_GO_ON, report);
}

static void remove_both(void)
{
    lie(0, 0);
    check_equal(whorl_remove_tree(path_of("tree").text, 0, NULL), 0);
    check_equal(whorl_remove_tree(path_of("copy").text, WHORL_TREE_MAY_MISS, NULL), 0);
}

/* --- Listed as what they are not --- */

static const mode_t types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO};

static intptr_t copy_what_is_listed_wrongly(void *arg)
{
    whorl_tree_report report;
    (void)arg;
    for (size_t is = 0; is < count_of(types); is++) {
        for (size_t listed = 0; listed < count_of(types); listed++) {
            make_tree(types[is]);
            lie(IFTODT(types[listed]), 0);
            check_equal(copy(&report), 0);
            check_equal(type_of("copy/odd"), types[is]);
            check_equal(report.errors, 0);
            lie(IFTODT(types[listed]), 0);
            check_equal(whorl_remove_tree(path_of("tree").text, 0, &report), 0);
            check_equal(type_of("tree"), 0);
            make_tree(types[is]);
            remove_both();
        }
    }
    return 0;
}

static void what_is_listed_as_something_else_is_copied_and_removed_as_it_is(void **state)
{
    (void)state;
    run_checks(copy_what_is_listed_wrongly, NULL);
}

/* --- Seen as what they are not, each time --- */

static void check_stale(const whorl_tree_report *report, const char *name)
{
    check_equal(report->errors, 1);
    check_equal(report->error, -ESTALE);
    check_text(report->path, path_of(name).text);
}

static intptr_t copy_what_never_stays(void *arg)
{
    whorl_tree_report report;
    (void)arg;
    make_tree(S_IFIFO);
    lie(DT_UNKNOWN, S_IFREG);
    check_equal(copy(&report), -ESTALE);
    check_stale(&report, "tree/odd");
    check_equal(report.files, 1);
    check_equal(type_of("copy/odd"), 0);
    remove_both();
    make_tree(S_IFREG);
    lie(DT_DIR, S_IFDIR);
    check_equal(copy(&report), -ESTALE);
    check_stale(&report, "tree/odd");
    check_equal(whorl_remove_tree(path_of("tree").text, 0, &report), -ESTALE);
    check_stale(&report, "tree/odd");
    check_equal(report.files, 1);
    remove_both();
    return 0;
}

static void what_is_something_else_each_time_is_given_up(void **state)
{
    (void)state;
    run_checks(copy_what_never_stays, NULL);
}

/* --- Not listed --- */

static intptr_t copy_what_is_not_listed(void *arg)
{
    whorl_tree_report report;
    (void)arg;
    make_tree(S_IFREG);
    atomic_store(&fails_to_list, true);
    check_equal(copy(&report), -EIO);
    check_text(report.path, path_of("tree").text);
    check_equal(whorl_remove_tree(path_of("tree").text, 0, &report), -EIO);
    check_text(report.path, path_of("tree").text);
    atomic_store(&fails_to_list, false);
    check_equal(type_of("tree/odd"), S_IFREG);
    remove_both();
    return 0;
}

static void a_directory_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    run_checks(copy_what_is_not_listed, NULL);
}

/* --- Opened again --- */

enum { DEPTH = 2 * TREE_OPEN_MOST };

static const whorl_config one_thread = {.threads = 1};
static test_path middle, away;
static bool is_exchanged;

/* At the bottom of the first of two chains, what holds both is closed. */
static void reach_deepest(void)
{
    atomic_store(&awaits_deepest, false);
    check_equal(rename(middle.text, away.text), 0);
    if (is_exchanged)
        check_equal(mkdir(middle.text, 0700), 0);
}

static void make_two_chains(bool exchanged)
{
    check_equal(mkdir(path_of("tree").text, 0700), 0);
    check_equal(mkdir(middle.text, 0700), 0);
    make_chain(path_of("tree/middle/one").text, "level", DEPTH);
    make_chain(path_of("tree/middle/two").text, "level", DEPTH);
    is_exchanged = exchanged;
    atomic_store(&awaits_deepest, true);
}

static intptr_t remove_what_moves(void *arg)
{
    whorl_tree_report report;
    test_path tree = path_of("tree");
    middle = path_of("tree/middle");
    away = path_of("tree/away");
    make_two_chains(false);
    check_equal(whorl_remove_tree(tree.text, 0, &report), 0);
    check(!atomic_load(&awaits_deepest));
    check_equal(report.files, 2);
    check(!exists(tree.text));
    away = path_of("away");
    make_two_chains(true);
    check_equal(whorl_remove_tree(tree.text, 0, &report), -ESTALE);
    check(!atomic_load(&awaits_deepest));
    check(report.errors > 1);
    check(exists(middle.text) && is_empty(middle.text));
    check(exists(path_of("away/one").text) && exists(path_of("away/two").text));
    check_equal(whorl_remove_tree(away.text, 0, NULL), 0);
    check_equal(whorl_remove_tree(tree.text, 0, NULL), 0);
    return (intptr_t)arg;
}

static void what_is_another_when_it_is_opened_again_is_left_alone(void **state)
{
    (void)state;
    run_checks_with(&one_thread, remove_what_moves, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(what_is_listed_as_something_else_is_copied_and_removed_as_it_is),
        behaviour(what_is_something_else_each_time_is_given_up),
        behaviour(a_directory_that_cannot_be_read_is_told),
        behaviour(what_is_another_when_it_is_opened_again_is_left_alone),
    };
    return run_behaviours("tree lies", tests);
}
