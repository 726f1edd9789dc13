/*
 * Whole files on bad days: the disk is full, a quota or a limit is reached, the disk breaks. The
 * call gives the error, and the count of what was written; the old file is intact, nothing lies
 * beside it, and the room is there again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <fs/replacement.h>
#include <fs/whole_file.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

#define OLD ((size_t)1 << 20)
#define MUCH ((size_t)16 << 20) /* more than the disk holds */
#define SMALL ((size_t)100 * 1000)

static char old_content[OLD], new_content[MUCH];

static unsigned long free_blocks(void)
{
    struct statvfs status;
    sync(); /* what was freed is counted */
    return check_equal(statvfs(".", &status), 0) ? status.f_bfree : 0;
}

static bool old_is_intact(int names)
{
    return file_holds_bytes("file", old_content, OLD) && check_equal(names_in("."), names);
}

static int write_so(size_t size, unsigned flags, size_t *written)
{
    whorl_write_options options = {.flags = flags & ~REPLACEMENT_NAMED, .written = written};
    *written = 77;
    return write_file_with("file", new_content, size, &options, flags);
}

static int lost_and_found(void)
{
    return access("lost+found", F_OK) == 0;
}

/* --- Full --- */

static const unsigned kinds[] = {0, REPLACEMENT_NAMED, WHORL_FILE_UNSYNCED};

static intptr_t write_too_much(void *root)
{
    (void)root;
    size_t written;
    int names = 1 + lost_and_found();
    check_equal(whorl_write_file("file", old_content, OLD, NULL), 0);
    unsigned long before = free_blocks();
    for (size_t i = 0; i < count_of(kinds); i++) {
        check_equal(write_so(MUCH, kinds[i], &written), -ENOSPC);
        check(written >= OLD && written < MUCH);
        old_is_intact(names);
        check(free_blocks() + 64 > before); /* give or take a directory's own */
    }
    off_t filled = fill_disk("filler");
    check(filled > 0);
    for (size_t i = 0; i < count_of(kinds); i++) {
        check_equal(write_so(SMALL, kinds[i], &written), -ENOSPC);
        check(written < SMALL);
        old_is_intact(names + 1);
    }
    check_equal(whorl_unlink("filler"), 0);
    check_equal(write_so(SMALL, 0, &written), 0);
    check_equal(written, SMALL);
    check(file_holds_bytes("file", new_content, SMALL));
    return 0;
}

static void a_write_on_a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    fill_pattern(old_content, OLD, 1);
    fill_pattern(new_content, MUCH, 2);
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, write_too_much);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, write_too_much);
}

static test_path source;

static intptr_t copy_too_much(void *root)
{
    (void)root;
    int names = 1 + lost_and_found();
    check_equal(whorl_write_file("file", old_content, OLD, NULL), 0);
    for (unsigned way = COPY_REFLINK; way < COPY_ANY_WAY; way <<= 1) {
        int expected = way == COPY_REFLINK ? -EOPNOTSUPP : way == COPY_RANGE ? -EXDEV : -ENOSPC;
        check_equal(copy_file_with(source.text, "file", 0, way), expected);
        old_is_intact(names);
    }
    check_equal(whorl_copy_file(source.text, "file", 0), -ENOSPC);
    check_equal(whorl_copy_file(source.text, "new", WHORL_FILE_EXCLUSIVE), -ENOSPC);
    old_is_intact(names);
    return 0;
}

static void a_copy_to_a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    fill_pattern(old_content, OLD, 1);
    fill_pattern(new_content, MUCH, 2);
    source = path_of("source");
    write_whole(source.text, new_content, MUCH);
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, copy_too_much);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, copy_too_much);
}

/* --- Broken --- */

static intptr_t write_on_a_broken_disk(void *root)
{
    (void)root;
    size_t written;
    check_equal(whorl_write_file("file", old_content, OLD, NULL), 0);
    disk_break();
    check_equal(write_so(SMALL, 0, &written), -EIO);
    check_equal(written, SMALL);
    old_is_intact(2);
    check(whorl_copy_file("file", "copy", 0) < 0); /* the file system may be read-only by now */
    old_is_intact(2);
    return 0;
}

static void a_write_on_a_broken_disk_leaves_the_old_file(void **state)
{
    (void)state;
    fill_pattern(old_content, OLD, 1);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, write_on_a_broken_disk);
}

