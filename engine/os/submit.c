/*
 * Submissions: calls to a loop whose results another thread waits for.
 *
 *     running --> awaited --> done --> given
 *        '---------------------^
 *
 * running, awaited: the engine owns the struct; in the latter a thread sleeps on it, or did. done:
 * the result is there, and nothing in the loop leads to the struct any more: neither the task,
 * which is watched, nor the inbox, where a request to cancel may lie. Each of the two is owed; who
 * takes the last away says that it is done, and looks at the struct no more. given: the struct is
 * the caller's again, and its reference to the inbox is gone.
 */
#include <core/interrupt.h>
#include <errno.h>
#include <linux/futex.h>
#include <os/post.h>
#include <sys/syscall.h>
#include <unistd.h>

enum submission_state { SUBMISSION_RUNNING, SUBMISSION_AWAITED, SUBMISSION_DONE, SUBMISSION_GIVEN };

struct submission {
    struct inbox_node start; /* first: the node is the submission */
    struct inbox_node cancel;
    struct watcher watcher;
    struct inbox *inbox;
    whorl_fn *fn;
    void *arg;
    intptr_t result;
    uint32_t state; /* a submission_state, and a futex */
    uint32_t owed;
    bool cancel_sent;
    /* The loop's. */
    bool cancelled; /* before there was a task */
    struct task *task;
} __attribute__((may_alias));

_Static_assert(sizeof(struct submission) <= sizeof(whorl_submission),
               "a submission fits its public struct");

static void settle(struct submission *submission)
{
    if (__atomic_fetch_sub(&submission->owed, 1, __ATOMIC_ACQ_REL) > 1)
        return;
    uint32_t *state = &submission->state;
    /* From here on only the address may be used. */
    if (__atomic_exchange_n(state, SUBMISSION_DONE, __ATOMIC_ACQ_REL) == SUBMISSION_AWAITED)
        syscall(SYS_futex, state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* --- On the loop --- */

static void ended(struct watcher *watcher, struct task *target)
{
    struct submission *submission = watcher->object;
    submission->result = target->result;
    submission->task = NULL;
    settle(submission);
}

static bool take_start(struct loop *loop, struct inbox_node *node)
{
    struct submission *submission = (struct submission *)node;
    struct task *task = post_make_task(loop, submission->fn, submission->arg);
    if (!task)
        return false;
    submission->task = task;
    submission->watcher = (struct watcher){.ended = ended, .object = submission};
    task_watch(task, &submission->watcher);
    if (submission->cancelled)
        task_cancel(task);
    ready_add(loop, task);
    return true;
}

static bool take_cancel(struct loop *loop, struct inbox_node *node)
{
    struct submission *submission =
        (struct submission *)((char *)node - offsetof(struct submission, cancel));
    (void)loop;
    submission->cancelled = true;
    if (submission->task)
        task_cancel(submission->task);
    settle(submission);
    return true;
}

/* --- Elsewhere --- */

static bool is_here(const struct inbox *inbox)
{
    return loop_here && loop_here->inbox == inbox;
}

int whorl_submit_threadsafe(whorl_loop *handle, whorl_submission *public, whorl_fn *fn, void *arg)
{
    struct submission *submission = (struct submission *)public;
    struct inbox *inbox = inbox_of_handle(handle);
    if (!inbox || !submission || !fn)
        return -EINVAL;
    if (is_here(inbox))
        return -EDEADLK;
    *submission = (struct submission){.start.take = take_start,
                                      .cancel.take = take_cancel,
                                      .inbox = inbox,
                                      .fn = fn,
                                      .arg = arg,
                                      .owed = 1};
    inbox_ref(inbox);
    if (inbox_put(inbox, &submission->start))
        return 0;
    inbox_unref(inbox);
    return -ESHUTDOWN;
}

/* Sleeps until the state is not `awaited` any more, or the real clock has come to `deadline`. */
static void sleep_on(uint32_t *state, int64_t deadline)
{
    struct timespec until = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
    syscall(SYS_futex, state, FUTEX_WAIT_BITSET_PRIVATE, SUBMISSION_AWAITED,
            deadline == WHORL_FOREVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static bool await_done(struct submission *submission, int64_t ns)
{
    int64_t deadline = deadline_after(clock_read(), ns);
    for (;;) {
        uint32_t state = SUBMISSION_RUNNING;
        __atomic_compare_exchange_n(&submission->state, &state, SUBMISSION_AWAITED, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
        if (state >= SUBMISSION_DONE)
            return true;
        if (deadline <= clock_read())
            return false;
        sleep_on(&submission->state, deadline);
    }
}

intptr_t whorl_submission_wait(whorl_submission *public, int64_t ns)
{
    struct submission *submission = (struct submission *)public;
    if (!submission)
        return -EINVAL;
    if (__atomic_load_n(&submission->state, __ATOMIC_ACQUIRE) < SUBMISSION_DONE) {
        if (is_here(submission->inbox))
            return -EDEADLK;
        if (!await_done(submission, ns > 0 ? ns : 0))
            return -ETIMEDOUT;
    }
    if (submission->state == SUBMISSION_DONE) {
        submission->state = SUBMISSION_GIVEN;
        inbox_unref(submission->inbox);
    }
    return submission->result;
}

int whorl_submission_cancel(whorl_submission *public)
{
    struct submission *submission = (struct submission *)public;
    if (!submission)
        return -EINVAL;
    uint32_t owed = __atomic_load_n(&submission->owed, __ATOMIC_ACQUIRE);
    do {
        if (owed == 0)
            return -EALREADY;
    } while (!__atomic_compare_exchange_n(&submission->owed, &owed, owed + 1, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    bool is_first = !__atomic_exchange_n(&submission->cancel_sent, true, __ATOMIC_ACQ_REL);
    /* A loop that accepts no more has cancelled all its tasks. */
    if (!is_first || !inbox_put(submission->inbox, &submission->cancel))
        settle(submission);
    return 0;
}
