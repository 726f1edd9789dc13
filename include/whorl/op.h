/*
 * One kernel operation as a value.
 *
 *     whorl_op op = whorl_op_recv(fd, buf, sizeof buf, 0);
 *     op.timeout = WHORL_MS(500);
 *     int got = whorl_op_await(&op);
 *
 * An op is made, started, and ends; whorl_op_await starts it if nobody has, and waits for its end.
 * The plain calls of fs.h and net.h are just these, awaited. An op is a plain struct: it lives
 * where the caller puts it, a stack will do, and may be copied only while it is not in flight.
 *
 * From start to end the op, and everything that it points to (buffers, paths, addresses, vectors),
 * is the engine's: it must neither move nor be changed, and buffers that the kernel fills must not
 * be read. An op belongs to the task that started it. If a task's function returns while an op of
 * it is in flight, the op is cancelled and awaited before the task ends.
 *
 * Of operations on files (names, and what is read from and written to regular files and block
 * devices), config.file_ops are with the kernel at a time; those started beyond that wait for their
 * turn, first come, first served. To the program such an op is in flight like any other: it is
 * counted, its timeout runs, a cancel ends it. A chain takes one turn. What may wait for a peer
 * (sockets, pipes, terminals) takes no turn, and neither does a close.
 */
#ifndef WHORL_OP_H
#define WHORL_OP_H

#include <sys/socket.h>
#include <sys/uio.h>
#include <whorl/base.h>
#include <whorl/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct open_how;
struct statx;

/* Flags of an op, or-ed into op.flags between making and starting it. Give ops on slots offsets:
 * the position of a slot's file is not mended where the kernel leaves it, which is with O_DIRECT
 * and after a short write. */
enum {
    WHORL_OP_FIXED_FILE = 1 << 0, /* fd is a slot of whorl_register_files, not a descriptor */
    WHORL_OP_HARDLINK = 1 << 1,   /* in a chain: the next op runs even if this one ran and failed */
};

/* A flag of splice and tee as ops, beside those of splice(2): fd_in is a slot. (That fd_out is one
 * is said by WHORL_OP_FIXED_FILE.) */
#define WHORL_SPLICE_FIXED_IN (1u << 31)

typedef struct whorl_op {
    /* What is asked. Set by whorl_op_*; a program may set flags and timeout. */
    uint8_t code;       /* which operation */
    uint8_t flags;      /* WHORL_OP_* */
    uint16_t buf_index; /* slot of the registered buffer */
    int32_t fd;         /* descriptor, or slot */
    uint64_t offset;    /* position in a file, or a second address */
    uint64_t addr;      /* buffer, path, vector, message */
    uint64_t addr3;     /* a third address */
    uint32_t len;       /* bytes, vectors, mode or second descriptor */
    uint32_t op_flags;  /* flags of the operation itself */
    int64_t timeout;    /* ns from the start; WHORL_FOREVER, as made, for none; <= 0: expired */
    uint32_t slot;      /* 1 + the slot that an open fills or a close empties; 0: none. Or a second
                           descriptor */
    /* What came of it: >= 0 or -errno, once the op has ended. */
    int32_t result;
    /* The engine's. */
    uint16_t generation;
    uint16_t state;
    uint8_t owed;
    uint8_t attempts;
    int64_t deadline;
    void *owner;
    struct whorl_op *next;
    struct whorl_op **link;
    struct whorl_op *cancel_next;
    struct whorl_op **cancel_link;
    union {
        struct {
            int64_t seconds;
            int64_t nanoseconds;
        } timespec;
        struct {
            struct whorl_op *next;
            struct whorl_op **link;
        } turn;
        struct {
            int copied;
        } notice;
    } phase;
} whorl_op;

/* --- Making ops. None of these waits or fails; arguments are judged by the kernel when the op
 * runs. Lengths above 0x7ffff000 bytes are cut to it, as read(2) and write(2) do. Argument for
 * argument they are the calls of fs.h, path.h, xattr.h and net.h, which say what each op gives and
 * which errors are its own. --- */

