/*
 * Generators: a task, and the hand-over of what it yields.
 *
 *     resting <--> working --> ended
 *        ^  |       ^   |
 *        |  '-.     |   v
 *        '--- holding <-'
 *
 * resting: parked at the beginning or in a yield, until somebody asks for the next value. working:
 * it was asked, or its wait was cut short. holding: parked in a yield, with a value for which
 * nobody waits: whoever waited was cancelled. A value goes straight into the memory of the task
 * that waits for it. ended: its task has.
 *
 * The public struct holds the task's handle, and after the end the result. The rest lies on the
 * heap, as a dependent of the owner: so nothing points into the frame of a function that has
 * returned, and a handle that is stale is known as such. It holds a reference to the task, whose
 * handle whoever knows it may take back; so the task's block stays, and leads to the rest by its
 * `arg`, which is NULL once the rest is gone.
 */
#include <core/dependent.h>
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>
#include <stdlib.h>
#include <whorl/generator.h>

enum state { RESTING, WORKING, HOLDING };

struct generator {
    struct dependent dependent; /* first: the dependent is the generator */
    struct watcher watcher;     /* of its task, for the owner */
    struct task *task;
    struct task *consumer; /* who waits for a value; NULL: nobody */
    intptr_t *place;       /* where he wants it */
    intptr_t value;        /* that is held */
    enum state state;
    bool leaving; /* nobody asks any more */
    whorl_generator_fn *fn;
    void *arg;
    whorl_generator self; /* for the function */
};

/* The public struct. */
struct reference {
    whorl_task *handle; /* NULL: it has ended, or never begun */
    union {
        intptr_t result; /* then */
        int64_t run; /* before: when its loop was opened, as the handle means nothing to others */
    };
} __attribute__((may_alias));

_Static_assert(sizeof(struct reference) <= sizeof(whorl_generator), "it fits its public struct");

/* --- The wait of its task, and its end --- */

static void rest_cancel(struct task *self)
{
    ((struct generator *)self->wait_object)->state = WORKING;
    task_wake(self, -ECANCELED);
}

static const struct wait_kind rest_wait = {.name = "somebody to ask for its next value",
                                           .cancel = rest_cancel};

static intptr_t generator_body(void *arg)
{
    struct generator *self = arg;
    return self->fn(&self->self, self->arg);
}

/* What the end comes to for one who asks for a value. */
static int end_of(intptr_t result)
{
    return result < 0 ? (int)result : 0;
}

/* It has ended, and nobody will ask for its result. The caller drops the reference to its task. */
static void forget(struct generator *self)
{
    dependent_end(&self->dependent);
    task_take_handle(self->task);
    self->task->arg = NULL;
    free(self);
}

/* As the last thing that its task does, after which the block goes if nobody holds it. */
static void generator_ended(struct watcher *watcher, struct task *target)
{
    struct generator *self = watcher->object;
    if (self->consumer)
        task_wake(self->consumer, end_of(target->result));
    self->consumer = NULL;
    if (self->dependent.link)
        return;
    forget(self);
    target->references--;
}

static void leave(struct generator *self)
{
    self->leaving = true;
    if (!self->task->ended)
        task_cancel(self->task);
}

static void generator_abandon(struct dependent *dependent)
{
    struct generator *self = (struct generator *)dependent;
    struct task *task = self->task;
    leave(self);
    if (!task->ended)
        return;
    forget(self);
    task_unref(task);
}

/* --- Beginning --- */

static struct generator *generator_make(struct loop *loop, whorl_generator_fn *fn, void *arg)
{
    struct generator *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    struct task *task = NULL;
    task_spawn(loop, NULL, generator_body, self, &task);
    if (!task) {
        free(self);
        return NULL;
    }
    task->references++;
    self->task = task;
    self->fn = fn;
    self->arg = arg;
    *(struct reference *)&self->self =
        (struct reference){.handle = task_handle(task), .run = loop->opened};
    self->watcher = (struct watcher){
        .ended = generator_ended, .waiter = loop->current, .object = self, .binds = true};
    task_watch(task, &self->watcher);
    self->dependent.abandon = generator_abandon;
    dependent_begin(loop->current, &self->dependent);
    return self;
}

/* A new task rests as one does that has yielded; one that begins cancelled goes to its end. */
static void rest_at_first(struct loop *loop, struct generator *self)
{
    struct task *task = self->task;
    self->state = task->interrupted ? WORKING : RESTING;
    if (task->interrupted) {
        task_begin(loop, NULL, task);
    } else {
        task->wait = &rest_wait;
        task->wait_object = self;
    }
}

