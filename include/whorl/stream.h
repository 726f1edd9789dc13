/*
 * Streams: a connection with buffers. Bytes are received as they come and read in the sizes that
 * the program wants; what is written is collected and sent behind the caller.
 *
 *     whorl_line line;
 *     int result;
 *     while ((result = whorl_stream_read_line(stream, &line, 1000)) > 0)
 *         whorl_stream_printf(stream, "%.*s, indeed\n", (int)line.len, line.text);
 *     whorl_stream_close(stream);
 *
 * Receiving: one request to the kernel brings all that comes (multishot recv), into buffers that
 * all streams of a loop share: a connection on which nothing comes holds none. What was received is
 * read in place where the call allows it (peek, read_until, read_line). When more than
 * options.read_ahead has not been read, no more is asked for until the program has caught up, and
 * the peer is slowed down by TCP itself; what the kernel had under way is kept, a megabyte at most
 * as a rule. Where the kernel lacks the feature (before Linux 6.0), or the descriptor is no socket,
 * it is received when a call needs bytes; the calls behave alike.
 *
 * Sending: a write takes its bytes and returns; small ones that come together are sent together,
 * when the task next waits. A write waits while options.high_water bytes are not sent yet.
 *
 * One task may read while another writes. A second reader, or writer, while one waits gets -EBUSY,
 * and has no effect; reading calls and writing calls of a stream that another task is closing give
 * -ECANCELED. A stream may go from task to task of its loop. One that is left open at the
 * end of the run is aborted then.
 *
 * Cancel: a call that gives -ECANCELED has read nothing, or taken nothing: what was received is
 * there for the next call. A call that gives -ETIMEDOUT likewise; it may be made again. TCP itself
 * gives that too, when it has given the peer up (SO_KEEPALIVE, TCP_USER_TIMEOUT): as any error of
 * the connection, at once and again and again. So who tries again counts how often.
 *
 * Errors of the connection: what was received before is read first; then each call of that
 * direction gives the error, such as -ECONNRESET. The peer's end of sending is no error: reading
 * gives 0, again and again. Errors of sending are told by the next write, drain, end or close:
 * -EPIPE when the peer takes nothing any more, -ECONNRESET when it has broken off, but -EPIPE where
 * reading has told of that before bytes on their way have met it. No call raises SIGPIPE.
 *
 * Shortages of the kernel's are no errors of the connection. Where it has no memory for what is to
 * be sent (-ENOBUFS, -ENOMEM) it is asked again, ever more slowly, until it takes it, or a cancel
 * or the idle timeout ends the wait. Where the shared buffers are all in use, a stream receives
 * into memory of its own meanwhile.
 *
 * Every call also gives -EINVAL if stream, or what a result goes to, is NULL (those without errors
 * give 0 then), -EPERM outside a task of the loop in which the stream was opened. Calls that read
 * give -ENOMEM where there is no memory to receive into, or to bring bytes together; nothing was
 * read then. Calls that may wait give -ECANCELED in a cancelled task, and -ETIMEDOUT when
 * options.idle_timeout runs out.
 */
#ifndef WHORL_STREAM_H
#define WHORL_STREAM_H

#include <stdarg.h>
#include <sys/uio.h>
#include <whorl/base.h>
#include <whorl/file.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_stream whorl_stream;

/* Each 0: the default. */
typedef struct whorl_stream_options {
    size_t high_water;    /* bytes written and not sent above which a write waits; default 64 KiB,
                             most 1 GiB */
    size_t read_ahead;    /* bytes received and not read above which nothing is received; default
                             64 KiB, most 1 GiB */
    int64_t idle_timeout; /* ns that a call waits without a byte's coming, if it reads, or going, if
                             it writes, before it gives -ETIMEDOUT; default: for ever. Of what was
                             sent, what the peer's side takes counts as going (SIOCOUTQ of tcp(7)
                             and unix(7), which counts whole buffers; FIONREAD of a pipe): there is
                             a look at each quarter of the timeout, which may be late by as much */
} whorl_stream_options;

