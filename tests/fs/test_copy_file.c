/*
 * whorl_copy_file: contents by each way, holes, attributes, what is refused. See test_write_file.c
 * for what it shares with writing: how a file takes its place.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <fs/copy.h>
#include <fs/whole_file.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LARGE (20 * 1024 * 1024 + 77) /* more than a step */

static char pattern[LARGE];
static test_path from, to;

static void name_files(void)
{
    from = path_of("from");
    to = path_of("to");
    umask(022);
}

static struct stat status_of(const char *path)
{
    struct stat status = {0};
    check_equal(stat(path, &status), 0);
    return status;
}

/* --- Contents --- */

static const struct {
    unsigned way;
    const char *name;
} ways_to_copy[] = {
    {COPY_REFLINK, "reflink"},
    {COPY_RANGE, "range"},
    {COPY_SPLICE, "splice"},
    {COPY_READ_WRITE, "reading and writing"},
};

static intptr_t copy_sizes(void *arg)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 1 << 20, LARGE};
    unsigned ways = *(unsigned *)arg;
    for (size_t i = 0; i < count_of(sizes); i++) {
        write_whole(from.text, pattern, sizes[i]);
        check_equal(copy_file_with(from.text, to.text, WHORL_FILE_UNSYNCED, ways), 0);
        check(file_holds_bytes(to.text, pattern, sizes[i]));
    }
    check_equal(names_in(path_of("").text), 2);
    return 0;
}

static void a_file_of_any_size_is_copied_in_each_way(void **state)
{
    (void)state;
    name_files();
    fill_pattern(pattern, LARGE, 5);
    for (unsigned way = COPY_RANGE; way < COPY_ANY_WAY; way <<= 1)
        run_checks(copy_sizes, &way);
    unsigned any = COPY_ANY_WAY;
    run_checks(copy_sizes, &any);
}

/* Where a way is not to be had, such as a reflink on ext4, it says so, and another is taken. */
static intptr_t copy_one_way(void *arg)
{
    (void)arg;
    write_whole(from.text, pattern, 100000);
    for (size_t i = 0; i < count_of(ways_to_copy); i++) {
        write_whole(to.text, "old", 3);
        int result = copy_file_with(from.text, to.text, 0, ways_to_copy[i].way);
        printf("by %s: %s\n", ways_to_copy[i].name, result == 0 ? "copied" : strerror(-result));
        check(result == 0 || result == -EOPNOTSUPP);
        check(result == 0 ? file_holds_bytes(to.text, pattern, 100000)
                          : file_holds_bytes(to.text, "old", 3));
    }
    return 0;
}

static void a_way_that_is_impossible_leaves_the_old_file(void **state)
{
    (void)state;
    name_files();
    run_checks(copy_one_way, NULL);
}

/* To another file system, and from one whose files have no size. */
static intptr_t copy_across(void *root)
{
    (void)root;
    check_equal(whorl_copy_file(from.text, "copy", 0), 0);
    check(files_are_equal(from.text, "copy"));
    check_equal(whorl_copy_file("/proc/version", "version", 0), 0);
    check(files_are_equal("/proc/version", "version"));
    check_equal(whorl_copy_file("copy", to.text, 0), 0);
    check(files_are_equal("copy", to.text));
    return 0;
}

static void a_file_is_copied_to_and_from_other_file_systems(void **state)
{
    (void)state;
    name_files();
    fill_pattern(pattern, LARGE, 6);
    write_whole(from.text, pattern, 3 << 20);
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, copy_across);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, copy_across);
}

/* Where blocks can be shared, they are: the copy takes no room of its own. */
static intptr_t copy_by_reflink(void *root)
{
    struct statvfs before, after;
    check_equal(whorl_copy_file(from.text, "source", 0), 0);
    check_equal(statvfs(root, &before), 0);
    check_equal(copy_file_with("source", "first", 0, COPY_REFLINK), 0);
    check_equal(whorl_copy_file("source", "second", 0), 0);
    check_equal(statvfs(root, &after), 0);
    check(files_are_equal(from.text, "first"));
    check(files_are_equal(from.text, "second"));
    check(before.f_bfree - after.f_bfree < (LARGE >> 1) / before.f_bsize);
    return 0;
}

static void a_copy_shares_blocks_where_the_file_system_can(void **state)
{
    (void)state;
    name_files();
    fill_pattern(pattern, LARGE, 6);
    write_whole(from.text, pattern, LARGE);
    run_on_small_disk(DISK_XFS, DISK_XFS_BYTES, copy_by_reflink);
}

/* --- Holes --- */

