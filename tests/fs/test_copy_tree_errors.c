/*
 * Trees that cannot be copied, or not whole: each error, the path that it names, and what is left.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/trees.h"

#include "as_task.h"
#include "core/child.h"
#include "fs/small_disk.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

static whorl_tree_report report;

/* Copies `from` to `to`, both below the test's directory; the error is about `path` there. */
static void refuses(int error, const char *from, const char *to, unsigned flags, const char *path)
{
    check_equal(whorl_copy_tree(path_of(from).text, path_of(to).text, flags, &report), error);
    check_text(report.path, path_of(path).text);
    check_equal(report.error, error);
    check_equal(report.errors, 1);
}

/* --- Misuse --- */

static void outside_a_task_it_is_refused(void **state)
{
    (void)state;
    assert_int_equal(whorl_copy_tree("from", "to", 0, NULL), -EPERM);
    assert_int_equal(whorl_remove_tree("from", 0, NULL), -EPERM);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    check_equal(whorl_copy_tree(NULL, "to", 0, NULL), -EINVAL);
    check_equal(whorl_copy_tree("from", NULL, 0, NULL), -EINVAL);
    check_equal(whorl_copy_tree("from", "to", WHORL_TREE_MAY_MISS, NULL), -EINVAL);
    check_equal(whorl_copy_tree("from", "to", 1u << 20, NULL), -EINVAL);
}

/* --- The roots --- */

static void both_roots_are_judged_before_anything_is_made(void **state)
{
    (void)state;
    make_directory(path_of("from").text);
    make_directory(path_of("from/sub").text);
    make_directory(path_of("there").text);
    write_whole(path_of("file").text, "x", 1);
    refuses(-ENOENT, "none", "to", 0, "none");
    refuses(-ENOTDIR, "file", "to", 0, "file");
    check(!exists(path_of("to").text));
    refuses(-EEXIST, "from", "there", 0, "there");
    refuses(-EEXIST, "from", "file", 0, "file");
    refuses(-EEXIST, "from", "file", WHORL_TREE_MERGE, "file");
    refuses(-ENOENT, "from", "none/to", 0, "none/to");
    refuses(-ENOTDIR, "from", "file/to", 0, "file/to");
    check(is_empty(path_of("there").text));
    check_equal(whorl_copy_tree("", path_of("to").text, 0, &report), -ENOENT);
    check_text(report.path, "");
    check_equal(whorl_copy_tree(path_of("from").text, "", 0, &report), -ENOENT);
    char *longer = calloc(1, 5001);
    memset(longer, 'x', 5000);
    check_equal(whorl_copy_tree(longer, path_of("to").text, 0, &report), -ENAMETOOLONG);
    check_equal(strlen(report.path), WHORL_TREE_PATH_MAX - 1);
    check(strncmp(report.path, "...xxx", 6) == 0);
    longer[4999] = '/';
    check_equal(whorl_copy_tree(path_of("from").text, longer, 0, &report), -ENAMETOOLONG);
    memset(longer, '/', 4990);
    check_equal(whorl_copy_tree(path_of("from").text, longer, 0, &report), -ENAMETOOLONG);
    free(longer);
}

static void neither_root_may_lie_in_the_other(void **state)
{
    (void)state;
    make_directory(path_of("a").text);
    make_directory(path_of("a/b").text);
    make_directory(path_of("a/b/c").text);
    check_equal(symlink("a/b", path_of("link").text), 0);
    refuses(-EINVAL, "a", "a/to", 0, "a/to");
    refuses(-EINVAL, "a", "a/b/c/to", 0, "a/b/c/to");
    refuses(-EINVAL, "a", "link/to", 0, "link/to");
    refuses(-EINVAL, "a", "a", WHORL_TREE_MERGE, "a");
    refuses(-EINVAL, "a", "a/b/..", WHORL_TREE_MERGE, "a/b/..");
    refuses(-EINVAL, "a", "link", WHORL_TREE_MERGE, "link");
    refuses(-EINVAL, "a/b/c", "a", WHORL_TREE_MERGE, "a");
    refuses(-EINVAL, "link", "a", WHORL_TREE_MERGE, "a");
    check_equal(whorl_copy_tree("/", path_of("to").text, 0, &report), -EINVAL);
    check_equal(names_in(path_of("a").text), 1);
    check_equal(names_in(path_of("a/b/c").text), 0);
    /* A name that only begins as the other does is another. */
    check_equal(whorl_copy_tree(path_of("a").text, path_of("ab").text, 0, NULL), 0);
}

