/*
 * Walks, compared with a model: order, links, loops, what may not be read, what is left out; and
 * trees at random.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/walk_model.h"

#include "fs/files.h"
#include "fs/small_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_directory(const char *name)
{
    check_equal(mkdir(path_of(name).text, 0755), 0);
}

static void make_link(const char *name, const char *target)
{
    check_equal(symlink(target, path_of(name).text), 0);
}

/* The walk of a root, in order and with what `flags` add, is `expected`. */
static void check_walk(const char *root, unsigned flags, const char *expected)
{
    struct record actual, text = {.text = strdup(expected)};
    check_equal(record_walk(&actual, root, WHORL_WALK_SORTED | flags), 0);
    compare_records(&actual, &text);
}

static void make_small_tree(void)
{
    make_directory("b");
    make_directory("b/empty");
    make_file("b/x");
    make_file("a");
    make_link("c", "b");
    make_link("d", "nowhere");
    check_equal(mkfifo(path_of("e").text, 0600), 0);
}

/* --- Order --- */

static intptr_t walk_small_tree(void *arg)
{
    check_walk(path_of("").text, 0,
               "dir 0 \nfile 1 a 8\n"
               "dir 1 b\ndir 2 b/empty\nend 2 b/empty\nfile 2 b/x 8\nend 1 b\n"
               "file 1 c 10\nfile 1 d 10\nfile 1 e 1\nend 0 \n");
    check_walk(path_of("").text, WHORL_WALK_FOLLOW,
               "dir 0 \nfile 1 a 8\n"
               "dir 1 b\ndir 2 b/empty\nend 2 b/empty\nfile 2 b/x 8\nend 1 b\n"
               "dir 1 c\ndir 2 c/empty\nend 2 c/empty\nfile 2 c/x 8\nend 1 c\n"
               "file 1 d 10\nfile 1 e 1\nend 0 \n");
    check_walk(path_of("b/empty").text, 0, "dir 0 \nend 0 \n");
    check_walk(path_of("a").text, 0, "file 0  8\n");
    check_walk(path_of("c").text, 0, "dir 0 \ndir 1 empty\nend 1 empty\nfile 1 x 8\nend 0 \n");
    return (intptr_t)arg;
}

static void a_directory_is_visited_before_and_after_what_is_in_it(void **state)
{
    (void)state;
    make_small_tree();
    run_checks(walk_small_tree, NULL);
}

static intptr_t begin_from_a_descriptor(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    int fd = open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check_equal(whorl_walk_beginat(&walk, fd, "b", WHORL_WALK_SORTED), 0);
    check_equal(whorl_walk_next(&walk, &entry), 1);
    check_equal(entry.dirfd, fd);
    check_text(entry.name, "b");
    check_text(entry.path, "");
    check_equal(whorl_walk_next(&walk, &entry), 1);
    check_text(entry.path, "empty");
    check_equal(whorl_walk_end(&walk), 0); /* early */
    check(is_open(fd));
    check_equal(close(fd), 0);
    return (intptr_t)arg;
}

static void a_walk_begins_at_a_name_in_a_directory_and_ends_early(void **state)
{
    (void)state;
    make_small_tree();
    run_checks(begin_from_a_descriptor, NULL);
}

/* --- What is left out, and what is told --- */

static intptr_t skip_some(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    struct record actual = {0},
                  expected = {.text = strdup("dir 0 \nfile 1 a 8\ndir 1 b\nend 1 b\n"
                                             "file 1 c 10\nfile 1 d 10\nfile 1 e 1\nend 0 \n")};
    check_equal(whorl_walk_begin(&walk, path_of("").text, WHORL_WALK_SORTED), 0);
    check_equal(whorl_walk_skip(&walk), -EINVAL); /* nothing was visited */
    while (whorl_walk_next(&walk, &entry) == 1) {
        record_visit(&actual, &entry);
        bool is_b = entry.visit == WHORL_VISIT_DIR && strcmp(entry.path, "b") == 0;
        if (is_b)
            chmod(path_of("b").text, 0); /* it is not even opened */
        if (is_b || entry.visit != WHORL_VISIT_DIR)
            check_equal(whorl_walk_skip(&walk), is_b ? 0 : -EINVAL);
    }
    check_equal(whorl_walk_next(&walk, &entry), 0);
    check_equal(whorl_walk_skip(&walk), -EINVAL);
    check_equal(whorl_walk_end(&walk), 0);
    chmod(path_of("b").text, 0700);
    compare_records(&actual, &expected);
    return (intptr_t)arg;
}

