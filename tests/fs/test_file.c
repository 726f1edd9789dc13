/*
 * Buffered files: what each call answers, on files with a position. The model of test_file_model.c
 * looks at sequences of calls; here are the borders of each.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "fs/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIB ((int64_t)1 << 30)

/* A file of the given text, opened with `flags`. */
static whorl_file *file_of(const char *text, int flags, const whorl_file_options *options)
{
    test_path path = path_of("file");
    write_whole(path.text, text, strlen(text));
    whorl_file *file;
    assert_int_equal(whorl_file_open(path.text, flags, options, &file), 0);
    return file;
}

static void assert_content(const char *expected)
{
    char text[256];
    ssize_t got = read_whole(path_of("file").text, text, sizeof text);
    assert_int_equal(got, strlen(expected));
    assert_memory_equal(text, expected, strlen(expected));
}

/* --- Opening --- */

static void opening_gives_the_errors_of_open(void **state)
{
    (void)state;
    whorl_file *file;
    assert_int_equal(whorl_file_open(path_of("absent").text, O_RDONLY, NULL, &file), -ENOENT);
    assert_null(file);
    assert_int_equal(whorl_file_open(path_of("").text, O_WRONLY, NULL, &file), -EISDIR);
    assert_int_equal(whorl_file_open(path_of("a/b").text, O_CREAT | O_RDWR, NULL, &file), -ENOENT);
}

