/*
 * A member: a connection, with two tasks.
 *
 * The connection's own task takes its lines, no faster than chat->rate: while it is too fast it is
 * not read from, so that TCP slows it down. A second task writes, out of a queue that others put
 * into without waiting. So a member that does not read holds up nobody: its writer waits, its queue
 * fills, and when it is full the member is ended.
 *
 * States: taken in -> ending (`ending` says why; nothing is put into its queue any more) -> left
 * (out of its rooms; the queue is shut down, its writer says the rest and goodbye) -> given back.
 * Whoever ends a member cancels the scope in which its lines are taken; the rest is done by its own
 * task.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "chat.h"

/* What the kernel holds for a member beyond its queue, in bytes, so that the queue tells how far
 * it is behind. Lines that may come at once though chat->rate is lower. */
enum { SEND_BUFFER = 65536, BURST = 20 };

/* ns in which nothing came from a member that was told goodbye: it sends no more. */
#define QUIET WHORL_MS(200)

void member_end(struct member *self, const char *format, ...)
{
    if (self->ending[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->ending, sizeof self->ending, format, arguments);
    va_end(arguments);
    if (self->is_reading)
        whorl_group_cancel(&self->reading);
}

/* The bytes of as many lines as it may be behind, each as long as a room's may be: "ROOM NAME: ",
 * the text and a newline. Only answers that are lists are longer. */
static size_t bytes_allowed(const struct chat *chat)
{
    return chat->behind_max * (chat->line_max + 2 * CHAT_NAME_MAX + 4);
}

/* What its writer has not looked at yet is not late, however much the others have said at once.
 * That is bounded all the same: a member's next line is taken when the writers have had their
 * turn. */
static bool has_fallen_behind(struct member *self)
{
    const struct chat *chat = self->chat;
    if (!self->is_writing)
        return false;
    if (self->behind >= bytes_allowed(chat))
        member_end(self, "you are more than %zu bytes behind", bytes_allowed(chat) - 1);
    else if ((size_t)whorl_queue_size(&self->lines) >= chat->behind_max)
        member_end(self, "you are more than %zu lines behind", chat->behind_max);
    return self->ending[0];
}

void member_send(struct member *self, struct text *text)
{
    if (self->ending[0] || has_fallen_behind(self))
        return;
    if (!text || whorl_queue_try_put(&self->lines, text) != 0) {
        member_end(self, "the server has no memory left");
        return;
    }
    text->users++;
    self->behind += text->len;
}

void member_answer(struct member *self, struct text *text)
{
    member_send(self, text);
    text_release(text);
}

struct member *member_find(const struct chat *chat, const char *name)
{
    for (size_t i = 0; i < chat->member_count; i++)
        if (strcmp(chat->members[i]->name, name) == 0)
            return chat->members[i];
    return NULL;
}

/* --- Its writer. --- */

static ssize_t write_text(struct member *self, struct text *text)
{
    self->behind -= text->len;
    self->is_writing = true;
    ssize_t written = whorl_stream_write(self->stream, text->bytes, text->len);
    self->is_writing = false;
    text_release(text);
    return written;
}

/* A task's function: writes what is in the queue, and when that is shut down and empty a goodbye.
 * 0: all of it was sent, and the end of it after. */
static intptr_t write_lines(void *arg)
{
    struct member *self = arg;
    void *text;
    ssize_t result;
    while ((result = whorl_queue_get(&self->lines, &text)) == 0) {
        result = write_text(self, text);
        if (result < 0)
            break;
    }
    if (result == -EPIPE && whorl_queue_is_empty(&self->lines) && self->ending[0])
        result = whorl_stream_printf(self->stream, "bye: %s\n", self->ending);
    if (result >= 0)
        result = whorl_stream_end(self->stream);
    if (result < 0)
        member_end(self, "the connection broke: %s", strerror((int)-result));
    return result;
}

/* --- Its reader. --- */

/* Each line moves line_due on by its time; a member that is behind it has that time to spare, and
 * one that is ahead waits. All others have a turn before its next line, whatever the pace. */
static int keep_pace(struct member *self)
{
    if (self->chat->rate == 0)
        return whorl_yield();
    int64_t each = WHORL_SECONDS(1) / (int64_t)self->chat->rate;
    int64_t now = whorl_now();
    if (self->line_due < now - BURST * each)
        self->line_due = now - BURST * each;
    self->line_due += each;
    return whorl_sleep_until(self->line_due);
}

/* The limit is for the whole line: one that comes a byte at a time is idle too. */
static int take_line(struct member *self, whorl_line *line)
{
    whorl_timeout idle;
    whorl_timeout_begin(&idle, self->chat->idle_limit);
    int result = whorl_stream_read_line(self->stream, line, self->chat->line_max);
    return (int)whorl_timeout_end(&idle, result);
}

/* Until it quits, breaks off, breaks a rule, or is ended by others. */
static int take_each_line(struct member *self)
{
    for (;;) {
        whorl_line line;
        int result = take_line(self, &line);
        if (result <= 0)
            return result;
        if (!command_run(self, line.text, line.len))
            return 0;
        result = keep_pace(self);
        if (result < 0)
            return result;
    }
}

/* 0 also if it was ended by others; -ECANCELED: its task was cancelled, by the server. */
static int take_lines(struct member *self)
{
    whorl_group_init(&self->reading);
    self->is_reading = true;
    int result = self->ending[0] ? 0 : take_each_line(self);
    self->is_reading = false;
    return whorl_group_wait(&self->reading, result);
}

static void say_why(struct member *self, int result)
{
    const struct chat *chat = self->chat;
    if (result == -EMSGSIZE)
        member_answer(self, text_make("error: a line has at most %zu bytes\n", chat->line_max));
    if (result == -EMSGSIZE)
        member_end(self, "your line was too long");
    else if (result == -ETIMEDOUT)
        member_end(self, "you sent no line for %.10g s", (double)chat->idle_limit / 1e9);
    else if (result == 0)
        member_end(self, "you are always welcome");
    else if (result == -ECANCELED)
        member_end(self, "the server stops");
    else
        member_end(self, "the connection broke: %s", strerror(-result));
}

/* --- From its greeting to its leaving. --- */

static void leave(struct member *self)
{
    struct chat *chat = self->chat;
    while (self->room_count > 0)
        room_leave(chat, self->rooms[0], self);
    size_t i = 0;
    while (chat->members[i] != self)
        i++;
    chat->members[i] = chat->members[--chat->member_count];
    if (chat->is_verbose)
        chat_tell("%s is gone: %s", self->name[0] ? self->name : "one without a name",
                  self->ending);
}

/* Bytes that a peer has sent and that nobody reads turn a close into a reset, which may take the
 * goodbye with it. So they are read, for a while. */
static intptr_t discard(struct member *self)
{
    char buf[4096];
    whorl_timeout limit;
    ssize_t got;
    whorl_timeout_begin(&limit, self->chat->linger);
    whorl_stream_set_idle_timeout(self->stream, QUIET);
    while ((got = whorl_stream_read(self->stream, buf, sizeof buf)) > 0)
        continue;
    return whorl_timeout_end(&limit, got);
}

/* Has the writer say the rest, within a limit, or until the server cancels this. The stream is
 * given back. */
static void say_goodbye(struct member *self, whorl_task *writer)
{
    whorl_queue_shutdown(&self->lines, WHORL_QUEUE_GRACEFUL);
    intptr_t said = whorl_wait_for(writer, self->chat->linger);
    if (said == 0)
        discard(self);
    if (said == 0)
        whorl_stream_close(self->stream);
    else
        whorl_stream_abort(self->stream);
}

static void drop_queue(struct member *self)
{
    void *text;
    while (whorl_queue_try_get(&self->lines, &text) == 0)
        text_release(text);
    whorl_queue_destroy(&self->lines);
}

static intptr_t run(struct member *self)
{
    whorl_task *writer = whorl_spawn(write_lines, self);
    if (!writer)
        return -ENOMEM;
    self->chat->members[self->chat->member_count++] = self;
    member_answer(self,
                  text_make("hello: say who you are by \"nick NAME\"; \"help\" tells more\n"));
    int result = take_lines(self);
    say_why(self, result);
    leave(self);
    say_goodbye(self, writer);
    return 0;
}

/* The queue's memory comes with its lines, and one that cannot grow ends its member. */
static intptr_t take_in(struct chat *chat, whorl_stream *stream)
{
    struct member *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    *self = (struct member){.chat = chat, .stream = stream};
    whorl_queue_init(&self->lines, WHORL_QUEUE_FIFO, 0, NULL);
    intptr_t result = run(self);
    drop_queue(self);
    free(self);
    return result;
}

intptr_t member_serve(whorl_stream *stream, void *arg)
{
    struct chat *chat = arg;
    int size = SEND_BUFFER;
    (void)setsockopt(whorl_stream_fd(stream), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (chat->is_stopping)
        whorl_stream_puts(stream, "bye: the server stops\n");
    else if (chat->member_count == chat->members_max)
        whorl_stream_printf(stream, "bye: there are %zu members already: come again later\n",
                            chat->member_count);
    else
        return take_in(chat, stream);
    return 0;
}
