/*
 * Trees copied: what a copy has, entry by entry, and what each flag changes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/trees.h"

#include "as_task.h"
#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

static whorl_tree_report report;

static void check_figures(const tree_figures *figures)
{
    check_equal(report.directories, figures->directories);
    check_equal(report.files, figures->files);
    check_equal(report.links, figures->links);
    check_equal(report.specials, figures->specials);
    check_equal(report.errors, 0);
    check_equal(report.error, 0);
    check_text(report.path, "");
}

static mode_t mode_of(const char *path)
{
    struct stat seen;
    check_equal(lstat(path, &seen), 0);
    return seen.st_mode & 07777;
}

/* --- Plain copies --- */

static void a_copy_is_the_same_entry_by_entry(void **state)
{
    (void)state;
    random_source source = random_from_seed(1);
    long rounds = test_rounds(UNDER_SANITIZER ? 10 : 40);
    for (long i = 0; i < rounds; i++) {
        test_path from = path_of("from"), to = path_of("to");
        unsigned with = (unsigned)random_below(&source, 8);
        unsigned entries = (unsigned)random_below(&source, 400);
        tree_figures figures = grow_tree(from.text, &source, entries, with);
        check_equal(whorl_copy_tree(from.text, to.text, 0, &report), 0);
        check_figures(&figures);
        check_equal(report.bytes, figures.bytes);
        check(trees_are_same(from.text, to.text, 0));
        check_equal(whorl_remove_tree(to.text, 0, &report), 0);
        check_figures(&figures);
        check_equal(report.bytes, 0);
        check_equal(whorl_remove_tree(from.text, 0, NULL), 0);
        check(is_empty(path_of("").text));
    }
}

static void modes_are_kept_whatever_the_umask_says(void **state)
{
    (void)state;
    test_path from = path_of("from"), to = path_of("to");
    make_directory(from.text);
    write_whole(path_of("from/file").text, "x", 1);
    check_equal(mkfifo(path_of("from/fifo").text, 0600), 0);
    check_equal(chmod(path_of("from/fifo").text, 0666), 0);
    check_equal(chmod(path_of("from/file").text, 0777), 0);
    check_equal(chmod(from.text, 0777), 0);
    mode_t before = umask(077);
    check_equal(whorl_copy_tree(from.text, to.text, 0, NULL), 0);
    umask(before);
    check_equal(mode_of(to.text), 0777);
    check_equal(mode_of(path_of("to/file").text), 0777);
    check_equal(mode_of(path_of("to/fifo").text), 0666);
}

static void bits_that_lend_rights_stay_with_their_owner(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return;
    test_path from = path_of("from"), to = path_of("to");
    make_directory(from.text);
    write_whole(path_of("from/mine").text, "x", 1);
    write_whole(path_of("from/theirs").text, "x", 1);
    check_equal(chown(path_of("from/theirs").text, 12345, 12345), 0);
    check_equal(chmod(path_of("from/mine").text, 06755), 0);
    check_equal(chmod(path_of("from/theirs").text, 06755), 0);
    check_equal(whorl_copy_tree(from.text, to.text, 0, NULL), 0);
    check_equal(mode_of(path_of("to/mine").text), 06755);
    check_equal(mode_of(path_of("to/theirs").text), 0755);
}

static void the_root_may_be_a_link_and_may_be_spelled_with_slashes(void **state)
{
    (void)state;
    make_directory(path_of("from").text);
    write_whole(path_of("from/file").text, "x", 1);
    check_equal(symlink("from", path_of("link").text), 0);
    check_equal(whorl_copy_tree(path_of("link").text, path_of("to").text, 0, NULL), 0);
    check(trees_are_same(path_of("from").text, path_of("to").text, 0));
    check_equal(whorl_copy_tree(path_of("from//").text, path_of("to2///").text, 0, NULL), 0);
    check(trees_are_same(path_of("from").text, path_of("to2").text, 0));
}

static void a_file_of_several_names_becomes_several_files(void **state)
{
    (void)state;
    struct stat one, two;
    make_directory(path_of("from").text);
    write_whole(path_of("from/one").text, "x", 1);
    check_equal(link(path_of("from/one").text, path_of("from/two").text), 0);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("to").text, 0, NULL), 0);
    check_equal(stat(path_of("to/one").text, &one), 0);
    check_equal(stat(path_of("to/two").text, &two), 0);
    check(one.st_nlink == 1 && two.st_nlink == 1 && one.st_ino != two.st_ino);
}

