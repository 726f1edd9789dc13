/*
 * The order in which a whole file goes to the disk: its bytes are written, they are on the disk, it
 * has a name, the name changes hands, the directory is on the disk. So a loss of power leaves the
 * old content or the new, on a file system that keeps fsync(2)'s promise.
 *
 * This program stands between the engine and the system (the linker's --wrap), and notes a letter
 * for each step: W a write, F an fsync of the file, L a link, R a rename, D an fsync of the
 * directory. A step that fails ends the row.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"

#include <core/ring.h>
#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <fs/replacement.h>
#include <fs/whole_file.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE ((size_t)3 << 20)

static char steps[64], content[LARGE];
static size_t expected_size;
static const char *failing; /* letters of steps that are made to fail with EIO */

static bool step(char letter)
{
    size_t len = strlen(steps);
    if (len + 1 < sizeof steps)
        steps[len] = letter;
    if (!failing || !strchr(failing, letter))
        return true;
    errno = EIO;
    return false;
}

static struct stat status_of(int fd)
{
    struct stat status = {0};
    check_equal(fstat(fd, &status), 0);
    return status;
}

/* The submissions of a chain wait for each other; else the bytes must be in the file already. */
void __real_ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link);
void __wrap_ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link);
void __wrap_ring_fill(struct ring *ring, const whorl_op *op, uint64_t token, enum ring_link link)
{
    static enum ring_link before;
    if (op->code == RING_OP_WRITE && op->fd > 2) {
        step('W');
    } else if (op->code == RING_OP_FSYNC) {
        step('F');
        check(before == RING_LINK_SOFT || (size_t)status_of(op->fd).st_size == expected_size);
    }
    before = link;
    __real_ring_fill(ring, op, token, link);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return step(S_ISDIR(status_of(fd).st_mode) ? 'D' : 'F') ? __real_fsync(fd) : -1;
}

/* Before the next link, somebody makes a file of that name. */
static bool comes_first;

int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    struct stat status;
    check_equal(fstatat(from_dir, from, &status, 0), 0);
    check_equal(status.st_size, expected_size);
    if (comes_first)
        write_whole(path_of(to).text, "other", 5);
    comes_first = false;
    return step('L') ? __real_linkat(from_dir, from, to_dir, to, flags) : -1;
}

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    struct stat status;
    check_equal(fstatat(from_dir, from, &status, 0), 0);
    check_equal(status.st_size, expected_size);
    return step('R') ? __real_renameat(from_dir, from, to_dir, to) : -1;
}

/* One that does not replace can be made to be unknown. */
static int no_replace_error;

int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (no_replace_error) {
        errno = no_replace_error;
        return -1;
    }
    return step('R') ? __real_renameat2(from_dir, from, to_dir, to, flags) : -1;
}

/* Links that lead in a circle can be made to seem to lead somewhere, as ones that change do. */
static bool seems_to_lead;

int __real_fstatat(int dir, const char *name, struct stat *status, int flags);
int __wrap_fstatat(int dir, const char *name, struct stat *status, int flags);
int __wrap_fstatat(int dir, const char *name, struct stat *status, int flags)
{
    return seems_to_lead && flags == 0 ? 0 : __real_fstatat(dir, name, status, flags);
}

/* --- The rows --- */

static const struct row {
    size_t size;
    unsigned flags;
    const char *steps;
    bool is_new; /* nothing has the name */
} rows[] = {
    {1000, 0, "WFLRD", false},
    {1000, REPLACEMENT_NAMED, "WFRD", false},
    {1000, WHORL_FILE_EXCLUSIVE, "WFLD", false},
    {1000, WHORL_FILE_EXCLUSIVE | REPLACEMENT_NAMED, "WFRD", false},
    {1000, WHORL_FILE_UNSYNCED, "WLR", false},
    {1000, WHORL_FILE_UNSYNCED | REPLACEMENT_NAMED, "WR", false},
    {0, 0, "FLRD", false},
    {LARGE, 0, "WWWFLRD", false},
    {LARGE, REPLACEMENT_NAMED, "WWWFRD", false},
    {LARGE, WHORL_FILE_UNSYNCED, "WWWLR", false},
    {1000, 0, "WFLD", true},
    {1000, REPLACEMENT_NAMED, "WFRD", true},
    {1000, WHORL_FILE_UNSYNCED, "WL", true},
};

static bool begins_with_nothing(const struct row *row)
{
    return row->is_new || (row->flags & WHORL_FILE_EXCLUSIVE);
}

static int write_row(const struct row *row)
{
    whorl_write_options options = {.flags = row->flags & ~REPLACEMENT_NAMED};
    memset(steps, 0, sizeof steps);
    expected_size = row->size;
    return write_file_with(path_of("file").text, content, row->size, &options, row->flags);
}

/* The same steps but for the writes, which are none of the ring's. */
static int copy_row(const struct row *row)
{
    memset(steps, 0, sizeof steps);
    write_whole(path_of("from").text, content, row->size);
    expected_size = row->size;
    return copy_file_with(path_of("from").text, path_of("file").text, row->flags, COPY_ANY_WAY);
}

static void prepare(const struct row *row)
{
    unlink(path_of("file").text);
    if (!begins_with_nothing(row))
        write_whole(path_of("file").text, "old", 3);
}

