/*
 * Trees deeper than a path may be, directories wider than a batch, few descriptors: what is open
 * and what is in memory stays bounded, and what was closed meanwhile is found again, or not if it
 * is another.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/tree_calls.h"

#include "as_task.h"
#include "core/child.h"
#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <fs/tree.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DESCRIPTORS_MOST = 100 };

/* Runs fn's task to its end, and gives the most descriptors that were open meanwhile. */
static int most_descriptors(whorl_fn *fn)
{
    int before = open_descriptors(), most = 0;
    whorl_task *task = whorl_spawn(fn, NULL);
    while (!whorl_is_done(task)) {
        int now = open_descriptors() - before;
        most = now > most ? now : most;
        check_equal(whorl_sleep(WHORL_US(100)), 0);
    }
    check_equal(whorl_join(task), 0);
    return most;
}

/* --- Deep --- */

static void a_tree_may_be_deeper_than_a_path_is_long(void **state)
{
    (void)state;
    static char name[201];
    unsigned depth = UNDER_SANITIZER ? 500 : 3000;
    bool has_end;
    memset(name, 'n', 200);
    make_chain(path_of("from").text, name, depth);
    int most = most_descriptors(copy);
    check_equal(report.directories, depth);
    check_equal(report.files, 1);
    check_equal(chain_depth(path_of("to").text, &has_end), depth);
    check(has_end);
    int most_removing = most_descriptors(remove_copy);
    check_equal(report.directories, depth);
    print_message("%u levels, %u bytes of path; at most %d and %d descriptors seen\n", depth,
                  depth * 201, most, most_removing);
    check(most <= DESCRIPTORS_MOST && most_removing <= DESCRIPTORS_MOST);
    check(!exists(path_of("to").text));
    check_equal(whorl_remove_tree(path_of("from").text, 0, NULL), 0);
}

/* Its end is what tells. */
static void a_path_that_has_no_room_is_told_from_its_end(void **state)
{
    (void)state;
    static char name[201];
    unsigned depth = 60;
    memset(name, 'n', 200);
    make_chain(path_of("from").text, name, depth);
    make_chain(path_of("to").text, name, depth);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("to").text, WHORL_TREE_MERGE, NULL),
                0);
    int fd = open(path_of("to").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 1; i < depth; i++) {
        int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = below;
    }
    check_equal(unlinkat(fd, "end", 0), 0);
    check_equal(mkdirat(fd, "end", 0755), 0);
    close(fd);
    check_equal(
        whorl_copy_tree(path_of("from").text, path_of("to").text, WHORL_TREE_MERGE, &report),
        -EISDIR);
    check_equal(strlen(report.path), WHORL_TREE_PATH_MAX - 1);
    check(strncmp(report.path, "...n", 4) == 0);
    check(strcmp(report.path + WHORL_TREE_PATH_MAX - 6, "n/end") == 0);
    check_equal(whorl_remove_tree(path_of("to").text, 0, NULL), 0);
    check_equal(whorl_remove_tree(path_of("from").text, 0, NULL), 0);
}

/* --- Wide --- */

static void make_wide(const char *path, int entries)
{
    make_directory(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[32];
    for (int i = 0; i < entries; i++) {
        snprintf(name, sizeof name, "entry%d", i);
        if (i % 10 == 0)
            check_equal(mkdirat(fd, name, 0755), 0);
        else
            check_equal(symlinkat("nowhere", fd, name), 0);
    }
    close(fd);
}

static intptr_t go_through_a_wide_one(void *root)
{
    (void)root;
    const int entries = UNDER_SANITIZER ? 20000 : 100000;
    make_wide("from", entries);
    long before = status_figure("VmHWM:");
    int descriptors = open_descriptors();
    check_equal(whorl_copy_tree("from", "to", 0, &report), 0);
    check_equal(report.directories, entries / 10 + 1);
    check_equal(report.links, entries - entries / 10);
    check_equal(names_in("to"), entries);
    check_equal(whorl_remove_tree("to", 0, &report), 0);
    check_equal(report.directories, entries / 10 + 1);
    check_equal(report.links, entries - entries / 10);
    check(!exists("to"));
    check(open_descriptors() - descriptors <= 2);
    print_message("%d entries, %ld KiB more at most\n", entries, status_figure("VmHWM:") - before);
    return whorl_remove_tree("from", 0, NULL);
}

static void a_directory_may_have_a_hundred_thousand_entries(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, (size_t)256 << 20, go_through_a_wide_one);
}

/* --- Few descriptors --- */

