/*
 * whorl_write_file: new files and replaced ones, their mode and owner, links, what is no file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/write_ways.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE (9 * 1024 * 1024 + 5)

static char pattern[LARGE];

static struct stat status_of(const char *name)
{
    struct stat status = {0};
    check_equal(lstat(path_of(name).text, &status), 0);
    return status;
}

static intptr_t write_sizes(void *arg)
{
    static const size_t sizes[] = {0, 1, 4096, 1 << 20, (1 << 20) + 1, LARGE, 5};
    fill_pattern(pattern, LARGE, 3);
    for (size_t i = 0; i < count_of(sizes); i++) {
        size_t written = 77;
        whorl_write_options options = {.flags = i % 2 ? WHORL_FILE_UNSYNCED : 0,
                                       .written = &written};
        test_path path = path_of("file");
        check_equal(write_file_with(path.text, pattern, sizes[i], &options, way), 0);
        check_equal(written, sizes[i]);
        check(file_holds_bytes(path.text, pattern, sizes[i]));
        check_equal(names_in(arg), 1);
    }
    return unlink(path_of("file").text);
}

static void a_file_of_any_size_is_written_whole_and_nothing_is_left_beside_it(void **state)
{
    (void)state;
    run_both_ways(write_sizes);
}

static intptr_t replace(void *arg)
{
    check_equal(write_text("file", "old and longer"), 0);
    int fd = open(path_of("file").text, O_RDONLY | O_CLOEXEC);
    check_equal(link(path_of("file").text, path_of("second").text), 0);
    check_equal(write_text("file", "new"), 0);
    check(holds("file", "new"));
    check(holds("second", "old and longer"));
    char text[32] = "";
    check_equal(read(fd, text, sizeof text - 1), 14);
    check_text(text, "old and longer");
    check_equal(close(fd), 0);
    check_equal(names_in(arg), 2);
    check_equal(unlink(path_of("second").text), 0);
    return unlink(path_of("file").text);
}

static void who_has_the_old_file_open_keeps_it(void **state)
{
    (void)state;
    run_both_ways(replace);
}

/* --- Mode and owner --- */

static intptr_t look_at_modes(void *arg)
{
    (void)arg;
    check_equal(write_text("file", "a"), 0);
    check_equal(status_of("file").st_mode, S_IFREG | 0644);
    whorl_write_options options = {.mode = 0622};
    check_equal(write_text_with("mine", "a", &options), 0);
    check_equal(status_of("mine").st_mode, S_IFREG | 0600);
    check_equal(chmod(path_of("file").text, 0751), 0);
    check_equal(write_text_with("file", "b", &options), 0);
    check_equal(status_of("file").st_mode, S_IFREG | 0751);
    check_equal(unlink(path_of("mine").text), 0);
    return unlink(path_of("file").text);
}

static void a_new_file_has_the_mode_asked_for_and_a_replaced_one_its_own(void **state)
{
    (void)state;
    run_both_ways(look_at_modes);
}

static intptr_t look_at_owners(void *arg)
{
    (void)arg;
    check_equal(write_text("file", "a"), 0);
    check_equal(chown(path_of("file").text, 1234, 4321), 0);
    check_equal(chmod(path_of("file").text, 02751), 0);
    check_equal(write_text("file", "b"), 0);
    struct stat now = status_of("file");
    check_equal(now.st_uid, 1234);
    check_equal(now.st_gid, 4321);
    check_equal(now.st_mode & 0777, 0751);
    return unlink(path_of("file").text);
}

static void a_replaced_file_keeps_its_owner(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip_because("only root can give files away");
    run_both_ways(look_at_owners);
}

/* In a directory of theirs, a file of root's that all may write. */
static intptr_t replace_as_another(void *arg)
{
    (void)arg;
    struct stat now;
    check_equal(whorl_write_file("theirs/shared", "new", 3, NULL), 0);
    check_equal(stat("theirs/shared", &now), 0);
    check_equal(now.st_mode, S_IFREG | 0606); /* without the group that could not be kept */
    check_equal(now.st_uid, geteuid());
    return 0;
}

