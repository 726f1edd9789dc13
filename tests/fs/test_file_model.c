/*
 * Buffered files against a model: an array of bytes and a position. A worker makes random calls,
 * each of which must give what the model gives; a saboteur cancels it at random moments, and then
 * the call must have had no effect, or the one that it tells. The file is compared whole after a
 * flush, and after each close.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/file_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ROUNDS = UNDER_THREAD_SANITIZER    ? 10
             : UNDER_ADDRESS_SANITIZER ? 25
                                       : 100,
    STEPS_OF_A_FILE = 300,
};

/* --- Steps --- */

static void read_some(struct model *model)
{
    size_t len = some_length(model);
    ssize_t got = whorl_file_read(model->file, model->buf, len);
    if (was_cut(model, got))
        return;
    int64_t most = (int64_t)len < rest(model) ? (int64_t)len : rest(model);
    if (!whorl_cancelling(whorl_self())) {
        check_equal(got, most);
        check_equal(whorl_file_eof(model->file), (int64_t)len > rest(model));
    }
    check(got >= 0 && got <= most);
    check_bytes(model, model->buf, got);
    model->position += got;
}

static void read_exactly(struct model *model)
{
    size_t len = some_length(model);
    ssize_t got = whorl_file_read_exactly(model->file, model->buf, len);
    if (was_cut(model, got))
        return;
    check_equal(got, (int64_t)len < rest(model) ? (int64_t)len : rest(model));
    check_bytes(model, model->buf, got);
    model->position += got;
}

static void peek(struct model *model)
{
    const void *data;
    size_t len = below(model, LINE_MAX_HERE);
    ssize_t got = whorl_file_peek(model->file, &data, len);
    if (was_cut(model, got))
        return;
    check(got >= (int64_t)len || got == rest(model));
    check(got <= rest(model));
    check_bytes(model, data, got);
}

/* The next line's length with its newline; more than LINE_MAX_HERE + 1 if it is too long. */
static int64_t next_line(const struct model *model, bool *newline)
{
    const char *start = model->bytes + model->position;
    const char *end = rest(model) > 0 ? memchr(start, '\n', (size_t)rest(model)) : NULL;
    *newline = end != NULL;
    return end ? end - start + 1 : rest(model);
}

static void read_line(struct model *model)
{
    bool newline;
    int64_t len = next_line(model, &newline);
    whorl_line line;
    int found = whorl_file_read_line(model->file, &line);
    if (was_cut(model, found))
        return;
    if (len - newline > LINE_MAX_HERE) {
        check_equal(found, -EMSGSIZE);
        return;
    }
    check_equal(found, len > 0);
    check_equal(line.len + (size_t)line.newline, len);
    check_equal(line.newline, newline);
    check_bytes(model, line.text, found > 0 ? len : 0);
    model->position += found > 0 ? len : 0;
}

static void get_line(struct model *model)
{
    bool newline;
    char *text = NULL;
    size_t room = 0;
    int64_t len = next_line(model, &newline);
    ssize_t got = whorl_file_getline(model->file, &text, &room);
    if (!was_cut(model, got)) {
        check_equal(got, len - newline > LINE_MAX_HERE ? -EMSGSIZE : len);
        check_bytes(model, text, got);
        check(got <= 0 || text[got] == '\0');
        model->position += got > 0 ? got : 0;
    }
    free(text);
}

/* Where the next write goes, is there room? */
static size_t fitting(const struct model *model, size_t len)
{
    int64_t place = model->flags & O_APPEND ? model->size : model->position;
    int64_t room = place < LARGEST ? LARGEST - place : 0;
    return (int64_t)len < room ? len : (size_t)room;
}

static void check_written(struct model *model, ssize_t done, size_t len, const char *data)
{
    if (was_cut(model, done))
        return;
    check(done == (ssize_t)len || (done > 0 && whorl_cancelling(whorl_self())));
    model_write(model, data, done);
}

static void write_some(struct model *model)
{
    size_t len = fitting(model, some_length(model));
    fill(model, model->buf, len);
    check_written(model, whorl_file_write(model->file, model->buf, len), len, model->buf);
}

static void print_some(struct model *model)
{
    char text[600];
    unsigned number = (unsigned)below(model, 1000000);
    int width = (int)below(model, 500);
    int len = snprintf(text, sizeof text, "%*u\n", width, number);
    if (fitting(model, (size_t)len) < (size_t)len)
        return;
    ssize_t done = below(model, 2) ? whorl_file_printf(model->file, "%*u\n", width, number)
                                   : whorl_file_puts(model->file, text);
    check_written(model, done, (size_t)len, text);
}

static void seek(struct model *model)
{
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    int whence = whences[below(model, 3)];
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? model->position : model->size;
    int64_t target = below(model, 4) > 0 ? (int64_t)below(model, LARGEST)
                                         : model->position + (int64_t)below(model, 200) - 100;
    int64_t result = whorl_file_seek(model->file, target - base, whence);
    if (was_cut(model, result))
        return;
    check_equal(result, target < 0 ? -EINVAL : target);
    if (result >= 0)
        model->position = result;
}

