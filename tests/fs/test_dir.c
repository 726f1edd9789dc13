/*
 * Directories: their entries, compared with what readdir(3) gives; opening, rewinding, listing.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A name of 255 bytes; and with bytes that no text has. */
static char longest[256];
static const char odd[] = "\xff\xfe \n\t*\\\x01'\"";

static int open_directory(const char *name)
{
    return open(path_of(name).text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* One entry of each type that takes no rights to make, and names that are unlike most. */
static void make_all_kinds(void)
{
    memset(longest, 'x', sizeof longest - 1);
    write_whole(path_of("file").text, "", 0);
    check_equal(mkdir(path_of("directory").text, 0700), 0);
    check_equal(symlink("file", path_of("link").text), 0);
    check_equal(symlink("nowhere", path_of("dangling").text), 0);
    check_equal(mkfifo(path_of("fifo").text, 0600), 0);
    int fd = open_directory("");
    check_equal(mknodat(fd, "socket", S_IFSOCK | 0600, 0), 0);
    check_equal(mknodat(fd, longest, S_IFREG | 0600, 0), 0);
    check_equal(mknodat(fd, odd, S_IFREG | 0600, 0), 0);
    check_equal(mknodat(fd, "...", S_IFREG | 0600, 0), 0);
    check_equal(mknodat(fd, ".hidden", S_IFREG | 0600, 0), 0);
    check_equal(close(fd), 0);
}

/* --- Entries --- */

/* Each entry that readdir(3) gives comes next, in the same order, and no other.
 * Returns how many. */
static int compare_entries(whorl_dir *dir, const char *path)
{
    DIR *expected = opendir(path);
    whorl_dir_entry entry;
    int count = 0;
    for (struct dirent *next; (next = readdir(expected)) != NULL;) {
        if (strcmp(next->d_name, ".") == 0 || strcmp(next->d_name, "..") == 0)
            continue;
        if (!check_equal(whorl_dir_next(dir, &entry), 1))
            break;
        check_text(entry.name, next->d_name);
        check_equal(entry.inode, next->d_ino);
        check_equal(entry.type, next->d_type);
        check(entry.type != DT_UNKNOWN);
        count++;
    }
    check_equal(whorl_dir_next(dir, &entry), 0);
    check_equal(whorl_dir_next(dir, &entry), 0);
    closedir(expected);
    return count;
}

static intptr_t read_entries(void *arg)
{
    whorl_dir dir;
    check_equal(whorl_dir_open(&dir, path_of("").text, 0), 0);
    check_equal(compare_entries(&dir, path_of("").text), 10);
    check_equal(whorl_dir_close(&dir), 0);
    check_equal(whorl_dir_open(&dir, path_of("directory").text, 0), 0);
    check_equal(compare_entries(&dir, path_of("directory").text), 0);
    check_equal(whorl_dir_close(&dir), 0);
    return (intptr_t)arg;
}

static void entries_are_those_of_readdir(void **state)
{
    (void)state;
    make_all_kinds();
    run_checks(read_entries, NULL);
}

static intptr_t read_system_directories(void *arg)
{
    static const char *const paths[] = {"/", "/proc/self", "/proc/self/fdinfo/..", "/sys", "/dev"};
    for (size_t i = 0; i < count_of(paths); i++) {
        whorl_dir dir;
        check_equal(whorl_dir_open(&dir, paths[i], 0), 0);
        check(compare_entries(&dir, paths[i]) > 0);
        check_equal(whorl_dir_close(&dir), 0);
    }
    return (intptr_t)arg;
}

static void directories_of_the_kernel_are_read_too(void **state)
{
    (void)state;
    run_checks(read_system_directories, NULL);
}

static intptr_t open_each_way(void *arg)
{
    whorl_dir dir;
    int root = open_directory("");
    test_path path = path_of("directory"), link = path_of("to-directory");
    check_equal(symlink("directory", link.text), 0);
    check_equal(mknodat(root, "directory/inner", S_IFREG | 0600, 0), 0);
    check_equal(whorl_dir_openat(&dir, root, "directory", O_NOFOLLOW), 0);
    check_equal(compare_entries(&dir, path.text), 1);
    int fd = whorl_dir_fd(&dir);
    check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    check_equal(faccessat(fd, "inner", F_OK, 0), 0);
    check_equal(whorl_dir_close(&dir), 0);
    check(!is_open(fd));
    check_equal(whorl_dir_open(&dir, link.text, O_NOATIME), 0);
    check_equal(compare_entries(&dir, path.text), 1);
    check_equal(whorl_dir_close(&dir), 0);
    check_equal(whorl_dir_open(&dir, link.text, O_NOFOLLOW), -ENOTDIR);
    check_equal(close(root), 0);
    return (intptr_t)arg;
}

static void a_directory_is_opened_by_path_and_by_name_in_another(void **state)
{
    (void)state;
    make_all_kinds();
    run_checks(open_each_way, NULL);
}

static intptr_t take_a_descriptor(void *arg)
{
    whorl_dir dir;
    int fd = open_directory("");
    check_equal(whorl_dir_from_fd(&dir, fd), 0);
    check_equal(whorl_dir_fd(&dir), fd);
    check_equal(compare_entries(&dir, path_of("").text), 10);
    check_equal(whorl_dir_close(&dir), 0);
    check(!is_open(fd));

    int file = open(path_of("file").text, O_RDONLY | O_CLOEXEC);
    int path = open(path_of("").text, O_PATH | O_CLOEXEC);
    check_equal(whorl_dir_from_fd(&dir, file), -ENOTDIR);
    check_equal(whorl_dir_from_fd(&dir, path), -ENOTDIR);
    check_equal(whorl_dir_from_fd(&dir, -1), -EBADF);
    check_equal(whorl_dir_from_fd(NULL, file), -EINVAL);
    check_equal(whorl_dir_close(&dir), -EINVAL);
    check_equal(close(file) + close(path), 0);
    return (intptr_t)arg;
}

static void a_directory_takes_a_descriptor_over(void **state)
{
    (void)state;
    make_all_kinds();
    run_checks(take_a_descriptor, NULL);
    whorl_dir dir;
    int fd = open_directory("");
    assert_int_equal(whorl_dir_from_fd(&dir, fd), -EPERM);
    assert_int_equal(close(fd), 0);
}

/* --- Many --- */

enum { MANY = 100000 };

static void make_many(void)
{
    int fd = open_directory("");
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "%07d", i * 7 % MANY);
        check_equal(mknodat(fd, name, S_IFREG | 0600, 0), 0);
    }
    check_equal(close(fd), 0);
}

