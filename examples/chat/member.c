/*
 * A member: a connection, with two tasks.
 *
 * Its own task takes its lines, no faster than chat->rate: while it is too fast it is not read
 * from, so that TCP slows it down. A second one writes, out of a queue that others put into without
 * waiting. So a member that does not read holds up nobody: its writer waits, its queue fills, and
 * when it is full the member is ended.
 *
 * Whoever ends a member sets `ending`, from when on nothing is put into its queue, and cancels the
 * group in which its lines are taken; the rest is done by its own task, on whose stack it is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../service/service.h"
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
    whorl_group_cancel(&self->reading);
}

/* What its writer has not looked at yet is not late, however much the others have said at once.
 * That is bounded all the same: a member's next line is taken when the writers have had their turn.
 * Bytes are bounded as those of the longest lines, "ROOM NAME: TEXT"; only lists are longer. */
void member_vtell(struct member *self, const char *format, va_list arguments)
{
    const struct chat *chat = self->chat;
    size_t bytes_max = chat->behind_max * (chat->line_max + 2 * CHAT_NAME_MAX + 4);
    if (self->is_writing && self->behind >= bytes_max)
        member_end(self, "you are more than %zu bytes behind", bytes_max - 1);
    else if (self->is_writing && (size_t)whorl_queue_size(&self->lines) >= chat->behind_max)
        member_end(self, "you are more than %zu lines behind", chat->behind_max);
    if (self->ending[0])
        return;
    char *text;
    int len = vasprintf(&text, format, arguments);
    if (len >= 0 && whorl_queue_try_put(&self->lines, text) == 0) {
        self->behind += (size_t)len;
        return;
    }
    if (len >= 0)
        free(text);
    member_end(self, "the server has no memory left");
}

void member_tell(struct member *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    member_vtell(self, format, arguments);
    va_end(arguments);
}

/* A task's function: writes what is in the queue, and when that is shut down and empty a goodbye.
 * What one who has gone would have got is left out, and is no reason not to hear what it has said.
 * 0: all of it was sent, and the end of it after. */
static intptr_t write_lines(void *arg)
{
    struct member *self = arg;
    void *text;
    ssize_t result = 0;
    while (whorl_queue_get(&self->lines, &text) == 0) {
        self->behind -= strlen(text);
        self->is_writing = true;
        if (result >= 0)
            result = whorl_stream_puts(self->stream, text);
        self->is_writing = false;
        free(text);
        if (result < 0 && result != -EPIPE && result != -ECONNRESET)
            member_end(self, "the connection broke: %s", strerror((int)-result));
    }
    whorl_stream_printf(self->stream, "bye: %s\n", self->ending);
    return whorl_stream_end(self->stream);
}

/* Each line moves line_due on by its time; a member that is behind it has that time to spare, and
 * one that is ahead waits, if it is there still: who has gone has said what could be taken at once.
 * All others have a turn before its next line, whatever the pace. */
static int keep_pace(struct member *self)
{
    int64_t each = self->chat->rate > 0 ? WHORL_SECONDS(1) / (int64_t)self->chat->rate : 0;
    int64_t now = whorl_now(), least = now - BURST * each;
    self->line_due = each + (self->line_due > least ? self->line_due : least);
    bool is_ahead = self->line_due > now;
    if (is_ahead && service_tcp_state(whorl_stream_fd(self->stream)) == TCP_CLOSE)
        return -ECONNRESET;
    return whorl_sleep_until(self->line_due);
}

/* Until it quits (0), breaks off, breaks a rule, or is ended by others. The limit is for the whole
 * line: one that comes a byte at a time is idle too. */
static int take_lines(struct member *self)
{
    for (;;) {
        whorl_line line;
        whorl_timeout idle;
        whorl_timeout_begin(&idle, self->chat->idle_limit);
        int result = whorl_stream_read_line(self->stream, &line, self->chat->line_max + 1);
        result = (int)whorl_timeout_end(&idle, result);
        if (result <= 0)
            return result;
        if (line.len > self->chat->line_max && line.text[line.len - 1] != '\r')
            return -EMSGSIZE; /* but for the end that telnet sends */
        if (!room_command(self, line.text, line.len))
            return 0;
        result = keep_pace(self);
        if (result < 0)
            return result;
    }
}

/* One who was ended by others knows why. */
static void say_why(struct member *self, int result)
{
    const struct chat *chat = self->chat;
    if (result == -EMSGSIZE)
        member_tell(self, "error: a line has at most %zu bytes\n", chat->line_max);
    if (result == -EMSGSIZE)
        member_end(self, "your line was too long");
    else if (result == -ETIMEDOUT)
        member_end(self, "you sent no line for %.10g s", (double)chat->idle_limit / 1e9);
    else if (result == -ECANCELED)
        member_end(self, "the server stops");
    else if (result < 0)
        member_end(self, "the connection broke: %s", strerror(-result));
    else
        member_end(self, "you are always welcome");
}

/* Has the writer say the rest, within a limit, or until the server cancels this. */
static void say_goodbye(struct member *self, whorl_task *writer)
{
    void *text;
    whorl_queue_shutdown(&self->lines, WHORL_QUEUE_GRACEFUL);
    if (whorl_wait_for(writer, self->chat->linger) == 0) {
        whorl_timeout limit;
        int64_t linger = self->chat->linger;
        whorl_timeout_begin(&limit, linger);
        service_hear_out(self->stream, (struct service_patience){linger, QUIET, linger},
                         &self->chat->is_stopping);
        whorl_timeout_end(&limit, 0);
        whorl_stream_close(self->stream);
    } else {
        whorl_stream_abort(self->stream);
    }
    while (whorl_queue_try_get(&self->lines, &text) == 0)
        free(text);
    whorl_queue_destroy(&self->lines);
}

static intptr_t take_in(struct chat *chat, whorl_stream *stream)
{
    struct member self = {.chat = chat, .stream = stream, .lines = WHORL_QUEUE_INIT};
    whorl_task *writer = list_add(&chat->members, &self) ? whorl_spawn(write_lines, &self) : NULL;
    if (!writer) {
        list_remove(&chat->members, &self);
        return -ENOMEM;
    }
    whorl_group_init(&self.reading);
    member_tell(&self, "hello: say who you are by \"nick NAME\"; \"help\" tells more\n");
    say_why(&self, take_lines(&self));
    whorl_group_wait(&self.reading, 0);
    while (self.rooms.count > 0)
        room_leave(self.rooms.items[0], &self);
    list_remove(&chat->members, &self);
    if (chat->is_verbose)
        service_tell("%s is gone: %s", self.name[0] ? self.name : "one without a name",
                     self.ending);
    say_goodbye(&self, writer);
    return 0;
}

intptr_t member_serve(whorl_stream *stream, void *arg)
{
    struct chat *chat = arg;
    int size = SEND_BUFFER;
    (void)setsockopt(whorl_stream_fd(stream), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (chat->is_stopping)
        whorl_stream_puts(stream, "bye: the server stops\n");
    else if (chat->members.count == chat->members_max)
        whorl_stream_printf(stream, "bye: there are %zu members already: come again later\n",
                            chat->members_max);
    else
        return take_in(chat, stream);
    if (whorl_stream_end(stream) == 0)
        service_hear_out(stream, (struct service_patience){QUIET, QUIET, QUIET},
                         &chat->is_stopping);
    return 0;
}