static void a_new_file_has_the_mode_that_was_asked_for(void **state)
{
    (void)state;
    struct stat status;
    whorl_file *file;
    whorl_file_options options = {.mode = 0600};
    test_path path = path_of("new");
    mode_t mask = umask(022);
    assert_int_equal(whorl_file_open(path.text, O_CREAT | O_WRONLY, &options, &file), 0);
    assert_int_equal(fcntl(whorl_file_fd(file), F_GETFD), FD_CLOEXEC);
    assert_int_equal(whorl_file_close(file), 0);
    assert_int_equal(stat(path.text, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    unlink(path.text);
    assert_int_equal(whorl_file_open(path.text, O_CREAT | O_WRONLY, NULL, &file), 0);
    assert_int_equal(whorl_file_close(file), 0);
    assert_int_equal(stat(path.text, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    umask(mask);
}

static void options_out_of_their_ranges_are_refused(void **state)
{
    (void)state;
    static const whorl_file_options wrong[] = {
        {.buffer_size = ((size_t)64 << 20) + 1}, {.depth = 65}, {.line_max = SIZE_MAX}};
    const char *path = path_of("new").text;
    whorl_file *file;
    for (size_t i = 0; i < count_of(wrong); i++) {
        assert_int_equal(whorl_file_open(path, O_CREAT | O_RDWR, &wrong[i], &file), -EINVAL);
        assert_int_equal(whorl_file_from_fd(0, &wrong[i], &file), -EINVAL);
    }
    assert_int_equal(access(path, F_OK), -1);
}

static void a_descriptor_is_taken_over_where_it_stands(void **state)
{
    (void)state;
    test_path path = path_of("file");
    write_whole(path.text, "one\ntwo\n", 8);
    int fd = open(path.text, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 4, SEEK_SET), 4);
    whorl_file *file;
    assert_int_equal(whorl_file_from_fd(fd, NULL, &file), 0);
    assert_int_equal(whorl_file_fd(file), fd);
    assert_int_equal(whorl_file_tell(file), 4);
    assert_line(file, "two", 1);
    assert_int_equal(whorl_file_close(file), 0);
    assert_false(is_open(fd));
    assert_int_equal(whorl_file_from_fd(fd, NULL, &file), -EBADF);
    assert_int_equal(whorl_file_from_fd(-1, NULL, &file), -EBADF);
    fd = open(path.text, O_PATH | O_CLOEXEC);
    assert_int_equal(whorl_file_from_fd(fd, NULL, &file), -EBADF);
    close(fd);
}

/* --- Misuse --- */

static void what_is_missing_is_refused(void **state)
{
    (void)state;
    whorl_file *file = file_of("text", O_RDWR, NULL);
    char byte, *text = NULL;
    size_t room = 0;
    whorl_line line;
    const void *data;
    assert_int_equal(whorl_file_open("x", O_RDONLY, NULL, NULL), -EINVAL);
    assert_int_equal(whorl_file_open(NULL, O_RDONLY, NULL, &(whorl_file *){NULL}), -EINVAL);
    assert_int_equal(whorl_file_from_fd(0, NULL, NULL), -EINVAL);
    assert_int_equal(whorl_file_close(NULL), -EINVAL);
    assert_int_equal(whorl_file_fd(NULL), -EINVAL);
    assert_int_equal(whorl_file_read(NULL, &byte, 1), -EINVAL);
    assert_int_equal(whorl_file_read(file, NULL, 1), -EINVAL);
    assert_int_equal(whorl_file_read_exactly(NULL, &byte, 1), -EINVAL);
    assert_int_equal(whorl_file_read_exactly(file, NULL, 1), -EINVAL);
    assert_int_equal(whorl_file_peek(NULL, &data, 1), -EINVAL);
    assert_int_equal(whorl_file_peek(file, NULL, 1), -EINVAL);
    assert_int_equal(whorl_file_read_line(NULL, &line), -EINVAL);
    assert_int_equal(whorl_file_read_line(file, NULL), -EINVAL);
    assert_int_equal(whorl_file_getline(NULL, &text, &room), -EINVAL);
    assert_int_equal(whorl_file_getline(file, NULL, &room), -EINVAL);
    assert_int_equal(whorl_file_getline(file, &text, NULL), -EINVAL);
    assert_int_equal(whorl_file_eof(NULL), -EINVAL);
    assert_int_equal(whorl_file_write(NULL, "x", 1), -EINVAL);
    assert_int_equal(whorl_file_write(NULL, "x", 0), -EINVAL);
    assert_int_equal(whorl_file_write(file, NULL, 1), -EINVAL);
    assert_int_equal(whorl_file_puts(NULL, "x"), -EINVAL);
    assert_int_equal(whorl_file_puts(file, NULL), -EINVAL);
    assert_int_equal(whorl_file_printf(NULL, "%d", 1), -EINVAL);
    assert_int_equal(whorl_file_flush(NULL), -EINVAL);
    assert_int_equal(whorl_file_sync(NULL), -EINVAL);
    assert_int_equal(whorl_file_datasync(NULL), -EINVAL);
    assert_int_equal(whorl_file_seek(NULL, 0, SEEK_SET), -EINVAL);
    assert_int_equal(whorl_file_tell(NULL), -EINVAL);
    assert_int_equal(whorl_file_truncate(NULL, 0), -EINVAL);
    assert_int_equal(whorl_file_read(file, NULL, 0), 0);
    assert_int_equal(whorl_file_write(file, NULL, 0), 0);
    assert_int_equal(whorl_file_close(file), 0);
}

static void what_the_file_was_not_opened_for_is_refused(void **state)
{
    (void)state;
    char byte;
    whorl_line line;
    whorl_file *file = file_of("text", O_RDONLY, NULL);
    assert_int_equal(whorl_file_write(file, "x", 1), -EBADF);
    assert_int_equal(whorl_file_printf(file, "%d", 1), -EBADF);
    assert_int_equal(whorl_file_truncate(file, 1), -EINVAL);
    assert_int_equal(whorl_file_read(file, &byte, 1), 1);
    assert_int_equal(whorl_file_close(file), 0);
    file = file_of("text", O_WRONLY, NULL);
    assert_int_equal(whorl_file_read(file, &byte, 1), -EBADF);
    assert_int_equal(whorl_file_read_line(file, &line), -EBADF);
    assert_int_equal(whorl_file_close(file), 0);
}

static void a_cancelled_task_is_refused_and_closes_all_the_same(void **state)
{
    (void)state;
    char byte, *text = NULL;
    size_t room = 0;
    whorl_line line;
    const void *data;
    whorl_file *other, *file = file_of("text", O_RDWR, NULL);
    assert_int_equal(whorl_file_seek(file, 0, SEEK_END), 4);
    assert_int_equal(whorl_file_puts(file, "more"), 4);
    whorl_cancel(whorl_self());
    assert_int_equal(whorl_file_open(path_of("file").text, O_RDONLY, NULL, &other), -ECANCELED);
    assert_int_equal(whorl_file_read(file, &byte, 1), -ECANCELED);
    assert_int_equal(whorl_file_read_exactly(file, &byte, 1), -ECANCELED);
    assert_int_equal(whorl_file_peek(file, &data, 1), -ECANCELED);
    assert_int_equal(whorl_file_read_line(file, &line), -ECANCELED);
    assert_int_equal(whorl_file_getline(file, &text, &room), -ECANCELED);
    assert_int_equal(whorl_file_write(file, "x", 1), -ECANCELED);
    assert_int_equal(whorl_file_puts(file, "x"), -ECANCELED);
    assert_int_equal(whorl_file_printf(file, "x"), -ECANCELED);
    assert_int_equal(whorl_file_flush(file), -ECANCELED);
    assert_int_equal(whorl_file_sync(file), -ECANCELED);
    assert_int_equal(whorl_file_datasync(file), -ECANCELED);
    assert_int_equal(whorl_file_seek(file, 0, SEEK_SET), -ECANCELED);
    assert_int_equal(whorl_file_truncate(file, 0), -ECANCELED);
    assert_int_equal(whorl_file_tell(file), 8);
    assert_int_equal(whorl_file_close(file), 0);
    whorl_uncancel();
    assert_content("textmore");
}

static void outside_a_task_there_are_no_files(void **state)
{
    (void)state;
    whorl_file *file;
    assert_int_equal(whorl_file_open("x", O_RDONLY, NULL, &file), -EPERM);
    assert_int_equal(whorl_file_from_fd(0, NULL, &file), -EPERM);
}

static void *use_from_elsewhere(void *file)
{
    char byte;
    check_equal(whorl_file_read(file, &byte, 1), -EPERM);
    check_equal(whorl_file_write(file, &byte, 1), -EPERM);
    check_equal(whorl_file_flush(file), -EPERM);
    check_equal(whorl_file_tell(file), -EPERM);
    check_equal(whorl_file_close(file), -EPERM);
    return NULL;
}

static void another_thread_is_refused(void **state)
{
    (void)state;
    whorl_file *file = file_of("text", O_RDWR, NULL);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, use_from_elsewhere, file), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(whorl_file_close(file), 0);
}

/* --- Lines --- */

static void lines_may_be_empty_and_hold_zero_bytes(void **state)
{
    (void)state;
    test_path path = path_of("file");
    write_whole(path.text, "one\n\n\0two\0\nlast", 15);
    whorl_file *file;
    whorl_line line;
    assert_int_equal(whorl_file_open(path.text, O_RDONLY, NULL, &file), 0);
    assert_line(file, "one", 1);
    assert_line(file, "", 1);
    assert_int_equal(whorl_file_read_line(file, &line), 1);
    assert_int_equal(line.len, 5);
    assert_memory_equal(line.text, "\0two\0\n", 6);
    assert_line(file, "last", 0);
    assert_int_equal(whorl_file_read_line(file, &line), 0);
    assert_int_equal(line.len, 0);
    assert_int_equal(whorl_file_eof(file), 1);
    assert_int_equal(whorl_file_close(file), 0);
}

static void a_line_that_is_too_long_stays_to_be_read(void **state)
{
    (void)state;
    whorl_file_options options = {.line_max = 5, .buffer_size = 3};
    whorl_file *file = file_of("12345\n123456\nend", O_RDONLY, &options);
    whorl_line line;
    char buf[8], *text = NULL;
    size_t room = 0;
    const void *data;
    assert_line(file, "12345", 1);
    assert_int_equal(whorl_file_read_line(file, &line), -EMSGSIZE);
    assert_int_equal(whorl_file_getline(file, &text, &room), -EMSGSIZE);
    assert_int_equal(whorl_file_peek(file, &data, 6), -EMSGSIZE);
    assert_int_equal(whorl_file_tell(file), 6);
    assert_int_equal(whorl_file_read(file, buf, 7), 7);
    assert_memory_equal(buf, "123456\n", 7);
    assert_line(file, "end", 0);
    assert_int_equal(whorl_file_close(file), 0);
}

static void each_line_is_given_in_order_and_the_result_tells_how_it_ended(void **state)
{
    (void)state;
    whorl_file_options options = {.line_max = 3};
    whorl_file *file = file_of("1\n2\n3", O_RDONLY, &options);
    whorl_line line;
    int result, count = 0;
    whorl_for_each_line(file, &line, result) assert_int_equal(line.text[0], '1' + count++);
    assert_int_equal(count, 3);
    assert_int_equal(result, 0);
    assert_int_equal(whorl_file_close(file), 0);
    file = file_of("1\nlong\n", O_RDONLY, &options);
    whorl_for_each_line(file, &line, result) count++;
    assert_int_equal(count, 4);
    assert_int_equal(result, -EMSGSIZE);
    assert_int_equal(whorl_file_close(file), 0);
}

static void the_end_is_not_for_ever(void **state)
{
    (void)state;
    char buf[8];
    whorl_file *file = file_of("one\n", O_RDONLY, NULL);
    assert_line(file, "one", 1);
    assert_int_equal(whorl_file_eof(file), 0);
    assert_int_equal(whorl_file_read(file, buf, 1), 0);
    assert_int_equal(whorl_file_eof(file), 1);
    int fd = open(path_of("file").text, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "two\n", 4), 4);
    close(fd);
    assert_line(file, "two", 1);
    assert_int_equal(whorl_file_eof(file), 0);
    assert_int_equal(whorl_file_close(file), 0);
}

/* --- Positions --- */

static void positions_beyond_4_gib_are_exact(void **state)
{
    (void)state;
    char buf[8];
    struct stat status;
    whorl_file *file = file_of("", O_RDWR, NULL);
    assert_int_equal(whorl_file_seek(file, 5 * GIB, SEEK_SET), 5 * GIB);
    assert_int_equal(whorl_file_puts(file, "far"), 3);
    assert_int_equal(whorl_file_tell(file), 5 * GIB + 3);
    assert_int_equal(whorl_file_seek(file, -3, SEEK_END), 5 * GIB);
    assert_int_equal(whorl_file_read(file, buf, 8), 3);
    assert_memory_equal(buf, "far", 3);
    assert_int_equal(fstat(whorl_file_fd(file), &status), 0);
    assert_int_equal(status.st_size, 5 * GIB + 3);
    assert_int_equal(whorl_file_truncate(file, 0), 0);
    assert_int_equal(whorl_file_close(file), 0);
}

static void seeking_gives_the_errors_of_lseek(void **state)
{
    (void)state;
    whorl_file *file = file_of("text", O_RDWR, NULL);
    assert_int_equal(whorl_file_seek(file, -1, SEEK_SET), -EINVAL);
    assert_int_equal(whorl_file_seek(file, -5, SEEK_END), -EINVAL);
    assert_int_equal(whorl_file_seek(file, 0, 99), -EINVAL);
    assert_int_equal(whorl_file_seek(file, INT64_MAX, SEEK_END), -EOVERFLOW);
    assert_int_equal(whorl_file_seek(file, 2, SEEK_SET), 2);
    assert_int_equal(whorl_file_truncate(file, -1), -EINVAL);
    assert_int_equal(whorl_file_tell(file), 2);
    assert_int_equal(whorl_file_close(file), 0);
}

/* Where offsets end. Linux lets a file in memory be as long as they count. */
static void positions_end_before_offsets_do(void **state)
{
    (void)state;
    static const int64_t last = INT64_MAX - ((int64_t)1 << 33);
    char byte;
    whorl_file *file = file_of("text", O_RDWR, NULL);
    assert_int_equal(whorl_file_seek(file, last + 1, SEEK_SET), -EOVERFLOW);
    assert_int_equal(whorl_file_seek(file, last, SEEK_SET), last);
    assert_int_equal(whorl_file_seek(file, 1, SEEK_CUR), -EOVERFLOW);
    assert_int_equal(whorl_file_read(file, &byte, 1), 0);
    assert_int_equal(whorl_file_eof(file), 1);
    assert_int_equal(whorl_file_close(file), 0);
    int memory = memfd_create("far", MFD_CLOEXEC);
    assert_true(lseek(memory, last + 1, SEEK_SET) == last + 1);
    assert_int_equal(whorl_file_from_fd(memory, NULL, &file), -EOVERFLOW);
    assert_true(lseek(memory, last, SEEK_SET) == last);
    assert_int_equal(whorl_file_from_fd(memory, NULL, &file), 0);
    assert_int_equal(whorl_file_write(file, "x", 1), 1);
    assert_true(whorl_file_tell(file) == last + 1);
    assert_int_equal(whorl_file_close(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(opening_gives_the_errors_of_open),
        as_task(a_new_file_has_the_mode_that_was_asked_for),
        as_task(options_out_of_their_ranges_are_refused),
        as_task(a_descriptor_is_taken_over_where_it_stands),
        as_task(what_is_missing_is_refused),
        as_task(what_the_file_was_not_opened_for_is_refused),
        as_task(a_cancelled_task_is_refused_and_closes_all_the_same),
        behaviour(outside_a_task_there_are_no_files),
        as_task(another_thread_is_refused),
        as_task(lines_may_be_empty_and_hold_zero_bytes),
        as_task(a_line_that_is_too_long_stays_to_be_read),
        as_task(each_line_is_given_in_order_and_the_result_tells_how_it_ended),
        as_task(the_end_is_not_for_ever),
        as_task(positions_beyond_4_gib_are_exact),
        as_task(seeking_gives_the_errors_of_lseek),
        as_task(positions_end_before_offsets_do),
    };
    return run_behaviours("file", tests);
}
