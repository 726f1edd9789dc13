/*
 * The one table of operations.
 *
 * A row: the opcode (RING_OP_x here, IORING_OP_x in the kernel), the name for people, the kernel
 * that brought it, whether it is a release (it runs in a cancelled task too, and is not cancelled
 * itself), what it awaits, and what runs in its place on the loop's thread where the kernel lacks
 * it. The enums below, the ring's opcodes, the ops' names and fallbacks are all made from this
 * table.
 *
 * What an op awaits decides whether it takes its turn (see op/admission.h): a `disk`; a `peer`,
 * perhaps for ever; `either`, as its descriptor has it; or `nobody`.
 */
#ifndef CORE_OPCODES_H
#define CORE_OPCODES_H

/* clang-format off */
#define RING_OPS(ROW)                                                            \
    /*  opcode   name           kernel  release  awaits  fallback */             \
    ROW(NOP,         "nop",         "5.1",  no,      nobody, none)               \
    ROW(OPENAT,      "openat",      "5.6",  no,      disk,   none)               \
    ROW(CLOSE,       "close",       "5.6",  yes,     nobody, none)               \
    ROW(READ,        "read",        "5.6",  no,      either, none)               \
    ROW(WRITE,       "write",       "5.6",  no,      either, none)               \
    ROW(READV,       "readv",       "5.1",  no,      either, none)               \
    ROW(WRITEV,      "writev",      "5.1",  no,      either, none)               \
    ROW(READ_FIXED,  "read_fixed",  "5.1",  no,      either, none)               \
    ROW(WRITE_FIXED, "write_fixed", "5.1",  no,      either, none)               \
    ROW(FSYNC,       "fsync",       "5.1",  no,      disk,   none)               \
    ROW(STATX,       "statx",       "5.6",  no,      disk,   none)               \
    ROW(RENAMEAT,    "renameat",    "5.11", no,      disk,   none)               \
    ROW(UNLINKAT,    "unlinkat",    "5.11", no,      disk,   none)               \
    ROW(MKDIRAT,     "mkdirat",     "5.15", no,      disk,   none)               \
    ROW(FTRUNCATE,   "ftruncate",   "6.9",  no,      disk,   fallback_ftruncate) \
    ROW(FALLOCATE,   "fallocate",   "5.6",  no,      disk,   none)               \
    ROW(SOCKET,      "socket",      "5.19", no,      nobody, none)               \
    ROW(BIND,        "bind",        "6.11", no,      nobody, fallback_bind)      \
    ROW(LISTEN,      "listen",      "6.11", no,      nobody, fallback_listen)    \
    ROW(ACCEPT,      "accept",      "5.5",  no,      peer,   none)               \
    ROW(CONNECT,     "connect",     "5.5",  no,      peer,   none)               \
    ROW(RECV,        "recv",        "5.6",  no,      peer,   none)               \
    ROW(SEND,        "send",        "5.6",  no,      peer,   none)               \
    ROW(RECVMSG,     "recvmsg",     "5.3",  no,      peer,   none)               \
    ROW(SENDMSG,     "sendmsg",     "5.3",  no,      peer,   none)               \
    ROW(SHUTDOWN,    "shutdown",    "5.11", yes,     nobody, none)               \
    ROW(POLL_ADD,    "poll",        "5.1",  no,      peer,   none)               \
    ROW(WAITID,      "waitid",      "6.7",  no,      peer,   none)
/* clang-format on */

enum {
#define ROW(opcode, name, kernel, release, awaits, fallback) RING_OP_##opcode,
    RING_OPS(ROW)
#undef ROW
        RING_OP_COUNT
};

/* What an op awaits, in the table's words. */
enum awaited { AWAITS_nobody, AWAITS_peer, AWAITS_disk, AWAITS_either };

#endif
