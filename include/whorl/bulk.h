/* Much at once: files sent to where they are to go, without passing through the program. */
#ifndef WHORL_BULK_H
#define WHORL_BULK_H

#include <sys/types.h>
#include <whorl/base.h>
#include <whorl/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* sendfile(2): sends up to `count` bytes of a file to a socket, a pipe's end, a terminal or another
 * file. With an offset, from there, and *offset moves on by what was sent; the file's position
 * stays where it was. With NULL from its position, which moves at the end of the call, so that two
 * calls at once send the same bytes. It goes on until all is sent, however slowly the receiver
 * takes it. Returns the bytes sent: fewer than `count` at the file's end, and where a cancel or an
 * error came after some, which the next call tells; 0 at the end. What was read and not sent counts
 * for nothing: the next call reads it again.
 *
 * To a stream socket that does not block (O_NONBLOCK) what the page cache holds goes from there,
 * without a copy, a megabyte at a time before other tasks have their turn; as with sendfile(2),
 * what is written to the file meanwhile may be sent or not. All else goes through buffers of the
 * engine's, up to 256 KiB for a transfer, less for each the more of them there are; a few are kept
 * by the loop. The disk is waited for by the calling task alone, as everywhere. A file with
 * O_DIRECT is read in whole blocks, round what is asked for. To a socket for datagrams each piece
 * is one; an error of the network, which is told once, is lost there behind some that were sent.
 *   -EINVAL     in_fd is neither a regular file nor a block device, or *offset is negative
 *   -ECANCELED  nothing was sent
 *   -ENOMEM     nothing was sent
 *   -EBADF      also: one of the descriptors was closed meanwhile; or -ECANCELED, where the close
 *               has ended a wait
 *   -EPERM      not inside a task
 *   else        as pread(2), and send(2) or write(2), say; -EPIPE without a signal */
WHORL_API ssize_t whorl_sendfile(int out_fd, int in_fd, off_t *offset, size_t count);

/* The same as a write to a stream, behind what was written before: the bytes are taken, and sent
 * now or later, and the call waits as whorl_stream_write does; but for what goes from the page
 * cache, where it waits until the kernel has it. That goes together with what was written just
 * before, if nothing corks the stream. The stream's socket does not block from then on, until the
 * stream is closed or detached. Returns those that were taken.
 *   -EINVAL, -EPERM, -EBUSY, -ETIMEDOUT  also as there; nothing was taken */
WHORL_API ssize_t whorl_stream_sendfile(whorl_stream *stream, int in_fd, off_t *offset,
                                        size_t count);

#ifdef __cplusplus
}
#endif

#endif