static void a_link_into_the_copy_or_back_is_no_endless_tree(void **state)
{
    (void)state;
    make_directory(path_of("from").text);
    make_directory(path_of("from/sub").text);
    check_equal(symlink("..", path_of("from/sub/back").text), 0);
    refuses(-ELOOP, "from", "to", WHORL_TREE_FOLLOW, "from/sub/back");
    check_equal(unlink(path_of("from/sub/back").text), 0);
    check_equal(symlink("../../new", path_of("from/sub/into").text), 0);
    refuses(-EINVAL, "from", "new", WHORL_TREE_FOLLOW, "from/sub/into");
    check_equal(unlink(path_of("from/sub/into").text), 0);
    check_equal(symlink("self", path_of("from/sub/self").text), 0);
    refuses(-ELOOP, "from", "new2", WHORL_TREE_FOLLOW, "from/sub/self");
    check_equal(unlink(path_of("from/sub/self").text), 0);
    check_equal(symlink("nowhere", path_of("from/sub/dangling").text), 0);
    refuses(-ENOENT, "from", "new3", WHORL_TREE_FOLLOW, "from/sub/dangling");
}

/* --- Entries --- */

static void what_cannot_take_a_place_does_not(void **state)
{
    (void)state;
    make_directory(path_of("from").text);
    make_directory(path_of("from/x").text);
    make_directory(path_of("to").text);
    write_whole(path_of("to/x").text, "kept", 4);
    refuses(-EEXIST, "from", "to", WHORL_TREE_MERGE, "to/x");
    check_equal(unlink(path_of("to/x").text), 0);
    make_directory(path_of("outside").text);
    write_whole(path_of("from/x/file").text, "x", 1);
    check_equal(symlink("../outside", path_of("to/x").text), 0);
    refuses(-EEXIST, "from", "to", WHORL_TREE_MERGE, "to/x");
    check(is_empty(path_of("outside").text));
    check_equal(whorl_remove_tree(path_of("from").text, 0, NULL), 0);
    check_equal(unlink(path_of("to/x").text), 0);
    make_directory(path_of("to/x").text);
    make_directory(path_of("from").text);
    write_whole(path_of("from/x").text, "x", 1);
    refuses(-EISDIR, "from", "to", WHORL_TREE_MERGE, "to/x");
    check_equal(unlink(path_of("from/x").text), 0);
    check_equal(symlink("x", path_of("from/x").text), 0);
    refuses(-EISDIR, "from", "to", WHORL_TREE_MERGE, "to/x");
}

static intptr_t copy_without_rights(void *arg)
{
    (void)arg;
    random_source source = random_from_seed(2);
    tree_figures figures = grow_tree("from", &source, 100, GROW_MODES | GROW_SPECIALS);
    check_equal(whorl_copy_tree("from", "to", 0, &report), 0);
    check_equal(report.files, figures.files);
    check(trees_are_same("from", "to", 0));
    check_equal(whorl_copy_tree("from", "with", WHORL_TREE_XATTRS | WHORL_TREE_TIMES, NULL), 0);
    check(trees_are_same("from", "with", SAME_TIMES));

    make_directory("some");
    make_directory("some/closed");
    make_directory("some/open");
    write_whole("some/open/file", "x", 1);
    write_whole("some/secret", "x", 1);
    check_equal(chmod("some/secret", 0), 0);
    check_equal(chmod("some/closed", 0), 0);
    check_equal(whorl_copy_tree("some", "all", WHORL_TREE_GO_ON, &report), -EACCES);
    check_equal(report.errors, 2);
    check_equal(report.files, 1);
    check_equal(report.directories, 2);
    check(strcmp(report.path, "some/secret") == 0 || strcmp(report.path, "some/closed") == 0);
    check(exists("all/open/file") && !exists("all/secret") && !exists("all/closed"));
    check_equal(chmod("some/closed", 0755), 0);
    check_equal(whorl_copy_tree("some", "first", 0, &report), -EACCES);
    check_text(report.path, "some/secret");
    check(!exists("first/secret"));

    make_directory("shut");
    check_equal(chmod("shut", 0555), 0);
    check_equal(whorl_copy_tree("some/open", "shut/to", 0, &report), -EACCES);
    check_text(report.path, "shut/to");
    check_equal(chmod("shut", 0755), 0);
    return 0;
}

