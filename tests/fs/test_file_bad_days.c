/*
 * Buffered files on bad days: the disk is full, a file is as large as it may become, the device
 * fails, somebody cuts the file short, there is no memory. What was accepted is kept until it can
 * be written, and written once.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"

#include "starve.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { PIECE = 30 * 1000, ROOM = 12 << 20 };

static char sent[ROOM];
static char found[ROOM];

static off_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : -errno;
}

/* Writes until a call is refused; the bytes accepted go to *total. */
static ssize_t write_until_refused(whorl_file *file, size_t *total)
{
    ssize_t done;
    while ((done = whorl_file_write(file, sent + *total, PIECE)) > 0)
        *total += (size_t)done;
    return done;
}

/* --- A full disk --- */

static intptr_t fill_and_make_room(int flags)
{
    size_t total = 0;
    whorl_file *file;
    fill_pattern(sent, sizeof sent, 1);
    int error = whorl_file_open("brim", O_RDWR | O_CREAT | flags,
                                &(whorl_file_options){.buffer_size = 64 << 10}, &file);
    if (error)
        return error;
    check(fill_disk("filler") > 0);
    check_equal(truncate("filler", 1 << 20), 0);
    check_equal(write_until_refused(file, &total), -ENOSPC);
    check_equal(whorl_file_flush(file), -ENOSPC);
    check_equal(whorl_file_flush(file), -ENOSPC);
    check_equal(whorl_file_tell(file) > 0, 1);
    check_equal(unlink("filler"), 0);
    check_equal(whorl_file_flush(file), 0);
    check_equal(whorl_file_write(file, sent + total, PIECE), PIECE);
    total += PIECE;
    check_equal(whorl_file_close(file), 0);
    check_equal(size_of("brim"), total);
    check_equal(read_whole("brim", found, sizeof found), total);
    check_equal(memcmp(found, sent, total), 0);
    return 0;
}

static intptr_t fill_plainly(void *root)
{
    (void)root;
    return fill_and_make_room(0);
}

static intptr_t fill_appending(void *root)
{
    (void)root;
    return fill_and_make_room(O_APPEND);
}

static intptr_t fill_directly(void *root)
{
    (void)root;
    return fill_and_make_room(O_DIRECT);
}

static void what_a_full_disk_refuses_is_kept_until_there_is_room(void **state)
{
    (void)state;
    run_on_small_disk(DISK_EXT4, DISK_BYTES, fill_plainly);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, fill_appending);
    run_on_small_disk(DISK_EXT4, DISK_BYTES, fill_directly);
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, fill_plainly);
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, fill_appending);
}

static intptr_t close_on_full_disk(void *root)
{
    (void)root;
    static const int flags[] = {0, O_APPEND};
    fill_pattern(sent, sizeof sent, 1);
    for (size_t i = 0; i < count_of(flags); i++) {
        whorl_file *file;
        check_equal(whorl_file_open("brim", O_RDWR | O_CREAT | flags[i], NULL, &file), 0);
        check(fill_disk("filler") > 0);
        check_equal(whorl_file_write(file, sent, 100000), 100000);
        check_equal(whorl_file_close(file), -ENOSPC);
        off_t size = size_of("brim");
        check(size < 100000);
        check_equal(read_whole("brim", found, sizeof found), size);
        check_equal(memcmp(found, sent, (size_t)size), 0);
        check_equal(unlink("filler"), 0);
        check_equal(unlink("brim"), 0);
    }
    return 0;
}

static void close_tells_what_could_not_be_written(void **state)
{
    (void)state;
    run_on_small_disk(DISK_EXT4, DISK_BYTES, close_on_full_disk);
    run_on_small_disk(DISK_TMPFS, DISK_BYTES, close_on_full_disk);
}

/* --- A limit, and a broken device --- */

static intptr_t reach_the_limit(void *arg)
{
    static const int flags[] = {0, O_APPEND, O_DIRECT};
    const char *path = arg;
    fill_pattern(sent, sizeof sent, 1);
    limit_file_size(1000000);
    for (size_t i = 0; i < count_of(flags); i++) {
        whorl_file *file;
        size_t total = 0;
        int error = whorl_file_open(path, O_RDWR | O_CREAT | O_TRUNC | flags[i], NULL, &file);
        if (error == -EINVAL && (flags[i] & O_DIRECT))
            continue;
        check_equal(error, 0);
        check_equal(write_until_refused(file, &total), -EFBIG);
        check_equal(whorl_file_flush(file), -EFBIG);
        check_equal(whorl_file_close(file), -EFBIG);
        check_equal(size_of(path), 1000000);
        check_equal(read_whole(path, found, sizeof found), 1000000);
        check_equal(memcmp(found, sent, 1000000), 0);
    }
    return 0;
}