static void what_is_in_a_skipped_directory_is_not_visited(void **state)
{
    (void)state;
    make_small_tree();
    run_checks(skip_some, NULL);
}

static intptr_t ask_for_sizes(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    struct statx status;
    uint64_t sum = 0;
    int links = 0;
    check_equal(whorl_walk_begin(&walk, path_of("").text, (unsigned)(uintptr_t)arg), 0);
    check_equal(whorl_walk_statx(&walk, STATX_SIZE, &status), -EINVAL);
    while (whorl_walk_next(&walk, &entry) == 1) {
        check_equal(whorl_walk_statx(&walk, STATX_BASIC_STATS, &status), 0);
        check_equal(IFTODT(status.stx_mode), entry.type);
        if (entry.type == DT_REG)
            sum += status.stx_size;
        links += entry.type == DT_LNK;
    }
    check_equal(whorl_walk_end(&walk), 0);
    check_equal(sum, arg ? 1 + 3 + 3 : 1 + 3);
    check_equal(links, arg ? 1 : 2);
    return 0;
}

static void what_was_visited_is_asked_for_its_status(void **state)
{
    (void)state;
    make_small_tree();
    run_checks(ask_for_sizes, NULL);
    run_checks(ask_for_sizes, (void *)(uintptr_t)WHORL_WALK_FOLLOW);
}

static intptr_t stay_on_one_device(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    bool is_in_proc = false;
    int seen = 0;
    check_equal(whorl_walk_begin(&walk, "/", WHORL_WALK_ONE_DEVICE), 0);
    while (whorl_walk_next(&walk, &entry) == 1) {
        if (is_in_proc)
            check_equal(entry.visit, WHORL_VISIT_DIR_END); /* at once */
        is_in_proc = entry.visit == WHORL_VISIT_DIR && strcmp(entry.path, "proc") == 0;
        seen += is_in_proc;
        if (entry.visit == WHORL_VISIT_DIR && entry.depth > 0 && !is_in_proc)
            check_equal(whorl_walk_skip(&walk), 0);
    }
    check_equal(seen, 1);
    check_equal(whorl_walk_end(&walk), 0);
    return (intptr_t)arg;
}

static void other_file_systems_are_left_out_if_asked_for(void **state)
{
    (void)state;
    run_checks(stay_on_one_device, NULL);
}

/* --- Loops --- */

static intptr_t walk_in_circles(void *arg)
{
    make_directory("a");
    make_directory("a/b");
    make_link("a/b/self", ".");
    make_link("a/b/up", "..");
    make_link("a/b/x", "x"); /* leads nowhere */
    make_link("a/other", "b");
    check_walk(path_of("a").text, WHORL_WALK_FOLLOW,
               "dir 0 \n"
               "dir 1 b\ndir 2 b/self\nerror 2 b/self ELOOP\nend 2 b/self\n"
               "dir 2 b/up\nerror 2 b/up ELOOP\nend 2 b/up\nfile 2 b/x 10\nend 1 b\n"
               "dir 1 other\ndir 2 other/self\nerror 2 other/self ELOOP\nend 2 other/self\n"
               "dir 2 other/up\nerror 2 other/up ELOOP\nend 2 other/up\nfile 2 other/x 10\n"
               "end 1 other\nend 0 \n");
    return (intptr_t)arg;
}

static void loops_of_links_are_seen_and_told(void **state)
{
    (void)state;
    run_checks(walk_in_circles, NULL);
}

/* --- Rights --- */

static intptr_t walk_without_rights(void *arg)
{
    check_walk(".", 0,
               "dir 0 \ndir 1 closed\nerror 1 closed EACCES\nend 1 closed\n"
               "dir 1 open\nfile 2 open/file 8\nend 1 open\n"
               "dir 1 unsearched\ndir 2 unsearched/inner\n"
               "error 2 unsearched/inner EACCES\nend 2 unsearched/inner\nend 1 unsearched\n"
               "end 0 \n");
    check_walk("closed", 0, "dir 0 \nerror 0  EACCES\nend 0 \n");
    whorl_walk walk;
    check_equal(whorl_walk_begin(&walk, "closed/inner", 0), -EACCES);
    return (intptr_t)arg;
}

static void what_may_not_be_read_is_told_and_the_walk_goes_on(void **state)
{
    (void)state;
    make_directory("closed");
    make_directory("closed/inner");
    make_directory("open");
    make_file("open/file");
    make_directory("unsearched");
    make_directory("unsearched/inner");
    check_equal(chmod(path_of("closed").text, 0700), 0);
    check_equal(chmod(path_of("unsearched").text, 0744), 0);
    run_checks_as_nobody(walk_without_rights, NULL);
}

