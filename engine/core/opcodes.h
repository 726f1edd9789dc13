/*
 * The one table of operations.
 *
 * RING_OPS are those of io_uring. A row: the opcode (RING_OP_x here, IORING_OP_x in the kernel),
 * the name for people, the kernel that brought it, whether it is a release (it runs in a cancelled
 * task too, and is not cancelled itself), what it awaits, what runs in its place on the loop's
 * thread where the kernel lacks it, what stands in for it, in words (`inborn`: nothing needs to, as
 * the oldest kernel that the engine runs on has it), and the calls that it serves. The enum below,
 * the ring's opcodes, the ops' names and fallbacks, who takes turns, and whorl_operation are all
 * made from this table.
 *
 * What an op awaits decides whether it takes its turn (see op/admission.h): a `disk`; a `peer`,
 * perhaps for ever; `either`, as its descriptor has it; or `nobody`.
 *
 * THREAD_OPS are those that io_uring has not, and a thread runs: the system call, the kernel that
 * brought it, and the calls that it serves.
 */
#ifndef CORE_OPCODES_H
#define CORE_OPCODES_H

/* clang-format off */
#define RING_OPS(ROW)                                                                              \
    /*  opcode       name            kernel  release awaits  fallback, in words; calls           */\
    ROW(NOP,             "nop",             "5.1",  no,  nobody, none, inborn, "")                 \
    ROW(OPENAT,          "openat",          "5.6",  no,  disk,   none, inborn, "open openat")      \
    ROW(OPENAT2,         "openat2",         "5.6",  no,  disk,   none, inborn, "openat2")          \
    ROW(CLOSE,           "close",           "5.6",  yes, nobody, none, inborn, "close")            \
    ROW(READ,            "read",            "5.6",  no,  either, none, inborn, "read pread")       \
    ROW(WRITE,           "write",           "5.6",  no,  either, none, inborn, "write pwrite")     \
    ROW(READV,           "readv",           "5.1",  no,  either, none,                             \
        inborn, "readv preadv preadv2")                                                            \
    ROW(WRITEV,          "writev",          "5.1",  no,  either, none,                             \
        inborn, "writev pwritev pwritev2")                                                         \
    ROW(READ_FIXED,      "read_fixed",      "5.1",  no,  either, none, inborn, "")                 \
    ROW(WRITE_FIXED,     "write_fixed",     "5.1",  no,  either, none, inborn, "")                 \
    ROW(READV_FIXED,     "readv_fixed",     "6.15", no,  either, none, "none: -EOPNOTSUPP", "")    \
    ROW(WRITEV_FIXED,    "writev_fixed",    "6.15", no,  either, none, "none: -EOPNOTSUPP", "")    \
    ROW(FSYNC,           "fsync",           "5.1",  no,  disk,   none, inborn, "fsync fdatasync")  \
    ROW(SYNC_FILE_RANGE, "sync_file_range", "5.2",  no,  disk,   none, inborn, "sync_file_range")  \
    ROW(FTRUNCATE,       "ftruncate",       "6.9",  no,  disk,   fallback_ftruncate,               \
        "ftruncate(2) on the loop's thread", "ftruncate")                                          \
    ROW(FALLOCATE,       "fallocate",       "5.6",  no,  disk,   none, inborn, "fallocate")        \
    ROW(FADVISE,         "fadvise",         "5.6",  no,  disk,   none,                             \
        "over 4 GiB, before 6.11: a thread", "fadvise")                                            \
    ROW(MADVISE,         "madvise",         "5.6",  no,  disk,   none,                             \
        "over 4 GiB, before 6.11: a thread", "madvise")                                            \
    ROW(SPLICE,          "splice",          "5.7",  no,  peer,   none, inborn, "splice")           \
    ROW(TEE,             "tee",             "5.8",  no,  peer,   none, inborn, "tee")              \
    ROW(STATX,           "statx",           "5.6",  no,  disk,   none,                             \
        inborn, "statx exists is_file is_dir is_link")                                             \
    ROW(RENAMEAT,        "renameat2",       "5.11", no,  disk,   none, inborn, "rename renameat2") \
    ROW(UNLINKAT,        "unlinkat",        "5.11", no,  disk,   none,                             \
        inborn, "unlink unlinkat rmdir")                                                           \
    ROW(MKDIRAT,         "mkdirat",         "5.15", no,  disk,   none, inborn, "mkdir mkdirat")    \
    ROW(SYMLINKAT,       "symlinkat",       "5.15", no,  disk,   none,                             \
        inborn, "symlink symlinkat")                                                               \
    ROW(LINKAT,          "linkat",          "5.15", no,  disk,   none, inborn, "link linkat")      \
    ROW(SETXATTR,        "setxattr",        "5.19", no,  disk,   none, inborn, "setxattr")         \
    ROW(FSETXATTR,       "fsetxattr",       "5.19", no,  disk,   none, inborn, "fsetxattr")        \
    ROW(GETXATTR,        "getxattr",        "5.19", no,  disk,   none, inborn, "getxattr")         \
    ROW(FGETXATTR,       "fgetxattr",       "5.19", no,  disk,   none, inborn, "fgetxattr")        \
    ROW(SOCKET,          "socket",          "5.19", no,  nobody, none, inborn, "socket")           \
    ROW(BIND,            "bind",            "6.11", no,  nobody, fallback_bind,                    \
        "bind(2) on the loop's thread", "bind")                                                    \
    ROW(LISTEN,          "listen",          "6.11", no,  nobody, fallback_listen,                  \
        "listen(2) on the loop's thread", "listen")                                                \
    ROW(ACCEPT,          "accept",          "5.5",  no,  peer,   none, inborn, "accept accept4")   \
    ROW(CONNECT,         "connect",         "5.5",  no,  peer,   none, inborn, "connect")          \
    ROW(RECV,            "recv",            "5.6",  no,  peer,   none, inborn, "recv")             \
    ROW(SEND,            "send",            "5.6",  no,  peer,   none, inborn, "send")             \
    ROW(RECVMSG,         "recvmsg",         "5.3",  no,  peer,   none, inborn, "recvmsg")          \
    ROW(SENDMSG,         "sendmsg",         "5.3",  no,  peer,   none, inborn, "sendmsg")          \
    ROW(SEND_ZC,         "send_zc",         "6.0",  no,  peer,   none, "send", "")                 \
    ROW(SENDMSG_ZC,      "sendmsg_zc",      "6.1",  no,  peer,   none, "sendmsg", "")              \
    ROW(SHUTDOWN,        "shutdown",        "5.11", yes, nobody, none, inborn, "shutdown")         \
    ROW(POLL_ADD,        "poll",            "5.1",  no,  peer,   none, inborn, "poll")             \
    ROW(WAITID,          "waitid",          "6.7",  no,  peer,   none,                             \
        "a poll of the process's pidfd", "process_wait")