WHORL_API whorl_op whorl_op_nop(void); /* ends with 0 at once */

WHORL_API whorl_op whorl_op_openat(int dirfd, const char *path, int flags, mode_t mode);
WHORL_API whorl_op whorl_op_openat2(int dirfd, const char *path, const struct open_how *how,
                                    size_t size);
WHORL_API whorl_op whorl_op_close(int fd); /* closes without ending what is in flight on fd */
WHORL_API whorl_op whorl_op_read(int fd, void *buf, size_t len);
WHORL_API whorl_op whorl_op_write(int fd, const void *buf, size_t len);
WHORL_API whorl_op whorl_op_pread(int fd, void *buf, size_t len, off_t offset);
WHORL_API whorl_op whorl_op_pwrite(int fd, const void *buf, size_t len, off_t offset);
WHORL_API whorl_op whorl_op_readv(int fd, const struct iovec *iov, int count);
WHORL_API whorl_op whorl_op_writev(int fd, const struct iovec *iov, int count);
WHORL_API whorl_op whorl_op_preadv(int fd, const struct iovec *iov, int count, off_t offset);
WHORL_API whorl_op whorl_op_pwritev(int fd, const struct iovec *iov, int count, off_t offset);
WHORL_API whorl_op whorl_op_preadv2(int fd, const struct iovec *iov, int count, off_t offset,
                                    int flags);
WHORL_API whorl_op whorl_op_pwritev2(int fd, const struct iovec *iov, int count, off_t offset,
                                     int flags);
WHORL_API whorl_op whorl_op_fsync(int fd);
WHORL_API whorl_op whorl_op_fdatasync(int fd);
WHORL_API whorl_op whorl_op_sync_file_range(int fd, off_t offset, off_t nbytes, unsigned flags);
WHORL_API whorl_op whorl_op_statx(int dirfd, const char *path, int flags, unsigned mask,
                                  struct statx *buf);
WHORL_API whorl_op whorl_op_renameat2(int olddirfd, const char *oldpath, int newdirfd,
                                      const char *newpath, unsigned flags);
WHORL_API whorl_op whorl_op_unlinkat(int dirfd, const char *path, int flags);
WHORL_API whorl_op whorl_op_mkdirat(int dirfd, const char *path, mode_t mode);
WHORL_API whorl_op whorl_op_linkat(int olddirfd, const char *oldpath, int newdirfd,
                                   const char *newpath, int flags);
WHORL_API whorl_op whorl_op_symlinkat(const char *target, int newdirfd, const char *linkpath);
WHORL_API whorl_op whorl_op_setxattr(const char *path, const char *name, const void *value,
                                     size_t size, int flags);
WHORL_API whorl_op whorl_op_fsetxattr(int fd, const char *name, const void *value, size_t size,
                                      int flags);
WHORL_API whorl_op whorl_op_getxattr(const char *path, const char *name, void *value, size_t size);
WHORL_API whorl_op whorl_op_fgetxattr(int fd, const char *name, void *value, size_t size);
WHORL_API whorl_op whorl_op_ftruncate(int fd, off_t length);
WHORL_API whorl_op whorl_op_fallocate(int fd, int mode, off_t offset, off_t len);
WHORL_API whorl_op whorl_op_fadvise(int fd, off_t offset, off_t len, int advice);
WHORL_API whorl_op whorl_op_madvise(void *addr, size_t len, int advice);

/* splice(2), tee(2). Unlike the call, splice takes each offset itself: -1 is the position of the
 * file, or of a pipe; another one leaves the position alone. */
WHORL_API whorl_op whorl_op_splice(int fd_in, off_t offset_in, int fd_out, off_t offset_out,
                                   size_t len, unsigned flags);
