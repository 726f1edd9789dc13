/* Tasks: see task.h. Their life from spawn to end, and the calls that look at one. */
#include <assert.h>
#include <core/defer.h>
#include <core/ending.h>
#include <core/locals.h>
#include <core/loop.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_IN_CHILD 70 /* sysexits' EX_SOFTWARE */

struct task *task_of_reference(const struct loop *loop, whorl_task *handle, int *error)
{
    struct task *task = (struct task *)((uintptr_t)handle & (((uintptr_t)1 << HANDLE_SHIFT) - 1));
    unsigned generation = (unsigned)((uintptr_t)handle >> HANDLE_SHIFT);
    *error = loop ? -EINVAL : -EPERM;
    if (!loop || !task || generation == 0 || generation != task->generation)
        return NULL;
    *error = task->loop != loop ? -EPERM : 0;
    return *error ? NULL : task;
}

struct task *task_of_handle(const struct loop *loop, whorl_task *handle, int *error)
{
    struct task *task = task_of_reference(loop, handle, error);
    /* A task that was released still knows itself, and whorl_each_task shows it. */
    if (task && task->handle_taken && task != loop->current && task != loop->shown) {
        *error = -EINVAL;
        return NULL;
    }
    return task;
}

int task_refuse(struct loop *loop, struct task *self)
{
    loop_switch(loop, self);
    return -ECANCELED;
}

const char *task_name(struct task *task)
{
    if (!task->named)
        snprintf(task->name, sizeof task->name, "task-%llu", (unsigned long long)task->number);
    return task->name;
}

static void name_set(struct task *task, const char *name)
{
    size_t length = strnlen(name, WHORL_NAME_MAX);
    memcpy(task->name, name, length);
    task->name[length] = '\0';
    task->named = true;
}

/* Gives the stack of a task that is over, and that nobody can ask for, back to the pool. */
static void task_forget(struct task *task)
{
    if (!task->ended || task->references > 0)
        return;
    task->generation = 0;
    stack_give(&task->loop->stacks, &task->stack, task->stack_class);
}

void task_unref(struct task *task)
{
    assert(task->references > 0);
    task->references--;
    task_forget(task);
}

static void watcher_remove(struct task *target, struct watcher *watcher)
{
    *watcher->link = watcher->next;
    if (watcher->next)
        watcher->next->link = watcher->link;
    else
        target->watchers_end = watcher->link;
    watcher->link = NULL;
}

void task_watch(struct task *target, struct watcher *watcher)
{
    assert(!target->ended);
    watcher->next = NULL;
    watcher->link = target->watchers_end;
    *target->watchers_end = watcher;
    target->watchers_end = &watcher->next;
}

void task_unwatch(struct task *target, struct watcher *watcher)
{
    if (watcher->link)
        watcher_remove(target, watcher);
}

void task_take_handle(struct task *task)
{
    if (!task->handle_taken) {
        task->handle_taken = true;
        task->references--;
    }
}

/* Ends the running task. Its stack may be in the pool when it is left; nobody takes it before the
 * switch. */
ANNOTATE_NO_RETURN static _Noreturn void task_end(struct loop *loop, struct task *self,
                                                  intptr_t result)
{
    if (__builtin_expect(self->locals != NULL, 0))
        locals_drop(self);
    self->result = result;
    self->ended = true;
    self->end = ++loop->ends;
    *self->live_link = self->live_next;
    if (self->live_next)
        self->live_next->live_link = self->live_link;
    while (self->watchers) {
        struct watcher *watcher = self->watchers;
        watcher_remove(self, watcher);
        watcher->ended(watcher, self);
    }
    if (self == loop->main)
        ending_main_ended(loop, result);
    task_forget(self);
    ready_remove(self);
    fiber_end(&self->fiber, &loop_next(loop, self)->fiber);
}

const struct wait_kind abandoned_wait = {.name = "the end of what its function left behind"};

/* Has the host end what a task's function, or a handler, has left behind. That and what it points
 * to may lie in dead frames, just below those of the caller: so nothing is called here, and the
 * task parks by a bare switch to the host, which does it on its own stack. Only the sanitizers' own
 * calls cannot be avoided; they step aside. Inline, as a frame of its own would be below, too. */
TASK_NO_SANITIZE static inline __attribute__((always_inline)) void settle(struct loop *loop,
                                                                          struct task *self)
{
    ready_leave_to_host(loop, self);
    self->wait = &abandoned_wait;
    self->next = loop->abandoned;
    loop->abandoned = self;
    loop->current = &loop->host;
    ANNOTATE_ASIDE(self->stack.bottom, fiber_switch(&self->fiber, &loop->host.fiber));
}

/* Behind its return the frames are dead, and as they were: so again nothing is called. */
intptr_t task_call(struct task *self, whorl_fn *fn, void *arg)
{
    if (__builtin_expect(!self->contained, 1))
        return fn(arg);
    self->landing.diverted = false;
    intptr_t result = landing_call(&self->landing, fn, arg);
#if FIBER_TSAN
    if (self->landing.diverted)
        ANNOTATE_ASIDE(self->stack.bottom, annotate_landing(&self->fiber.annotation));
#endif
    return result;
}

/* Where a task's fiber starts. After its function, and after each deferred handler, what was left
 * behind is settled; in a forked child there is nobody to wait for. */
