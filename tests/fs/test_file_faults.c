/*
 * Buffered files that are refused what they ask for. Each allocation of a call is refused in its
 * turn, and writes, which this program makes in the engine's place (the linker's --wrap), come to
 * nothing without an error.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refused_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 20000, BUFFER = 4096, FIRST_LINE = 10000, REFUSALS_MOST = 40 };

static int empty_writes; /* writes that take nothing */

whorl_op __real_whorl_op_pwrite(int fd, const void *data, size_t len, off_t offset);
whorl_op __wrap_whorl_op_pwrite(int fd, const void *data, size_t len, off_t offset);
whorl_op __wrap_whorl_op_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (empty_writes > 0) {
        empty_writes--;
        len = 0;
    }
    return __real_whorl_op_pwrite(fd, data, len, offset);
}

/* --- Each call --- */

static test_path path;
static char content[SIZE], long_text[SIZE];
static char got[SIZE];

static intptr_t read_some(whorl_file *file)
{
    return whorl_file_read(file, got, FIRST_LINE);
}

static intptr_t read_exactly(whorl_file *file)
{
    return whorl_file_read_exactly(file, got, FIRST_LINE);
}

static intptr_t peek(whorl_file *file)
{
    const void *data;
    ssize_t len = whorl_file_peek(file, &data, FIRST_LINE);
    if (len > 0)
        memcpy(got, data, FIRST_LINE);
    return len < FIRST_LINE ? len : FIRST_LINE;
}

static intptr_t read_line(whorl_file *file)
{
    whorl_line line;
    int found = whorl_file_read_line(file, &line);
    if (found <= 0)
        return found;
    memcpy(got, line.text, line.len);
    return (intptr_t)line.len;
}

static intptr_t get_line(whorl_file *file)
{
    char *text = NULL;
    size_t room = 0;
    ssize_t len = whorl_file_getline(file, &text, &room);
    if (len > 0)
        memcpy(got, text, (size_t)len);
    else
        check(text == NULL);
    free(text);
    return len;
}

static intptr_t write_long(whorl_file *file)
{
    return whorl_file_write(file, long_text, FIRST_LINE);
}

static intptr_t put(whorl_file *file)
{
    return whorl_file_puts(file, "text");
}

static intptr_t print(whorl_file *file)
{
    return whorl_file_printf(file, "%d", 12345);
}

static intptr_t print_long(whorl_file *file)
{
    return whorl_file_printf(file, "%.*s", FIRST_LINE, long_text);
}

static intptr_t write_and_read(whorl_file *file)
{
    intptr_t result = whorl_file_puts(file, "text");
    return result < 0 ? result : whorl_file_read(file, got, 100);
}

static intptr_t write_and_sync(whorl_file *file)
{
    intptr_t result = whorl_file_puts(file, "text");
    return result < 0 ? result : whorl_file_sync(file);
}

static intptr_t cut(whorl_file *file)
{
    return whorl_file_truncate(file, 100);
}

static intptr_t seek_end(whorl_file *file)
{
    return whorl_file_seek(file, 0, SEEK_END);
}

static const struct {
    const char *name;
    intptr_t (*make)(whorl_file *file);
    intptr_t expected;
} calls[] = {
    {"read", read_some, FIRST_LINE},
    {"read_exactly", read_exactly, FIRST_LINE},
    {"peek", peek, FIRST_LINE},
    {"read_line", read_line, FIRST_LINE - 1},
    {"getline", get_line, FIRST_LINE},
    {"write", write_long, FIRST_LINE},
    {"puts", put, 4},
    {"printf", print, 5},
    {"printf of much", print_long, FIRST_LINE},
    {"puts and read", write_and_read, 100},
    {"puts and sync", write_and_sync, 0},
    {"truncate", cut, 0},
    {"seek", seek_end, SIZE},
};

/* What a call did when nothing was refused. */
struct effect {
    char got[SIZE];
    char content[SIZE];
    ssize_t size;
};

static void look_at(struct effect *effect)
{
    memset(effect, 0, sizeof *effect);
    memcpy(effect->got, got, SIZE);
    effect->size = read_whole(path.text, effect->content, SIZE);
}

static whorl_file *open_anew(void)
{
    static const whorl_file_options options = {.buffer_size = BUFFER, .depth = 2};
    whorl_file *file = NULL;
    write_whole(path.text, content, SIZE);
    memset(got, 0, sizeof got);
    check_equal(whorl_file_open(path.text, O_RDWR, &options, &file), 0);
    return file;
}

/* Makes the call, with the allocation number `refused` refused (-1: none), and again if it failed.
 * Whether there was such a one. */
static bool attempt(size_t index, int refused, int *failures, struct effect *effect)
{
    whorl_file *file = open_anew();
    refuse_memory_call(refused);
    intptr_t result = calls[index].make(file);
    bool was_reached = refuse_no_more_memory();
    if (result < 0) {
        *failures += 1;
        check_equal(result, -ENOMEM);
        check_equal(whorl_file_tell(file), 0);
        result = calls[index].make(file);
    }
    check_equal(result, calls[index].expected);
    check_equal(whorl_file_close(file), 0);
    look_at(effect);
    return was_reached;
}

static intptr_t refuse_each_call(void *arg)
{
    (void)arg;
    static struct effect plain, refused;
    for (size_t i = 0; i < count_of(calls) && failed_checks() == 0; i++) {
        int number = 0, failures = 0;
        attempt(i, -1, &failures, &plain);
        while (attempt(i, number, &failures, &refused) && number < REFUSALS_MOST) {
            number++;
            check(memcmp(&plain, &refused, sizeof plain) == 0);
        }
        printf("%s: %d allocations refused, %d times -ENOMEM\n", calls[i].name, number, failures);
    }
    return 0;
}