static void make_sparse(off_t size, off_t data)
{
    int fd = open(from.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check_equal(ftruncate(fd, size), 0);
    check_equal(pwrite(fd, "here", 4, data), 4);
    check_equal(close(fd), 0);
}

static intptr_t copy_sparse(void *arg)
{
    unsigned ways = *(unsigned *)arg;
    const off_t size = (INT64_C(5) << 30) + 3, data = (INT64_C(9) << 29) + 5;
    char text[8] = "";
    make_sparse(size, data);
    check_equal(copy_file_with(from.text, to.text, 0, ways), 0);
    struct stat status = status_of(to.text);
    check_equal(status.st_size, size);
    check(status.st_blocks < 2048);
    int fd = open(to.text, O_RDONLY | O_CLOEXEC);
    check_equal(pread(fd, text, 5, data - 1), 5);
    check_equal(memcmp(text, "\0here", 5), 0);
    check_equal(close(fd), 0);
    /* Nothing but a hole; data at the very end. */
    check_equal(truncate(from.text, 0), 0);
    check_equal(truncate(from.text, size), 0);
    check_equal(copy_file_with(from.text, to.text, 0, ways), 0);
    check_equal(status_of(to.text).st_size, size);
    check(status_of(to.text).st_blocks < 64);
    make_sparse(1 << 20, (1 << 20) - 4);
    check_equal(copy_file_with(from.text, to.text, 0, ways), 0);
    check(files_are_equal(from.text, to.text));
    return 0;
}

static void holes_stay_holes_beyond_4_GiB_too(void **state)
{
    (void)state;
    name_files();
    for (unsigned way = COPY_RANGE; way < COPY_ANY_WAY; way <<= 1)
        run_checks(copy_sparse, &way);
}

/* --- Attributes --- */

static intptr_t copy_attributes_of(void *arg)
{
    (void)arg;
    struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 123456789},
                                {.tv_sec = 1100000000, .tv_nsec = 987654321}};
    write_whole(from.text, "text", 4);
    check_equal(chmod(from.text, 0767), 0);
    check_equal(utimensat(AT_FDCWD, from.text, times, 0), 0);
    check_equal(whorl_copy_file(from.text, to.text, 0), 0);
    struct stat status = status_of(to.text);
    check_equal(status.st_mode, S_IFREG | 0767);
    check(status.st_mtim.tv_sec != times[1].tv_sec);
    check_equal(chmod(from.text, 0444), 0);
    check_equal(utimensat(AT_FDCWD, from.text, times, 0), 0); /* reading may have changed them */
    check_equal(whorl_copy_file(from.text, to.text, WHORL_FILE_KEEP_TIMES), 0);
    status = status_of(to.text);
    check_equal(status.st_mode, S_IFREG | 0444);
    check_equal(status.st_mtim.tv_sec, times[1].tv_sec);
    check_equal(status.st_mtim.tv_nsec, times[1].tv_nsec);
    check_equal(status.st_atim.tv_nsec, times[0].tv_nsec);
    return 0;
}

static void a_copy_has_the_mode_of_its_source_and_its_times_if_asked(void **state)
{
    (void)state;
    name_files();
    run_checks(copy_attributes_of, NULL);
}

static intptr_t copy_xattrs_of(void *arg)
{
    (void)arg;
    char value[16] = "";
    check_equal(setxattr(from.text, "user.second", "", 0, 0), 0);
    check_equal(whorl_copy_file(from.text, to.text, 0), 0);
    check_equal(getxattr(to.text, "user.first", value, sizeof value), -1);
    check_equal(whorl_copy_file(from.text, to.text, WHORL_FILE_KEEP_XATTRS), 0);
    check_equal(getxattr(to.text, "user.first", value, sizeof value), 5);
    check_text(value, "value");
    check_equal(getxattr(to.text, "user.second", value, sizeof value), 0);
    check_equal(listxattr(to.text, NULL, 0), listxattr(from.text, NULL, 0));
    check_equal(whorl_copy_file("/proc/version", to.text, WHORL_FILE_KEEP_XATTRS), 0);
    return 0;
}

static void a_copy_has_the_extended_attributes_if_asked(void **state)
{
    (void)state;
    name_files();
    write_whole(from.text, "text", 4);
    if (setxattr(from.text, "user.first", "value", 5, 0) != 0)
        skip_because("the temporary directory's file system has none: %s", strerror(errno));
    run_checks(copy_xattrs_of, NULL);
}

static intptr_t copy_owner_of(void *arg)
{
    (void)arg;
    check_equal(whorl_copy_file(from.text, to.text, 0), 0);
    check_equal(status_of(to.text).st_uid, 0);
    check_equal(status_of(to.text).st_mode & 07777, 0755);
    check_equal(whorl_copy_file(from.text, to.text, WHORL_FILE_KEEP_OWNER), 0);
    check_equal(status_of(to.text).st_uid, 1234);
    check_equal(status_of(to.text).st_gid, 4321);
    check_equal(status_of(to.text).st_mode & 07777, 06755);
    return 0;
}

