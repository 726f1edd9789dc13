/* Calls on descriptors that io_uring has not, on a thread. */
#include <core/loop.h>
#include <fs/on_thread.h>
#include <sys/file.h>
#include <whorl/fs.h>
#include <whorl/task.h>

ssize_t whorl_copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t len,
                              unsigned flags)
{
    return system_call_on_thread(SYS_copy_file_range, from, (long)from_offset, to, (long)to_offset,
                                 (long)len, flags);
}

int whorl_syncfs(int fd)
{
    return (int)system_call_on_thread(SYS_syncfs, fd);
}

/* --- Locks --- */

#define PAUSE_FIRST WHORL_MS(1)
#define PAUSE_LAST WHORL_MS(64)

/* A thread that waits in flock(2) could not be called back; so one only tries, now and then. */
static int lock_await(int fd, int operation)
{
    for (int64_t pause = PAUSE_FIRST;; pause = pause < PAUSE_LAST ? pause * 2 : pause) {
        int result = (int)system_call_on_thread(SYS_flock, fd, operation | LOCK_NB);
        if (result != -EWOULDBLOCK)
            return result;
        result = whorl_sleep(pause);
        if (result < 0)
            return result;
    }
}

int whorl_flock(int fd, int operation)
{
    if (!loop_here)
        return -EPERM;
    if ((operation & ~LOCK_NB) == LOCK_UN) /* a release: it never waits */
        return (int)result_of(flock(fd, LOCK_UN));
    if (operation & LOCK_NB)
        return (int)system_call_on_thread(SYS_flock, fd, operation);
    return lock_await(fd, operation);
}
