/*
 * Files with a buffer: lines, text and bytes of any size, read ahead and written behind.
 *
 *     whorl_file *file;
 *     int error = whorl_file_open("words", O_RDONLY, NULL, &file);
 *     if (error)
 *         return error;
 *     whorl_line line;
 *     whorl_for_each_line(file, &line, error)
 *         use(line.text, line.len);
 *     whorl_file_close(file);
 *
 * A file that is read in order is read ahead, and one that is written is written behind the caller:
 * several reads or writes are in flight while the task goes on. Their number grows as long as the
 * task has to wait for them, up to options.depth, and falls to one at a seek. Reading and writing
 * may be mixed: a read sees every byte written before it. A file with O_DIRECT takes reads and
 * writes of any size at any position; see whorl_file_open.
 *
 * What is no regular file and no block device (a pipe, a terminal, a socket) is a stream: it has no
 * position, is read when a call needs bytes and not before, and a call gets what has come. Reading
 * and writing one are independent of each other.
 *
 * A file belongs to one task at a time, and may be handed from task to task between calls. A call
 * that comes while another task waits in one gives -EBUSY, and has no effect. Its reads and writes
 * in flight belong to no task: no task's end harms them. A file that is left open at the end of the
 * run is closed then, by plain system calls: what it holds is written, except that of a stream,
 * which is dropped; what could not be written is told on stderr. The pointer is dead after that.
 *
 * Cancel: a call that gives -ECANCELED has read nothing and taken nothing; what had been read ahead
 * is there for the next call, and the position is what it was.
 *
 * Errors of reading are told when the caller gets to them: what came before is given first. The
 * next call tries again. Errors of writing behind are told by the next call that has to know: one
 * that writes and finds no room, a flush or what includes one (a sync, a seek in a file opened with
 * O_APPEND or to its end, a read after a write, a truncate), or close. What could not be written is
 * kept, in its order, and tried again by the next of those calls: so when room was made on a full
 * disk, nothing is lost. Only close gives it up.
 *
 * Every call also gives -EINVAL if file, or what a result goes to, is NULL, -EPERM outside a task
 * of the loop in which the file was opened, and the errors of read(2) and write(2). Calls that may
 * wait give -ECANCELED in a cancelled task.
 */
#ifndef WHORL_FILE_H
#define WHORL_FILE_H

#include <stdarg.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_file whorl_file;

/* Each 0: the default. */
typedef struct whorl_file_options {
    size_t buffer_size; /* bytes of a buffer; default 256 KiB, most 64 MiB. With O_DIRECT it is
                            rounded up to whole blocks */
    unsigned depth;     /* buffers, and so reads or writes in flight; default 8, most 64 */
    size_t line_max;    /* bytes of a line, without its end; default 1 MiB */
    mode_t mode;        /* of a file that is made, before the umask; default 0666 */
    int exact_size;     /* not 0: with O_DIRECT, no space is reserved ahead; see below */
} whorl_file_options;

/* Opens a file, with the flags of open(2); O_CLOEXEC is always set. *file is to be given to
 * whorl_file_close. Returns 0; on an error *file is NULL.
 *
 * O_APPEND: every write goes to the end, in the order of the calls, never two at once; each buffer
 * is one write(2), and so is whole among those of other processes as far as the kernel says.
 *
 * O_DIRECT: whole blocks are read and written past the page cache; what is not whole blocks, at the
 * beginning or the end of a stretch, and all that is appended with O_APPEND, is written through the
 * cache. Where a file grows, space is reserved ahead of the writes, which makes them several times
 * faster; its size is too large then, until what is not needed is taken back: by a flush, a sync, a
 * truncate, a seek from the end, a read or the close. A program that is killed in between leaves
 * zeros at the file's end, and what others have written meanwhile into the space that is taken back
 * is lost. options.exact_size avoids both, at the price of the speed. Buffers that are used again
 * are registered with the kernel until the close, up to half of what RLIMIT_MEMLOCK allows; where
 * that cannot be, they are used without.
 *   -EINVAL  also: an option is out of its range
 *   -ENOMEM
 *   else     as open(2) says */
WHORL_API int whorl_file_open(const char *path, int flags, const whorl_file_options *options,
                              whorl_file **file);

/* The same over a descriptor, which belongs to the file from then on; on an error it does not. It
 * is read and written from where its position stands. Does not wait.
 *   -EBADF      no descriptor, or one with O_PATH
 *   -EINVAL     an option is out of its range
 *   -ENOMEM
 *   -EOVERFLOW  its position is beyond what whorl_file_seek takes */
WHORL_API int whorl_file_from_fd(int fd, const whorl_file_options *options, whorl_file **file);

/* Writes what is held, closes the descriptor, and gives the file back, all of it always: in a
 * cancelled task too, where it waits like anywhere else. The one exception is a stream in a task
 * that is cancelled, before or while it waits here: what the other side does not take at once is
 * dropped. Returns 0.
 *   -EBUSY      another task waits in a call; nothing was done
 *   -ECANCELED  bytes of a stream were dropped
 *   -EINVAL, -EPERM  nothing was done
 *   else        the first error of writing that nobody has been told of, or for which bytes had to
 *               be given up now; or that of close(2) */