WHORL_API whorl_op whorl_op_tee(int fd_in, int fd_out, size_t len, unsigned flags);

WHORL_API whorl_op whorl_op_socket(int domain, int type, int protocol);
WHORL_API whorl_op whorl_op_bind(int fd, const struct sockaddr *addr, socklen_t len);
WHORL_API whorl_op whorl_op_listen(int fd, int backlog);
WHORL_API whorl_op whorl_op_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags);
WHORL_API whorl_op whorl_op_connect(int fd, const struct sockaddr *addr, socklen_t len);

/* With MSG_WAITALL both go on until all is done, on sockets of a stream kind. A recv or recvmsg
 * with MSG_PEEK gives what has come all the same: the kernel would peek at the same bytes again.
 * Over SOCK_SEQPACKET it would join one message to the next (Linux 6.18), which whorl_recv and
 * whorl_recvmsg keep it from. */
WHORL_API whorl_op whorl_op_recv(int fd, void *buf, size_t len, int flags);
WHORL_API whorl_op whorl_op_send(int fd, const void *buf, size_t len, int flags);

/* On unix sockets the kernel has two faults that these show, and whorl_recvmsg, whorl_sendmsg and
 * the calls of pass.h and datagram.h do not (Linux 6.18). A recvmsg that waits, with room for
 * control messages and SO_PASSCRED or its kin, may open descriptors and not tell of them; a sendmsg
 * of a datagram that waits for its peer's room sends none of the bytes. */
WHORL_API whorl_op whorl_op_recvmsg(int fd, struct msghdr *message, int flags);
WHORL_API whorl_op whorl_op_sendmsg(int fd, const struct msghdr *message, int flags);

/* The same without copying: the kernel sends from the memory itself. So the op ends when the kernel
 * needs it no more, which for TCP is when the peer has acknowledged all of it, and not before,
 * though it is cancelled: if need be, with the connection. Where the kernel lacks it (see
 * WHORL_FEATURE_SEND_ZC) the op becomes send or sendmsg when it is started. -EOPNOTSUPP: the socket
 * is of a kind that cannot, such as a unix one; -ENOMEM, -ENOBUFS also: the bytes that are being
 * sent count against RLIMIT_MEMLOCK. */
WHORL_API whorl_op whorl_op_send_zc(int fd, const void *buf, size_t len, int flags);
WHORL_API whorl_op whorl_op_sendmsg_zc(int fd, const struct msghdr *message, int flags);

/* Whether the kernel has copied after all what an op of these has sent: 1, as always over loopback;
 * 0; or -EINVAL if it has sent nothing, or is none of these. From: anywhere. */
WHORL_API int whorl_op_has_copied(const whorl_op *op);

WHORL_API whorl_op whorl_op_shutdown(int fd, int how);
WHORL_API whorl_op whorl_op_poll(int fd, unsigned events);

/* waitid(2): `idtype` P_PID, P_PIDFD, P_PGID or P_ALL; `info` a siginfo_t *, or NULL. Linux 6.7;
 * before (see WHORL_FEATURE_OP_WAITID) the op gives -EOPNOTSUPP. process.h has more. */
WHORL_API whorl_op whorl_op_waitid(int idtype, int id, void *info, int options);

/* Reads and writes through registered buffer `index` (see whorl_register_buffers): buf and len must
 * lie inside it. -EFAULT if they do not, or if there is no such buffer. */
WHORL_API whorl_op whorl_op_read_fixed(int fd, void *buf, size_t len, off_t offset, unsigned index);
WHORL_API whorl_op whorl_op_write_fixed(int fd, const void *buf, size_t len, off_t offset,
                                        unsigned index);

/* The same for several pieces of one registered buffer. Linux 6.15; before (see
 * WHORL_FEATURE_OP_READV_FIXED) the ops give -EOPNOTSUPP, and preadv and pwritev do the same at
 * their own speed. */