/* A stream over a descriptor, which belongs to it from then on; on an error it does not, and
 * *stream is NULL. It may be any connected socket of a stream kind, a pipe's end or a terminal. A
 * terminal that does not take what is written, or waits for more bytes than have come (VMIN), has
 * the kernel wait on the loop's thread (Linux 6.18), unless it has O_NONBLOCK. The stream is to be
 * given to whorl_stream_close or _abort. Does not wait. Returns 0.
 *   -EBADF   no descriptor
 *   -EINVAL  an option is out of its range; or a regular file, which whorl_file serves
 *   -ENOMEM */
WHORL_API int whorl_stream_open(int fd, const whorl_stream_options *options, whorl_stream **stream);

/* Two streams connected to each other, as socketpair(2) makes them. Does not wait. Returns 0.
 *   -EINVAL, -ENOMEM, -EMFILE, -ENFILE  nothing was made */
WHORL_API int whorl_stream_pair(const whorl_stream_options *options, whorl_stream *pair[2]);

/* Sends what was written, closes the descriptor and gives the stream back, all of it always. In a
 * cancelled task, or when it is cancelled here or its idle timeout runs out, what the kernel does
 * not take at once is dropped; all, where it cannot be asked for that, as over the master of a
 * pseudo-terminal. Tasks that wait in other calls of the stream get -ECANCELED first. Of SO_LINGER
 * whorl_close tells. Returns 0.
 *   -EBUSY  another task closes it already; nothing was done
 *   -EINVAL, -EPERM  nothing was done
 *   else    bytes were dropped, or a write has taken fewer than it was to, for this error of
 *           sending */
WHORL_API int whorl_stream_close(whorl_stream *stream);

/* The same at once: what was written and not sent is dropped, and a TCP peer is told by a reset.
 * Works in a cancelled task. Returns 0, or as above. */
WHORL_API int whorl_stream_abort(whorl_stream *stream);

/* The descriptor; it stays the stream's. For calls such as setsockopt(2) and getpeername(2), not
 * for reading, writing or closing. From: anywhere.
 *   -EBADF   another task closes it at this moment: all was sent, or dropped
 *   -EINVAL  stream is NULL */
WHORL_API int whorl_stream_fd(const whorl_stream *stream);

/* Another idle timeout, from the next call on, also for what is being sent already; a longer one,
 * or 0: none, also for calls that wait already. Does not wait. Returns 0.
 *   -EINVAL  it is negative */
WHORL_API int whorl_stream_set_idle_timeout(whorl_stream *stream, int64_t ns);

/* Gives the stream back and keeps the connection: *fd is the caller's then, and -1 on an error.
 * Nothing that was received is lost: it must all have been read. All that was written is sent
 * first. For a protocol that passes the connection on. Returns 0.
 *   -EBUSY  another task waits in a call, or bytes are there to be read: nothing was given back
 *   else    an error of the connection, which the descriptor itself tells no more; the stream goes
 *           on */
WHORL_API int whorl_stream_detach(whorl_stream *stream, int *fd);

/* --- Reading --- */

/* Reads what is there, at least one byte and at most `len`. 0: the peer has ended, or len is 0. */
WHORL_API ssize_t whorl_stream_read(whorl_stream *stream, void *buf, size_t len);

/* Reads `len` bytes, however many. Fewer: the peer has ended, or an error came, which the next call
 * tells; or it was ended by a cancel or the like, and there was no memory to keep what it had.
 *   -ECANCELED, -ETIMEDOUT  nothing was read: all of it is there for the next call */
WHORL_API ssize_t whorl_stream_read_exactly(whorl_stream *stream, void *buf, size_t len);

/* Bytes that were received, in place. */
typedef struct whorl_slice {
    const char *data;
    size_t len;
} whorl_slice;