WHORL_API int whorl_file_close(whorl_file *file);

/* The descriptor; it stays the file's. For calls that neither move its position nor close it. From:
 * anywhere.
 *   -EINVAL  file is NULL
 *   -EBADF   its run was left, and only what was deferred in it can still ask */
WHORL_API int whorl_file_fd(const whorl_file *file);

/* --- Reading --- */

/* Reads `len` bytes, or fewer where the file ends, or an error or a cancel comes before: the next
 * call tells which. Of a stream: what is there, at least one byte. 0: the end of the file, or
 * len is 0. The end is not for ever: a later call reads what has been added. */
WHORL_API ssize_t whorl_file_read(whorl_file *file, void *buf, size_t len);

/* Reads `len` bytes, also of a stream. Fewer: the file ends there, or an error came, which the next
 * call tells.
 *   -ECANCELED  nothing was read: all of it is there for the next call */
WHORL_API ssize_t whorl_file_read_exactly(whorl_file *file, void *buf, size_t len);

/* Shows the next bytes without reading them: *data leads to at least `len` of them, fewer only
 * where the file ends, until the next call on the file. Returns how many are there, maybe more than
 * asked; 0 at the end.
 *   -EMSGSIZE  len is more than options.line_max, and than options.buffer_size */
WHORL_API ssize_t whorl_file_peek(whorl_file *file, const void **data, size_t len);

/* A line. The text is the engine's, and stays until the next call on the file; it is not ended by a
 * zero byte, and may hold some. */
typedef struct whorl_line {
    const char *text;
    size_t len;  /* without the newline */
    int newline; /* 1: text[len] is '\n'; 0: the file ends without one */
} whorl_line;

/* Reads a line: up to and with the next newline, or the file's end. Returns 1; 0 at the end, with
 * an empty line.
 *   -EMSGSIZE  it is longer than options.line_max; nothing was read: whorl_file_read reads it
 *   -ENOMEM    nothing was read */
WHORL_API int whorl_file_read_line(whorl_file *file, whorl_line *line);

/* Runs the statement that follows for each line that is left. `result` is an int of the caller's:
 * 0 after it when the file has come to its end, or the error that came before. */
#define whorl_for_each_line(file, line, result)                                                    \
    while (((result) = whorl_file_read_line((file), (line))) > 0)

/* getline(3): reads a line, with its newline, into *text, malloc'd memory of *room bytes that is
 * made larger as needed (NULL and 0 to begin with), and ends it with a zero byte. The caller's to
 * free. Returns its length; 0 at the file's end.
 *   -EMSGSIZE, -ENOMEM  as for whorl_file_read_line */
WHORL_API ssize_t whorl_file_getline(whorl_file *file, char **text, size_t *room);

/* 1 if the last call that read came to the end of the file, else 0. Does not wait. */
WHORL_API int whorl_file_eof(const whorl_file *file);

/* --- Writing --- */

/* Takes `len` bytes, to be written now or later. Returns len; or fewer if an error or a cancel came
 * before: the next call tells. */
WHORL_API ssize_t whorl_file_write(whorl_file *file, const void *data, size_t len);

/* Writes a string, without its zero byte; no newline is added. As whorl_file_write. */
WHORL_API ssize_t whorl_file_puts(whorl_file *file, const char *text);

/* Writes text as printf(3) makes it. As whorl_file_write.
 *   -EINVAL  also: the format is NULL, or printf(3) refuses it; nothing was taken
 *   -ENOMEM  nothing was taken */
WHORL_API ssize_t whorl_file_printf(whorl_file *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
WHORL_API ssize_t whorl_file_vprintf(whorl_file *file, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Writes what is held, and waits until it is in the file and the file's size is exact.
 * Returns 0. */
WHORL_API int whorl_file_flush(whorl_file *file);

/* A flush, and then fsync(2) or fdatasync(2): what was written is on the disk. Returns 0. */
WHORL_API int whorl_file_sync(whorl_file *file);
WHORL_API int whorl_file_datasync(whorl_file *file);

/* --- The position --- */

/* lseek(2) by SEEK_SET, SEEK_CUR or SEEK_END: the next read or write is there. Returns the
 * position. With O_APPEND it is that of reads alone: a write goes to the end,
 * and the position with it.
 *   -EINVAL     it would be negative, or whence is none of these
 *   -EOVERFLOW  it would be beyond 2^63 - 2^33
 *   -ESPIPE     a stream has none */
WHORL_API int64_t whorl_file_seek(whorl_file *file, int64_t offset, int whence);

/* The position. With O_APPEND, after a write, it is where the written ends; if others append too,
 * only after a flush. Does not wait.
 *   -EBUSY   another task waits in a call
 *   -ESPIPE  a stream has none */
WHORL_API int64_t whorl_file_tell(const whorl_file *file);

/* ftruncate(2), after a flush. The position stays. Returns 0.
 *   -EINVAL  also: a stream */
WHORL_API int whorl_file_truncate(whorl_file *file, int64_t length);

#ifdef __cplusplus
}
#endif

#endif
