/*
 * Extended attributes: listed, removed, and those of links themselves; compared with the plain
 * system calls.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static intptr_t list_names(void *arg)
{
    char list[64], expected[64];
    test_path file = path_of("file"), link = path_of("link");
    int fd = open(file.text, O_RDONLY | O_CLOEXEC);
    check_equal(setxattr(file.text, "user.one", "1", 1, 0), 0);
    check_equal(setxattr(file.text, "user.two", "22", 2, 0), 0);
    ssize_t len = listxattr(file.text, expected, sizeof expected);
    check(len >= 18);
    check_equal(whorl_listxattr(link.text, list, sizeof list), len);
    check_equal(memcmp(list, expected, (size_t)len), 0);
    memset(list, 0, sizeof list);
    check_equal(whorl_flistxattr(fd, list, sizeof list), len);
    check_equal(memcmp(list, expected, (size_t)len), 0);
    check_equal(whorl_listxattr(file.text, NULL, 0), len);
    check_equal(whorl_listxattr(file.text, list, 3), -ERANGE);
    check_equal(whorl_llistxattr(link.text, list, sizeof list),
                llistxattr(link.text, expected, sizeof expected));
    check_equal(whorl_listxattr(path_of("missing").text, list, 3), -ENOENT);
    check_equal(whorl_flistxattr(-1, list, 3), -EBADF);
    check_equal(whorl_llistxattr(NULL, list, 3), -EFAULT);

    check_equal(whorl_removexattr(link.text, "user.one"), 0);
    check_equal(getxattr(file.text, "user.one", NULL, 0), -1);
    check_equal(whorl_removexattr(file.text, "user.one"), -ENODATA);
    check_equal(whorl_fremovexattr(fd, "user.two"), 0);
    check_equal(whorl_fremovexattr(fd, "user.two"), -ENODATA);
    check_equal(whorl_removexattr(path_of("missing").text, "user.one"), -ENOENT);
    check_equal(whorl_fremovexattr(-1, "user.one"), -EBADF);
    check_equal(close(fd), 0);
    return (intptr_t)arg;
}

static void make_files(void)
{
    write_whole(path_of("file").text, "", 0);
    check_equal(symlink("file", path_of("link").text), 0);
    if (setxattr(path_of("file").text, "user.try", "", 0, 0) != 0)
        skip_because("the file system of temporary files has no extended attributes");
    check_equal(removexattr(path_of("file").text, "user.try"), 0);
}

static void names_are_listed_and_removed(void **state)
{
    (void)state;
    make_files();
    run_checks(list_names, NULL);
}

/* Links have attributes of the kind that only root gives. */
static intptr_t use_a_links_own(void *arg)
{
    char value[8];
    test_path link = path_of("link"), file = path_of("file");
    check_equal(whorl_lsetxattr(link.text, "trusted.own", "mine", 4, 0), 0);
    check_equal(whorl_lsetxattr(link.text, "trusted.own", "x", 1, XATTR_CREATE), -EEXIST);
    check_equal(whorl_lsetxattr(link.text, "trusted.none", "x", 1, XATTR_REPLACE), -ENODATA);
    check_equal(whorl_lsetxattr(link.text, "user.own", "x", 1, 0), -EPERM);
    check_equal(whorl_lgetxattr(link.text, "trusted.own", value, sizeof value), 4);
    check_equal(memcmp(value, "mine", 4), 0);
    check_equal(whorl_lgetxattr(link.text, "trusted.own", value, 3), -ERANGE);
    check_equal(getxattr(file.text, "trusted.own", value, sizeof value), -1);
    check_equal(whorl_lremovexattr(link.text, "trusted.own"), 0);
    check_equal(whorl_lremovexattr(link.text, "trusted.own"), -ENODATA);
    check_equal(whorl_lgetxattr(link.text, "trusted.own", value, sizeof value), -ENODATA);
    check_equal(whorl_lgetxattr(NULL, "trusted.own", value, sizeof value), -EFAULT);
    return (intptr_t)arg;
}

static void a_link_has_attributes_of_its_own(void **state)
{
    (void)state;
    make_files();
    if (geteuid() != 0)
        skip_because("only root gives links attributes");
    run_checks(use_a_links_own, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(names_are_listed_and_removed),
        behaviour(a_link_has_attributes_of_its_own),
    };
    return run_behaviours("xattr_thread", tests);
}
