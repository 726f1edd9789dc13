/*
 * whorl_run_abandon: the end of a run that was left by a jump out of one of its tasks.
 *
 * No task of it goes on, so none can be waited for in the ways by which tasks end. What cannot be
 * dropped is what others hold of its memory: the kernel, by ops in flight, so these are ended
 * first; and handlers that tasks have deferred. Those may wait, so they need tasks and a loop that
 * turns: they get new ones. The former loop stays until they are done, and nobody turns it: whoever
 * wakes one of its tasks puts it into a circle that stands still.
 */
#include <core/defer.h>
#include <core/locals.h>
#include <errno.h>
#include <op/op.h>
#include <run/run.h>
#include <whorl/group.h>
#include <whorl/run.h>

/* Those whose handlers run now, the latest first. More than one only if a handler was left by a
 * jump, too: then the former ones have what it had not come to. */
static __thread struct loop *left_loops;

static bool is_on_stack_of(const struct task *task, const char *address)
{
    return address >= (const char *)task->stack.bottom && address < (const char *)task;
}

/* Takes over what a task of the former run has deferred, and its values, as if it were its own: so
 * it runs when this function has returned. */
static intptr_t take_over(void *arg)
{
    struct task *left = arg;
    struct task *self = loop_here->current;
    self->deferred = left->deferred;
    self->locals = left->locals;
    left->deferred = NULL;
    left->locals = NULL;
    return 0;
}

static intptr_t clean_up(void *arg)
{
    const struct loop *left = arg;
    whorl_group group;
    whorl_group_init(&group);
    int error = 0;
    for (struct task *task = left->live; task && !error; task = task->live_next) {
        whorl_spawn_options options = {.name = task_name(task)};
        if (task->deferred)
            error = whorl_group_spawn_with(&group, &options, take_over, task, NULL);
    }
    /* As far as there was memory. */
    return whorl_group_wait(&group, 0);
}

static void run_deferred(struct loop *left)
{
    bool some = false;
    for (const struct task *task = left->live; task; task = task->live_next)
        some |= task->deferred != NULL;
    if (some) {
        whorl_config config = {
            .stack_size = STACK_SIZE_MIN << left->stack_class,
            .drain_warning = left->drain_warning,
            .defer_limit = left->defer_limit,
            .clock = left->time_is_virtual ? WHORL_CLOCK_VIRTUAL : WHORL_CLOCK_REAL,
        };
        whorl_run_with(&config, clean_up, left);
    }
    for (struct task *task = left->live; task; task = task->live_next) {
        deferred_drop(task);
        locals_drop(task);
    }
}

int run_land(void)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (loop->current != &loop->host && is_on_stack_of(loop->current, __builtin_frame_address(0)))
        return -EBUSY;
    loop_leave(loop);
    return 0;
}

intptr_t whorl_run_abandon(void)
{
    int error = run_land();
    if (error)
        return error;
    struct loop *loop = loop_here;
    intptr_t result = loop->overruled ? loop->result : -ECANCELED;
    run_block_writes(NULL);
    op_abandon(loop, NULL);
    loop_end_left(loop);
    run_exit(loop);
    loop->left_next = left_loops;
    left_loops = loop;
    for (struct loop *left = loop; left; left = left->left_next)
        run_deferred(left);
    while (left_loops) {
        struct loop *left = left_loops;
        left_loops = left->left_next;
        loop_close(left);
    }
    return result;
}
