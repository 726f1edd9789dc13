/*
 * Deadlocks: see deadlock.h.
 *
 * The search starts at both ends, as each is cheap in the case that is common. From `target` it
 * follows those who wait for one task: most targets do not wait for a task at all. Where one waits
 * for several, it asks from the other end whether that one is among those who wait for the running
 * task: most are waited for by few. Tasks that were seen carry the number of the search.
 */
#include <core/deadlock.h>
#include <stdio.h>

#define REPORT_TASKS 64  /* named in one report */
#define REPORT_AWAITED 8 /* named for one of them */

static bool needs_all(const struct task *task)
{
    return task->wait && task->wait->needs_all;
}

/* Appends those who wait for `task`, and have not been seen, to the list that ends at *end; returns
 * its new end. Parked tasks are in no circle, so that their links are free. */
static struct task **add_waiters(const struct task *task, struct task **end, uint64_t search)
{
    for (const struct watcher *watcher = task->watchers; watcher; watcher = watcher->next) {
        struct task *waiter = watcher->waiter;
        if (needs_all(waiter) && waiter->wait_object == watcher->object &&
            waiter->searched != search) {
            waiter->searched = search;
            waiter->next = NULL;
            *end = waiter;
            end = &waiter->next;
        }
    }
    return end;
}

/* Whether `waiter` waits, directly or through others, for the running task. */
static bool waits_for_running(struct loop *loop, const struct task *waiter)
{
    uint64_t search = ++loop->searches;
    struct task *first = NULL;
    struct task **end = add_waiters(loop->current, &first, search);
    for (const struct task *task = first; task; task = task->next) {
        if (task == waiter)
            return true;
        end = add_waiters(task, end, search);
    }
    return false;
}

bool wait_would_be_circular(struct loop *loop, struct task *target)
{
    const struct task *self = loop->current;
    const struct task *task = target;
    while (task != self) {
        if (!self->watchers || !needs_all(task))
            return false;
        if (task->wait->awaited(task, 1))
            return waits_for_running(loop, task);
        task = task->wait->awaited(task, 0);
    }
    return true;
}

static void report_task(struct task *task)
{
    fprintf(stderr, "whorl:   %s waits for %s", task_name(task), task->wait->name);
    struct task *awaited = NULL;
    size_t index = 0;
    while (task->wait->awaited && index < REPORT_AWAITED &&
           (awaited = task->wait->awaited(task, index)))
        fprintf(stderr, "%s %s", index++ ? "," : "", task_name(awaited));
    fprintf(stderr, "%s\n", awaited && index == REPORT_AWAITED ? ", ..." : "");
}

void deadlock_report(const struct loop *loop)
{
    fprintf(stderr, "whorl: deadlock: every task waits, and nothing is in flight or due that could "
                    "wake one:\n");
    size_t told = 0;
    struct task *task = loop->live;
    for (; task && told < REPORT_TASKS; task = task->live_next, told++)
        report_task(task);
    size_t more = 0;
    for (; task; task = task->live_next)
        more++;
    if (more > 0)
        fprintf(stderr, "whorl:   and %zu more\n", more);
}
