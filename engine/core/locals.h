/*
 * Task-local values: an array of keys and values that tasks share until one of them changes it.
 *
 *     none (NULL) --> one task's own <--> shared by several
 *
 * A spawn shares the spawner's; a set or unset in an array that is shared copies it first. So a
 * spawn costs a test where nobody has set a value, and an increment where somebody has.
 */
#ifndef CORE_LOCALS_H
#define CORE_LOCALS_H

#include <core/task.h>
#include <whorl/local.h>

struct local {
    const whorl_local *key;
    void *value;
};

struct locals {
    size_t references; /* tasks; all of one loop */
    size_t count;      /* > 0 */
    struct local values[];
};

/* Gives the new task the values that its spawner has now. */
static inline void locals_inherit(struct task *task, const struct task *spawner)
{
    task->locals = spawner->locals;
    if (__builtin_expect(task->locals != NULL, 0))
        task->locals->references++;
}

/* The task will ask for no value any more. */
void locals_drop(struct task *task);

#endif
