/*
 * Lines, and looking ahead: bytes that must lie together.
 *
 * As a rule they do, in a buffer, and are shown there. Where they are spread over two or more, they
 * are brought together in `held`, which is the run then; what of the last buffer is not needed
 * stays there. Nothing is consumed before the whole line is found: a call that fails leaves the
 * run as it is, or longer.
 */
#include <assert.h>
#include <fs/file.h>
#include <stdlib.h>

#define HELD_LEAST 256

int held_reserve(whorl_file *file, size_t room)
{
    if (room <= file->held_room)
        return 0;
    size_t larger = file->held_room * 2;
    if (larger < room)
        larger = room > HELD_LEAST ? room : HELD_LEAST;
    bool holds_run = file->begin && file->begin == file->held;
    size_t here = holds_run ? (size_t)(file->here - file->held) : 0;
    size_t limit = holds_run ? (size_t)(file->limit - file->held) : 0;
    char *held = realloc(file->held, larger);
    if (!held)
        return -ENOMEM;
    file->held = held;
    file->held_room = larger;
    if (holds_run) {
        file->begin = held;
        file->here = held + here;
        file->limit = held + limit;
    }
    return 0;
}

/* Has the run begin `held`, with room for `more`. */
static int hold_run(whorl_file *file, size_t more)
{
    size_t len = run_length(file);
    int error = held_reserve(file, len + more);
    if (error)
        return error;
    if (file->here != file->held)
        memmove(file->held, file->here, len);
    run_set(file, file->held, len);
    return 0;
}

/* Makes the run longer by what comes next: no further than the first byte `stop` (-1: none), and by
 * `most` bytes. Returns by how many; 0 at the file's end; -errno: the run is as it was. */
static ssize_t extend(whorl_file *file, int stop, size_t most)
{
    if (run_length(file) == 0)
        return file_refill(file, most);
    int error = hold_run(file, 0);
    if (error)
        return error;
    char *data;
    ssize_t got = ahead_next(file, most, &data);
    if (got <= 0)
        return got;
    size_t taken = (size_t)got < most ? (size_t)got : most;
    const char *end = stop < 0 ? NULL : memchr(data, stop, taken);
    if (end)
        taken = (size_t)(end - data) + 1;
    error = hold_run(file, taken);
    if (error) {
        ahead_put_back(file, (size_t)got);
        return error;
    }
    memcpy(file->limit, data, taken);
    file->limit += taken;
    ahead_put_back(file, (size_t)got - taken);
    return (ssize_t)taken;
}

/* --- Lines --- */

/* The first line is not whole in the run. */
static __attribute__((noinline)) int find_line(whorl_file *file, whorl_line *line)
{
    size_t seen = 0;
    for (;;) {
        size_t have = run_length(file);
        const char *end = have > seen ? memchr(file->here + seen, '\n', have - seen) : NULL;
        size_t len = end ? (size_t)(end - file->here) : have;
        if (len > file->line_max)
            return -EMSGSIZE;
        *line = (whorl_line){.text = file->here, .len = len, .newline = end != NULL};
        if (end)
            return 1;
        seen = have;
        ssize_t more = extend(file, '\n', file->line_max - have + 1);
        if (more == 0) {
            file->ended = true;
            line->text = have ? file->here : "";
            return have > 0;
        }
        if (more < 0)
            return (int)more;
    }
}

int whorl_file_read_line(whorl_file *file, whorl_line *line)
{
    if (!line)
        return -EINVAL;
    int found = file_begin_read(file);
    if (found)
        return found;
    const char *text = file->here;
    const char *end = text != file->limit ? memchr(text, '\n', run_length(file)) : NULL;
    if (__builtin_expect(end && (size_t)(end - text) <= file->line_max, 1)) {
        *line = (whorl_line){.text = text, .len = (size_t)(end - text), .newline = 1};
        file->here += line->len + 1;
        return 1;
    }
    found = find_line(file, line);
    if (found > 0)
        file->here += line->len + (size_t)line->newline;
    return found;
}

/* Makes the caller's memory large enough, by half as much again at least. */
static int grow_text(char **text, size_t *room, size_t needed)
{
    if (*text && *room >= needed)
        return 0;
    size_t larger = *text ? *room + *room / 2 : 0;
    if (larger < needed)
        larger = needed;
    char *made = realloc(*text, larger);
    if (!made)
        return -ENOMEM;
    *text = made;
    *room = larger;
    return 0;
}

ssize_t whorl_file_getline(whorl_file *file, char **text, size_t *room)
{
    if (!text || !room)
        return -EINVAL;
    whorl_line line;
    int found = file_begin_read(file);
    if (!found)
        found = find_line(file, &line);
    if (found <= 0)
        return found;
    size_t len = line.len + (size_t)line.newline;
    int error = grow_text(text, room, len + 1);
    if (error)
        return error;
    memcpy(*text, line.text, len);
    (*text)[len] = '\0';
    file->here += len;
    return (ssize_t)len;
}

/* --- Looking ahead --- */

ssize_t whorl_file_peek(whorl_file *file, const void **data, size_t len)
{
    if (!data)
        return -EINVAL;
    int error = file_begin_read(file);
    if (error)
        return error;
    if (len > file->size && len > file->line_max)
        return -EMSGSIZE;
    while (run_length(file) < len) {
        ssize_t more = extend(file, -1, len - run_length(file));
        if (more < 0)
            return more;
        if (more == 0) {
            file->ended = true;
            break;
        }
    }
    *data = file->here;
    return (ssize_t)run_length(file);
}
