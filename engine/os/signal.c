/*
 * Waiting for signals: whorl_signal_wait.
 *
 *     waiting --> served
 *        '------> gone (its task was interrupted)
 *
 * Those who wait stand in a list of their loop, first come, first served; each lies on the stack of
 * its task. The first of the list is the watch: a signalfd over the signals of all their sets tells
 * it, by a poll in the ring, that something is pending, and it hands that out. The others are
 * parked. When the first leaves, the next has the watch.
 * The descriptor exists while the list is not empty.
 *
 * Nothing is read from the descriptor. A signal is taken by sigtimedwait(2), for one waiter that
 * wants it: so it is either pending in the kernel or its waiter's, and none is lost to a cancel.
 * Both calls look at the thread that makes them, and so must run on the loop's own, not in a worker
 * of the kernel's: a poll is tried there again when the descriptor has woken it.
 */
#include <core/loop.h>
#include <errno.h>
#include <op/op.h>
#include <os/signal.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <whorl/signal.h>

struct signal_wait {
    struct task *task;
    sigset_t set;
    siginfo_t info;
    int number; /* the signal that was taken for it */
    struct signal_wait *next;
    struct signal_wait **link;
};

/* --- The set --- */

/* Kernel and library keep some for themselves; a blocked fault would kill without a word. */
static bool can_wait_for(int number)
{
    switch (number) {
    case SIGKILL:
    case SIGSTOP:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS:
        return false;
    default:
        return number <= SIGSYS || number >= SIGRTMIN;
    }
}

/* Copies what of `set` can be waited for; returns whether there is any. */
static bool set_sift(sigset_t *sifted, const sigset_t *set)
{
    bool any = false;
    sigemptyset(sifted);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (can_wait_for(number) && sigismember(set, number) == 1) {
            sigaddset(sifted, number);
            any = true;
        }
    }
    return any;
}

/* Whether the sets have a signal in common. Not by sigisemptyset(3): that of glibc 2.36 does not
 * see the real-time signals. */
static bool sets_meet(const sigset_t *one, const sigset_t *other)
{
    static const sigset_t none;
    sigset_t both = none;
    sigandset(&both, one, other);
    return memcmp(&both, &none, sizeof both) != 0;
}

/* --- The list --- */

/* Not inline: gcc 12 would take the links into a waiting task's stack for dangling. */
__attribute__((noinline)) static void waits_add(struct loop *loop, struct signal_wait *wait)
{
    if (!loop->signal_waits)
        loop->signal_waits_end = &loop->signal_waits;
    wait->next = NULL;
    wait->link = loop->signal_waits_end;
    *loop->signal_waits_end = wait;
    loop->signal_waits_end = &wait->next;
}

static void waits_remove(struct loop *loop, struct signal_wait *wait)
{
    *wait->link = wait->next;
    if (wait->next)
        wait->next->link = wait->link;
    else
        loop->signal_waits_end = wait->link;
}

/* Has the descriptor, which is made if there is none, tell of what is awaited now. It tells at once
 * of what is pending already. 0 or -errno. */
static int watch_all(struct loop *loop, int fd)
{
    sigset_t all;
    sigemptyset(&all);
    for (const struct signal_wait *wait = loop->signal_waits; wait; wait = wait->next)
        sigorset(&all, &all, &wait->set);
    int made = signalfd(fd, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (made < 0)
        return -errno;
    loop->signal_fd = made;
    return 0;
}

/* --- Handing out --- */

/* Takes one of the pending signals, if it still is there, for `wait`: its number, or 0. One by one,
 * as the kernel would give one that was sent to the thread before all that were sent to the process
 * (6.1, dequeue_signal). */
static int wait_take(struct signal_wait *wait, const sigset_t *pending)
{
    static const struct timespec at_once;
    sigset_t one;
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigismember(pending, number) != 1 || sigismember(&wait->set, number) != 1)
            continue;
        sigemptyset(&one);
        sigaddset(&one, number);
        if (sigtimedwait(&one, &wait->info, &at_once) == number)
            return number;
    }
    return 0;
}

static bool wait_serve(struct loop *loop, struct signal_wait *wait, const sigset_t *pending)
{
    int number = wait_take(wait, pending);
    if (number == 0)
        return false;
    wait->number = number;
    waits_remove(loop, wait);
    if (wait->task != loop->current)
        task_wake(wait->task, number);
    return true;
}

/* Gives what is pending to those who wait for it. */
static void hand_out(struct loop *loop)
{
    sigset_t pending;
    sigpending(&pending);
    struct signal_wait *next;
    for (struct signal_wait *wait = loop->signal_waits; wait; wait = next) {
        next = wait->next;
        if (sets_meet(&pending, &wait->set) && wait_serve(loop, wait, &pending))
            sigpending(&pending);
    }
}

/* The first has left: the next has the watch. */
static void pass_watch(struct loop *loop)
{
    if (loop->signal_waits)
        task_wake(loop->signal_waits->task, 0);
    else
        close(loop->signal_fd);
}

/* Watches until there is a signal for the running task, who is the first. The set of the descriptor
 * must be exact before each poll: a signal that nobody takes any more would end it at once, for
 * ever. */
static int watch(struct loop *loop, struct signal_wait *self)
{
    int error = self->task->interrupted ? -ECANCELED : 0; /* since it was woken to watch */
    while (!error) {
        hand_out(loop);
        if (self->number)
            break;
        watch_all(loop, loop->signal_fd);
        whorl_op poll = whorl_op_poll(loop->signal_fd, POLLIN);
        int events = whorl_op_await(&poll);
        error = events < 0 ? events : 0;
    }
    if (!self->number)
        waits_remove(loop, self);
    pass_watch(loop);
    return self->number ? self->number : error;
}

void signals_end(struct loop *loop)
{
    if (!loop->signal_waits)
        return;
    loop->signal_waits = NULL;
    close(loop->signal_fd);
}

/* --- Waiting --- */

static void signal_cancel(struct task *self)
{
    waits_remove(self->loop, self->wait_object);
    task_wake(self, -ECANCELED);
}

static const struct wait_kind signal_kind = {.name = "a signal", .cancel = signal_cancel};

int whorl_signal_wait(const sigset_t *set, void *info)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct signal_wait wait = {.task = loop->current};
    if (!set || !set_sift(&wait.set, set))
        return -EINVAL;
    if (wait.task->interrupted)
        return task_refuse(loop, wait.task);
    pthread_sigmask(SIG_BLOCK, &wait.set, NULL);
    bool first = !loop->signal_waits;
    waits_add(loop, &wait);
    int result = watch_all(loop, first ? -1 : loop->signal_fd);
    if (result < 0) {
        waits_remove(loop, &wait);
        return result;
    }
    if (!first)
        result = task_park(loop, wait.task, &signal_kind, &wait);
    if (result == 0)
        result = watch(loop, &wait);
    if (result > 0 && info)
        memcpy(info, &wait.info, sizeof wait.info);
    return result;
}
