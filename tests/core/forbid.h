/*
 * System calls that fail from here on in this process, by a seccomp filter. It cannot be taken off:
 * for a child of its own (child.h). It does not see what goes through io_uring.
 */
#ifndef TESTS_CORE_FORBID_H
#define TESTS_CORE_FORBID_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static inline int forbid_by(struct sock_filter *rules, size_t count)
{
    struct sock_fprog program = {.len = (unsigned short)count, .filter = rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 ? -errno : 0;
}

/* The call of this number gives the error. 0 or -errno. */
static inline int forbid_call(unsigned number, int error)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return forbid_by(rules, sizeof rules / sizeof rules[0]);
}

/* So does the one whose argument `index`, of at most 32 bits, is `value`. */
static inline int forbid_argument(unsigned number, unsigned index, unsigned value, int error)
{
    unsigned argument = offsetof(struct seccomp_data, args) + index * 8;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    argument += 4;
#endif
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return forbid_by(rules, sizeof rules / sizeof rules[0]);
}

#endif
