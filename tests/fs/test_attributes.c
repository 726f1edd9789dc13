/*
 * Modes, owners, times, rights, sizes and file systems of names and descriptors: every effect is
 * looked at with plain system calls.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static test_path file, link_to_file, dangling, missing, below_file;

static void make_names(void)
{
    file = path_of("file");
    link_to_file = path_of("link");
    dangling = path_of("dangling");
    missing = path_of("missing");
    below_file = path_of("file/below");
    write_whole(file.text, "content", 7);
    check_equal(chmod(file.text, 0644), 0);
    check_equal(symlink("file", link_to_file.text), 0);
    check_equal(symlink("missing", dangling.text), 0);
}

static struct stat status_of(const char *path)
{
    struct stat status;
    check_equal(lstat(path, &status), 0);
    return status;
}

static int open_directory(void)
{
    return open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* --- Modes --- */

static intptr_t change_modes(void *arg)
{
    int fd = open(file.text, O_RDONLY | O_CLOEXEC), root = open_directory();
    check_equal(whorl_chmod(file.text, 0600), 0);
    check_equal(status_of(file.text).st_mode, S_IFREG | 0600);
    check_equal(whorl_chmod(link_to_file.text, 04755), 0); /* of what it leads to */
    check_equal(status_of(file.text).st_mode, S_IFREG | 04755);
    check_equal(whorl_fchmod(fd, 0400), 0);
    check_equal(status_of(file.text).st_mode, S_IFREG | 0400);
    check_equal(whorl_fchmodat(root, "file", 0640, 0), 0);
    check_equal(status_of(file.text).st_mode, S_IFREG | 0640);
    check_equal(whorl_fchmodat(root, "file", 0644, AT_SYMLINK_NOFOLLOW), 0);
    check_equal(status_of(file.text).st_mode, S_IFREG | 0644);

    check_equal(whorl_fchmodat(root, "link", 0600, AT_SYMLINK_NOFOLLOW), -EOPNOTSUPP);
    check_equal(status_of(file.text).st_mode, S_IFREG | 0644);
    check_equal(whorl_fchmodat(root, "file", 0600, 1 << 30), -EINVAL);
    check_equal(whorl_fchmodat(-1, "file", 0600, 0), -EBADF);
    check_equal(whorl_fchmod(-1, 0600), -EBADF);
    check_equal(whorl_chmod(missing.text, 0600), -ENOENT);
    check_equal(whorl_chmod(dangling.text, 0600), -ENOENT);
    check_equal(whorl_chmod(below_file.text, 0600), -ENOTDIR);
    check_equal(whorl_chmod(NULL, 0600), -EFAULT);
    check_equal(close(fd) + close(root), 0);
    return (intptr_t)arg;
}

static void modes_are_changed_by_name_and_by_descriptor(void **state)
{
    (void)state;
    make_names();
    run_checks(change_modes, NULL);
}

/* --- Owners --- */

static void check_owner(const char *path, uid_t owner, gid_t group)
{
    struct stat status = status_of(path);
    check_equal(status.st_uid, owner);
    check_equal(status.st_gid, group);
}

static intptr_t change_owners(void *arg)
{
    int fd = open(file.text, O_RDONLY | O_CLOEXEC), root = open_directory();
    check_equal(whorl_chown(link_to_file.text, 1000, 1001), 0); /* of what it leads to */
    check_owner(file.text, 1000, 1001);
    check_owner(link_to_file.text, 0, 0);
    check_equal(whorl_lchown(link_to_file.text, 1002, (gid_t)-1), 0);
    check_owner(link_to_file.text, 1002, 0);
    check_owner(file.text, 1000, 1001);
    check_equal(whorl_fchown(fd, (uid_t)-1, 1003), 0);
    check_owner(file.text, 1000, 1003);
    check_equal(whorl_fchownat(root, "dangling", 1004, 1005, AT_SYMLINK_NOFOLLOW), 0);
    check_owner(dangling.text, 1004, 1005);
    check_equal(whorl_fchownat(fd, "", 1006, 1007, AT_EMPTY_PATH), 0);
    check_owner(file.text, 1006, 1007);

    check_equal(whorl_chown(dangling.text, 1, 1), -ENOENT);
    check_equal(whorl_lchown(missing.text, 1, 1), -ENOENT);
    check_equal(whorl_fchown(-1, 1, 1), -EBADF);
    check_equal(whorl_fchownat(root, "file", 1, 1, 1 << 30), -EINVAL);
    check_equal(whorl_chown(NULL, 1, 1), -EFAULT);
    check_equal(close(fd) + close(root), 0);
    return (intptr_t)arg;
}

static void owners_are_changed_by_name_and_by_descriptor(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip_because("only root gives files away");
    make_names();
    run_checks(change_owners, NULL);
}

/* --- Times --- */

static void check_times(const char *path, time_t read, time_t written)
{
    struct stat status = status_of(path);
    check_equal(status.st_atim.tv_sec, read);
    check_equal(status.st_mtim.tv_sec, written);
    check_equal(status.st_mtim.tv_nsec, 123456000);
}

