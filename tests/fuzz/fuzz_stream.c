/*
 * Reading from a stream: bytes that come in pieces are read by calls of all kinds, each of which is
 * held against the whole.
 *
 * Input: a byte of WAYS; one, read_ahead less 1; a string of the pieces' sizes, which follow each
 * other round and round; a string of calls, each of two bytes, its kind and its number; the rest is
 * what is sent.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <whorl.h>

enum { OVER_A_PIPE = 1, WITHOUT_MULTISHOT = 2, SEND_BEFORE = 4, SENT_MOST = 8192 };

/* What a socket that nobody reads from holds for certain: each counts as much as some hundred
 * bytes. */
enum { UNREAD_PIECES_MOST = 100 };

struct play {
    unsigned ways;
    size_t read_ahead;
    char *sizes;
    char *calls;
    const char *sent;
    size_t left; /* of it, not read */
    int to;
};

/* --- The peer --- */

static intptr_t send_pieces(void *arg)
{
    struct play *play = arg;
    const char *at = play->sent;
    const char *size = play->sizes;
    unsigned pieces = 0;
    for (size_t left = play->left; left > 0; pieces++) {
        size_t piece = *size != '\0' ? (unsigned char)*size : 256;
        bool is_full = (play->ways & SEND_BEFORE) && pieces == UNREAD_PIECES_MOST;
        if (piece > left || is_full)
            piece = left;
        hold(whorl_write(play->to, at, piece) == (ssize_t)piece);
        at += piece;
        left -= piece;
        if (!(play->ways & SEND_BEFORE))
            whorl_yield();
        if (*size != '\0' && *++size == '\0')
            size = play->sizes;
    }
    return whorl_close(play->to);
}

/* --- The calls --- */

static void took(struct play *play, const void *data, size_t len)
{
    hold(len <= play->left);
    hold(len == 0 || memcmp(data, play->sent, len) == 0);
    play->sent += len;
    play->left -= len;
}

static void call_read(struct play *play, whorl_stream *stream, size_t len)
{
    char *buf = malloc(len + 1);
    ssize_t got = whorl_stream_read(stream, buf, len);
    hold(got >= 0 && (size_t)got <= len);
    hold(got > 0 || len == 0 || play->left == 0);
    took(play, buf, (size_t)got);
    free(buf);
}

static void call_read_exactly(struct play *play, whorl_stream *stream, size_t len)
{
    char *buf = malloc(len + 1);
    ssize_t got = whorl_stream_read_exactly(stream, buf, len);
    hold(got == (ssize_t)(len < play->left ? len : play->left));
    took(play, buf, (size_t)got);
    free(buf);
}

static void call_peek(struct play *play, whorl_stream *stream, size_t least)
{
    whorl_slice slice;
    size_t wanted = least > 0 ? least : 1;
    ssize_t got = whorl_stream_peek(stream, least, &slice);
    if (wanted > play->read_ahead) {
        hold(got == -EMSGSIZE);
        return;
    }
    hold(got >= (ssize_t)(wanted < play->left ? wanted : play->left));
    hold((size_t)got == slice.len && slice.len <= play->left);
    hold(slice.len == 0 || memcmp(slice.data, play->sent, slice.len) == 0);
    hold(whorl_stream_consume(stream, slice.len + 1) == -EINVAL);
    size_t some = least % (slice.len + 1);
    hold(whorl_stream_consume(stream, some) == 0);
    took(play, slice.data, some);
}

/* What a read up to a delimiter should give. */
static ssize_t model_until(const struct play *play, const char *delimiter, size_t len, size_t limit)
{
    size_t window = limit < play->left ? limit : play->left;
    const char *found = memmem(play->sent, window, delimiter, len);
    if (found != NULL)
        return found - play->sent + (ssize_t)len;
    return play->left >= limit ? -EMSGSIZE : (ssize_t)play->left;
}

