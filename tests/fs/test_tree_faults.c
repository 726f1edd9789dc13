/*
 * Trees while system calls fail, each in its turn: the error is told, with a path, and what was
 * copied is whole; or it does no harm, and all was copied, or removed.
 */
#include "fs/failing_calls.h"

#include "fs/trees.h"

enum { LEVELS = 45, LINKS = 45 }; /* more than are kept open; more than a batch of names */

static whorl_tree_report report;
static test_path from, to;

static void name_trees(void)
{
    umask(022);
    from = path_of("from");
    to = path_of("to");
}

static void remove_copy(void)
{
    check_equal(whorl_remove_tree(to.text, WHORL_TREE_MAY_MISS, NULL), 0);
}

static void judge_report(int result)
{
    bool is_from = strncmp(report.path, from.text, strlen(from.text)) == 0;
    bool is_to = strncmp(report.path, to.text, strlen(to.text)) == 0;
    check_equal(report.error, result);
    check_equal(report.errors, result != 0);
    check(is_from || is_to ? result != 0 : result == 0);
}

static void judge_copy(int result)
{
    judge_report(result);
    if (result == 0)
        check(trees_are_same(from.text, to.text, SAME_TIMES));
    else if (exists(to.text))
        check(trees_are_same(from.text, to.text, AT_MOST));
}

/* --- One of each kind --- */

/* What the umask takes from the mode is given back by a call. */
static void make_each_kind(void)
{
    test_path file = path_of("from/sub/file"), sparse = path_of("from/sparse");
    test_path directory = path_of("from/sub"), pipe = path_of("from/pipe");
    make_directory(from.text);
    make_directory(directory.text);
    write_whole(file.text, "text", 4);
    check_equal(chmod(file.text, 0666), 0);
    write_whole(sparse.text, "text", 4);
    check_equal(truncate(sparse.text, 1 << 20), 0);
    check_equal(symlink("sub/file", path_of("from/link").text), 0);
    check_equal(mkfifo(pipe.text, 0600), 0);
    check_equal(chmod(pipe.text, 0666), 0);
    if (setxattr(file.text, "user.one", "value", 5, 0) != 0)
        skip_because("no extended attribute can be set here: %s", strerror(errno));
    check_equal(setxattr(directory.text, "user.two", "value", 5, 0), 0);
    check_equal(chmod(directory.text, 0777), 0);
}

static int copy_with_all(void)
{
    return whorl_copy_tree(from.text, to.text, WHORL_TREE_TIMES | WHORL_TREE_XATTRS, &report);
}

static intptr_t copy_without_each(void *arg)
{
    static const char *const names[] = {
        "openat",    "mkdirat",    "fstat",   "fstatat",   "getdents64", "flistxattr",
        "fgetxattr", "fsetxattr",  "fchmod",  "fchmodat",  "futimens",   "utimensat",
        "symlinkat", "readlinkat", "mknodat", "ftruncate", "lseek",      "copy_file_range",
    };
    static const struct failing_case copying = {remove_copy, copy_with_all, judge_copy};
    (void)arg;
    for (size_t i = 0; i < count_of(names); i++)
        check(fail_each_in_turn(&copying, names[i], EIO) > 0);
    check(fail_each_in_turn(&copying, "close", EDQUOT) > 0);
    check(fail_each_in_turn(&copying, "openat", EEXIST) > 0); /* as if others made the names */
    check_equal(fail_each_in_turn(&copying, "mknodat", EEXIST), 1);
    check_equal(fail_each_in_turn(&copying, "symlinkat", EEXIST), 1);
    check_equal(fail_each_in_turn(&copying, "openat", EINTR), 0);
    check_equal(fail_each_in_turn(&copying, "fgetxattr", ENODATA), 0);
    check_equal(fail_each_in_turn(&copying, "readlinkat", EINVAL), 0);
    return 0;
}

static void a_tree_is_copied_or_the_error_of_a_call_is_told(void **state)
{
    (void)state;
    name_trees();
    make_each_kind();
    run_checks(copy_without_each, NULL);
}

/* --- Over a copy that is there --- */

static void make_copy(void)
{
    remove_copy();
    check_equal(whorl_copy_tree(from.text, to.text, 0, NULL), 0);
}

static int merge(void)
{
    return whorl_copy_tree(from.text, to.text, WHORL_TREE_MERGE | WHORL_TREE_TIMES, &report);
}

static intptr_t merge_without_each(void *arg)
{
    static const char *const names[] = {"openat", "unlinkat", "fstat", "mknodat", "symlinkat"};
    static const struct failing_case merging = {make_copy, merge, judge_copy};
    (void)arg;
    for (size_t i = 0; i < count_of(names); i++)
        check(fail_each_in_turn(&merging, names[i], EIO) > 0);
    return 0;
}

static void a_tree_is_merged_or_the_error_of_a_call_is_told(void **state)
{
    (void)state;
    name_trees();
    make_each_kind();
    run_checks(merge_without_each, NULL);
}

/* --- Removed --- */

static int remove_it(void)
{
    return whorl_remove_tree(to.text, 0, &report);
}

static void judge_removal(int result)
{
    judge_report(result);
    check(exists(to.text) == (result != 0));
}

static intptr_t remove_without_each(void *arg)
{
    static const char *const names[] = {"openat", "fstat", "getdents64", "unlinkat"};
    static const struct failing_case removing = {make_copy, remove_it, judge_removal};
    (void)arg;
    for (size_t i = 0; i < count_of(names); i++)
        check(fail_each_in_turn(&removing, names[i], EIO) > 0);
    check_equal(fail_each_in_turn(&removing, "openat", EINTR), 0);
    return 0;
}

static void a_tree_is_removed_or_the_error_of_a_call_is_told(void **state)
{
    (void)state;
    name_trees();
    make_each_kind();
    run_checks(remove_without_each, NULL);
}

/* --- Where directories are closed before they are read to their end --- */

/* Each holds more names than one batch, and one of them the next directory. */
static void make_deep(void)
{
    static char name[200];
    memset(name, 'n', sizeof name - 1);
    make_chain(from.text, "next", LEVELS);
    int fd = open(from.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0) {
        for (int i = 0; i < LINKS; i++) {
            snprintf(name + sizeof name - 4, 4, "%03u", (unsigned)i % 1000);
            check_equal(symlinkat("nowhere", fd, name), 0);
        }
        int next = openat(fd, "next", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
    }
}

static int copy_deep(void)
{
    return whorl_copy_tree(from.text, to.text, 0, &report);
}

static void judge_deep(int result)
{
    judge_report(result);
    if (result == 0)
        check_equal(report.links, LEVELS * LINKS);
}

static intptr_t copy_deep_without_each(void *arg)
{
    static const struct failing_case copying = {remove_copy, copy_deep, judge_deep};
    (void)arg;
    check(fail_each_in_turn(&copying, "lseek", EIO) > 0);
    return 0;
}

static void a_directory_that_cannot_be_read_on_is_told(void **state)
{
    (void)state;
    name_trees();
    make_deep();
    run_checks(copy_deep_without_each, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_tree_is_copied_or_the_error_of_a_call_is_told),
        behaviour(a_tree_is_merged_or_the_error_of_a_call_is_told),
        behaviour(a_tree_is_removed_or_the_error_of_a_call_is_told),
        behaviour(a_directory_that_cannot_be_read_on_is_told),
    };
    return run_behaviours("tree faults", tests);
}