/* --- Changes meanwhile --- */

static intptr_t walk_while_it_changes(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    struct statx status;
    struct record actual = {0};
    struct record expected = {.text = strdup("dir 0 \n"
                                             "dir 1 a\nerror 1 a ENOENT\nend 1 a\n"
                                             "dir 1 b\nerror 1 b ENOTDIR\nend 1 b\n"
                                             "dir 1 c\nend 1 c\nfile 1 d 8\nend 0 \n")};
    make_directory("a");
    make_directory("b");
    make_directory("c");
    make_file("d");
    check_equal(whorl_walk_begin(&walk, path_of("").text, WHORL_WALK_SORTED), 0);
    while (whorl_walk_next(&walk, &entry) == 1) {
        record_visit(&actual, &entry);
        if (entry.visit == WHORL_VISIT_DIR && entry.name[0] == 'a')
            check_equal(rmdir(path_of("a").text), 0);
        if (entry.visit == WHORL_VISIT_DIR && entry.name[0] == 'b') {
            check_equal(rmdir(path_of("b").text), 0);
            make_link("b", "/"); /* it does not lead astray */
        }
        if (entry.visit == WHORL_VISIT_DIR_END && entry.name[0] == 'c') {
            check_equal(unlink(path_of("d").text), 0);
            make_file("new");
        }
        if (entry.visit == WHORL_VISIT_FILE)
            check_equal(whorl_walk_statx(&walk, STATX_SIZE, &status), -ENOENT);
    }
    check_equal(whorl_walk_end(&walk), 0);
    compare_records(&actual, &expected);
    return (intptr_t)arg;
}

static void what_changes_meanwhile_does_not_lead_a_walk_astray(void **state)
{
    (void)state;
    run_checks(walk_while_it_changes, NULL);
}

/* --- At random --- */

/* Grows a tree below a directory; links lead anywhere in it, or out of it to nowhere. */
static void grow(random_source *source, int fd, int depth)
{
    int count = (int)random_below(source, depth == 0 ? 12 : 5);
    for (int i = 0; i < count; i++) {
        char name[16], target[64] = "";
        snprintf(name, sizeof name, "%c%d", 'a' + (int)random_below(source, 26), i);
        unsigned kind = (unsigned)random_below(source, 6);
        if (kind < 3 && depth < 5) {
            check_equal(mkdirat(fd, name, 0700), 0);
            int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            grow(source, inner, depth + 1);
            close(inner);
        } else if (kind < 5) {
            check_equal(mknodat(fd, name, S_IFREG | 0600, 0), 0);
        } else {
            for (int up = (int)random_below(source, (uint64_t)depth + 1); up > 0; up--)
                strcat(target, "../");
            strcat(target, random_below(source, 3) == 0 ? "none" : ".");
            check_equal(symlinkat(target, fd, name), 0);
        }
    }
}

static intptr_t walk_each_way(void *arg)
{
    for (unsigned flags = 0; flags < 4; flags++) {
        struct record actual, expected;
        expect_walk(&expected, arg, flags);
        check_equal(record_walk(&actual, arg, flags), 0);
        compare_records(&actual, &expected);
    }
    return 0;
}

static void trees_at_random_are_walked_as_the_model_does(void **state)
{
    (void)state;
    long rounds = test_rounds(UNDER_SANITIZER ? 10 : 30);
    random_source source = random_from_seed(1);
    for (long i = 0; i < rounds; i++) {
        char name[32];
        snprintf(name, sizeof name, "tree-%ld", i);
        make_directory(name);
        test_path path = path_of(name);
        int fd = open(path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        grow(&source, fd, 0);
        close(fd);
        run_checks(walk_each_way, path.text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_directory_is_visited_before_and_after_what_is_in_it),
        behaviour(a_walk_begins_at_a_name_in_a_directory_and_ends_early),
        behaviour(what_is_in_a_skipped_directory_is_not_visited),
        behaviour(what_was_visited_is_asked_for_its_status),
        behaviour(other_file_systems_are_left_out_if_asked_for),
        behaviour(loops_of_links_are_seen_and_told),
        behaviour(what_may_not_be_read_is_told_and_the_walk_goes_on),
        behaviour(what_changes_meanwhile_does_not_lead_a_walk_astray),
        behaviour(trees_at_random_are_walked_as_the_model_does),
    };
    return run_behaviours("walk", tests);
}