static intptr_t read_many(void *arg)
{
    whorl_dir dir;
    whorl_dir_entry entry;
    check_equal(whorl_dir_open(&dir, path_of("").text, 0), 0);
    check_equal(compare_entries(&dir, path_of("").text), MANY);
    check_equal(whorl_dir_rewind(&dir), 0);
    for (int i = 0; i < MANY / 2; i++)
        check_equal(whorl_dir_next(&dir, &entry), 1);
    check_equal(whorl_dir_rewind(&dir), 0); /* in the middle of a batch */
    check_equal(compare_entries(&dir, path_of("").text), MANY);
    check_equal(whorl_dir_close(&dir), 0);
    return (intptr_t)arg;
}

static intptr_t list_many(void *arg)
{
    char **names;
    check_equal(whorl_list_dir(path_of("").text, &names), MANY);
    for (int i = 0; i < MANY; i++)
        check_equal(atoi(names[i]), i);
    check(names[MANY] == NULL);
    free(names);
    return (intptr_t)arg;
}

static void a_hundred_thousand_entries_are_read_and_listed(void **state)
{
    (void)state;
    make_many();
    run_checks(read_many, NULL);
    run_checks(list_many, NULL);
}

/* --- Changes meanwhile --- */

/* What stays is seen once, whatever is removed between the batches. */
static intptr_t remove_while_reading(void *arg)
{
    enum { FILES = 5000 };
    whorl_dir dir;
    whorl_dir_entry entry;
    static bool seen[FILES];
    char name[32];
    int fd = open_directory("");
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%d", i);
        check_equal(mknodat(fd, name, S_IFREG | 0600, 0), 0);
    }
    check_equal(whorl_dir_open(&dir, path_of("").text, 0), 0);
    for (int i = 0; i < FILES; i += 2) {
        snprintf(name, sizeof name, "%d", i);
        check_equal(unlinkat(fd, name, 0), 0);
    }
    while (whorl_dir_next(&dir, &entry) == 1) {
        int number = atoi(entry.name);
        check(!seen[number]);
        seen[number] = true;
        if (number % 4 == 1)
            unlinkat(fd, entry.name, 0); /* as who removes a tree does */
    }
    for (int i = 1; i < FILES; i += 2)
        check(seen[i]);
    check_equal(whorl_dir_close(&dir), 0);
    check_equal(close(fd), 0);
    return (intptr_t)arg;
}