static intptr_t take_steps(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count_of(rows); i++) {
        prepare(&rows[i]);
        check_equal(write_row(&rows[i]), 0);
        check_text(steps, rows[i].steps);
        check(file_holds_bytes(path_of("file").text, content, rows[i].size));
        prepare(&rows[i]);
        check_equal(copy_row(&rows[i]), 0);
        check_text(steps, rows[i].steps + strspn(rows[i].steps, "W"));
        check(file_holds_bytes(path_of("file").text, content, rows[i].size));
        check_equal(names_in(path_of("").text), 2);
        unlink(path_of("from").text);
    }
    return 0;
}

static void each_step_to_the_disk_comes_after_the_one_before(void **state)
{
    (void)state;
    fill_pattern(content, LARGE, 1);
    run_checks(take_steps, NULL);
}

/* --- Steps that fail --- */

static bool is_untouched(const struct row *row)
{
    if (begins_with_nothing(row))
        return check(access(path_of("file").text, F_OK) != 0);
    return file_holds_bytes(path_of("file").text, "old", 3);
}

static intptr_t fail_steps(void *arg)
{
    int (*call)(const struct row *) = *(int (**)(const struct row *))arg;
    for (size_t i = 0; i < count_of(rows); i++) {
        /* What fails: the link or the rename: nothing has happened. The directory: the new name. */
        static const char *const fatal[] = {"L", "R", "D"};
        for (size_t j = 0; j < count_of(fatal); j++) {
            if (!strstr(rows[i].steps, fatal[j]))
                continue;
            prepare(&rows[i]);
            failing = fatal[j];
            int open_before = open_descriptors();
            check_equal(call(&rows[i]), -EIO);
            failing = NULL;
            check_equal(steps[strlen(steps) - 1], fatal[j][0]);
            check_equal(open_descriptors(), open_before);
            if (fatal[j][0] == 'D')
                check(file_holds_bytes(path_of("file").text, content, rows[i].size));
            else
                is_untouched(&rows[i]);
            unlink(path_of("file").text);
            unlink(path_of("from").text);
            check_equal(names_in(path_of("").text), 0);
        }
    }
    return 0;
}

static void a_step_that_fails_is_the_last_and_leaves_nothing_beside_the_file(void **state)
{
    (void)state;
    int (*calls[])(const struct row *) = {write_row, copy_row};
    fill_pattern(content, LARGE, 1);
    for (size_t i = 0; i < count_of(calls); i++)
        run_checks(fail_steps, &calls[i]);
}

/* Another file takes the name first: it is replaced then. */
static intptr_t write_when_another_comes(void *arg)
{
    static const struct row row = {1000, 0, "WFLLRD", true};
    (void)arg;
    prepare(&row);
    comes_first = true;
    check_equal(write_row(&row), 0);
    check_text(steps, row.steps);
    check(file_holds_bytes(path_of("file").text, content, row.size));
    check_equal(names_in(path_of("").text), 1);
    return 0;
}

static void a_name_that_is_taken_meanwhile_is_replaced(void **state)
{
    (void)state;
    run_checks(write_when_another_comes, NULL);
}

/* A file system whose rename always replaces: a second link does what it cannot. */
static intptr_t write_without_no_replace(void *arg)
{
    (void)arg;
    static const int errors[] = {EINVAL, ENOSYS};
    const struct row row = {1000, WHORL_FILE_EXCLUSIVE | REPLACEMENT_NAMED, "WFLD", false};
    for (size_t i = 0; i < count_of(errors); i++) {
        no_replace_error = errors[i];
        prepare(&row);
        check_equal(write_row(&row), 0);
        check_text(steps, row.steps);
        check(file_holds_bytes(path_of("file").text, content, row.size));
        check_equal(names_in(path_of("").text), 1);
    }
    no_replace_error = EACCES;
    prepare(&row);
    check_equal(write_row(&row), -EACCES);
    no_replace_error = EINVAL;
    failing = "L";
    check_equal(write_row(&row), -EIO);
    failing = NULL;
    no_replace_error = 0;
    check_equal(names_in(path_of("").text), 0);
    return 0;
}

static void an_exclusive_write_does_without_an_exclusive_rename(void **state)
{
    (void)state;
    run_checks(write_without_no_replace, NULL);
}

static intptr_t write_through_a_circle(void *arg)
{
    test_path circle = path_of("circle");
    (void)arg;
    check_equal(symlink("circle", circle.text), 0);
    seems_to_lead = true;
    check_equal(whorl_write_file(circle.text, "a", 1, NULL), -ELOOP);
    seems_to_lead = false;
    return unlink(circle.text);
}

static void links_that_change_are_not_followed_for_ever(void **state)
{
    (void)state;
    run_checks(write_through_a_circle, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(each_step_to_the_disk_comes_after_the_one_before),
        behaviour(a_step_that_fails_is_the_last_and_leaves_nothing_beside_the_file),
        behaviour(a_name_that_is_taken_meanwhile_is_replaced),
        behaviour(an_exclusive_write_does_without_an_exclusive_rename),
        behaviour(links_that_change_are_not_followed_for_ever),
    };
    return run_behaviours("write_file_order", tests);
}