/* --- Without /proc --- */

/* By which a file without a name would be given one. */
static intptr_t write_without_proc(void *root)
{
    (void)root;
    size_t written;
    check_equal(umount2("/proc", MNT_DETACH), 0);
    check_equal(write_so(SMALL, 0, &written), 0);
    check(file_holds_bytes("file", new_content, SMALL));
    check_equal(write_so(MUCH, 0, &written), -ENOSPC);
    check(file_holds_bytes("file", new_content, SMALL));
    check_equal(whorl_copy_file("file", "copy", WHORL_FILE_EXCLUSIVE), 0);
    check(files_are_equal("file", "copy"));
    check_equal(names_in("."), 2);
    return 0;
}

static void files_take_their_place_without_proc_too(void **state)
{
    (void)state;
    fill_pattern(new_content, MUCH, 2);
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, write_without_proc);
}

/* --- Where links are not to be followed --- */

/* The kernel refuses to follow a link, for the mount's sake here. It would do the same for the sake
 * of a directory that all may write in (protected_symlinks). */
static intptr_t write_through_forbidden_links(void *root)
{
    check_equal(whorl_write_file("file", "old", 3, NULL), 0);
    check_equal(symlink("file", "link"), 0);
    check_equal(symlink("none", "dangling"), 0);
    check_equal(whorl_write_file("link", "old", 3, NULL), 0);
    if (mount(NULL, root, NULL, MS_REMOUNT | MS_BIND | MS_NOSYMFOLLOW, NULL) != 0 ||
        open("link", O_RDONLY | O_CLOEXEC) >= 0)
        return 0; /* before Linux 5.10 */
    check_equal(whorl_write_file("link", "new", 3, NULL), -ELOOP);
    check_equal(whorl_write_file("dangling", "new", 3, NULL), -ELOOP);
    check_equal(whorl_copy_file("file", "link", 0), -ELOOP);
    check(file_holds_bytes("file", "old", 3));
    check_equal(names_in("."), 3);
    check_equal(whorl_write_file("file", "new", 3, NULL), 0);
    return 0;
}

static void a_link_that_the_kernel_does_not_follow_is_not_followed(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, write_through_forbidden_links);
}

/* --- Limited --- */

static intptr_t write_above_the_limit(void *arg)
{
    size_t written;
    size_t limit = *(size_t *)arg;
    for (size_t i = 0; i < count_of(kinds); i++) {
        check_equal(write_so(OLD, kinds[i], &written), -EFBIG);
        check_equal(written, limit);
        check(file_holds_bytes("file", old_content, SMALL));
    }
    check_equal(copy_file_with(source.text, "file", 0, COPY_READ_WRITE), -EFBIG);
    check_equal(whorl_copy_file(source.text, "file", 0), -EFBIG);
    check_equal(whorl_copy_file("hole", "file", 0), -EFBIG);
    check(file_holds_bytes("file", old_content, SMALL));
    check_equal(names_in("."), 3);
    return 0;
}

static int run_limited(void *arg)
{
    check_equal(chdir(path_of("").text), 0);
    limit_file_size(*(size_t *)arg);
    return (int)whorl_run(write_above_the_limit, arg);
}

static void a_limit_on_the_size_of_files_leaves_the_old_file(void **state)
{
    (void)state;
    size_t limit = OLD / 2 + 123;
    fill_pattern(old_content, OLD, 1);
    source = path_of("source");
    write_whole(source.text, old_content, OLD);
    write_whole(path_of("file").text, old_content, SMALL);
    write_whole(path_of("hole").text, "", 0);
    assert_int_equal(truncate(path_of("hole").text, OLD), 0);
    run_in_child(run_limited, &limit);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_write_on_a_full_disk_leaves_the_old_file),
        behaviour(a_copy_to_a_full_disk_leaves_the_old_file),
        behaviour(a_write_on_a_broken_disk_leaves_the_old_file),
        behaviour(files_take_their_place_without_proc_too),
        behaviour(a_link_that_the_kernel_does_not_follow_is_not_followed),
        behaviour(a_limit_on_the_size_of_files_leaves_the_old_file),
    };
    return run_behaviours("whole_disk", tests);
}