static void files_of_unknown_size_are_read_to_their_end(void **state)
{
    (void)state;
    char one[100], two[100];
    test_path to = path_of("to");
    check_equal(whorl_copy_tree("/proc/sys/kernel/random", to.text, WHORL_TREE_GO_ON, &report), 0);
    check_equal(read_whole("/proc/sys/kernel/random/boot_id", one, sizeof one), 37);
    check_equal(read_whole(path_of("to/boot_id").text, two, sizeof two), 37);
    check(memcmp(one, two, 37) == 0);
}

static void large_files_are_copied_with_their_holes(void **state)
{
    (void)state;
    enum { LARGE = 9 << 20 };
    char *data = malloc(LARGE);
    test_path from = path_of("from"), to = path_of("to");
    make_directory(from.text);
    fill_pattern(data, LARGE, 5);
    write_whole(path_of("from/large").text, data, LARGE);
    write_whole(path_of("from/sparse").text, data, 5 << 20);
    check_equal(truncate(path_of("from/sparse").text, (off_t)1 << 32), 0);
    check_equal(whorl_copy_tree(from.text, to.text, 0, &report), 0);
    check_equal(report.bytes, LARGE + (1LL << 32));
    struct stat seen;
    check_equal(stat(path_of("to/sparse").text, &seen), 0);
    check_equal(seen.st_size, (off_t)1 << 32);
    check(seen.st_blocks < (16 << 20) / 512);
    check(files_are_equal(path_of("from/large").text, path_of("to/large").text));
    char *copy = malloc(LARGE);
    check_equal(read_whole(path_of("to/sparse").text, copy, LARGE), LARGE);
    check(memcmp(data, copy, 5 << 20) == 0);
    free(copy);
    free(data);
}

/* --- Flags --- */

static void set_time(const char *path, time_t seconds)
{
    struct timespec times[] = {{.tv_sec = seconds, .tv_nsec = 5}, {.tv_sec = seconds + 1}};
    check_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void times_are_kept_if_asked_for(void **state)
{
    (void)state;
    static const char *const names[] = {"from/sub/file", "from/sub/link", "from/sub/fifo",
                                        "from/sub", "from"};
    struct stat seen;
    make_directory(path_of("from").text);
    make_directory(path_of("from/sub").text);
    write_whole(path_of("from/sub/file").text, "x", 1);
    check_equal(symlink("file", path_of("from/sub/link").text), 0);
    check_equal(mkfifo(path_of("from/sub/fifo").text, 0600), 0);
    for (size_t i = 0; i < count_of(names); i++)
        set_time(path_of(names[i]).text, 1000000 + (time_t)i);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("to").text, WHORL_TREE_TIMES, NULL),
                0);
    check_equal(stat(path_of("to").text, &seen), 0);
    check_equal(seen.st_atim.tv_sec, 1000004);
    check(trees_are_same(path_of("from").text, path_of("to").text, SAME_TIMES));
    check_equal(whorl_copy_tree(path_of("from").text, path_of("new").text, 0, NULL), 0);
    check_equal(stat(path_of("new/sub/file").text, &seen), 0);
    check(seen.st_mtim.tv_sec > 2000000);
}

static void attributes_are_kept_if_asked_for(void **state)
{
    (void)state;
    char value[16];
    make_directory(path_of("from").text);
    write_whole(path_of("from/file").text, "x", 1);
    if (setxattr(path_of("from").text, "user.kind", "tree", 4, 0) != 0) {
        print_message("no attributes here: %s\n", strerror(errno));
        return;
    }
    check_equal(setxattr(path_of("from/file").text, "user.kind", "file", 4, 0), 0);
    check_equal(chmod(path_of("from/file").text, 0444), 0);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("to").text, WHORL_TREE_XATTRS, NULL),
                0);
    check(trees_are_same(path_of("from").text, path_of("to").text, 0));
    check_equal(getxattr(path_of("to").text, "user.kind", value, sizeof value), 4);
    check(memcmp(value, "tree", 4) == 0);
    check_equal(getxattr(path_of("to/file").text, "user.kind", value, sizeof value), 4);
    check(memcmp(value, "file", 4) == 0);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("bare").text, 0, NULL), 0);
    check_equal(getxattr(path_of("bare/file").text, "user.kind", value, sizeof value), -1);
}