/* Shows the next bytes without reading them: at least `least` of them (0 counts as 1), fewer only
 * where the peer has ended. They stay until the next call that reads from the stream. Without
 * copying, if they came together. Returns slice->len, maybe more than asked; 0 at the end.
 *   -EMSGSIZE  least is more than options.read_ahead */
WHORL_API ssize_t whorl_stream_peek(whorl_stream *stream, size_t least, whorl_slice *slice);

/* Reads bytes that the last whorl_stream_peek has shown: they stay until the next call that reads,
 * all the same. Does not wait. Returns 0.
 *   -EINVAL  len is more than was shown */
WHORL_API int whorl_stream_consume(whorl_stream *stream, size_t len);

/* Reads up to and with the next `delimiter`, of `len` bytes; or what is left where the peer ends,
 * or an error comes. The bytes are the engine's, and stay until the next call that reads. Returns
 * slice->len; 0 at the end.
 *   -EMSGSIZE  there is none within the first `limit` bytes; nothing was read
 *   -EINVAL    also: len is 0, or more than limit
 *   -ENOMEM    nothing was read */
WHORL_API ssize_t whorl_stream_read_until(whorl_stream *stream, const void *delimiter, size_t len,
                                          size_t limit, whorl_slice *slice);

/* Reads a line, as whorl_file_read_line does: without its newline, of at most `limit` bytes. A
 * carriage return before the newline stays part of it. Returns 1; 0 at the end, with an empty line.
 *   -EMSGSIZE  it is longer; nothing was read
 *   -ENOMEM    nothing was read */
WHORL_API int whorl_stream_read_line(whorl_stream *stream, whorl_line *line, size_t limit);

/* Bytes that were received and not read. Does not wait. */
WHORL_API size_t whorl_stream_buffered(const whorl_stream *stream);

/* 1 if the peer has ended and all was read, else 0. Does not wait. */
WHORL_API int whorl_stream_at_end(const whorl_stream *stream);

/* --- Writing --- */

/* Takes `len` bytes, to be sent now or later: buf is the caller's again when this returns. Waits
 * while more than options.high_water bytes are not sent. Large writes are sent from where they lie,
 * as far as the kernel takes them. Returns len; or fewer if an error, a cancel or the idle timeout
 * came before, which the next call tells. */
WHORL_API ssize_t whorl_stream_write(whorl_stream *stream, const void *buf, size_t len);

/* The same for several pieces, one after the other.
 *   -EINVAL  also: count is negative, or above IOV_MAX (1024), or their sum above SSIZE_MAX */
WHORL_API ssize_t whorl_stream_writev(whorl_stream *stream, const struct iovec *iov, int count);

/* The same for a string without its zero byte; and for text as printf(3) makes it.
 *   -EINVAL  also: the format is NULL, or printf(3) refuses it; nothing was taken
 *   -ENOMEM  nothing was taken */
WHORL_API ssize_t whorl_stream_puts(whorl_stream *stream, const char *text);
WHORL_API ssize_t whorl_stream_printf(whorl_stream *stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
WHORL_API ssize_t whorl_stream_vprintf(whorl_stream *stream, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Holds back what is written until as much as fills a buffer is there, so that it goes in few large
 * pieces; off sends it. Corks count: each is to be taken off. Does not wait. Returns 0.
 *   -EINVAL  also: off without on */
WHORL_API int whorl_stream_cork(whorl_stream *stream);
WHORL_API int whorl_stream_uncork(whorl_stream *stream);

/* Waits until all that was written is sent: the kernel has it. Also what a cork holds back.
 * Returns 0, or the error of sending. */
WHORL_API int whorl_stream_drain(whorl_stream *stream);

/* Bytes written and not sent. Does not wait. */
WHORL_API size_t whorl_stream_pending(const whorl_stream *stream);

/* A drain, then the end of sending (shutdown(2) with SHUT_WR): the peer reads to its end, and this
 * side may go on reading. Writes after it give -EPIPE. Returns 0; again: 0.
 *   -ENOTSOCK  a pipe or terminal: close it */
WHORL_API int whorl_stream_end(whorl_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