TASK_NO_SANITIZE static void task_body(struct task *self)
{
    struct loop *loop = self->loop;
    self->result = -ECANCELED;
    if (!self->interrupted || self->runs_anyway) {
        self->begun = true;
        self->result = task_call(self, self->fn, self->arg);
    }
    while (__builtin_expect(self->in_flight > 0 || self->scopes || self->deferred, 0) &&
           loop_here == loop) {
        if (self->in_flight > 0 || self->scopes)
            settle(loop, self);
        deferred_run(self);
    }
}

ANNOTATE_NO_RETURN static void task_start(void *arg)
{
    struct task *self = arg;
    fiber_arrive(&self->fiber, self == self->loop->main ? &self->loop->host.fiber : NULL);
    task_body(self);
    if (loop_here != self->loop) {
        fprintf(
            stderr,
            "whorl: task %s has returned in a forked child, where no loop runs. End the child with "
            "_exit or exec.\n",
            task_name(self));
        _exit(EXIT_IN_CHILD);
    }
    task_end(self->loop, self, self->result);
}

struct task *task_make(struct loop *loop, unsigned stack_class, const char *name, whorl_fn *fn,
                       void *arg)
{
    struct task *task = (struct task *)stack_take(&loop->stacks, stack_class);
    if (!task)
        return NULL;
    task->loop = loop;
    task->fn = fn;
    task->arg = arg;
    task->wait = NULL;
    if (++loop->task_generation == 0)
        loop->task_generation = 1;
    task->generation = loop->task_generation;
    task->stack_class = (uint8_t)stack_class;
    task->cancelled = loop->draining;
    task->interrupted = loop->draining;
    task->is_in_delivery = false;
    task->scopes = NULL;
    task->ended = false;
    task->begun = false;
    task->contained = false;
    task->handle_taken = false;
    task->runs_anyway = false;
    task->references = 1;
    task->in_flight = 0;
    task->dependents = NULL;
    task->deferred = NULL;
    locals_inherit(task, loop->current);
    task->timer.link = NULL;
    task->watchers = NULL;
    task->watchers_end = &task->watchers;
    task->number = ++loop->spawned;
    task->named = false;
    if (name)
        name_set(task, name);
    task->live_next = loop->live;
    task->live_link = &loop->live;
    if (loop->live)
        loop->live->live_link = &task->live_next;
    loop->live = task;
    fiber_init(&task->fiber, task->stack.bottom, stack_top(&task->stack), task_start, task,
               &loop->host.fiber);
    return task;
}

/* Runs a new task at once; the running one goes on right after it first waits. */
static void run_first(struct loop *loop, struct task *task)
{
    struct task *self = loop->current;
    ready_add(loop, task);
    loop->current = task;
    fiber_switch(&self->fiber, &task->fiber);
}

static int spawn_error(const struct loop *loop, whorl_fn *fn, size_t stack_size)
{
    if (!loop)
        return -EPERM;
    if (!fn)
        return -EINVAL;
    if (stack_size && (stack_size < WHORL_STACK_MIN || stack_size > WHORL_STACK_MAX))
        return -EINVAL;
    return 0;
}

int task_spawn(struct loop *loop, const whorl_spawn_options *options, whorl_fn *fn, void *arg,
               struct task **task)
{
    size_t size = options ? options->stack_size : 0;
    *task = NULL;
    int error = spawn_error(loop, fn, size);
    if (error)
        return error;
    *task = task_make(loop, size ? stack_class_of(size) : loop->stack_class,
                      options ? options->name : NULL, fn, arg);
    if (!*task)
        return -ENOMEM;
    (*task)->contained = options && options->contain_overflow;
    return 0;
}

void task_begin(struct loop *loop, const whorl_spawn_options *options, struct task *task)
{
    if (options && options->eager)
        run_first(loop, task);
    else
        ready_add(loop, task);
}

whorl_task *whorl_spawn_with(const whorl_spawn_options *options, whorl_fn *fn, void *arg)
{
    struct loop *loop = loop_here;
    struct task *task;
    int error = task_spawn(loop, options, fn, arg, &task);
    if (options && options->error)
        *options->error = error;
    if (error)
        return NULL;
    whorl_task *handle = task_handle(task);
    task_begin(loop, options, task);
    return handle;
}

whorl_task *whorl_spawn(whorl_fn *fn, void *arg)
{
    struct loop *loop = loop_here;
    if (spawn_error(loop, fn, 0))
        return NULL;
    struct task *task = task_make(loop, loop->stack_class, NULL, fn, arg);
    if (!task)
        return NULL;
    ready_add(loop, task);
    return task_handle(task);
}

whorl_task *whorl_self(void)
{
    struct task *self = task_here();
    return self ? task_handle(self) : NULL;
}

int whorl_is_done(whorl_task *handle)
{
    int error;
    struct task *task = task_of_handle(loop_here, handle, &error);
    return task ? task->ended : error;
}

const char *whorl_name(whorl_task *handle)
{
    int error;
    struct task *task = task_of_handle(loop_here, handle, &error);
    return task ? task_name(task) : NULL;
}

int whorl_set_name(whorl_task *handle, const char *name)
{
    int error;
    struct task *task = task_of_handle(loop_here, handle, &error);
    if (!task)
        return error;
    if (!name)
        return -EINVAL;
    name_set(task, name);
    return 0;
}