static void what_may_not_be_read_is_named_and_left_out(void **state)
{
    (void)state;
    run_checks_as_nobody(copy_without_rights, NULL);
}

/* --- The disk is full --- */

static intptr_t fill_up(void *root)
{
    (void)root;
    enum { EACH = 150000, MORE = 100 };
    static char data[EACH];
    fill_pattern(data, EACH, 7);
    make_directory("from");
    char name[64];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "from/file%d", i);
        write_whole(name, data, EACH);
    }
    check_equal(whorl_copy_tree("from", "to", 0, &report), -ENOSPC);
    check(strncmp(report.path, "to/file", 7) == 0);
    check(!exists(report.path));
    check_equal(names_in("to"), report.files);
    check(trees_are_same("from", "to", AT_MOST));
    print_message("%ju of 30 files had room\n", (uintmax_t)report.files);
    check_equal(whorl_remove_tree("to", 0, NULL), 0);
    check_equal(whorl_copy_tree("from", "to", WHORL_TREE_GO_ON, &report), -ENOSPC);
    check_equal(report.files + report.errors, 30);
    check(trees_are_same("from", "to", AT_MOST));
    return whorl_remove_tree("to", 0, NULL);
}

static void on_a_full_disk_whole_files_are_left_and_no_part_of_one(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, fill_up);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, fill_up);
}

static intptr_t copy_too_large(void *arg)
{
    (void)arg;
    static char data[300000];
    make_directory(path_of("from").text);
    write_whole(path_of("from/large").text, data, sizeof data);
    limit_file_size(100000);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("to").text, 0, &report), -EFBIG);
    check_text(report.path, path_of("to/large").text);
    check(!exists(report.path));
    return 0;
}

static void a_file_above_the_limit_of_sizes_is_an_error(void **state)
{
    (void)state;
    run_checks_in_child(NULL, copy_too_large, NULL);
}

/* --- Trees that change --- */

static atomic_bool is_over;

static void *come_and_go(void *arg)
{
    test_path *names = arg;
    while (!atomic_load(&is_over))
        for (int i = 0; i < 20; i++) {
            if (i % 3 == 0)
                mkdir(names[i].text, 0755);
            else if (i % 3 == 1)
                (void)!symlink("nowhere", names[i].text);
            else
                close(open(names[i].text, O_CREAT | O_CLOEXEC, 0600));
            remove(names[(i * 7) % 20].text);
        }
    return NULL;
}

static void what_comes_and_goes_meanwhile_is_no_error(void **state)
{
    (void)state;
    test_path names[20];
    pthread_t other;
    make_directory(path_of("from").text);
    make_directory(path_of("from/sub").text);
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "from/sub/%d", i);
        names[i] = path_of(name);
    }
    atomic_store(&is_over, false);
    check_equal(pthread_create(&other, NULL, come_and_go, names), 0);
    long rounds = test_rounds(300);
    for (long i = 0; i < rounds; i++) {
        check_equal(whorl_copy_tree(path_of("from").text, path_of("to").text, 0, &report), 0);
        check_equal(whorl_remove_tree(path_of("to").text, 0, NULL), 0);
    }
    atomic_store(&is_over, true);
    pthread_join(other, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(outside_a_task_it_is_refused),
        as_task(nonsense_is_refused),
        as_task(both_roots_are_judged_before_anything_is_made),
        as_task(neither_root_may_lie_in_the_other),
        as_task(a_link_into_the_copy_or_back_is_no_endless_tree),
        as_task(what_cannot_take_a_place_does_not),
        behaviour(what_may_not_be_read_is_named_and_left_out),
        behaviour(on_a_full_disk_whole_files_are_left_and_no_part_of_one),
        behaviour(a_file_above_the_limit_of_sizes_is_an_error),
        as_task(what_comes_and_goes_meanwhile_is_no_error),
    };
    return run_behaviours("copy tree errors", tests);
}
