/*
 * The one table of operations.
 *
 * A row: the opcode (RING_OP_x here, IORING_OP_x in the kernel), the name for people, the kernel
 * that brought it, whether it is a release (it runs in a cancelled task too, and is not cancelled
 * itself), and what runs in its place on the loop's thread where the kernel lacks it. The enum
 * below, the ring's opcodes, the ops' names and fallbacks are all made from this table.
 */
#ifndef CORE_OPCODES_H
#define CORE_OPCODES_H

/* clang-format off */
#define RING_OPS(ROW)                                                   \
    /*  opcode       name           kernel  release  fallback           */\
    ROW(NOP,         "nop",         "5.1",  no,      none)              \
    ROW(OPENAT,      "openat",      "5.6",  no,      none)              \
    ROW(CLOSE,       "close",       "5.6",  yes,     none)              \
    ROW(READ,        "read",        "5.6",  no,      none)              \
    ROW(WRITE,       "write",       "5.6",  no,      none)              \
    ROW(READV,       "readv",       "5.1",  no,      none)              \
    ROW(WRITEV,      "writev",      "5.1",  no,      none)              \
    ROW(READ_FIXED,  "read_fixed",  "5.1",  no,      none)              \
    ROW(WRITE_FIXED, "write_fixed", "5.1",  no,      none)              \
    ROW(FSYNC,       "fsync",       "5.1",  no,      none)              \
    ROW(STATX,       "statx",       "5.6",  no,      none)              \
    ROW(RENAMEAT,    "renameat",    "5.11", no,      none)              \
    ROW(UNLINKAT,    "unlinkat",    "5.11", no,      none)              \
    ROW(MKDIRAT,     "mkdirat",     "5.15", no,      none)              \
    ROW(FTRUNCATE,   "ftruncate",   "6.9",  no,      fallback_ftruncate)\
    ROW(FALLOCATE,   "fallocate",   "5.6",  no,      none)              \
    ROW(SOCKET,      "socket",      "5.19", no,      none)              \
    ROW(BIND,        "bind",        "6.11", no,      fallback_bind)     \
    ROW(LISTEN,      "listen",      "6.11", no,      fallback_listen)   \
    ROW(ACCEPT,      "accept",      "5.5",  no,      none)              \
    ROW(CONNECT,     "connect",     "5.5",  no,      none)              \
    ROW(RECV,        "recv",        "5.6",  no,      none)              \
    ROW(SEND,        "send",        "5.6",  no,      none)              \
    ROW(RECVMSG,     "recvmsg",     "5.3",  no,      none)              \
    ROW(SENDMSG,     "sendmsg",     "5.3",  no,      none)              \
    ROW(SHUTDOWN,    "shutdown",    "5.11", yes,     none)              \
    ROW(POLL_ADD,    "poll",        "5.1",  no,      none)              \
    ROW(WAITID,      "waitid",      "6.7",  no,      none)
/* clang-format on */

enum {
#define ROW(opcode, name, kernel, release, fallback) RING_OP_##opcode,
    RING_OPS(ROW)
#undef ROW
        RING_OP_COUNT
};

#endif