static void what_stays_is_seen_once_while_others_vanish(void **state)
{
    (void)state;
    run_checks(remove_while_reading, NULL);
}

static intptr_t rewind_after_a_change(void *arg)
{
    whorl_dir dir;
    whorl_dir_entry entry;
    check_equal(whorl_dir_open(&dir, path_of("").text, 0), 0);
    check_equal(whorl_dir_next(&dir, &entry), 0);
    write_whole(path_of("new").text, "", 0);
    check_equal(whorl_dir_rewind(&dir), 0);
    check_equal(whorl_dir_next(&dir, &entry), 1);
    check_text(entry.name, "new");
    check_equal(whorl_dir_rewind(&dir), 0);
    check_equal(unlink(path_of("new").text), 0);
    check_equal(whorl_dir_next(&dir, &entry), 0);
    check_equal(whorl_dir_close(&dir), 0);
    return (intptr_t)arg;
}

static void rewound_a_directory_shows_what_there_is_then(void **state)
{
    (void)state;
    run_checks(rewind_after_a_change, NULL);
}

static intptr_t read_a_removed_one(void *arg)
{
    whorl_dir dir;
    whorl_dir_entry entry;
    char **names;
    check_equal(mkdir(path_of("gone").text, 0700), 0);
    check_equal(whorl_dir_open(&dir, path_of("gone").text, 0), 0);
    check_equal(rmdir(path_of("gone").text), 0);
    check_equal(whorl_dir_next(&dir, &entry), 0);
    check_equal(whorl_dir_rewind(&dir), 0);
    check_equal(whorl_dir_next(&dir, &entry), 0);
    check_equal(whorl_dir_close(&dir), 0);
    check_equal(whorl_list_dir(path_of("gone").text, &names), -ENOENT);
    check(names == NULL);
    return (intptr_t)arg;
}

static void a_directory_that_was_removed_is_at_its_end(void **state)
{
    (void)state;
    run_checks(read_a_removed_one, NULL);
}

/* --- Names, all at once --- */

static intptr_t list_names(void *arg)
{
    char **names;
    check_equal(whorl_list_dir(path_of("").text, &names), 10);
    const char *expected[] = {"...",  ".hidden", "dangling", "directory", "fifo",
                              "file", "link",    "socket",   longest,     odd};
    for (size_t i = 0; i < count_of(expected); i++)
        check_text(names[i], expected[i]);
    check(names[10] == NULL);
    free(names);

    int root = open_directory("");
    check_equal(whorl_list_dirat(root, "directory", &names), 0);
    check(names != NULL && names[0] == NULL);
    free(names);
    check_equal(whorl_list_dirat(root, "file", &names), -ENOTDIR);
    check(names == NULL);
    check_equal(whorl_list_dir(NULL, &names), -EFAULT);
    check_equal(whorl_list_dir("/", NULL), -EINVAL);
    check_equal(close(root), 0);
    return (intptr_t)arg;
}

static void names_are_listed_in_order_in_one_piece_of_memory(void **state)
{
    (void)state;
    char **names;
    make_all_kinds();
    run_checks(list_names, NULL);
    assert_int_equal(whorl_list_dir("/", &names), -EPERM);
    assert_null(names);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(entries_are_those_of_readdir),
        behaviour(directories_of_the_kernel_are_read_too),
        behaviour(a_directory_is_opened_by_path_and_by_name_in_another),
        behaviour(a_directory_takes_a_descriptor_over),
        behaviour(a_hundred_thousand_entries_are_read_and_listed),
        behaviour(what_stays_is_seen_once_while_others_vanish),
        behaviour(rewound_a_directory_shows_what_there_is_then),
        behaviour(a_directory_that_was_removed_is_at_its_end),
        behaviour(names_are_listed_in_order_in_one_piece_of_memory),
    };
    return run_behaviours("dir", tests);
}
