/*
 * System calls that io_uring has not, made on a thread of the loop's.
 *
 * What a call needs lies on the caller's stack, who is parked until the thread has done with it. A
 * call that the thread has not begun when its task is cancelled is taken back, and had no effect;
 * one that runs is waited for, and its result is given: so no descriptor and no name is lost. When
 * there is no thread to be had, the errors are those of whorl_to_thread, and nothing was done.
 */
#ifndef FS_ON_THREAD_H
#define FS_ON_THREAD_H

#include <errno.h>
#include <sys/syscall.h>
#include <whorl/thread.h>

struct system_call {
    long number;
    long arguments[6];
};

/* Makes the call of a struct system_call: its result, or -errno. */
whorl_fn system_call_run;

/* The result of system call `number` with up to six arguments, each an integer (a pointer is cast
 * to long), made on a thread. */
#define system_call_on_thread(number, ...)                                                         \
    whorl_to_thread(system_call_run, &(struct system_call){number, {__VA_ARGS__}})

/* What a function of the C library has returned, as the engine gives it. */
static inline intptr_t result_of(intptr_t returned)
{
    return returned < 0 ? -errno : returned;
}

#endif