static void a_file_as_large_as_it_may_become_gives_EFBIG(void **state)
{
    (void)state;
    test_path path = path_of("limited");
    run_checks_in_child(NULL, reach_the_limit, path.text);
}

static intptr_t lose_the_device(void *root)
{
    (void)root;
    whorl_file *file;
    check_equal(whorl_file_open("file", O_RDWR | O_CREAT, NULL, &file), 0);
    check_equal(whorl_file_puts(file, "text"), 4);
    check_equal(whorl_file_sync(file), 0);
    disk_break();
    check_equal(whorl_file_puts(file, "more"), 4);
    check_equal(whorl_file_sync(file), -EIO);
    whorl_file_close(file);
    return 0;
}

static void a_broken_device_is_told_by_sync(void **state)
{
    (void)state;
    run_on_small_disk(DISK_EXT4, DISK_BYTES, lose_the_device);
}

/* --- Files that change, and what is none --- */

static intptr_t shrink(void *arg)
{
    const char *path = arg;
    whorl_file_options options = {.buffer_size = 4096, .depth = 2};
    whorl_file *file;
    fill_pattern(sent, 200000, 1);
    write_whole(path, sent, 200000);
    check_equal(whorl_file_open(path, O_RDONLY, &options, &file), 0);
    check_equal(whorl_file_read(file, found, 50000), 50000);
    check_equal(truncate(path, 100), 0);
    /* No more than was read ahead. */
    ssize_t got = whorl_file_read(file, found + 50000, 150000);
    check(got >= 0 && got <= 3 * 4096);
    check_equal(memcmp(found, sent, 50000 + (size_t)got), 0);
    check_equal(whorl_file_read(file, found, 1), 0);
    check_equal(whorl_file_eof(file), 1);
    check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
    check_equal(whorl_file_read(file, found, 1000), 100);
    return whorl_file_close(file);
}

static void a_file_that_shrinks_ends_earlier(void **state)
{
    (void)state;
    run_checks(shrink, path_of("shrinking").text);
}

/* The end was read ahead when there was more before it. */
static intptr_t grow_behind_the_reader(void *arg)
{
    const char *path = arg;
    whorl_file_options options = {.buffer_size = 4096, .depth = 4};
    whorl_file *file;
    fill_pattern(sent, 20000, 1);
    write_whole(path, sent, 2 * 4096);
    check_equal(whorl_file_open(path, O_RDONLY, &options, &file), 0);
    check_equal(whorl_file_read(file, found, 5000), 5000);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_file_read(file, found + 5000, 1), 1);
    write_whole(path, sent, 20000);
    check_equal(whorl_file_read(file, found + 5001, 20000), 20000 - 5001);
    check_equal(whorl_file_eof(file), 1);
    check_equal(memcmp(found, sent, 20000), 0);
    return whorl_file_close(file);
}

static void a_file_that_grows_is_read_to_the_end_that_it_has(void **state)
{
    (void)state;
    run_checks(grow_behind_the_reader, path_of("growing").text);
}

static intptr_t read_directory(void *arg)
{
    char byte;
    whorl_file *file;
    whorl_line line;
    check_equal(whorl_file_open(arg, O_RDONLY | O_DIRECTORY, NULL, &file), 0);
    check_equal(whorl_file_read(file, &byte, 1), -EISDIR);
    check_equal(whorl_file_read_line(file, &line), -EISDIR);
    check_equal(whorl_file_eof(file), 0);
    return whorl_file_close(file);
}

static void a_directory_cannot_be_read(void **state)
{
    (void)state;
    run_checks(read_directory, path_of("").text);
}

static intptr_t open_without_rights(void *arg)
{
    (void)arg;
    char byte;
    whorl_file *file;
    check_equal(whorl_file_open("secret", O_RDONLY, NULL, &file), -EACCES);
    check(file == NULL);
    check_equal(whorl_file_open("readable", O_RDWR, NULL, &file), -EACCES);
    check_equal(whorl_file_open("closed/any", O_WRONLY | O_CREAT, NULL, &file), -EACCES);
    check_equal(whorl_file_open("readable", O_RDONLY, NULL, &file), 0);
    check_equal(whorl_file_read(file, &byte, 1), 1);
    check_equal(whorl_file_puts(file, "text"), -EBADF);
    return whorl_file_close(file);
}