static intptr_t copy_owner_as_nobody(void *arg)
{
    (void)arg;
    check_equal(whorl_copy_file("from", "mine", WHORL_FILE_KEEP_OWNER), -EPERM);
    check_equal(whorl_copy_file("from", "mine", 0), 0);
    check_equal(status_of("mine").st_mode & 07777, 0755);
    check_equal(whorl_copy_file("secret", "mine", 0), -EACCES);
    check_equal(whorl_copy_file("from", "secret", 0), -EACCES);
    check_equal(names_in("."), 4);
    return 0;
}

static void the_owner_is_kept_if_asked_by_who_may(void **state)
{
    (void)state;
    name_files();
    if (geteuid() != 0)
        skip_because("only root can give files away");
    write_whole(from.text, "text", 4);
    assert_int_equal(chown(from.text, 1234, 4321), 0);
    assert_int_equal(chmod(from.text, 06755), 0);
    run_checks(copy_owner_of, NULL);
    write_whole(path_of("secret").text, "secret", 6);
    assert_int_equal(chmod(path_of("secret").text, 0600), 0);
    run_checks_as_nobody(copy_owner_as_nobody, NULL);
}

/* --- What is refused --- */

static intptr_t copy_wrongly(void *arg)
{
    test_path fifo = path_of("fifo"), directory = path_of("directory"), second = path_of("second");
    test_path link_to_from = path_of("link");
    write_whole(from.text, "text", 4);
    check_equal(mkfifo(fifo.text, 0600), 0);
    check_equal(mkdir(directory.text, 0700), 0);
    check_equal(link(from.text, second.text), 0);
    check_equal(symlink("from", link_to_from.text), 0);
    check_equal(whorl_copy_file(directory.text, to.text, 0), -EISDIR);
    check_equal(whorl_copy_file(from.text, directory.text, 0), -EISDIR);
    check_equal(whorl_copy_file(fifo.text, to.text, 0), -EINVAL);
    check_equal(whorl_copy_file(from.text, fifo.text, 0), -EINVAL);
    check_equal(whorl_copy_file("/dev/null", to.text, 0), -EINVAL);
    check_equal(whorl_copy_file(from.text, "/dev/null", 0), -EINVAL);
    check_equal(whorl_copy_file(from.text, from.text, 0), -EINVAL);
    check_equal(whorl_copy_file(from.text, second.text, 0), -EINVAL);
    check_equal(whorl_copy_file(from.text, link_to_from.text, 0), -EINVAL);
    check_equal(whorl_copy_file(link_to_from.text, from.text, 0), -EINVAL);
    check_equal(whorl_copy_file(path_of("none").text, to.text, 0), -ENOENT);
    check_equal(whorl_copy_file(from.text, path_of("none/to").text, 0), -ENOENT);
    check_equal(whorl_copy_file(from.text, second.text, WHORL_FILE_EXCLUSIVE), -EEXIST);
    check_equal(whorl_copy_file(NULL, to.text, 0), -EINVAL);
    check_equal(whorl_copy_file(from.text, NULL, 0), -EINVAL);
    check_equal(whorl_copy_file(from.text, to.text, 1U << 5), -EINVAL);
    check_equal(names_in(arg), 5);
    check(file_holds_bytes(from.text, "text", 4));
    check_equal(whorl_copy_file(link_to_from.text, to.text, WHORL_FILE_EXCLUSIVE), 0);
    check(file_holds_bytes(to.text, "text", 4));
    check(S_ISREG(status_of(to.text).st_mode));
    return 0;
}

static void what_cannot_be_copied_is_refused_and_the_same_file_too(void **state)
{
    (void)state;
    name_files();
    test_path here = path_of("");
    run_checks(copy_wrongly, here.text);
    assert_int_equal(whorl_copy_file(from.text, to.text, 0), -EPERM);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_file_of_any_size_is_copied_in_each_way),
        behaviour(a_way_that_is_impossible_leaves_the_old_file),
        behaviour(a_file_is_copied_to_and_from_other_file_systems),
        behaviour(a_copy_shares_blocks_where_the_file_system_can),
        behaviour(holes_stay_holes_beyond_4_GiB_too),
        behaviour(a_copy_has_the_mode_of_its_source_and_its_times_if_asked),
        behaviour(a_copy_has_the_extended_attributes_if_asked),
        behaviour(the_owner_is_kept_if_asked_by_who_may),
        behaviour(what_cannot_be_copied_is_refused_and_the_same_file_too),
    };
    return run_behaviours("copy_file", tests);
}