WHORL_API whorl_op whorl_op_readv_fixed(int fd, const struct iovec *iov, int count, off_t offset,
                                        unsigned index);
WHORL_API whorl_op whorl_op_writev_fixed(int fd, const struct iovec *iov, int count, off_t offset,
                                         unsigned index);

/* Opens a file into slot `slot` of whorl_register_files, without a descriptor; what was in the slot
 * is closed. The op gives 0. Other ops use the slot by WHORL_OP_FIXED_FILE, also in the same chain:
 * openat, read, close need one submission so. O_CLOEXEC means nothing here, and is dropped. Beyond
 * openat's errors: -ENXIO if no files are registered, -EINVAL if the slot lies outside. */
WHORL_API whorl_op whorl_op_openat_direct(int dirfd, const char *path, int flags, mode_t mode,
                                          unsigned slot);

/* The same by openat2(2). -EINVAL also: how->flags has O_CLOEXEC. */
WHORL_API whorl_op whorl_op_openat2_direct(int dirfd, const char *path, const struct open_how *how,
                                           size_t size, unsigned slot);

/* Closes the file in a slot, and leaves it empty. -EBADF: it is empty; -ENXIO, -EINVAL as above. */
WHORL_API whorl_op whorl_op_close_direct(unsigned slot);

/* --- Running ops --- */

/* Starts an op and returns 0 at once; it reaches the kernel with everything else of this turn, when
 * the calling task next waits. Is no waiting point: works in a cancelled task too. An op that has
 * ended may be started again.
 *   -EBUSY   it is in flight
 *   -EINVAL  op is NULL, or its code or its flags are unknown
 *   -EPERM   not inside a task
 * The op's own result may already be there: -ETIMEDOUT if its timeout is <= 0, -EBADF if its
 * descriptor is being closed, -EOPNOTSUPP if it names a registered file for an operation that runs
 * without the ring here (see WHORL_FEATURE_OP_*). */
WHORL_API int whorl_op_start(whorl_op *op);

/* Waits until the op has ended, starting it if it was only made, and returns op->result. An op that
 * has ended gives its result again, at once.
 *   -ECANCELED  it had no effect: the caller is cancelled, or the op was
 *   -ETIMEDOUT  op.timeout ran out first and the op had no effect
 *   -EINVAL     op is NULL, or its code or its flags are unknown
 *   -EPERM      not inside a task, or another task started the op
 *   else        what the operation gives
 * The timeout is the kernel's (IORING_OP_LINK_TIMEOUT). It is a request, like a cancel: an
 * operation that cannot be interrupted, such as a running fsync, goes on, and is waited for. */
WHORL_API int whorl_op_await(whorl_op *op);

/* Asks for an op in flight to be ended; does not wait: await it to learn whether it was. Returns 0.
 * It is a level too: asked for again, until it is heard or the op ends. A close or shutdown goes
 * on. Any task of the same loop may ask.
 *   -EALREADY  the op is not in flight
 *   -EINVAL    op is NULL
 *   -EPERM     not inside a task of the same loop */
WHORL_API int whorl_op_cancel(whorl_op *op);

/* Runs n ops together: one submission for all (as many as config.entries hold at a time), and one
 * wait. Returns when all have ended: 0 if none failed, else the first error in time (of ops that
 * had ended before, the first in the array); each op has its own result. The first failure cancels
 * the others that are still in flight; so does a cancel of the caller. To run them without that,
 * start each and then await each: it costs the same. Ops of the array that are in flight already,
 * or have ended, are awaited like whorl_op_await.
 *   -EINVAL     ops is NULL while n is not 0, or an op's code or flags are unknown: none was
 *   started
 *   -ECANCELED  the caller is cancelled, and some op had no effect for it
 *   -EPERM      not inside a task, or another task's op is among them: none was started */
WHORL_API int whorl_gather_ops(whorl_op *ops, size_t n);