static void a_file_of_another_user_is_not_opened(void **state)
{
    (void)state;
    write_whole(path_of("secret").text, "secret", 6);
    write_whole(path_of("readable").text, "readable", 8);
    assert_int_equal(chmod(path_of("secret").text, 0600), 0);
    assert_int_equal(chmod(path_of("readable").text, 0644), 0);
    assert_int_equal(mkdir(path_of("closed").text, 0700), 0);
    run_checks_as_nobody(open_without_rights, NULL);
}

static intptr_t follow_links(void *arg)
{
    (void)arg;
    test_path link = path_of("link"), loop = path_of("loop");
    whorl_file *file;
    check_equal(symlink("absent", link.text), 0);
    check_equal(symlink("loop", loop.text), 0);
    check_equal(whorl_file_open(loop.text, O_RDONLY, NULL, &file), -ELOOP);
    check_equal(whorl_file_open(link.text, O_RDONLY, NULL, &file), -ENOENT);
    check_equal(whorl_file_open(link.text, O_WRONLY | O_CREAT | O_EXCL, NULL, &file), -EEXIST);
    check_equal(whorl_file_open(link.text, O_WRONLY | O_CREAT, NULL, &file), 0);
    check_equal(whorl_file_puts(file, "made"), 4);
    check_equal(whorl_file_close(file), 0);
    check_equal(size_of(path_of("absent").text), 4);
    return 0;
}

static void a_link_that_leads_nowhere_is_followed_to_where_a_file_is_made(void **state)
{
    (void)state;
    run_checks(follow_links, NULL);
}

/* --- No memory --- */

/* A call that finds no memory has no effect: made again when there is some, it works. */
#define starving(call, error, expected)                                                            \
    do {                                                                                           \
        rlim_t before = leave_memory(0);                                                           \
        void *heap = take_heap();                                                                  \
        intptr_t starved = (call);                                                                 \
        limit_memory_to(before);                                                                   \
        give_heap_back(heap);                                                                      \
        check_equal(starved, error);                                                               \
        if (starved < 0)                                                                           \
            check_equal(call, expected);                                                           \
    } while (0)

static intptr_t starve(void *arg)
{
    const char *path = arg;
    whorl_file_options options = {.buffer_size = 1 << 20, .depth = 2, .line_max = 8 << 20};
    whorl_file *file;
    whorl_line line;
    const void *data;
    char buf[8], *text = NULL;
    size_t room = 0;
    memset(sent, 'x', sizeof sent);
    sent[5 << 20] = '\n';
    write_whole(path, sent, (5 << 20) + 1);
    starving(whorl_file_open(path, O_RDWR, &options, &file), -ENOMEM, 0);
    starving(whorl_file_read(file, buf, 1), -ENOMEM, 1);
    starving(whorl_file_read_line(file, &line), -ENOMEM, 1);
    check_equal(line.len, (5 << 20) - 1);
    check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
    starving(whorl_file_peek(file, &data, 3 << 20), 3 << 20, 3 << 20);
    starving(whorl_file_getline(file, &text, &room), -ENOMEM, (5 << 20) + 1);
    check_equal(memcmp(text, sent, (5 << 20) + 1), 0);
    starving(whorl_file_printf(file, "%s", text), -ENOMEM, (5 << 20) + 1);
    check_equal(whorl_file_close(file), 0);
    check_equal(size_of(path), 2 * ((5 << 20) + 1));
    free(text);
    return 0;
}

static void without_memory_a_call_has_no_effect(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer has memory of its own when malloc has none");
    run_checks_in_child(NULL, starve, path_of("starving").text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(what_a_full_disk_refuses_is_kept_until_there_is_room),
        behaviour(close_tells_what_could_not_be_written),
        behaviour(a_file_as_large_as_it_may_become_gives_EFBIG),
        behaviour(a_broken_device_is_told_by_sync),
        behaviour(a_file_that_shrinks_ends_earlier),
        behaviour(a_file_that_grows_is_read_to_the_end_that_it_has),
        behaviour(a_directory_cannot_be_read),
        behaviour(a_file_of_another_user_is_not_opened),
        behaviour(a_link_that_leads_nowhere_is_followed_to_where_a_file_is_made),
        behaviour(without_memory_a_call_has_no_effect),
    };
    return run_behaviours("file_bad_days", tests);
}
