/*
 * Temporary files and directories: with names that nobody else has, or with none.
 */
#include "fs/refusals.h"

#include "fs/small_disk.h"

#include <sys/stat.h>

static void check_made(const char *path, const char *before, mode_t mode)
{
    struct stat status;
    check(strcmp(path, before) != 0);
    check_equal(lstat(path, &status), 0);
    check_equal(status.st_mode, mode);
}

static intptr_t make_temporary(void *arg)
{
    test_path pattern = path_of("t-XXXXXX"), one = pattern, other = pattern;
    test_path with_suffix = path_of("t-XXXXXX.txt"), suffixed = with_suffix;
    check_equal(whorl_mkdtemp(one.text), 0);
    check_made(one.text, pattern.text, S_IFDIR | 0700);
    check_equal(whorl_mkdtemp(other.text), 0);
    check(strcmp(one.text, other.text) != 0);

    int fds[3];
    one = other = pattern;
    fds[0] = whorl_mkstemp(one.text);
    check_made(one.text, pattern.text, S_IFREG | 0600);
    check_equal(fcntl(fds[0], F_GETFD), 0);
    fds[1] = whorl_mkostemp(other.text, O_CLOEXEC | O_APPEND);
    check_made(other.text, pattern.text, S_IFREG | 0600);
    check_equal(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
    check_equal(fcntl(fds[1], F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR | O_APPEND);
    fds[2] = whorl_mkostemps(suffixed.text, 4, O_CLOEXEC);
    check_made(suffixed.text, with_suffix.text, S_IFREG | 0600);
    check_text(suffixed.text + strlen(suffixed.text) - 4, ".txt");
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_write(fds[i], "x", 1), 1);
        check_equal(whorl_close(fds[i]), 0);
    }

    test_path bad = path_of("no-pattern"), nowhere = path_of("missing/t-XXXXXX"), too = nowhere;
    check_equal(whorl_mkdtemp(bad.text), -EINVAL);
    check_equal(whorl_mkstemp(bad.text), -EINVAL);
    check_equal(whorl_mkostemps(with_suffix.text, 3, 0), -EINVAL);
    check_equal(whorl_mkdtemp(nowhere.text), -ENOENT);
    check_equal(whorl_mkstemp(too.text), -ENOENT);
    check_equal(whorl_mkdtemp(NULL), -EINVAL);
    check_equal(whorl_mkstemp(NULL), -EINVAL);
    return (intptr_t)arg;
}

static void temporary_files_and_directories_are_made(void **state)
{
    (void)state;
    run_checks(make_temporary, NULL);
}

/* --- Files without a name --- */

/* Nothing is left to see in a directory, or in the environment's. */
static void check_unnamed(const char *directory)
{
    struct stat status;
    int fd = whorl_tmpfile(directory);
    check(fd >= 0);
    check_equal(fstat(fd, &status), 0);
    check_equal(status.st_nlink, 0);
    check_equal(status.st_mode, S_IFREG | 0600);
    check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    check_equal(whorl_pwrite(fd, "text", 4, 0), 4);
    check_equal(whorl_close(fd), 0);
    check_equal(names_in(path_of("").text), 1);
}

static intptr_t make_unnamed(void *arg)
{
    check_unnamed(path_of("").text);
    check_unnamed(NULL);
    check_equal(setenv("TMPDIR", path_of("").text, 1), 0);
    check_unnamed(NULL);
    check_equal(setenv("TMPDIR", path_of("missing").text, 1), 0);
    check_equal(whorl_tmpfile(NULL), -ENOENT);
    check_equal(unsetenv("TMPDIR"), 0);
    check_equal(whorl_tmpfile(path_of("missing").text), -ENOENT);
    check_equal(whorl_tmpfile(path_of("file").text), -ENOTDIR);
    return (intptr_t)arg;
}

static void files_without_a_name_leave_nothing_behind(void **state)
{
    (void)state;
    const char *before = getenv("TMPDIR");
    char *kept = before ? strdup(before) : NULL;
    write_whole(path_of("file").text, "", 0);
    run_checks(make_unnamed, NULL);
    atomic_store(&refuses_unnamed, true); /* as a file system without O_TMPFILE */
    run_checks(make_unnamed, NULL);
    atomic_store(&refuses_unnamed, false);
    if (kept)
        setenv("TMPDIR", kept, 1);
    free(kept);
}

static intptr_t make_one_unnamed(void *arg)
{
    int fd = whorl_tmpfile(arg);
    return fd < 0 ? fd : whorl_close(fd);
}

static intptr_t refuse_memory(void *arg)
{
    test_path directory = path_of("");
    check(refuse_each_in_turn(make_one_unnamed, directory.text) > 1); /* the pool's, and its own */
    atomic_store(&refuses_unnamed, true);
    check_equal(refuse_each_in_turn(make_one_unnamed, directory.text), 2);
    atomic_store(&refuses_unnamed, false);
    check_equal(names_in(directory.text), 0);
    return (intptr_t)arg;
}

static void without_memory_no_file_is_made(void **state)
{
    (void)state;
    run_checks(refuse_memory, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(temporary_files_and_directories_are_made),
        behaviour(files_without_a_name_leave_nothing_behind),
        behaviour(without_memory_no_file_is_made),
    };
    return run_behaviours("temporary", tests);
}
