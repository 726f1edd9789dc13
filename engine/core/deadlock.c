/*
 * Deadlocks: see deadlock.h.
 *
 * The search starts at both ends, as each is cheap in the case that is common. From `target` it
 * follows those who wait for one task: most targets do not wait for a task at all. Then it asks
 * from the other end whether the last of them is among those who wait for the running task: most
 * are waited for by few. A group's owner waits for its children even before he does so, as he
 * cannot end before. Tasks that were seen carry the number of the search.
 */
#include <core/deadlock.h>
#include <stdio.h>

#define REPORT_TASKS 64  /* named in one report */
#define REPORT_AWAITED 8 /* named for one of them */

static bool needs_all(const struct task *task)
{
    return task->wait && task->wait->needs_all;
}

/* Appends those who wait for `task`, or are bound to, and have not been seen, to the list that ends
 * at *end; returns its new end. */
static struct task **add_waiters(const struct task *task, struct task **end, uint64_t search)
{
    for (const struct watcher *watcher = task->watchers; watcher; watcher = watcher->next) {
        struct task *waiter = watcher->waiter;
        if (!waiter)
            continue;
        bool waits = needs_all(waiter) && waiter->wait_object == watcher->object;
        if ((waits || watcher->binds) && waiter->searched != search) {
            waiter->searched = search;
            waiter->search_next = NULL;
            *end = waiter;
            end = &waiter->search_next;
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
    for (const struct task *task = first; task; task = task->search_next) {
        if (task == waiter)
            return true;
        end = add_waiters(task, end, search);
    }
    return false;
}

bool wait_would_be_circular(struct loop *loop, struct task *target)
{
    const struct task *self = loop->current;
    if (target == self)
        return true;
    if (!self->watchers || target->ended)
        return false;
    /* Where one waits for one, on to that; a circle of others is theirs. */
    uint64_t search = ++loop->searches;
    struct task *task = target;
    while (task->searched != search && needs_all(task) && !task->wait->awaited(task, 1)) {
        struct task *next = task->wait->awaited(task, 0);
        if (next == self)
            return true;
        if (!next)
            break;
        task->searched = search;
        task = next;
    }
    return task->searched != search && waits_for_running(loop, task);
}

static void report_task(struct task *task)
{
    fprintf(stderr, "whorl:   %s waits for %s", task_name(task), task->wait->name);
    const char *link = task->wait->link ? task->wait->link : "";
    struct task *awaited = NULL;
    size_t index = 0;
    while (task->wait->awaited && index < REPORT_AWAITED &&
           (awaited = task->wait->awaited(task, index)))
        fprintf(stderr, "%s %s", index++ ? "," : link, task_name(awaited));
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