static void an_owner_that_cannot_be_kept_takes_its_bits_along(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("theirs").text, 0700), 0);
    write_whole(path_of("theirs/shared").text, "old", 3);
    assert_int_equal(chmod(path_of("theirs/shared").text, 06676), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path_of("theirs").text, 65534, 65534), 0);
    run_checks_as_nobody(replace_as_another, NULL);
}

/* --- Names --- */

static intptr_t follow_links(void *arg)
{
    check_equal(mkdir(path_of("below").text, 0700), 0);
    check_equal(symlink("below/second", path_of("first").text), 0);
    check_equal(symlink(path_of("below/file").text, path_of("below/second").text), 0);
    check_equal(write_text("first", "made behind a dangling link"), 0);
    check(holds("below/file", "made behind a dangling link"));
    check_equal(write_text("first", "replaced"), 0);
    check(holds("below/file", "replaced"));
    check(S_ISLNK(status_of("first").st_mode) && S_ISLNK(status_of("below/second").st_mode));
    check(S_ISREG(status_of("below/file").st_mode));
    check_equal(names_in(path_of("below").text), 2);
    check_equal(symlink("loop", path_of("loop").text), 0);
    check_equal(write_text("loop", "a"), -ELOOP);
    check_equal(symlink("none/none", path_of("lost").text), 0);
    check_equal(write_text("lost", "a"), -ENOENT);
    check_equal(symlink("below/", path_of("slash").text), 0);
    check_equal(write_text("slash", "a"), -EISDIR);
    check_equal(names_in(arg), 5);
    check_equal(unlink(path_of("slash").text), 0);
    check_equal(unlink(path_of("lost").text), 0);
    check_equal(unlink(path_of("loop").text), 0);
    check_equal(unlink(path_of("first").text), 0);
    check_equal(unlink(path_of("below/second").text), 0);
    check_equal(unlink(path_of("below/file").text), 0);
    return rmdir(path_of("below").text);
}

static void a_link_stays_and_the_file_behind_it_is_replaced_or_made(void **state)
{
    (void)state;
    run_both_ways(follow_links);
}

