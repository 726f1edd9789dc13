/*
 * openat2: what RESOLVE_* allows and forbids, and each refusal of the header; as a call, and into a
 * slot of registered files.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct open_how how;

/* A directory with a file, and links that lead to it, out of it, and nowhere. */
static int make_tree(void)
{
    check(mkdir(path_of("tree").text, 0700) == 0 || errno == EEXIST);
    write_whole(path_of("tree/file").text, "text", 4);
    write_whole(path_of("outside").text, "text", 4);
    check(symlink("file", path_of("tree/inward").text) == 0 || errno == EEXIST);
    check(symlink("../outside", path_of("tree/outward").text) == 0 || errno == EEXIST);
    check(symlink("/file", path_of("tree/absolute").text) == 0 || errno == EEXIST);
    return open(path_of("tree").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The same by the system call, which glibc has no name for. */
static void check_open(int dirfd, const char *path, const how *asked, size_t size)
{
    int plain = (int)syscall(SYS_openat2, dirfd, path, asked, size);
    int expected = plain >= 0 ? 0 : -errno;
    if (plain >= 0)
        close(plain);
    int fd = whorl_openat2(dirfd, path, asked, size);
    if ((fd >= 0 ? 0 : fd) != expected)
        check_failed("openat2 of %s, resolve %llu, flags %llu: %d, not %d", path,
                     asked ? (unsigned long long)asked->resolve : 0,
                     asked ? (unsigned long long)asked->flags : 0, fd, expected);
    if (fd >= 0)
        check_equal(close(fd), 0);
}

static intptr_t open_in_a_tree(void *arg)
{
    (void)arg;
    static const uint64_t rules[] = {
        0,
        RESOLVE_BENEATH,
        RESOLVE_IN_ROOT,
        RESOLVE_NO_SYMLINKS,
        RESOLVE_NO_XDEV,
        RESOLVE_NO_MAGICLINKS,
        RESOLVE_BENEATH | RESOLVE_IN_ROOT,
        UINT64_C(1) << 40,
    };
    static const char *const paths[] = {
        "file", "inward", "outward", "absolute", "../outside", "/proc/self/exe", "missing",
    };
    int dirfd = make_tree();
    for (size_t i = 0; i < count_of(rules); i++) {
        how asked = {.flags = O_RDONLY | O_CLOEXEC, .resolve = rules[i]};
        for (size_t j = 0; j < count_of(paths); j++)
            check_open(dirfd, paths[j], &asked, sizeof asked);
    }
    return close(dirfd);
}

static void openat2_walks_as_its_rules_say(void **state)
{
    (void)state;
    run_checks_on_all_features(open_in_a_tree, NULL);
}

static intptr_t open_wrongly(void *arg)
{
    (void)arg;
    struct {
        how how;
        uint64_t more;
    } larger = {.how = {.flags = O_RDONLY | O_CLOEXEC}};
    int dirfd = make_tree();
    how plain = {.flags = O_RDONLY | O_CLOEXEC};
    how strange = {.flags = UINT64_C(1) << 40}, mode = {.flags = O_RDONLY, .mode = 0600};
    check_open(dirfd, "file", &plain, sizeof plain - 1); /* -EINVAL */
    check_open(dirfd, "file", &plain, 0);
    check_open(dirfd, "file", &strange, sizeof strange);
    check_open(dirfd, "file", &mode, sizeof mode);
    check_open(dirfd, "file", (how *)&larger, sizeof larger); /* zeros behind it are fine */
    larger.more = 1;
    check_open(dirfd, "file", (how *)&larger, sizeof larger); /* -E2BIG */
    static how many[200] = {{.flags = O_RDONLY | O_CLOEXEC}, {.flags = 1}};
    check_open(dirfd, "file", many, sizeof many);
    check_equal(whorl_openat2(dirfd, "file", many, SIZE_MAX), -E2BIG);
    check_open(dirfd, "file", NULL, sizeof plain); /* -EFAULT */
    check_open(dirfd, NULL, &plain, sizeof plain);
    check_open(dirfd, "", &plain, sizeof plain);  /* -ENOENT */
    check_open(-1, "file", &plain, sizeof plain); /* -EBADF */
    how cached = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_CACHED};
    check_open(dirfd, "file", &cached, sizeof cached);
    how making = {.flags = O_RDWR | O_CREAT | O_CLOEXEC, .resolve = RESOLVE_CACHED};
    check_equal(whorl_openat2(dirfd, "unseen", &making, sizeof making), -EAGAIN);
    return close(dirfd);
}

static void openat2_gives_the_errors_of_its_page(void **state)
{
    (void)state;
    run_checks_on_all_features(open_wrongly, NULL);
}

static intptr_t open_a_new_file(void *arg)
{
    (void)arg;
    struct stat status;
    int dirfd = make_tree();
    check(unlink(path_of("tree/new").text) == 0 || errno == ENOENT);
    how asked = {.flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, .mode = 0600};
    int fd = whorl_openat2(dirfd, "new", &asked, sizeof asked);
    check(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    check_equal(fstat(fd, &status), 0);
    check_equal(status.st_mode & 0777, 0600);
    check_equal(whorl_openat2(dirfd, "new", &asked, sizeof asked), -EEXIST);
    check_equal(close(fd), 0);
    return close(dirfd);
}

static void openat2_makes_files(void **state)
{
    (void)state;
    run_checks_on_all_features(open_a_new_file, NULL);
}

/* --- Into a slot --- */

static int await(whorl_op op)
{
    return whorl_op_await(&op);
}

static intptr_t open_into_slots(void *arg)
{
    (void)arg;
    int dirfd = make_tree(), none = -1;
    char text[8] = {0};
    how asked = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
    how closing = {.flags = O_RDONLY | O_CLOEXEC};
    check_equal(await(whorl_op_openat2_direct(dirfd, "file", &asked, sizeof asked, 0)), -ENXIO);
    check_equal(whorl_register_files(&none, 1), 0);
    whorl_op ops[] = {
        whorl_op_openat2_direct(dirfd, "file", &asked, sizeof asked, 0),
        whorl_op_pread(0, text, 4, 0),
        whorl_op_close_direct(0),
    };
    ops[1].flags = WHORL_OP_FIXED_FILE;
    check_equal(whorl_link_ops(ops, 3), 0);
    check_text(text, "text");
    check_equal(await(whorl_op_openat2_direct(dirfd, "file", &asked, sizeof asked, 1)), -EINVAL);
    check_equal(await(whorl_op_openat2_direct(dirfd, "file", &closing, sizeof closing, 0)),
                -EINVAL);
    check_equal(await(whorl_op_openat2_direct(dirfd, "outward", &asked, sizeof asked, 0)), -EXDEV);
    check_equal(await(whorl_op_close_direct(0)), -EBADF);
    /* A chain that fails before it opens has nothing to close. */
    ops[0] = whorl_op_openat2_direct(dirfd, "missing", &asked, sizeof asked, 0);
    ops[1] = whorl_op_nop();
    ops[2] = whorl_op_close_direct(0);
    check_equal(whorl_link_ops(ops, 3), -ENOENT);
    check_equal(ops[2].result, -ECANCELED);
    return close(dirfd);
}

static void openat2_opens_into_a_slot(void **state)
{
    (void)state;
    run_checks_on_all_features(open_into_slots, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(openat2_walks_as_its_rules_say),
        behaviour(openat2_gives_the_errors_of_its_page),
        behaviour(openat2_makes_files),
        behaviour(openat2_opens_into_a_slot),
    };
    return run_behaviours("openat2", tests);
}