static void links_are_followed_if_asked_for(void **state)
{
    (void)state;
    char text[16];
    make_directory(path_of("from").text);
    make_directory(path_of("else").text);
    write_whole(path_of("else/file").text, "there", 5);
    check_equal(symlink("../else/file", path_of("from/file").text), 0);
    check_equal(symlink("../else", path_of("from/sub").text), 0);
    check_equal(mkfifo(path_of("else/fifo").text, 0644), 0);
    check_equal(symlink("../else/fifo", path_of("from/fifo").text), 0);
    check_equal(
        whorl_copy_tree(path_of("from").text, path_of("to").text, WHORL_TREE_FOLLOW, &report), 0);
    check_figures(&(tree_figures){.directories = 2, .files = 2, .specials = 2});
    check_equal(read_whole(path_of("to/file").text, text, sizeof text), 5);
    check_equal(read_whole(path_of("to/sub/file").text, text, sizeof text), 5);
    struct stat seen;
    check_equal(lstat(path_of("to/sub").text, &seen), 0);
    check(S_ISDIR(seen.st_mode));
}

static void merging_replaces_files_and_keeps_the_rest(void **state)
{
    (void)state;
    char text[16];
    make_directory(path_of("from").text);
    make_directory(path_of("from/sub").text);
    write_whole(path_of("from/sub/both").text, "new", 3);
    write_whole(path_of("from/was_link").text, "new", 3);
    check_equal(symlink("target", path_of("from/was_file").text), 0);
    check_equal(chmod(path_of("from/sub").text, 0711), 0);
    make_directory(path_of("to").text);
    make_directory(path_of("to/sub").text);
    write_whole(path_of("to/sub/both").text, "older", 5);
    write_whole(path_of("to/sub/only").text, "kept", 4);
    write_whole(path_of("to/was_file").text, "older", 5);
    check_equal(link(path_of("to/sub/both").text, path_of("other_name").text), 0);
    write_whole(path_of("outside").text, "outside", 7);
    check_equal(symlink("../outside", path_of("to/was_link").text), 0);
    check_equal(
        whorl_copy_tree(path_of("from").text, path_of("to").text, WHORL_TREE_MERGE, &report), 0);
    check_equal(report.files, 2);
    check_equal(report.directories, 0);
    check_equal(read_whole(path_of("to/sub/both").text, text, sizeof text), 3);
    check_equal(read_whole(path_of("to/sub/only").text, text, sizeof text), 4);
    check_equal(read_whole(path_of("other_name").text, text, sizeof text), 5);
    check_equal(read_whole(path_of("outside").text, text, sizeof text), 7);
    check_equal(readlink(path_of("to/was_file").text, text, sizeof text), 6);
    check_equal(readlink(path_of("to/was_link").text, text, sizeof text), -1);
    check_equal(mode_of(path_of("to/sub").text), 0711);
}

static intptr_t stay_on_one_file_system(void *root)
{
    (void)root;
    make_directory("from");
    make_directory("from/mounted");
    check_equal(mount("none", "from/mounted", "tmpfs", 0, "size=1m"), 0);
    write_whole("from/mounted/file", "x", 1);
    check_equal(whorl_copy_tree("from", "all", 0, &report), 0);
    check_equal(report.files, 1);
    check_equal(whorl_copy_tree("from", "to", WHORL_TREE_ONE_FS, &report), 0);
    check_equal(report.files, 0);
    check_equal(report.directories, 2);
    check(is_empty("to/mounted"));
    check_equal(whorl_remove_tree("from", WHORL_TREE_ONE_FS, &report), -EXDEV);
    check_text(report.path, "from/mounted");
    check_equal(report.errors, 1);
    check(exists("from/mounted/file"));
    check_equal(whorl_remove_tree("from", 0, &report), -EBUSY);
    check_text(report.path, "from/mounted");
    check(!exists("from/mounted/file"));
    check_equal(umount("from/mounted"), 0);
    return whorl_remove_tree("from", 0, NULL);
}

static void one_file_system_is_not_left_if_asked_for(void **state)
{
    (void)state;
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, stay_on_one_file_system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_copy_is_the_same_entry_by_entry),
        as_task(modes_are_kept_whatever_the_umask_says),
        as_task(bits_that_lend_rights_stay_with_their_owner),
        as_task(the_root_may_be_a_link_and_may_be_spelled_with_slashes),
        as_task(a_file_of_several_names_becomes_several_files),
        as_task(files_of_unknown_size_are_read_to_their_end),
        as_task(large_files_are_copied_with_their_holes),
        as_task(times_are_kept_if_asked_for),
        as_task(attributes_are_kept_if_asked_for),
        as_task(links_are_followed_if_asked_for),
        as_task(merging_replaces_files_and_keeps_the_rest),
        behaviour(one_file_system_is_not_left_if_asked_for),
    };
    return run_behaviours("copy tree", tests);
}