static intptr_t write_elsewhere(void *arg)
{
    check_equal(chdir(arg), 0);
    check_equal(write_file_with("relative", "a", 1, &plain, way), 0);
    check(holds("relative", "a"));
    char longest[256 + 1], too_long[5000];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    check_equal(write_file_with(longest, "a", 1, &plain, way), 0);
    check_equal(unlink(longest), 0);
    memset(longest, 'n', 256);
    longest[256] = '\0';
    check_equal(write_file_with(longest, "a", 1, &plain, way), -ENAMETOOLONG);
    memset(too_long, '/', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    check_equal(write_file_with(too_long, "a", 1, &plain, way), -ENAMETOOLONG);
    check_equal(unlink("relative"), 0);
    return chdir("/");
}

static void names_may_be_relative_and_as_long_as_names_can_be(void **state)
{
    (void)state;
    run_both_ways(write_elsewhere);
}

static intptr_t write_wrongly(void *arg)
{
    size_t written = 77;
    whorl_write_options options = {.written = &written};
    check_equal(mkdir(path_of("directory").text, 0700), 0);
    check_equal(mkfifo(path_of("fifo").text, 0600), 0);
    check_equal(write_text_with("directory", "a", &options), -EISDIR);
    check_equal(written, 0);
    check_equal(write_text("directory/", "a"), -EISDIR);
    check_equal(write_text("directory/.", "a"), -EISDIR);
    check_equal(write_text("directory/..", "a"), -EISDIR);
    check_equal(write_text("none/", "a"), -EISDIR);
    check_equal(write_text("fifo", "a"), -EINVAL);
    check_equal(write_text("fifo/below", "a"), -ENOTDIR);
    check_equal(write_text("none/below", "a"), -ENOENT);
    check_equal(write_file_with("", "a", 1, &plain, way), -ENOENT);
    check_equal(write_file_with("/", "a", 1, &plain, way), -EISDIR);
    check_equal(write_file_with("/dev", "a", 1, &plain, way), -EISDIR);
    check_equal(write_file_with("/dev/null", "a", 1, &plain, way), -EINVAL);
    check_equal(write_file_with("/proc/version", "a", 1, &plain, way),
                geteuid() == 0 ? -ENOENT : -EACCES);
    check_equal(names_in(arg), 2);
    check_equal(names_in(path_of("directory").text), 0);
    check_equal(unlink(path_of("fifo").text), 0);
    return rmdir(path_of("directory").text);
}

static void what_cannot_be_a_file_is_refused(void **state)
{
    (void)state;
    run_both_ways(write_wrongly);
}

static intptr_t misuse(void *path)
{
    whorl_write_options unknown = {.flags = WHORL_FILE_KEEP_TIMES};
    check_equal(whorl_write_file(NULL, "a", 1, NULL), -EINVAL);
    check_equal(whorl_write_file(path, NULL, 1, NULL), -EINVAL);
    check_equal(whorl_write_file(path, "a", 1, &unknown), -EINVAL);
    unknown.flags = 1U << 31;
    check_equal(whorl_write_file(path, "a", 1, &unknown), -EINVAL);
    check_equal(access(path, F_OK), -1);
    check_equal(whorl_write_file(path, NULL, 0, NULL), 0);
    return unlink(path);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    test_path path = path_of("file");
    run_checks(misuse, path.text);
    assert_int_equal(whorl_write_file(path.text, "a", 1, NULL), -EPERM);
}

static intptr_t write_what_is_roots(void *arg)
{
    (void)arg;
    check_equal(whorl_write_file("secret", "a", 1, NULL), -EACCES);
    check_equal(whorl_write_file("private/new", "a", 1, NULL), -EACCES);
    whorl_write_options exclusive = {.flags = WHORL_FILE_EXCLUSIVE};
    check_equal(whorl_write_file("readable/new", "a", 1, NULL), -EACCES);
    check_equal(whorl_write_file("closed/new", "a", 1, NULL), -EACCES);
    check_equal(whorl_write_file("closed/new", "a", 1, &exclusive), -EACCES);
    check_equal(whorl_write_file("readable/open", "a", 1, NULL), -EACCES);
    check_equal(whorl_write_file("open", "a", 1, NULL), -EPERM); /* of a sticky directory */
    check_equal(whorl_write_file("mine", "a", 1, NULL), 0);
    check_equal(chmod("mine", 0444), 0);
    check_equal(whorl_write_file("mine", "b", 1, NULL), -EACCES);
    check_equal(names_in("."), 6);
    check_equal(names_in("readable"), 1);
    return 0;
}

static void no_permission_gives_EACCES_and_leaves_all_as_it_was(void **state)
{
    (void)state;
    umask(022);
    write_whole(path_of("secret").text, "secret", 6);
    write_whole(path_of("open").text, "open", 4);
    assert_int_equal(chmod(path_of("open").text, 0666), 0);
    assert_int_equal(mkdir(path_of("private").text, 0700), 0);
    assert_int_equal(mkdir(path_of("readable").text, 0755), 0);
    assert_int_equal(mkdir(path_of("closed").text, 0744), 0);
    write_whole(path_of("readable/open").text, "open", 4);
    assert_int_equal(chmod(path_of("readable/open").text, 0666), 0);
    run_checks_as_nobody(write_what_is_roots, NULL);
    assert_true(holds("secret", "secret"));
    assert_true(holds("open", "open"));
    assert_true(holds("readable/open", "open"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_file_of_any_size_is_written_whole_and_nothing_is_left_beside_it),
        behaviour(who_has_the_old_file_open_keeps_it),
        behaviour(a_new_file_has_the_mode_asked_for_and_a_replaced_one_its_own),
        behaviour(a_replaced_file_keeps_its_owner),
        behaviour(an_owner_that_cannot_be_kept_takes_its_bits_along),
        behaviour(a_link_stays_and_the_file_behind_it_is_replaced_or_made),
        behaviour(names_may_be_relative_and_as_long_as_names_can_be),
        behaviour(what_cannot_be_a_file_is_refused),
        behaviour(nonsense_is_refused),
        behaviour(no_permission_gives_EACCES_and_leaves_all_as_it_was),
    };
    return run_behaviours("write_file", tests);
}
