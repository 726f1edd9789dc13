/*
 * Whole files while system calls fail, each in its turn: the name has the old content or the new,
 * the new if no error is told, and nothing else is left.
 */
#include "fs/failing_calls.h"

#include "fs/small_disk.h"

#include <fs/copy.h>
#include <fs/replacement.h>
#include <fs/whole_file.h>

enum { SIZE = 100000 };

static char content[SIZE];
static test_path from, to;
static unsigned flags, ways;

static void make_old(void)
{
    write_whole(to.text, "old", 3);
}

static void make_none(void)
{
    check(unlink(to.text) == 0 || errno == ENOENT);
}

static void make_link(void)
{
    make_none();
    write_whole(path_of("old").text, "old", 3);
    check_equal(symlink("old", to.text), 0);
}

static bool has_old(void)
{
    struct stat status;
    return stat(to.text, &status) != 0 ? errno == ENOENT : file_holds_bytes(to.text, "old", 3);
}

static bool has_new(void)
{
    struct stat status;
    return stat(to.text, &status) == 0 && status.st_size == SIZE &&
           file_holds_bytes(to.text, content, SIZE);
}

static int names_before;

/* The new content is there after an error, too, if the directory did not go to the disk. */
static void judge(int result)
{
    struct stat status;
    check(has_new() || (result != 0 && has_old()));
    check_equal(names_in(path_of("").text), names_before + (lstat(to.text, &status) == 0));
}

static int copy_it(void)
{
    return copy_file_with(from.text, to.text, flags, ways);
}

static int write_it(void)
{
    whorl_write_options options = {.flags = flags & WHORL_FILE_EXCLUSIVE};
    return write_file_with(to.text, content, SIZE, &options, flags & REPLACEMENT_NAMED);
}

/* Fails the calls of the list by EIO: each of them has some that matter. */
static void fail_all(void (*prepare)(void), int (*act)(void), const char *const *names)
{
    struct failing_case on = {prepare, act, judge};
    test_path old = path_of("old");
    unlink(to.text);
    unlink(old.text);
    names_before = names_in(path_of("").text) + (prepare == make_link);
    for (; *names && failed_checks() == 0; names++)
        check(fail_each_in_turn(&on, *names, EIO) > 0);
}

static void begin(void)
{
    from = path_of("from");
    to = path_of("to");
    umask(022);
    flags = 0;
    ways = COPY_ANY_WAY;
    fill_pattern(content, SIZE, 11);
    write_whole(from.text, content, SIZE);
    if (setxattr(from.text, "user.one", "value", 5, 0) != 0)
        skip_because("no extended attribute can be set here: %s", strerror(errno));
}

/* --- Writing --- */

static intptr_t write_without_each(void *arg)
{
    (void)arg;
    static const char *const over[] = {"openat",     "fstatat", "faccessat", "fstat", "fchmod",
                                       "readlinkat", "linkat",  "renameat",  "fsync", NULL};
    static const char *const anew[] = {"openat", "linkat", "fsync", NULL};
    static const char *const exclusive[] = {"openat", "fstatat", "linkat", "fsync", NULL};
    static const char *const named[] = {"openat", "renameat", "fsync", NULL};
    static const char *const by_link[] = {"openat", "readlinkat", "fstatat", NULL};
    fail_all(make_old, write_it, over);
    fail_all(make_none, write_it, anew);
    fail_all(make_link, write_it, by_link);
    flags = REPLACEMENT_NAMED;
    fail_all(make_old, write_it, named);
    flags = WHORL_FILE_EXCLUSIVE;
    fail_all(make_none, write_it, exclusive);
    return 0;
}

/* Where /proc cannot be looked into, the file has a name from the first. */
static intptr_t write_without_proc(void *arg)
{
    static const struct failing_case writing = {make_old, write_it, judge};
    (void)arg;
    names_before = names_in(path_of("").text);
    check_equal(fail_each_in_turn(&writing, "access", EACCES), 0);
    return 0;
}

static void a_file_is_written_or_the_error_of_a_call_is_told(void **state)
{
    (void)state;
    begin();
    run_checks(write_without_proc, NULL);
    run_checks(write_without_each, NULL);
}

/* --- Copying --- */

static intptr_t copy_without_each(void *arg)
{
    (void)arg;
    static const char *const with_all[] = {"fstat",     "flistxattr", "fgetxattr",
                                           "fsetxattr", "fchown",     "fchmod",
                                           "futimens",  "fsync",      NULL};
    static const char *const range[] = {"copy_file_range", NULL};
    static const char *const splice[] = {"sendfile", "lseek", NULL};
    static const char *const reading[] = {"pread", "pwrite", NULL};
    flags = WHORL_FILE_KEEP_TIMES | WHORL_FILE_KEEP_XATTRS | WHORL_FILE_KEEP_OWNER;
    fail_all(make_none, copy_it, with_all);
    flags = 0;
    ways = COPY_RANGE;
    fail_all(make_old, copy_it, range);
    ways = COPY_SPLICE;
    fail_all(make_old, copy_it, splice);
    ways = COPY_READ_WRITE;
    fail_all(make_old, copy_it, reading);
    return 0;
}

static void a_file_is_copied_or_the_error_of_a_call_is_told(void **state)
{
    (void)state;
    begin();
    run_checks(copy_without_each, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_file_is_written_or_the_error_of_a_call_is_told),
        behaviour(a_file_is_copied_or_the_error_of_a_call_is_told),
    };
    return run_behaviours("whole faults", tests);
}
