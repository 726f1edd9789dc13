/*
 * Trees removed: what is refused, what is not followed, what is removed all the same. That a random
 * tree goes without a trace is tested with its copy.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/trees.h"

#include "as_task.h"
#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static whorl_tree_report report;

static void refuses(int error, const char *path)
{
    check_equal(whorl_remove_tree(path, 0, &report), error);
}

/* --- Roots --- */

static intptr_t name_the_system(void *arg)
{
    (void)arg;
    static const char *const names[] = {"/",    "//",  "///", "",    ".",        "..",   "./",
                                        "x/..", "x/.", "/.",  "/..", "/proc/..", "x/../"};
    make_directory("x");
    for (size_t i = 0; i < count_of(names); i++)
        refuses(-EINVAL, names[i]);
    refuses(-EINVAL, NULL);
    check_equal(whorl_remove_tree("x", WHORL_TREE_MERGE, NULL), -EINVAL);
    check(exists("x"));
    return whorl_remove_tree("x", 0, NULL);
}

static void what_is_no_name_in_a_directory_is_refused(void **state)
{
    (void)state;
    run_checks_as_nobody(name_the_system, NULL);
}

/* The root under another name: "/" is mounted a second time, empty,
 * in a namespace of the test's. */
static intptr_t name_it_otherwise(void *root)
{
    (void)root;
    make_directory("other");
    check_equal(mount("/", "other", NULL, MS_BIND, NULL), 0);
    check_equal(whorl_remove_tree("other", 0, &report), -EINVAL);
    check_text(report.path, "other");
    check(exists("other/proc"));
    return umount("other");
}

static void the_systems_root_is_known_by_any_name(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, name_it_otherwise);
}

static void what_is_missing_is_an_error_unless_it_may_be(void **state)
{
    (void)state;
    test_path none = path_of("none"), below = path_of("none/below");
    check_equal(whorl_remove_tree(none.text, 0, &report), -ENOENT);
    check_text(report.path, none.text);
    check_equal(report.errors, 1);
    check_equal(whorl_remove_tree(none.text, WHORL_TREE_MAY_MISS, &report), 0);
    check_equal(report.errors, 0);
    check_equal(whorl_remove_tree(below.text, 0, NULL), -ENOENT);
    check_equal(whorl_remove_tree(below.text, WHORL_TREE_MAY_MISS, NULL), 0);
    write_whole(none.text, "x", 1);
    check_equal(whorl_remove_tree(below.text, WHORL_TREE_MAY_MISS, NULL), -ENOTDIR);
    static char longer[NAME_MAX + 2];
    memset(longer, 'x', NAME_MAX + 1);
    refuses(-ENAMETOOLONG, longer);
}

static void what_is_no_directory_is_removed_itself(void **state)
{
    (void)state;
    make_directory(path_of("dir").text);
    write_whole(path_of("dir/file").text, "x", 1);
    write_whole(path_of("file").text, "x", 1);
    check_equal(symlink("dir", path_of("link").text), 0);
    check_equal(symlink("dir", path_of("other").text), 0);
    refuses(-ENOTDIR, path_of("file/").text);
    refuses(-ENOTDIR, path_of("link/").text);
    check_equal(whorl_remove_tree(path_of("file").text, 0, &report), 0);
    check_equal(report.files, 1);
    check_equal(whorl_remove_tree(path_of("link").text, 0, &report), 0);
    check_equal(report.links, 1);
    check_equal(report.directories, 0);
    check(exists(path_of("dir/file").text));
    check_equal(whorl_remove_tree(path_of("other/file").text, 0, NULL), 0);
    check_equal(whorl_remove_tree(path_of("dir//").text, 0, &report), 0);
    check_equal(report.directories, 1);
    check(!exists(path_of("dir").text));
    check_equal(mkfifo(path_of("fifo").text, 0600), 0);
    check_equal(whorl_remove_tree(path_of("fifo").text, 0, &report), 0);
    check_equal(report.specials, 1);
}

/* --- Links --- */

static void links_in_a_tree_are_removed_and_not_followed(void **state)
{
    (void)state;
    make_directory(path_of("outside").text);
    write_whole(path_of("outside/file").text, "x", 1);
    make_directory(path_of("tree").text);
    check_equal(symlink("../outside", path_of("tree/dir").text), 0);
    check_equal(symlink("../outside/file", path_of("tree/file").text), 0);
    check_equal(symlink("..", path_of("tree/up").text), 0);
    check_equal(whorl_remove_tree(path_of("tree").text, 0, &report), 0);
    check_equal(report.links, 3);
    check(exists(path_of("outside/file").text));
}

static atomic_bool is_over;
static atomic_long swaps;

/* A directory, and a link that leads out of the tree, by turns under one name. */
static void *swap(void *arg)
{
    (void)arg;
    test_path dir = path_of("tree/dir"), link = path_of("tree/link");
    while (!atomic_load(&is_over))
        if (renameat2(AT_FDCWD, dir.text, AT_FDCWD, link.text, RENAME_EXCHANGE) == 0)
            atomic_fetch_add(&swaps, 1);
    return NULL;
}

static void make_bait(void)
{
    char name[64];
    make_directory(path_of("tree").text);
    make_directory(path_of("tree/dir").text);
    check_equal(symlink("../outside", path_of("tree/link").text), 0);
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "tree/dir/file%d", i);
        write_whole(path_of(name).text, "x", 1);
    }
}

/* Whatever the race comes to, nothing outside is touched. The directory may be met under no name,
 * as it moves, or under two. */
