/*
 * Extended attributes, in the ring: set, read, and each refusal of the header, by path and by
 * descriptor; looked at with plain system calls.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAME "user.whorl"

static int file_with(const char *value)
{
    test_path path = path_of("file");
    write_whole(path.text, "text", 4);
    int fd = open(path.text, O_RDWR | O_CLOEXEC);
    if (value)
        check_equal(fsetxattr(fd, NAME, value, strlen(value), 0), 0);
    else
        check(fremovexattr(fd, NAME) == 0 || errno == ENODATA);
    return fd;
}

/* Skips the test where the temporary directory's file system has none. */
static void need_attributes(void)
{
    test_path path = path_of("file");
    write_whole(path.text, "text", 4);
    if (setxattr(path.text, NAME, "v", 1, 0) != 0)
        skip_because("the temporary directory's file system has none: %s", strerror(errno));
}

static void check_value(int fd, const char *expected)
{
    char text[64] = {0};
    check_equal(fgetxattr(fd, NAME, text, sizeof text - 1), strlen(expected));
    check_text(text, expected);
}

static intptr_t set_values(void *arg)
{
    (void)arg;
    int fd = file_with(NULL);
    test_path path = path_of("file"), link = path_of("link");
    check(symlink("file", link.text) == 0 || errno == EEXIST);
    check_equal(whorl_setxattr(path.text, NAME, "first", 5, XATTR_CREATE), 0);
    check_value(fd, "first");
    check_equal(whorl_fsetxattr(fd, NAME, "second", 6, XATTR_REPLACE), 0);
    check_value(fd, "second");
    check_equal(whorl_setxattr(link.text, NAME, "third", 5, 0), 0); /* through the link */
    check_value(fd, "third");
    check_equal(whorl_fsetxattr(fd, NAME, NULL, 0, 0), 0);
    check_value(fd, "");
    return close(fd);
}

static void a_value_is_set(void **state)
{
    (void)state;
    need_attributes();
    run_checks_on_all_features(set_values, NULL);
}

static intptr_t get_values(void *arg)
{
    (void)arg;
    int fd = file_with("value");
    test_path path = path_of("file");
    char text[16] = {0};
    check_equal(whorl_getxattr(path.text, NAME, NULL, 0), 5);
    check_equal(whorl_getxattr(path.text, NAME, text, sizeof text), 5);
    check_text(text, "value");
    memset(text, 0, sizeof text);
    check_equal(whorl_fgetxattr(fd, NAME, text, 5), 5);
    check_text(text, "value");
    check_equal(whorl_fgetxattr(fd, NAME, NULL, 0), 5);
    check_equal(whorl_fgetxattr(fd, NAME, text, SIZE_MAX), 5);
    return close(fd);
}

static void a_value_is_read(void **state)
{
    (void)state;
    need_attributes();
    run_checks_on_all_features(get_values, NULL);
}

static intptr_t set_wrongly(void *arg)
{
    (void)arg;
    int fd = file_with("value");
    test_path path = path_of("file"), missing = path_of("missing");
    char *large = calloc(1, 65537), name[300] = "user.";
    memset(name + 5, 'n', 255);
    check_equal(whorl_setxattr(path.text, NAME, "v", 1, XATTR_CREATE), -EEXIST);
    check_equal(whorl_fsetxattr(fd, NAME, "v", 1, XATTR_CREATE), -EEXIST);
    check_equal(whorl_setxattr(path.text, "user.none", "v", 1, XATTR_REPLACE), -ENODATA);
    check_equal(whorl_fsetxattr(fd, "user.none", "v", 1, XATTR_REPLACE), -ENODATA);
    check_equal(whorl_setxattr(path.text, NAME, large, 65537, 0), -E2BIG);
    check_equal(whorl_fsetxattr(fd, NAME, large, SIZE_MAX, 0), -E2BIG);
    check_equal(whorl_setxattr(path.text, name, "v", 1, 0), -ERANGE);
    check_equal(whorl_fsetxattr(fd, "", "v", 1, 0), -ERANGE);
    check_equal(whorl_setxattr(path.text, "strange.name", "v", 1, 0), -EOPNOTSUPP);
    check_equal(whorl_fsetxattr(fd, NAME, "v", 1, 1 << 20), -EINVAL);
    check_equal(whorl_setxattr(path.text, NULL, "v", 1, 0), -EFAULT);
    check_equal(whorl_setxattr(NULL, NAME, "v", 1, 0), -EFAULT);
    check_equal(whorl_fsetxattr(fd, NAME, NULL, 1, 0), -EFAULT);
    check_equal(whorl_setxattr(missing.text, NAME, "v", 1, 0), -ENOENT);
    check_equal(whorl_setxattr("", NAME, "v", 1, 0), -ENOENT);
    check_equal(whorl_fsetxattr(-1, NAME, "v", 1, 0), -EBADF);
    check_value(fd, "value");
    free(large);
    return close(fd);
}

static void setting_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    need_attributes();
    run_checks_on_all_features(set_wrongly, NULL);
}

static intptr_t get_wrongly(void *arg)
{
    (void)arg;
    int fd = file_with("value");
    test_path path = path_of("file"), missing = path_of("missing");
    char text[16] = {0};
    check_equal(whorl_getxattr(path.text, NAME, text, 4), -ERANGE);
    check_equal(whorl_fgetxattr(fd, NAME, text, 1), -ERANGE);
    check_equal(whorl_getxattr(path.text, "user.none", text, 16), -ENODATA);
    check_equal(whorl_fgetxattr(fd, "user.none", text, 16), -ENODATA);
    check_equal(whorl_getxattr(path.text, "", text, 16), -ERANGE);
    check_equal(whorl_fgetxattr(fd, "strange.name", text, 16), -EOPNOTSUPP);
    check_equal(whorl_getxattr(path.text, NULL, text, 16), -EFAULT);
    check_equal(whorl_getxattr(NULL, NAME, text, 16), -EFAULT);
    check_equal(whorl_getxattr(path.text, NAME, NULL, 16), -EFAULT);
    check_equal(whorl_getxattr(missing.text, NAME, text, 16), -ENOENT);
    check_equal(whorl_fgetxattr(-1, NAME, text, 16), -EBADF);
    check_text(text, "");
    return close(fd);
}

static void reading_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    need_attributes();
    run_checks_on_all_features(get_wrongly, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_value_is_set),
        behaviour(a_value_is_read),
        behaviour(setting_gives_the_errors_of_its_page),
        behaviour(reading_gives_the_errors_of_its_page),
    };
    return run_behaviours("xattr", tests);
}
