/*
 * Copies of what has extended attributes, or is a device, that the copy cannot have: what only the
 * system sets is left out, anything else is an error, after which there is no copy.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"

#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LARGE_VALUE = 60000 }; /* more than a block of ext4 here */

static bool exists(const char *name)
{
    struct stat status;
    return lstat(name, &status) == 0;
}

static bool has_attribute(const char *path, const char *name)
{
    return getxattr(path, name, NULL, 0) >= 0;
}

/* --- By who may not set them --- */

static intptr_t copy_as_nobody(void *arg)
{
    whorl_tree_report report;
    (void)arg;
    check_equal(whorl_copy_file("tree/file", "copy", WHORL_FILE_KEEP_XATTRS), 0);
    check(!has_attribute("copy", "security.capability"));
    check_equal(whorl_copy_tree("tree", "other", WHORL_TREE_XATTRS, &report), 0);
    check(exists("other/file") && !has_attribute("other/file", "security.capability"));
    check_equal(whorl_copy_tree("devices", "third", 0, &report), -EPERM);
    check_text(report.path, "third/device");
    check(!exists("third/device"));
    return 0;
}

static void what_the_caller_may_not_set_is_left_out_and_no_device_made(void **state)
{
    (void)state;
    struct vfs_cap_data capability = {.magic_etc = htole32(VFS_CAP_REVISION_2)};
    umask(022);
    if (geteuid() != 0)
        skip_because("only root can set a capability");
    check_equal(mkdir(path_of("tree").text, 0755), 0);
    check_equal(mkdir(path_of("devices").text, 0755), 0);
    check_equal(mknod(path_of("devices/device").text, S_IFCHR | 0600, makedev(1, 3)), 0);
    write_whole(path_of("tree/file").text, "text", 4);
    capability.data[0].permitted = htole32(1U << CAP_NET_RAW);
    if (setxattr(path_of("tree/file").text, "security.capability", &capability, XATTR_CAPS_SZ_2,
                 0) != 0)
        skip_because("no capability can be set here: %s", strerror(errno));
    run_checks_as_nobody(copy_as_nobody, NULL);
}

/* --- To where they have no room, or cannot be --- */

static char value[LARGE_VALUE];

static void refuse_copies(const char *directory, int error)
{
    char name[64];
    whorl_tree_report report;
    snprintf(name, sizeof name, "%s/copy", directory);
    check_equal(whorl_copy_file("rich/source/file", name, WHORL_FILE_KEEP_XATTRS), error);
    check(!exists(name));
    check_equal(whorl_copy_tree("rich/source", name, WHORL_TREE_XATTRS, &report), error);
    check_equal(report.files, 0);
    check_equal(whorl_remove_tree(name, 0, NULL), 0);
    check_equal(whorl_copy_file("rich/source/file", name, 0), 0);
    check_equal(unlink(name), 0);
}

static intptr_t copy_to_poor_disks(void *root)
{
    (void)root;
    check_equal(mkdir("rich", 0700) || mkdir("poor", 0700) || mkdir("small", 0700), 0);
    check_equal(mount("none", "rich", "tmpfs", 0, NULL), 0);
    check_equal(mount("none", "poor", "ramfs", 0, NULL), 0);
    check_equal(mkdir("rich/source", 0700), 0);
    write_whole("rich/source/file", "text", 4);
    if (setxattr("rich/source/file", "user.large", value, sizeof value, 0) != 0)
        return 0; /* before Linux 6.6 */
    refuse_copies("poor", -EOPNOTSUPP);
    refuse_copies("small", -ENOSPC);
    return 0;
}

static void what_cannot_be_kept_is_an_error_and_leaves_no_copy(void **state)
{
    (void)state;
    run_on_small_disk(DISK_EXT4, DISK_BYTES, copy_to_poor_disks);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(what_the_caller_may_not_set_is_left_out_and_no_device_made),
        behaviour(what_cannot_be_kept_is_an_error_and_leaves_no_copy),
    };
    return run_behaviours("copy xattrs", tests);
}