static intptr_t change_times(void *arg)
{
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000, .tv_nsec = 123456000}};
    int fd = open(file.text, O_RDONLY | O_CLOEXEC), root = open_directory();
    check_equal(whorl_utimensat(root, "file", times, 0), 0);
    check_times(file.text, 1000, 2000);
    times[1].tv_sec = 3000;
    check_equal(whorl_utimensat(AT_FDCWD, link_to_file.text, times, AT_SYMLINK_NOFOLLOW), 0);
    check_times(link_to_file.text, 1000, 3000);
    check_times(file.text, 1000, 2000);
    times[0].tv_nsec = UTIME_OMIT;
    check_equal(whorl_futimens(fd, times), 0);
    check_times(file.text, 1000, 3000);
    check_equal(whorl_futimens(fd, NULL), 0); /* now */
    check(status_of(file.text).st_mtim.tv_sec > 1000000);

    times[0].tv_nsec = 1000000000;
    check_equal(whorl_futimens(fd, times), -EINVAL);
    check_equal(whorl_futimens(-1, NULL), -EBADF);
    check_equal(whorl_futimens(AT_FDCWD, NULL), -EBADF);
    check_equal(whorl_utimensat(fd, NULL, NULL, 0), -EINVAL);
    check_equal(whorl_utimensat(root, "missing", NULL, 0), -ENOENT);
    check_equal(whorl_utimensat(root, "dangling", NULL, 0), -ENOENT);
    check_equal(whorl_utimensat(root, "file", NULL, 1 << 30), -EINVAL);
    check_equal(close(fd) + close(root), 0);
    return (intptr_t)arg;
}

static void times_are_changed_by_name_and_by_descriptor(void **state)
{
    (void)state;
    make_names();
    run_checks(change_times, NULL);
}

/* --- Sizes, rights, file systems --- */

static intptr_t change_sizes(void *arg)
{
    check_equal(whorl_truncate(link_to_file.text, 3), 0);
    check_equal(status_of(file.text).st_size, 3);
    check_equal(whorl_truncate(file.text, (off_t)5 << 32), 0);
    check_equal(status_of(file.text).st_size, (off_t)5 << 32);
    check_equal(whorl_truncate(file.text, -1), -EINVAL);
    check_equal(whorl_truncate(path_of("").text, 0), -EISDIR);
    check_equal(whorl_truncate(dangling.text, 0), -ENOENT);
    check_equal(whorl_truncate(NULL, 0), -EFAULT);
    return (intptr_t)arg;
}

static void sizes_are_changed_by_name(void **state)
{
    (void)state;
    make_names();
    run_checks(change_sizes, NULL);
}

static intptr_t ask_for_rights(void *arg)
{
    check_equal(whorl_access("readable", R_OK), 0);
    check_equal(whorl_access("readable", R_OK | W_OK), -EACCES);
    check_equal(whorl_access("missing", F_OK), -ENOENT);
    check_equal(whorl_access(NULL, F_OK), -EFAULT);
    check_equal(whorl_access("readable", 1 << 10), -EINVAL);
    check_equal(whorl_faccessat(AT_FDCWD, "dangling", F_OK, 0), -ENOENT);
    check_equal(whorl_faccessat(AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW), 0);
    check_equal(whorl_faccessat(AT_FDCWD, "readable", W_OK, AT_EACCESS), -EACCES);
    check_equal(whorl_faccessat(-1, "readable", F_OK, 0), -EBADF);
    check_equal(whorl_faccessat(AT_FDCWD, "readable", F_OK, 1 << 30), -EINVAL);
    /* What only the owner, or root, may do: */
    check_equal(whorl_chmod("readable", 0777), -EPERM);
    check_equal(whorl_chown("readable", getuid(), (gid_t)-1), -EPERM);
    check_equal(whorl_truncate("readable", 0), -EACCES);
    check_equal(whorl_utimensat(AT_FDCWD, "readable", NULL, 0), -EACCES);
    return (intptr_t)arg;
}

static void rights_are_those_of_the_user(void **state)
{
    (void)state;
    write_whole(path_of("readable").text, "", 0);
    check_equal(symlink("missing", path_of("dangling").text), 0);
    run_checks_as_nobody(ask_for_rights, NULL);
}

static intptr_t ask_for_file_systems(void *arg)
{
    struct statvfs actual, expected;
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check_equal(statvfs("/proc", &expected), 0);
    check_equal(whorl_statvfs("/proc", &actual), 0);
    check_equal(memcmp(&actual, &expected, sizeof actual), 0);
    memset(&actual, 0, sizeof actual);
    check_equal(whorl_fstatvfs(fd, &actual), 0);
    check_equal(memcmp(&actual, &expected, sizeof actual), 0);
    check_equal(whorl_statvfs(missing.text, &actual), -ENOENT);
    check_equal(whorl_statvfs(NULL, &actual), -EFAULT);
    check_equal(whorl_statvfs("/", NULL), -EFAULT);
    check_equal(whorl_fstatvfs(-1, &actual), -EBADF);
    check_equal(whorl_fstatvfs(fd, NULL), -EFAULT);
    check_equal(close(fd), 0);
    return (intptr_t)arg;
}

static void file_systems_are_asked_for_by_name_and_by_descriptor(void **state)
{
    (void)state;
    make_names();
    run_checks(ask_for_file_systems, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(modes_are_changed_by_name_and_by_descriptor),
        behaviour(owners_are_changed_by_name_and_by_descriptor),
        behaviour(times_are_changed_by_name_and_by_descriptor),
        behaviour(sizes_are_changed_by_name),
        behaviour(rights_are_those_of_the_user),
        behaviour(file_systems_are_asked_for_by_name_and_by_descriptor),
    };
    return run_behaviours("attributes", tests);
}
