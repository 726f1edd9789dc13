/*
 * Walks of deep trees: few descriptors, paths longer than PATH_MAX, directories that are opened
 * again, by ".." or by their names, and what is found there when they were moved meanwhile.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/walk_model.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEVELS = 10000, WALK_DESCRIPTORS = 18 };

static int open_directory(const char *name)
{
    return open(path_of(name).text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A chain of directories, each with a file before and a file after the next. */
static void make_chain(const char *name, int levels)
{
    check_equal(mkdir(path_of(name).text, 0700), 0);
    int fd = open_directory(name);
    for (int i = 0; i < levels; i++) {
        check_equal(mknodat(fd, "a", S_IFREG | 0600, 0), 0);
        check_equal(mkdirat(fd, "level", 0700), 0);
        check_equal(mknodat(fd, "z", S_IFREG | 0600, 0), 0);
        int next = openat(fd, "level", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
    }
    close(fd);
}

/* --- Ten thousand levels --- */

static rlim_t limit_descriptors(rlim_t most)
{
    struct rlimit limit;
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = most;
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static intptr_t do_nothing(void *arg)
{
    return (intptr_t)arg;
}

/* The limit that leaves so many descriptors free. */
static rlim_t limit_that_leaves(int count)
{
    int fd = 0;
    for (int left = count; left > 0; fd++)
        left -= !is_open(fd);
    return (rlim_t)fd;
}

/* Removes all but the root, as whoever removes a tree does. */
static intptr_t walk_and_remove(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    int dirs = 0, files = 0, result;
    size_t longest = 0;
    check_equal(whorl_to_thread(do_nothing, NULL), 0); /* the pool has its descriptors now */
    rlim_t before = limit_descriptors(limit_that_leaves(WALK_DESCRIPTORS));
    check_equal(whorl_walk_begin(&walk, path_of("deep").text, WHORL_WALK_SORTED), 0);
    while ((result = whorl_walk_next(&walk, &entry)) == 1) {
        size_t len = strlen(entry.path);
        longest = len > longest ? len : longest;
        files += entry.visit == WHORL_VISIT_FILE;
        dirs += entry.visit == WHORL_VISIT_DIR;
        if (entry.visit == WHORL_VISIT_ERROR && !check_equal(entry.error, 0))
            break;
        bool is_last = entry.visit == WHORL_VISIT_DIR_END && entry.depth > 0;
        if (entry.visit == WHORL_VISIT_FILE || is_last)
            check_equal(whorl_unlinkat(entry.dirfd, entry.name, is_last ? AT_REMOVEDIR : 0), 0);
    }
    check_equal(result, 0);
    check_equal(whorl_walk_end(&walk), 0);
    limit_descriptors(before);
    check_equal(dirs, LEVELS + 1);
    check_equal(files, 2 * LEVELS);
    check_equal(longest, 6 * LEVELS - 1);
    check(longest > PATH_MAX);
    check_equal(rmdir(path_of("deep").text), 0);
    return (intptr_t)arg;
}

static void ten_thousand_levels_are_walked_with_eighteen_descriptors(void **state)
{
    (void)state;
    make_chain("deep", LEVELS);
    run_checks(walk_and_remove, NULL);
}

static intptr_t end_in_the_depth(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    int before = open_descriptors();
    check_equal(whorl_walk_begin(&walk, path_of("deep").text, 0), 0);
    do
        check_equal(whorl_walk_next(&walk, &entry), 1);
    while (entry.depth < 300);
    check(open_descriptors() > before);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_walk_next(&walk, &entry), -ECANCELED);
    check_equal(whorl_walk_end(&walk), 0);
    check(open_descriptors() <= before + 2); /* the pool's */
    return (intptr_t)arg;
}

static void ended_in_the_depth_a_walk_gives_all_back(void **state)
{
    (void)state;
    make_chain("deep", 300);
    run_checks(end_in_the_depth, NULL);
}

/* --- Links --- */

/* Each directory of a row leads to the next by a link: so ".." never leads back. */
static void make_row(void)
{
    enum { ROW = 100 };
    for (int i = 0; i < ROW; i++) {
        char name[32], target[32];
        snprintf(name, sizeof name, "row-%d", i);
        snprintf(target, sizeof target, "../row-%d", i + 1);
        check_equal(mkdir(path_of(name).text, 0700), 0);
        int fd = open_directory(name);
        check_equal(mknodat(fd, "a", S_IFREG | 0600, 0), 0);
        check_equal(symlinkat(target, fd, "next"), 0);
        check_equal(mknodat(fd, "z", S_IFREG | 0600, 0), 0);
        close(fd);
    }
}

static intptr_t follow_a_row(void *arg)
{
    struct record actual;
    check_equal(whorl_to_thread(do_nothing, NULL), 0);
    rlim_t before = limit_descriptors(limit_that_leaves(WALK_DESCRIPTORS));
    check_equal(record_walk(&actual, path_of("row-0").text, WHORL_WALK_FOLLOW), 0);
    limit_descriptors(before);
    compare_records(&actual, arg);
    return 0;
}

/* The model is recursive: too deep for a task's stack. */
static void directories_that_links_lead_to_are_opened_again_by_their_names(void **state)
{
    (void)state;
    struct record expected;
    make_row();
    expect_walk(&expected, path_of("row-0").text, WHORL_WALK_FOLLOW);
    run_checks(follow_a_row, &expected);
}

/* --- Moved meanwhile --- */

/* Walks a chain of 60 levels, and at its ground has `change` made; counts. */
struct moving {
    void (*change)(void);
    const char *error; /* that is told; NULL: none */
    int files;         /* that are visited after the change */
};

static char *level_path(int level)
{
    static char text[1024];
    strcpy(text, path_of("root").text);
    for (int i = 0; i < level; i++)
        strcat(text, "/level");
    return text;
}

static void move(int level, const char *to)
{
    check_equal(rename(level_path(level), path_of(to).text), 0);
}

static void move_the_root(void)
{
    check_equal(rename(path_of("root").text, path_of("elsewhere").text), 0);
}

static void move_one_away(void)
{
    move(20, "elsewhere");
}

static void move_two_away(void)
{
    move(30, "elsewhere");
    move(10, "elsewhere-too");
}

static void replace_one_above(void)
{
    move_two_away();
    check_equal(mkdir(level_path(10), 0700), 0);
    for (int i = 11; i < 30; i++)
        check_equal(mkdir(level_path(i), 0700), 0);
}

static intptr_t walk_what_moves(void *arg)
{
    const struct moving *moving = arg;
    whorl_walk walk;
    whorl_walk_entry entry;
    bool changed = false;
    int files = 0, errors = 0, dirs = 0, ends = 0, lost = 0, result;
    check_equal(whorl_walk_begin(&walk, path_of("root").text, WHORL_WALK_SORTED), 0);
    while ((result = whorl_walk_next(&walk, &entry)) == 1) {
        dirs += entry.visit == WHORL_VISIT_DIR;
        ends += entry.visit == WHORL_VISIT_DIR_END;
        files += changed && entry.visit == WHORL_VISIT_FILE;
        lost += entry.dirfd == -1;
        if (entry.visit == WHORL_VISIT_ERROR) {
            check_text(strerrorname_np(-entry.error), moving->error ? moving->error : "");
            check_equal(entry.error == 0, 0);
            errors++;
        }
        if (entry.visit == WHORL_VISIT_DIR_END && !changed) {
            moving->change();
            changed = true;
        }
    }
    check_equal(result, 0);
    check_equal(whorl_walk_end(&walk), 0);
    check_equal(dirs, 61);
    check_equal(ends, 61);
    check_equal(files, moving->files);
    check_equal(errors, 60 - moving->files);
    /* Each level that is lost is missed by its own two visits, or the last of the one below it.
     * Only the first error has a directory: that was opened on the way. */
    check_equal(lost, moving->error ? 2 * errors - 1 : 0);
    return 0;
}

static void run_moving(void (*change)(void), const char *error, int files)
{
    struct moving moving = {.change = change, .error = error, .files = files};
    make_chain("root", 60);
    run_checks(walk_what_moves, &moving);
}

static void a_root_that_is_moved_is_walked_on(void **state)
{
    (void)state;
    run_moving(move_the_root, NULL, 60);
}

static void a_directory_that_is_moved_away_is_walked_on(void **state)
{
    (void)state;
    run_moving(move_one_away, NULL, 60);
}

/* From level 30 "..", and from the root level 10's name, lead elsewhere: what lies between is lost,
 * each level's last file with it. */
static void what_is_not_to_be_found_again_is_told(void **state)
{
    (void)state;
    run_moving(move_two_away, "ENOENT", 60 - 20);
}

static void what_is_found_in_its_place_is_not_taken_for_it(void **state)
{
    (void)state;
    run_moving(replace_one_above, "ESTALE", 60 - 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(ten_thousand_levels_are_walked_with_eighteen_descriptors),
        behaviour(ended_in_the_depth_a_walk_gives_all_back),
        behaviour(directories_that_links_lead_to_are_opened_again_by_their_names),
        behaviour(a_root_that_is_moved_is_walked_on),
        behaviour(a_directory_that_is_moved_away_is_walked_on),
        behaviour(what_is_not_to_be_found_again_is_told),
        behaviour(what_is_found_in_its_place_is_not_taken_for_it),
    };
    return run_behaviours("walk_deep", tests);
}