static void flush(struct model *model)
{
    int error =
        below(model, 20) == 0 ? whorl_file_datasync(model->file) : whorl_file_flush(model->file);
    if (was_cut(model, error))
        return;
    check_equal(error, 0);
    compare(model);
}

static void truncate_some(struct model *model)
{
    int64_t length = (int64_t)below(model, LARGEST);
    int error = whorl_file_truncate(model->file, length);
    if (was_cut(model, error))
        return;
    check_equal(error, 0);
    if (length > model->size)
        memset(model->bytes + model->size, 0, (size_t)(length - model->size));
    model->size = length;
}

static void (*const steps[])(struct model *model) = {
    read_some,  read_some,  read_exactly, peek,       read_line, read_line, read_line,     get_line,
    write_some, write_some, print_some,   print_some, seek,      flush,     truncate_some,
};

/* --- The worker and the saboteur --- */

static intptr_t saboteur(void *arg)
{
    struct model *model = arg;
    while (whorl_event_wait(&model->armed) == 0) {
        whorl_event_clear(&model->armed);
        for (unsigned i = 0; i < model->delay && model->step == model->target; i++)
            whorl_yield();
        if (model->step == model->target)
            whorl_cancel(model->worker);
    }
    return 0;
}

static void one_step(struct model *model)
{
    if (model->sabotage && below(model, 4) == 0) {
        model->delay = (unsigned)below(model, 6);
        model->target = model->step;
        whorl_event_set(&model->armed);
        if (below(model, 4) == 0)
            whorl_cancel(whorl_self());
    }
    steps[below(model, count_of(steps))](model);
    model->step++;
    model->steps++;
    whorl_uncancel();
    int64_t position = whorl_file_tell(model->file);
    check_equal(position, model->position);
}

static void one_file(struct model *model)
{
    int error = whorl_file_open(model->path.text, O_RDWR | O_CREAT | model->flags, &model->options,
                                &model->file);
    if (!check_equal(error, 0))
        return;
    model->position = 0;
    for (unsigned i = 0; i < STEPS_OF_A_FILE && failed_checks() == 0; i++)
        one_step(model);
    if (below(model, 2))
        whorl_cancel(whorl_self());
    check_equal(whorl_file_close(model->file), 0);
    whorl_uncancel();
    compare(model);
}

static intptr_t work(void *arg)
{
    struct model *model = arg;
    long rounds = test_rounds(ROUNDS);
    static const size_t sizes[] = {1, 7, 64, 512, 4096, 8192, 16384};
    model->worker = whorl_self();
    whorl_task *other = whorl_spawn(saboteur, model);
    for (long i = 0; i < rounds && failed_checks() == 0; i++) {
        model->options.buffer_size = sizes[below(model, count_of(sizes))];
        model->options.depth = 1 + (unsigned)below(model, 5);
        model->options.exact_size = (int)below(model, 2);
        one_file(model);
    }
    whorl_cancel(other);
    whorl_join(other);
    return 0;
}

static void run_model(int flags, bool sabotage, uint64_t stream)
{
    struct model model = {.path = path_of("model"),
                          .flags = flags,
                          .sabotage = sabotage,
                          .options = {.line_max = LINE_MAX_HERE},
                          .random = random_from_seed(stream)};
    int probe = open(model.path.text, O_RDWR | O_CREAT | flags, 0600);
    if (probe < 0)
        skip_because("the file system of the temporary directory has no O_DIRECT");
    close(probe);
    model.bytes = calloc(1, LARGEST + LONGEST);
    model.buf = malloc(LONGEST);
    run_checks(work, &model);
    print_message("%llu steps, %llu of them cut by a cancel\n", (unsigned long long)model.steps,
                  (unsigned long long)model.hits);
    free(model.bytes);
    free(model.buf);
}

static void a_file_is_an_array_of_bytes_with_a_position(void **state)
{
    (void)state;
    run_model(0, false, 1);
}

static void cancelled_calls_lose_and_double_nothing(void **state)
{
    (void)state;
    run_model(0, true, 2);
}

static void appending_goes_to_the_end_in_order(void **state)
{
    (void)state;
    run_model(O_APPEND, false, 3);
}

static void cancelled_appending_loses_and_doubles_nothing(void **state)
{
    (void)state;
    run_model(O_APPEND, true, 4);
}

static void direct_files_take_any_size_at_any_position(void **state)
{
    (void)state;
    run_model(O_DIRECT, false, 5);
}

static void cancelled_direct_calls_lose_and_double_nothing(void **state)
{
    (void)state;
    run_model(O_DIRECT, true, 6);
}

static void direct_appending_goes_to_the_end_in_order(void **state)
{
    (void)state;
    run_model(O_DIRECT | O_APPEND, true, 7);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_file_is_an_array_of_bytes_with_a_position),
        behaviour(cancelled_calls_lose_and_double_nothing),
        behaviour(appending_goes_to_the_end_in_order),
        behaviour(cancelled_appending_loses_and_doubles_nothing),
        behaviour(direct_files_take_any_size_at_any_position),
        behaviour(cancelled_direct_calls_lose_and_double_nothing),
        behaviour(direct_appending_goes_to_the_end_in_order),
    };
    return run_behaviours("file_model", tests);
}