int whorl_generator_begin(whorl_generator *public, whorl_generator_fn *fn, void *arg)
{
    struct loop *loop = loop_here;
    struct reference *reference = (struct reference *)public;
    if (!reference)
        return -EINVAL;
    *reference = (struct reference){.result = -EINVAL};
    if (!loop)
        reference->result = -EPERM;
    if (!loop || !fn)
        return (int)reference->result;
    struct generator *self = generator_make(loop, fn, arg);
    if (!self) {
        reference->result = -ENOMEM;
        return -ENOMEM;
    }
    rest_at_first(loop, self);
    *reference = *(const struct reference *)&self->self;
    return 0;
}

/* The generator of a handle, or NULL and why. */
static struct generator *generator_of(const struct loop *loop, const struct reference *reference,
                                      int *error)
{
    bool foreign = !loop || (reference->handle && reference->run != loop->opened);
    const struct task *task = task_of_reference(foreign ? NULL : loop, reference->handle, error);
    if (!task)
        return NULL;
    assert(task->fn == generator_body);
    if (!task->arg)
        *error = -EINVAL;
    return task->arg;
}

/* --- The hand-over --- */

/* Gives the value to who waits, or holds it. */
static void hand_over(struct generator *self, intptr_t value)
{
    struct task *consumer = self->consumer;
    if (!consumer) {
        self->value = value;
        self->state = HOLDING;
        return;
    }
    *self->place = value;
    self->consumer = NULL;
    self->state = RESTING;
    task_wake(consumer, 1);
}

int whorl_generator_yield(whorl_generator *public, intptr_t value)
{
    struct loop *loop = loop_here;
    if (!public)
        return -EINVAL;
    int error;
    struct generator *self = generator_of(loop, (struct reference *)public, &error);
    if (!self || self->task != loop->current)
        return self ? -EPERM : error;
    if (self->leaving || self->task->interrupted)
        return task_refuse(loop, self->task);
    hand_over(self, value);
    return task_park(loop, self->task, &rest_wait, self);
}

static void next_cancel(struct task *self)
{
    ((struct generator *)self->wait_object)->consumer = NULL;
    task_wake(self, -ECANCELED);
}

static struct task *next_awaited(const struct task *self, size_t index)
{
    return index == 0 ? ((const struct generator *)self->wait_object)->task : NULL;
}

static const struct wait_kind next_wait = {
    .name = "the next value of", .cancel = next_cancel, .awaited = next_awaited};

/* Waits for a generator that is not ended; it may be gone when this returns. */
static int await_value(struct loop *loop, struct generator *self, intptr_t *value)
{
    if (self->state == RESTING) {
        self->state = WORKING;
        task_wake(self->task, 0);
    }
    self->consumer = loop->current;
    self->place = value;
    return task_park(loop, loop->current, &next_wait, self);
}

int whorl_generator_next(whorl_generator *public, intptr_t *value)
{
    struct loop *loop = loop_here;
    const struct reference *reference = (const struct reference *)public;
    if (!reference || !value)
        return -EINVAL;
    if (!loop)
        return -EPERM;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    if (!reference->handle)
        return end_of(reference->result);
    int error;
    struct generator *self = generator_of(loop, reference, &error);
    if (!self)
        return error;
    if (self->task == loop->current)
        return -EDEADLK;
    if (self->consumer)
        return -EBUSY;
    if (self->task->ended)
        return end_of(self->task->result);
    if (self->state != HOLDING)
        return await_value(loop, self, value);
    self->state = RESTING;
    *value = self->value;
    return 1;
}

/* --- Ending --- */

intptr_t whorl_generator_end(whorl_generator *public)
{
    struct loop *loop = loop_here;
    struct reference *reference = (struct reference *)public;
    if (!reference)
        return -EINVAL;
    if (!loop)
        return -EPERM;
    if (!reference->handle)
        return reference->result;
    int error;
    struct generator *self = generator_of(loop, reference, &error);
    if (!self)
        return error;
    if (self->dependent.owner != loop->current)
        return -EPERM;
    struct task *task = self->task;
    intptr_t result;
    leave(self);
    error = task_join(loop, task, JOIN_TO_THE_END, &result);
    assert(!error);
    *reference = (struct reference){.result = result};
    /* The reference may have been the function's own, which goes with this. */
    forget(self);
    task_unref(task);
    return result;
}