/* Runs n ops in order, as one chain in the kernel: each starts when the one before it has
 * succeeded. One that fails, or reads, writes or moves less than asked (use MSG_WAITALL for
 * recv and send), ends the chain: those after it give -ECANCELED and had no effect. After an op
 * with WHORL_OP_HARDLINK the next runs even if that op ran and failed, or was cancelled while it
 * ran. A timeout counts from the start of the chain; one that runs out before its op has begun ends
 * the chain where it stands, as does a cancel of the caller, or a whorl_close of a later op's
 * descriptor. A chain that is ended so leaves no descriptor open: its closes run then, except for a
 * slot into which it has not come to open a file. After a failure they give -ECANCELED like the
 * rest, and the descriptor is still the program's. Returns when all have ended, each op with its
 * own result: 0 if none failed, else the first error in the chain's order, where -ECANCELED counts
 * only if there is no other. In a cancelled caller only closes run.
 *
 * On a loop without WHORL_FEATURE_DEFER_TASKRUN, and before Linux 6.2, an op behind one that the
 * kernel gave to a worker, as reads and writes of some files, runs in that worker, too. A send, or
 * a write to a pipe, waits there for its receiver, and keeps one of the few workers that all file
 * operations share; with O_NONBLOCK it gives -EAGAIN. Where receivers may be slow, await one after
 * the other.
 *   -EINVAL     as for whorl_gather_ops; or an op in the array has been started or has ended
 *   already
 *   -E2BIG      more than the ring's entries hold: n, and one more for each timeout
 *   -EBADF      a descriptor of the chain is being closed: none was started
 *   -EOPNOTSUPP this kernel lacks one of the operations (see WHORL_FEATURE_OP_*)
 *   -ECANCELED, -EPERM  as for whorl_gather_ops */
WHORL_API int whorl_link_ops(whorl_op *ops, size_t n);

/* The operation's name, such as "recv"; a static string. "unknown" if there is none. From: any
 * thread. */
WHORL_API const char *whorl_op_name(const whorl_op *op);

/* --- Registered files and buffers: the kernel looks them up once, not at every op. Each belongs to
 * the loop, lasts until unregistered or the run's end, and cannot be registered twice (-EBUSY). The
 * engine registers some buffers of its own (see file.h): these take no slot of the program's, and
 * make way when the program registers or unregisters. --- */

/* Registers n descriptors as slots 0 to n - 1, for ops with WHORL_OP_FIXED_FILE. The descriptors
 * may be closed afterwards; the slots keep the files open. A descriptor of -1 leaves its slot
 * empty.
 *   -EBADF   one is no descriptor
 *   -EBUSY   files are registered already
 *   -EINVAL  n is 0, or fds is NULL
 *   -EMFILE  n is more than RLIMIT_NOFILE, or than the kernel takes
 *   -ENOMEM, -EPERM */
WHORL_API int whorl_register_files(const int *fds, unsigned n);

/* Gives the slots back. The files are closed when the ops that use them have ended.
 *   -ENXIO  none are registered
 *   -EPERM */
WHORL_API int whorl_unregister_files(void);

/* Registers n buffers as slots 0 to n - 1, for whorl_op_read_fixed and _write_fixed. Their memory
 * is pinned and, for an unprivileged user, counts against RLIMIT_MEMLOCK. It must stay until
 * unregistered.
 *   -EBUSY   buffers are registered already
 *   -EFAULT  one is not the program's memory, or larger than 1 GiB
 *   -EINVAL  n is 0, or iov is NULL
 *   -ENOMEM, -EPERM */
WHORL_API int whorl_register_buffers(const struct iovec *iov, unsigned n);

/* Gives the buffers back. Ops that use them must have ended.
 *   -ENXIO  none are registered
 *   -EPERM */
WHORL_API int whorl_unregister_buffers(void);

#ifdef __cplusplus
}
#endif

#endif