static void call_read_until(struct play *play, whorl_stream *stream, size_t number)
{
    static const char *const delimiters[] = {"\n", "\r\n", "ab", "aab", "\r\n\r\n", "aaaa"};
    const char *delimiter = delimiters[number % (sizeof delimiters / sizeof delimiters[0])];
    size_t len = strlen(delimiter), limit = len + 4 * number;
    whorl_slice slice;
    ssize_t got = whorl_stream_read_until(stream, delimiter, len, limit, &slice);
    hold(got == model_until(play, delimiter, len, limit));
    hold(slice.len == (got > 0 ? (size_t)got : 0));
    if (got > 0)
        took(play, slice.data, slice.len);
}

static void call_read_line(struct play *play, whorl_stream *stream, size_t limit)
{
    whorl_line line;
    int result = whorl_stream_read_line(stream, &line, limit);
    ssize_t expected = model_until(play, "\n", 1, limit + 1);
    hold(result == (expected > 0 ? 1 : (int)expected));
    hold((ssize_t)(line.len + (line.newline ? 1 : 0)) == (expected > 0 ? expected : 0));
    if (expected <= 0)
        return;
    hold(line.newline == (play->sent[expected - 1] == '\n'));
    took(play, line.text, line.len);
    if (line.newline)
        took(play, "\n", 1);
}

static void look_at_it(const struct play *play, whorl_stream *stream)
{
    hold(whorl_stream_buffered(stream) <= play->left);
    hold(!whorl_stream_at_end(stream) || play->left == 0);
}

static void make_call(struct play *play, whorl_stream *stream, unsigned kind, size_t number)
{
    switch (kind % 6) {
    case 0:
        call_read(play, stream, number);
        break;
    case 1:
        call_read_exactly(play, stream, number);
        break;
    case 2:
        call_peek(play, stream, number);
        break;
    case 3:
        call_read_until(play, stream, number);
        break;
    case 4:
        call_read_line(play, stream, number);
        break;
    case 5:
        for (size_t i = 0; i < number % 8; i++)
            whorl_yield();
        break;
    }
    look_at_it(play, stream);
}

static void make_ends(const struct play *play, int ends[2])
{
    if (play->ways & OVER_A_PIPE) {
        hold(pipe2(ends, O_CLOEXEC) == 0);
    } else {
        hold(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    }
}

static intptr_t read_it(void *arg)
{
    struct play *play = arg;
    int ends[2];
    whorl_stream *stream;
    whorl_stream_options options = {.read_ahead = play->read_ahead};
    make_ends(play, ends);
    play->to = ends[1];
    hold(whorl_stream_open(ends[0], &options, &stream) == 0);
    whorl_task *peer = whorl_spawn(send_pieces, play);
    if (play->ways & SEND_BEFORE)
        hold(whorl_join(peer) == 0);
    for (const char *call = play->calls; call[0] != '\0' && call[1] != '\0'; call += 2)
        make_call(play, stream, (unsigned char)call[0], (unsigned char)call[1]);
    while (play->left > 0)
        call_read(play, stream, 1000);
    call_read(play, stream, 1);
    hold(whorl_stream_at_end(stream) == 1);
    if (!(play->ways & SEND_BEFORE))
        hold(whorl_join(peer) == 0);
    return whorl_stream_close(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input rest = {data, size};
    struct play play = {.ways = take_byte(&rest), .read_ahead = (size_t)take_byte(&rest) + 1};
    play.sizes = take_string(&rest);
    play.calls = take_string(&rest);
    play.sent = (const char *)rest.at;
    play.left = rest.left < SENT_MOST ? rest.left : SENT_MOST;
    whorl_config config = {.entries = 16, .completions = 64, .pooled_stacks = 4};
    if (play.ways & WITHOUT_MULTISHOT)
        config.without = WHORL_FEATURE_RECV_MULTISHOT;
    hold(whorl_run_with(&config, read_it, &play) == 0);
    free(play.sizes);
    free(play.calls);
    return 0;
}
