/*
 * Going through tasks in the order in which they end: whorl_as_completed.
 *
 * All of it lies in one piece of memory of its own, which the program's struct points to: so what
 * the tasks tell at their ends has a place to go even if the program leaves without an end. Each
 * entry watches its task, and holds a reference until it was given.
 */
#include <core/interrupt.h>
#include <scope/members.h>
#include <whorl/wait.h>

struct entry {
    struct member member;
    struct entry *next; /* among those that have ended, first come, first given */
};

struct passage {
    struct task *self; /* with its generation, as the task's memory may be another's later */
    uint16_t generation;
    bool waits; /* self is parked in it */
    int64_t deadline;
    struct entry *ended;
    struct entry **ended_end;
    size_t left; /* entries that were not given */
    size_t count;
    struct entry entries[];
};

static int by_end(const void *one, const void *other)
{
    const struct entry *a = *(struct entry *const *)one;
    const struct entry *b = *(struct entry *const *)other;
    uint64_t a_end = a->member.task->end;
    uint64_t b_end = b->member.task->end;
    return a_end == b_end ? (a > b) - (a < b) : (a_end > b_end) - (a_end < b_end);
}

static void append(struct passage *passage, struct entry *entry)
{
    entry->next = NULL;
    *passage->ended_end = entry;
    passage->ended_end = &entry->next;
}

static void entry_ended(struct watcher *watcher, struct task *target)
{
    struct passage *passage = watcher->object;
    (void)target;
    append(passage, (struct entry *)watcher);
    if (passage->waits) {
        passage->waits = false;
        task_wake(passage->self, 0);
    }
}

static void passage_cancel(struct task *self)
{
    ((struct passage *)self->wait_object)->waits = false;
    task_wake(self, -ECANCELED);
}

/* An end may have come in the same turn. */
static void time_is_up(struct timer *timer)
{
    struct task *self = (struct task *)((char *)timer - offsetof(struct task, timer));
    struct passage *passage = self->wait_object;
    if (!passage->waits)
        return;
    passage->waits = false;
    task_wake(self, -ETIMEDOUT);
}

static struct task *passage_awaited(const struct task *self, size_t index)
{
    const struct passage *passage = self->wait_object;
    for (size_t i = 0; i < passage->count; i++)
        if (passage->entries[i].member.watcher.link && index-- == 0)
            return passage->entries[i].member.task;
    return NULL;
}

static const struct wait_kind passage_wait = {
    .name = "the next end of", .cancel = passage_cancel, .awaited = passage_awaited};

/* The passage of the caller's struct, or NULL and why. */
static struct passage *passage_of(const whorl_as_completed *each, int *error)
{
    *error = -EINVAL;
    if (!each)
        return NULL;
    const struct task *self = task_here();
    struct passage *passage = each->engine[0];
    *error = -EPERM;
    if (!self || !passage || passage->self != self || passage->generation != self->generation)
        return NULL;
    *error = 0;
    return passage;
}

int whorl_as_completed_begin(whorl_as_completed *each, whorl_task *const *tasks, size_t n,
                             int64_t ns)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!each)
        return -EINVAL;
    each->engine[0] = NULL;
    if (!tasks && n > 0)
        return -EINVAL;
    int error;
    for (size_t i = 0; i < n; i++) {
        const struct task *task = task_of_handle(loop, tasks[i], &error);
        if (!task || task == loop->current)
            return task ? -EDEADLK : error;
    }
    struct passage *passage = calloc(1, sizeof *passage + n * sizeof *passage->entries);
    struct entry **ended = calloc(n + 1, sizeof(struct entry *));
    if (!passage || !ended) {
        free(passage);
        free(ended);
        return -ENOMEM;
    }
    each->engine[0] = passage;
    passage->self = loop->current;
    passage->generation = loop->current->generation;
    passage->deadline = deadline_after(whorl_now(), ns);
    passage->ended_end = &passage->ended;
    passage->left = n;
    passage->count = n;
    size_t ended_count = 0;
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = &passage->entries[i];
        entry->member.task = task_of_handle(loop, tasks[i], &error);
        entry->member.task->references++;
        if (entry->member.task->ended)
            ended[ended_count++] = entry;
        else
            member_watch(&entry->member, entry_ended, passage->self, passage);
    }
    qsort(ended, ended_count, sizeof(struct entry *), by_end);
    for (size_t i = 0; i < ended_count; i++)
        append(passage, ended[i]);
    free(ended);
    return 0;
}

/* Gives the first that has ended. */
static int give(struct passage *passage, size_t *index, intptr_t *result)
{
    struct entry *entry = passage->ended;
    passage->ended = entry->next;
    if (!passage->ended)
        passage->ended_end = &passage->ended;
    passage->left--;
    struct task *task = entry->member.task;
    entry->member.task = NULL;
    if (index)
        *index = (size_t)(entry - passage->entries);
    if (result)
        *result = task->result;
    task_take_handle(task);
    task_unref(task);
    return 1;
}

/* Waits until one has ended: 0; else -ECANCELED or -ETIMEDOUT. */
static int await_end(struct loop *loop, struct passage *passage)
{
    struct task *self = passage->self;
    if (self->interrupted)
        return task_refuse(loop, self);
    if (passage->deadline <= whorl_now()) {
        loop_switch(loop, self);
        return -ETIMEDOUT;
    }
    if (passage->deadline != WHORL_FOREVER) {
        self->timer.fire = time_is_up;
        timer_arm(&loop->timers, &self->timer, passage->deadline);
    }
    passage->waits = true;
    int error = task_park(loop, self, &passage_wait, passage);
    if (timer_is_armed(&self->timer))
        timer_disarm(&loop->timers, &self->timer);
    return error;
}

int whorl_as_completed_next(whorl_as_completed *each, size_t *index, intptr_t *result)
{
    int error;
    struct passage *passage = passage_of(each, &error);
    if (!passage)
        return error;
    if (!passage->ended && passage->left > 0)
        error = await_end(loop_here, passage);
    if (passage->ended)
        return give(passage, index, result);
    return error;
}

int whorl_as_completed_end(whorl_as_completed *each)
{
    int error;
    struct passage *passage = passage_of(each, &error);
    if (!passage)
        return error;
    for (size_t i = 0; i < passage->count; i++) {
        struct member *member = &passage->entries[i].member;
        if (!member->task)
            continue;
        task_unwatch(member->task, &member->watcher);
        task_unref(member->task);
    }
    each->engine[0] = NULL;
    free(passage);
    return 0;
}