#define THREAD_OPS(ROW)                                                                            \
    /*  system call       kernel    calls */                                                       \
    ROW("copy_file_range","4.5",    "copy_file_range")                                             \
    ROW("faccessat2",     "5.8",    "access faccessat")                                            \
    ROW("fchmod",         "1.0",    "fchmod")                                                      \
    ROW("fchmodat",       "2.6.16", "chmod fchmodat")                                              \
    ROW("fchown",         "1.0",    "fchown")                                                      \
    ROW("fchownat",       "2.6.16", "chown fchownat lchown")                                       \
    ROW("flistxattr",     "2.4",    "flistxattr")                                                  \
    ROW("flock",          "2.0",    "flock")                                                       \
    ROW("fremovexattr",   "2.4",    "fremovexattr")                                                \
    ROW("fstatfs",        "1.0",    "fstatvfs")                                                    \
    ROW("getdents64",     "2.4",    "dir_next list_dir list_dirat walk_next")                      \
    ROW("lgetxattr",      "2.4",    "lgetxattr")                                                   \
    ROW("listxattr",      "2.4",    "listxattr")                                                   \
    ROW("llistxattr",     "2.4",    "llistxattr")                                                  \
    ROW("lremovexattr",   "2.4",    "lremovexattr")                                                \
    ROW("lsetxattr",      "2.4",    "lsetxattr")                                                   \
    ROW("mkdir",          "1.0",    "mkdir_all mkdtemp")                                           \
    ROW("mknodat",        "2.6.16", "mkfifo mkfifoat mknod mknodat")                               \
    ROW("openat",         "2.6.16", "dir_open dir_openat mkostemp mkostemps mkstemp tmpfile")      \
    ROW("readlinkat",     "2.6.16", "readlink readlinkat realpath")                                \
    ROW("removexattr",    "2.4",    "removexattr")                                                 \
    ROW("statfs",         "1.0",    "statvfs")                                                     \
    ROW("syncfs",         "2.6.39", "syncfs")                                                      \
    ROW("truncate",       "1.0",    "truncate")                                                    \
    ROW("utimensat",      "2.6.22", "futimens utimensat")
/* clang-format on */

enum {
#define ROW(opcode, ...) RING_OP_##opcode,
    RING_OPS(ROW)
#undef ROW
        RING_OP_COUNT
};

/* What an op awaits, in the table's words. */
enum awaited { AWAITS_nobody, AWAITS_peer, AWAITS_disk, AWAITS_either };

#endif