static void prepare(void)
{
    path = path_of("file");
    memset(content, 'c', SIZE);
    memset(long_text, 'l', SIZE);
    content[FIRST_LINE - 1] = '\n';
    content[SIZE - 1] = '\n';
}

static void each_allocation_that_fails_gives_ENOMEM_or_is_done_without(void **state)
{
    (void)state;
    prepare();
    run_checks(refuse_each_call, NULL);
}

static intptr_t refuse_opening(void *arg)
{
    (void)arg;
    bool is_reached = true;
    int refused = 0;
    for (; is_reached && refused < REFUSALS_MOST; refused++) {
        whorl_file *file = (whorl_file *)&file;
        int before = open_descriptors();
        refuse_memory_call(refused);
        int error = whorl_file_open(path.text, O_RDWR | O_CREAT, NULL, &file);
        is_reached = refuse_no_more_memory();
        check_equal(error, is_reached ? -ENOMEM : 0);
        check((file == NULL) == is_reached);
        check_equal(open_descriptors(), before + !is_reached);
        if (file)
            check_equal(whorl_file_close(file), 0);
    }
    check(refused > 1);
    return 0;
}

static void without_memory_no_file_is_opened_and_no_descriptor_lost(void **state)
{
    (void)state;
    prepare();
    run_checks(refuse_opening, NULL);
}

/* --- A stream that cannot have its bytes back --- */

static intptr_t read_eight(void *file)
{
    return whorl_file_read_exactly(file, got, 8);
}

/* What was read already is given, and the next call tells of the cancel. */
static intptr_t cancel_without_memory(void *arg)
{
    (void)arg;
    pair pipe = pipe_pair();
    whorl_file *file = NULL;
    memset(got, 0, sizeof got);
    check_equal(whorl_file_from_fd(pipe.ends[0], NULL, &file), 0);
    check_equal(write(pipe.ends[1], "abc", 3), 3);
    whorl_task *task = whorl_spawn(read_eight, file);
    do
        check_equal(whorl_yield(), 0);
    while (unread_in(pipe.ends[0]) > 0);
    refuse_all_memory(true);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), 3);
    refuse_all_memory(false);
    check(memcmp(got, "abc", 4) == 0);
    check_equal(write(pipe.ends[1], "defghijk", 8), 8);
    check_equal(read_eight(file), 8);
    check(memcmp(got, "defghijk", 8) == 0);
    close(pipe.ends[1]);
    return whorl_file_close(file);
}

static void without_memory_to_keep_them_a_cancelled_read_gives_the_bytes_it_has(void **state)
{
    (void)state;
    run_checks(cancel_without_memory, NULL);
}

/* --- Registered files --- */

static intptr_t register_and_unregister(void *arg)
{
    const int fds[] = {STDIN_FILENO, STDOUT_FILENO};
    (void)arg;
    int error = whorl_register_files(fds, count_of(fds));
    if (!error)
        return whorl_unregister_files();
    check_equal(whorl_unregister_files(), -ENXIO);
    return error;
}

static intptr_t refuse_registering(void *arg)
{
    (void)arg;
    check(refuse_each_in_turn(register_and_unregister, NULL) > 0);
    return 0;
}

static void without_memory_no_files_are_registered(void **state)
{
    (void)state;
    run_checks(refuse_registering, NULL);
}

/* --- Writes that take nothing --- */

static intptr_t write_nothing(void *arg)
{
    (void)arg;
    static struct effect effect;
    whorl_file *file = open_anew();
    empty_writes = 1;
    check_equal(whorl_file_puts(file, "text"), 4);
    check_equal(whorl_file_flush(file), -EIO);
    check_equal(whorl_file_flush(file), 0);
    look_at(&effect);
    check(memcmp(effect.content, "textcccc", 8) == 0);
    empty_writes = 1;
    check_equal(whorl_file_puts(file, "more"), 4);
    check_equal(whorl_file_close(file), -EIO);
    look_at(&effect);
    check(memcmp(effect.content, "textcccc", 8) == 0);
    return 0;
}

static void a_write_that_takes_nothing_is_an_error_and_made_again(void **state)
{
    (void)state;
    prepare();
    run_checks(write_nothing, NULL);
}

/* --- Formats that are none --- */

static intptr_t print_nonsense(void *arg)
{
    (void)arg;
    const char *volatile nonsense = "text%";
    whorl_file *file = open_anew();
    check_equal(whorl_file_puts(file, "a"), 1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    check_equal(whorl_file_printf(file, nonsense), -EINVAL);
    nonsense = NULL;
    check_equal(whorl_file_printf(file, nonsense), -EINVAL);
#pragma GCC diagnostic pop
    check_equal(whorl_file_tell(file), 1);
    check_equal(whorl_file_printf(file, "%c", 'b'), 1);
    check_equal(whorl_file_close(file), 0);
    check_equal(read_whole(path.text, got, SIZE), SIZE);
    check(memcmp(got, "abcc", 4) == 0);
    return 0;
}

static void a_format_that_is_none_gives_EINVAL_and_prints_nothing(void **state)
{
    (void)state;
    prepare();
    run_checks(print_nonsense, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(each_allocation_that_fails_gives_ENOMEM_or_is_done_without),
        behaviour(without_memory_no_file_is_opened_and_no_descriptor_lost),
        behaviour(without_memory_to_keep_them_a_cancelled_read_gives_the_bytes_it_has),
        behaviour(without_memory_no_files_are_registered),
        behaviour(a_write_that_takes_nothing_is_an_error_and_made_again),
        behaviour(a_format_that_is_none_gives_EINVAL_and_prints_nothing),
    };
    return run_behaviours("file_faults", tests);
}
