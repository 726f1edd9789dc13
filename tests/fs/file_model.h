/*
 * A model of a buffered file, for random tests: an array of bytes and a position, and what each
 * call makes of them.
 */
#ifndef TESTS_FS_FILE_MODEL_H
#define TESTS_FS_FILE_MODEL_H

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
    LARGEST = 1 << 17, /* bytes of the file */
    LONGEST = 1 << 15, /* bytes of one call */
    LINE_MAX_HERE = 300,
};

struct model {
    test_path path;
    int flags;
    whorl_file_options options;
    whorl_file *file;
    char *bytes; /* LARGEST of them */
    int64_t size;
    int64_t position;
    char *buf; /* LONGEST */
    random_source random;
    /* The saboteur. */
    whorl_task *worker;
    whorl_event armed;
    bool sabotage; /* at all */
    unsigned delay;
    uint64_t step;   /* of the worker */
    uint64_t target; /* the step to cut */
    uint64_t hits;
    uint64_t steps;
};

static inline size_t below(struct model *model, size_t bound)
{
    return (size_t)random_below(&model->random, bound);
}

/* Mostly short, sometimes long, but never more than a hundred buffers. */
static inline size_t some_length(struct model *model)
{
    static const size_t bounds[] = {4, 40, 400, 5000, LONGEST};
    size_t len = below(model, bounds[below(model, count_of(bounds))]);
    size_t most = model->options.buffer_size * 100;
    return len < most ? len : most;
}

/* Text with many newlines and some zero bytes. */
static inline void fill(struct model *model, char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t draw = random_next(&model->random) >> 32;
        data[i] = draw % 37 == 0 ? '\n' : draw % 101 == 0 ? '\0' : (char)('a' + draw % 26);
    }
}

/* --- What the model says --- */

/* How much is there from the position on. */
static inline int64_t rest(const struct model *model)
{
    return model->position < model->size ? model->size - model->position : 0;
}

static inline void check_bytes(struct model *model, const char *data, int64_t count)
{
    if (count > 0)
        check_equal(memcmp(data, model->bytes + model->position, (size_t)count), 0);
}

/* `count` bytes were written. */
static inline void model_write(struct model *model, const char *data, int64_t count)
{
    if (count <= 0)
        return;
    if (model->flags & O_APPEND)
        model->position = model->size;
    if (model->position > model->size)
        memset(model->bytes + model->size, 0, (size_t)(model->position - model->size));
    memcpy(model->bytes + model->position, data, (size_t)count);
    model->position += count;
    if (model->position > model->size)
        model->size = model->position;
}

/* Whether the call was cut by a cancel. */
static inline bool was_cut(struct model *model, int64_t result)
{
    if (result != -ECANCELED)
        return false;
    check_equal(whorl_cancelling(whorl_self()), 1);
    model->hits++;
    return true;
}

/* The whole file, by plain calls. */
static inline void compare(struct model *model)
{
    static char content[LARGEST + 1];
    ssize_t got = read_whole(model->path.text, content, sizeof content);
    if (check_equal(got, model->size))
        check_equal(memcmp(content, model->bytes, (size_t)got), 0);
}

#endif
