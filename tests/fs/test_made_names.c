/*
 * Names that lead elsewhere, and names that are made: links, absolute paths, nodes, whole paths of
 * directories. Every effect is looked at with plain system calls.
 */
#include "fs/refusals.h"

#include "fs/small_disk.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int open_directory(void)
{
    return open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static mode_t mode_of(const char *name)
{
    struct stat status;
    return lstat(path_of(name).text, &status) == 0 ? status.st_mode : 0;
}

/* --- Where names lead --- */

static intptr_t read_links(void *arg)
{
    char text[16];
    int root = open_directory();
    check_equal(symlinkat("some/where", root, "link"), 0);
    check_equal(mknodat(root, "file", S_IFREG | 0600, 0), 0);
    memset(text, '#', sizeof text);
    check_equal(whorl_readlink(path_of("link").text, text, sizeof text), 10);
    check_equal(memcmp(text, "some/where######", sizeof text), 0);
    check_equal(whorl_readlinkat(root, "link", text, 4), 4); /* cut, without a word */
    check_equal(whorl_readlinkat(root, "link", text, 0), -EINVAL);
    check_equal(whorl_readlinkat(root, "file", text, sizeof text), -EINVAL);
    check_equal(whorl_readlinkat(root, "missing", text, sizeof text), -ENOENT);
    check_equal(whorl_readlinkat(root, "file/below", text, sizeof text), -ENOTDIR);
    check_equal(whorl_readlinkat(-1, "link", text, sizeof text), -EBADF);
    check_equal(whorl_readlinkat(root, "link", NULL, 10), -EFAULT);
    check_equal(whorl_readlink(NULL, text, sizeof text), -EFAULT);
    check_equal(close(root), 0);
    return (intptr_t)arg;
}

static void links_are_read(void **state)
{
    (void)state;
    run_checks(read_links, NULL);
}

static intptr_t resolve_paths(void *arg)
{
    char *resolved, expected[PATH_MAX];
    check_equal(mkdir(path_of("d").text, 0700), 0);
    check_equal(symlink("d/../d/./file", path_of("link").text), 0);
    check_equal(symlink("loop", path_of("loop").text), 0);
    write_whole(path_of("d/file").text, "", 0);
    check_equal(whorl_realpath(path_of("link").text, &resolved), 0);
    check(realpath(path_of("link").text, expected) != NULL);
    check_text(resolved, expected);
    free(resolved);
    check_equal(whorl_realpath(".", &resolved), 0);
    check_text(resolved, realpath(".", expected));
    free(resolved);

    resolved = expected;
    check_equal(whorl_realpath(path_of("missing").text, &resolved), -ENOENT);
    check(resolved == NULL);
    check_equal(whorl_realpath(path_of("d/file/x").text, &resolved), -ENOTDIR);
    check_equal(whorl_realpath(path_of("loop").text, &resolved), -ELOOP);
    check_equal(whorl_realpath("", &resolved), -ENOENT);
    check_equal(whorl_realpath(NULL, &resolved), -EINVAL);
    check_equal(whorl_realpath("/", NULL), -EINVAL);
    return (intptr_t)arg;
}

static void paths_are_made_absolute(void **state)
{
    (void)state;
    run_checks(resolve_paths, NULL);
}

static intptr_t ask_what_there_is(void *arg)
{
    static const struct {
        const char *name;
        int exists, is_file, is_dir, is_link;
    } cases[] = {
        {"file", 1, 1, 0, 0},      {"directory", 1, 0, 1, 0},  {"fifo", 1, 0, 0, 0},
        {"to-file", 1, 1, 0, 1},   {"to-dir", 1, 0, 1, 1},     {"dangling", 0, 0, 0, 1},
        {"missing", 0, 0, 0, 0},   {"file/below", 0, 0, 0, 0}, {"loop", -ELOOP, -ELOOP, -ELOOP, 1},
        {"closed/in", 1, 1, 0, 0},
    };
    bool is_root = geteuid() == 0;
    for (size_t i = 0; i < count_of(cases); i++) {
        bool is_closed = !is_root && strncmp(cases[i].name, "closed", 6) == 0;
        check_equal(whorl_exists(cases[i].name), is_closed ? -EACCES : cases[i].exists);
        check_equal(whorl_is_file(cases[i].name), is_closed ? -EACCES : cases[i].is_file);
        check_equal(whorl_is_dir(cases[i].name), is_closed ? -EACCES : cases[i].is_dir);
        check_equal(whorl_is_link(cases[i].name), is_closed ? -EACCES : cases[i].is_link);
    }
    check_equal(whorl_exists(NULL), -EFAULT);
    return (intptr_t)arg;
}

static void what_there_is_at_a_name_is_told(void **state)
{
    (void)state;
    int root = open_directory();
    check_equal(mknodat(root, "file", S_IFREG | 0600, 0), 0);
    check_equal(mkdirat(root, "directory", 0700), 0);
    check_equal(mkfifoat(root, "fifo", 0600), 0);
    check_equal(symlinkat("file", root, "to-file"), 0);
    check_equal(symlinkat("directory", root, "to-dir"), 0);
    check_equal(symlinkat("missing", root, "dangling"), 0);
    check_equal(symlinkat("loop", root, "loop"), 0);
    check_equal(mkdirat(root, "closed", 0700), 0);
    check_equal(mknodat(root, "closed/in", S_IFREG | 0600, 0), 0);
    check_equal(close(root), 0);
    run_checks_as_nobody(ask_what_there_is, NULL);
}

/* --- Nodes --- */

static intptr_t make_nodes(void *arg)
{
    int root = open_directory();
    check_equal(whorl_mkfifo(path_of("fifo").text, 0640), 0);
    check_equal(mode_of("fifo"), S_IFIFO | 0640);
    check_equal(whorl_mkfifoat(root, "fifo-2", S_IFREG | 0600), 0); /* the type is its own */
    check_equal(mode_of("fifo-2"), S_IFIFO | 0600);
    check_equal(whorl_mknod(path_of("file").text, S_IFREG | 0604, 0), 0);
    check_equal(mode_of("file"), S_IFREG | 0604);
    check_equal(whorl_mknodat(root, "socket", S_IFSOCK | 0600, 0), 0);
    check_equal(mode_of("socket"), S_IFSOCK | 0600);
    check_equal(whorl_mkfifo(path_of("file").text, 0600), -EEXIST);
    check_equal(whorl_mkfifoat(root, "missing/fifo", 0600), -ENOENT);
    check_equal(whorl_mknodat(root, "odd", S_IFDIR | 0600, 0), -EPERM);
    check_equal(whorl_mknodat(-1, "odd", S_IFREG | 0600, 0), -EBADF);
    check_equal(whorl_mknod(NULL, S_IFREG | 0600, 0), -EFAULT);
    check_equal(close(root), 0);
    return (intptr_t)arg;
}

static intptr_t make_a_device(void *arg)
{
    check_equal(whorl_mknod("null", S_IFCHR | 0600, makedev(1, 3)), -EPERM);
    return (intptr_t)arg;
}

static void nodes_are_made(void **state)
{
    (void)state;
    mode_t mask = umask(0);
    run_checks(make_nodes, NULL);
    umask(mask);
    run_checks_as_nobody(make_a_device, NULL);
}

/* --- Whole paths of directories --- */

static int make_all(const char *name, mode_t mode)
{
    char text[512];
    snprintf(text, sizeof text, "%s/%s", path_of("").text, name);
    return whorl_mkdir_all(text, mode);
}

static intptr_t make_paths(void *arg)
{
    check_equal(make_all("a/b/c", 0700), 0);
    check_equal(mode_of("a"), S_IFDIR | 0750); /* of 0777, by the umask */
    check_equal(mode_of("a/b"), S_IFDIR | 0750);
    check_equal(mode_of("a/b/c"), S_IFDIR | 0700);
    check_equal(make_all("a/b/c", 0), 0); /* it is there, and stays as it is */
    check_equal(mode_of("a/b/c"), S_IFDIR | 0700);
    check_equal(make_all("a//d///e//", 0700), 0);
    check_equal(mode_of("a/d/e"), S_IFDIR | 0700);
    check_equal(make_all("a/./f/../g", 0700), 0);
    check_equal(mode_of("a/g"), S_IFDIR | 0700);
    check_equal(mode_of("a/f"), S_IFDIR | 0750);
    check_equal(make_all("link/h", 0700), 0);
    check_equal(mode_of("a/b/h"), S_IFDIR | 0700);
    check_equal(make_all("link", 0700), 0); /* it leads to one */
    check_equal(whorl_mkdir_all("/", 0700), 0);
    check_equal(whorl_mkdir_all("///", 0700), 0);
    check_equal(whorl_mkdir_all(".", 0700), 0);

    check_equal(make_all("file", 0700), -EEXIST);
    check_equal(make_all("file/x", 0700), -ENOTDIR);
    check_equal(make_all("file/x/y", 0700), -ENOTDIR);
    check_equal(make_all("dangling", 0700), -EEXIST);
    check_equal(make_all("dangling/x/y", 0700), -ENOENT);
    check_equal(whorl_mkdir_all("", 0700), -ENOENT);
    check_equal(whorl_mkdir_all(NULL, 0700), -EFAULT);
    char *endless = calloc(1, PATH_MAX + 10);
    memset(endless, 'x', PATH_MAX + 1);
    check_equal(whorl_mkdir_all(endless, 0700), -ENAMETOOLONG);
    free(endless);
    return (intptr_t)arg;
}

static void directories_are_made_with_all_above_them(void **state)
{
    (void)state;
    mode_t mask = umask(027);
    write_whole(path_of("file").text, "", 0);
    check_equal(symlink("missing", path_of("dangling").text), 0);
    check_equal(symlink("a/b", path_of("link").text), 0);
    run_checks(make_paths, NULL);
    umask(mask);
}

static intptr_t make_the_same(void *arg)
{
    return make_all(arg, 0700);
}

static intptr_t make_paths_at_once(void *arg)
{
    enum { MAKERS = 32 };
    (void)arg;
    for (long i = 0; i < test_rounds(50); i++) {
        char name[64];
        whorl_task *makers[MAKERS];
        snprintf(name, sizeof name, "%ld/a/b/c/d", i);
        for (int k = 0; k < MAKERS; k++)
            makers[k] = whorl_spawn(make_the_same, name);
        for (int k = 0; k < MAKERS; k++)
            check_equal(whorl_join(makers[k]), 0);
    }
    return 0;
}

static void many_make_the_same_directories_at_once(void **state)
{
    (void)state;
    run_checks(make_paths_at_once, NULL);
}

static intptr_t make_paths_without_rights(void *arg)
{
    check_equal(whorl_mkdir_all("closed/a/b", 0700), -EACCES);
    check_equal(whorl_mkdir_all("closed", 0700), 0);
    check_equal(whorl_mkdir_all("open/a/b", 0700), 0);
    return (intptr_t)arg;
}

static void without_rights_no_path_is_made(void **state)
{
    (void)state;
    check_equal(mkdir(path_of("closed").text, 0755), 0);
    run_checks_as_nobody(make_paths_without_rights, NULL);
}

static intptr_t make_one_path(void *arg)
{
    (void)arg;
    return make_all("some/where", 0700);
}

static intptr_t resolve_one_path(void *arg)
{
    (void)arg;
    char *resolved;
    int error = whorl_realpath("/", &resolved);
    free(resolved);
    return error;
}

static intptr_t refuse_memory(void *arg)
{
    check_equal(refuse_each_in_turn(resolve_one_path, NULL) > 0, 1); /* the pool's */
    check_equal(refuse_each_in_turn(make_one_path, NULL), 1);
    return (intptr_t)arg;
}

static void without_memory_no_path_is_made(void **state)
{
    (void)state;
    run_checks(refuse_memory, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(links_are_read),
        behaviour(paths_are_made_absolute),
        behaviour(what_there_is_at_a_name_is_told),
        behaviour(nodes_are_made),
        behaviour(directories_are_made_with_all_above_them),
        behaviour(many_make_the_same_directories_at_once),
        behaviour(without_rights_no_path_is_made),
        behaviour(without_memory_no_path_is_made),
    };
    return run_behaviours("made_names", tests);
}