static void a_link_that_takes_a_directorys_place_leads_nowhere(void **state)
{
    (void)state;
    pthread_t other;
    long rounds = test_rounds(UNDER_SANITIZER ? 200 : 1000), failed = 0;
    make_directory(path_of("outside").text);
    make_directory(path_of("outside/dir").text);
    for (int i = 0; i < 10; i++) {
        char name[64];
        snprintf(name, sizeof name, "outside/file%d", i);
        write_whole(path_of(name).text, "x", 1);
    }
    atomic_store(&is_over, false);
    atomic_store(&swaps, 0);
    check_equal(pthread_create(&other, NULL, swap, NULL), 0);
    for (long i = 0; i < rounds; i++) {
        make_bait();
        int result = whorl_remove_tree(path_of("tree").text, 0, &report);
        if (result && result != -ENOTEMPTY && result != -ESTALE && result != -EISDIR)
            check_failed("removing gave %d about %s", result, report.path);
        failed += result != 0;
        check_equal(names_in(path_of("outside").text), 11);
        for (int again = 0; result && again < 1000; again++)
            result = whorl_remove_tree(path_of("tree").text, 0, NULL);
        check_equal(result, 0);
    }
    atomic_store(&is_over, true);
    pthread_join(other, NULL);
    print_message("%ld removals among %ld swaps, %ld not at once\n", rounds, atomic_load(&swaps),
                  failed);
}

/* --- Others at work --- */

static intptr_t remove_it_too(void *arg)
{
    return whorl_remove_tree(arg, WHORL_TREE_MAY_MISS, NULL);
}

static void several_may_remove_the_same_tree(void **state)
{
    (void)state;
    random_source source = random_from_seed(3);
    long rounds = test_rounds(20);
    test_path tree = path_of("tree");
    for (long i = 0; i < rounds; i++) {
        whorl_task *tasks[4];
        grow_tree(tree.text, &source, 300, GROW_MODES | GROW_SPECIALS);
        for (size_t t = 0; t < count_of(tasks); t++)
            tasks[t] = whorl_spawn(remove_it_too, tree.text);
        check_equal(whorl_gather(tasks, count_of(tasks), NULL, 0), 0);
        check(!exists(tree.text));
    }
}

static void *add(void *arg)
{
    char name[64];
    for (unsigned i = 0; !atomic_load(&is_over); i++) {
        snprintf(name, sizeof name, "more%u", i);
        int fd = openat(*(int *)arg, name, O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0)
            close(fd);
    }
    return NULL;
}

/* Ends in any case: the directory is gone, or others keep adding to it. */
static void what_others_add_is_removed_with_the_rest(void **state)
{
    (void)state;
    long rounds = test_rounds(30), gone = 0;
    for (long i = 0; i < rounds; i++) {
        pthread_t other;
        make_directory(path_of("tree").text);
        int fd = open(path_of("tree").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        atomic_store(&is_over, false);
        check_equal(pthread_create(&other, NULL, add, &fd), 0);
        int result = whorl_remove_tree(path_of("tree").text, 0, &report);
        atomic_store(&is_over, true);
        pthread_join(other, NULL);
        close(fd);
        check(result == 0 || result == -ENOTEMPTY);
        gone += result == 0;
        check_equal(whorl_remove_tree(path_of("tree").text, WHORL_TREE_MAY_MISS, NULL), 0);
    }
    print_message("%ld of %ld trees gone at once\n", gone, rounds);
}

/* --- Rights --- */

static intptr_t remove_without_rights(void *arg)
{
    (void)arg;
    make_directory("tree");
    make_directory("tree/free");
    write_whole("tree/free/file", "x", 1);
    make_directory("tree/empty");
    make_directory("tree/empty_and_closed");
    make_directory("tree/closed");
    make_directory("tree/closed/sub");
    make_directory("tree/kept");
    write_whole("tree/kept/one", "x", 1);
    write_whole("tree/kept/two", "x", 1);
    check_equal(chmod("tree/empty_and_closed", 0), 0);
    check_equal(chmod("tree/closed", 0), 0);
    check_equal(chmod("tree/kept", 0555), 0);
    check_equal(whorl_remove_tree("tree", 0, &report), -EACCES);
    check_equal(report.errors, 3);
    check(strncmp(report.path, "tree/kept/", 10) == 0 || strcmp(report.path, "tree/closed") == 0);
    check_equal(names_in("tree"), 2);
    check_equal(report.directories, 3);
    check_equal(report.files, 1);
    check_equal(chmod("tree/kept", 0755), 0);
    check_equal(chmod("tree/closed", 0755), 0);
    check_equal(whorl_remove_tree("tree", 0, &report), 0);
    check_equal(report.directories, 4);
    make_directory("shut");
    make_directory("shut/tree");
    write_whole("shut/file", "x", 1);
    check_equal(chmod("shut", 0555), 0);
    check_equal(whorl_remove_tree("shut/file", 0, &report), -EACCES);
    check_text(report.path, "shut/file");
    check(exists("shut/file"));
    check_equal(whorl_remove_tree("shut/tree", 0, &report), -EACCES);
    check_text(report.path, "shut/tree");
    check_equal(chmod("shut", 0755), 0);
    return whorl_remove_tree("shut", 0, NULL);
}

static void all_that_can_be_removed_is(void **state)
{
    (void)state;
    run_checks_as_nobody(remove_without_rights, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_is_no_name_in_a_directory_is_refused),
        behaviour(the_systems_root_is_known_by_any_name),
        as_task(what_is_missing_is_an_error_unless_it_may_be),
        as_task(what_is_no_directory_is_removed_itself),
        as_task(links_in_a_tree_are_removed_and_not_followed),
        as_task(a_link_that_takes_a_directorys_place_leads_nowhere),
        as_task(several_may_remove_the_same_tree),
        as_task(what_others_add_is_removed_with_the_rest),
        behaviour(all_that_can_be_removed_is),
    };
    return run_behaviours("remove tree", tests);
}