static intptr_t copy_with_few(void *arg)
{
    enum { FEW = 24 };
    struct rlimit limit;
    bool has_end;
    (void)arg;
    make_chain(path_of("from").text, "level", 200);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("first").text, 0, NULL), 0);
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)open_descriptors() + FEW;
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("to").text, 0, &report), 0);
    check_equal(chain_depth(path_of("to").text, &has_end), 200);
    check(has_end);
    check_equal(whorl_remove_tree(path_of("to").text, 0, &report), 0);
    check_equal(report.directories, 200);
    limit.rlim_cur = 0;
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("to").text, 0, &report), -EMFILE);
    check_equal(whorl_remove_tree(path_of("from").text, 0, &report), -EMFILE);
    check_text(report.path, path_of("from").text);
    limit.rlim_cur = limit.rlim_max;
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    check(!exists(path_of("to").text));
    return 0;
}

static void few_descriptors_are_enough_and_none_is_an_error(void **state)
{
    (void)state;
    run_checks_in_child(NULL, copy_with_few, NULL);
}

/* --- Opened again: on directories as hands have them --- */

static const struct tree_kind one_sided = {.sides = 1};

static struct tree_dir *enter(struct tree *tree, struct tree_dir *parent, const char *name)
{
    struct tree_dir *dir = tree_dir_make(parent, name);
    int at = parent ? parent->fds[TREE_FROM] : AT_FDCWD;
    dir->fds[TREE_FROM] = tree_open(tree, at, name, O_RDONLY | O_DIRECTORY, 0);
    check_equal(fstat(dir->fds[TREE_FROM], &dir->seen[TREE_FROM]), 0);
    tree_dir_keep(tree, dir);
    return dir;
}

static void what_was_exchanged_meanwhile_is_not_taken_for_it(void **state)
{
    (void)state;
    enum { DEPTH = 100, PLACE = 50 };
    struct tree tree = {.kind = &one_sided};
    struct tree_dir *dirs[DEPTH];
    pthread_mutex_init(&tree.lock, NULL);
    make_chain(path_of("from").text, "level", DEPTH);
    dirs[0] = enter(&tree, NULL, path_of("from").text);
    for (int i = 1; i < DEPTH; i++) {
        check_equal(tree_dir_hold(&tree, dirs[i - 1]), 0);
        dirs[i] = enter(&tree, dirs[i - 1], "level");
        tree_dir_drop(&tree, dirs[i - 1]);
        tree_dir_drop(&tree, dirs[i]);
        tree_dir_drop(&tree, dirs[i - 1]);
        dirs[i - 1]->users = i == 1;
        check(tree.open <= TREE_OPEN_MOST);
    }
    dirs[DEPTH - 1]->users = 0;
    check_equal(dirs[PLACE]->fds[TREE_FROM], -1);
    check_equal(tree_dir_hold(&tree, dirs[PLACE]), 0);
    check(tree.open <= TREE_OPEN_MOST);
    tree_dir_drop(&tree, dirs[PLACE]);
    for (int i = PLACE + 1; i < DEPTH; i++) {
        check_equal(tree_dir_hold(&tree, dirs[i]), 0);
        tree_dir_drop(&tree, dirs[i]);
    }
    /* Another directory, a link to the same, nothing, and again the same in its place. */
    int above = open(path_of("from/level/level").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check_equal(dirs[5]->fds[TREE_FROM], -1);
    check_equal(renameat(above, "level", above, "away"), 0);
    check_equal(mkdirat(above, "level", 0755), 0);
    check_equal(tree_dir_hold(&tree, dirs[5]), -ESTALE);
    check_equal(unlinkat(above, "level", AT_REMOVEDIR), 0);
    check_equal(symlinkat("away", above, "level"), 0);
    check_equal(tree_dir_hold(&tree, dirs[5]), -ESTALE);
    check_equal(unlinkat(above, "level", 0), 0);
    check_equal(tree_dir_hold(&tree, dirs[5]), -ENOENT);
    check_equal(renameat(above, "away", above, "level"), 0);
    check_equal(tree_dir_hold(&tree, dirs[5]), 0);
    tree_dir_drop(&tree, dirs[5]);
    close(above);
    for (int i = DEPTH; i > 0; i--)
        tree_dir_free(&tree, dirs[i - 1]);
    check_equal(tree.open, 0);
    pthread_mutex_destroy(&tree.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_tree_may_be_deeper_than_a_path_is_long),
        as_task(a_path_that_has_no_room_is_told_from_its_end),
        behaviour(a_directory_may_have_a_hundred_thousand_entries),
        behaviour(few_descriptors_are_enough_and_none_is_an_error),
        behaviour(what_was_exchanged_meanwhile_is_not_taken_for_it),
    };
    return run_behaviours("tree limits", tests);
}
