/*
 * liburing, and the kernel's constants that liburing 2.3 does not name yet.
 *
 * Each is the kernel's ABI and guarded, so that a newer header wins. Opcodes are an enum there and
 * cannot be guarded: those get names of their own.
 */
#ifndef CORE_RING_COMPAT_H
#define CORE_RING_COMPAT_H

#include <liburing.h>

#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12) /* Linux 6.0 */
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13) /* Linux 6.1 */
#endif
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16) /* Linux 6.6 */
#endif
#ifndef IORING_ENTER_ABS_TIMER
#define IORING_ENTER_ABS_TIMER (1U << 5) /* Linux 6.12 */
#endif
#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7) /* Linux 6.15 */
#endif
#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE (1U << 3) /* Linux 6.2 */
#endif
#ifndef IORING_FEAT_REG_REG_RING
#define IORING_FEAT_REG_REG_RING (1U << 13) /* Linux 6.3 */
#endif
#ifndef IORING_FEAT_MIN_TIMEOUT
#define IORING_FEAT_MIN_TIMEOUT                                                                    \
    (1U << 15) /* Linux 6.12, as is ABS_TIMER, which has no bit of its own */
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17) /* Linux 6.15 */
#endif

enum {
    KERNEL_OP_WAITID = 50,       /* Linux 6.7 */
    KERNEL_OP_FTRUNCATE = 55,    /* Linux 6.9 */
    KERNEL_OP_BIND = 56,         /* Linux 6.11 */
    KERNEL_OP_LISTEN = 57,       /* Linux 6.11 */
    KERNEL_OP_READV_FIXED = 60,  /* Linux 6.15 */
    KERNEL_OP_WRITEV_FIXED = 61, /* Linux 6.15 */
};

#endif
