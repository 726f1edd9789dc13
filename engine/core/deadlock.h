/*
 * Deadlocks: tasks that wait for each other's ends in a circle, found before the wait that would
 * close it begins; and a loop in which nothing can happen any more, told to a person.
 *
 * A wait for several tasks counts for a circle only if it needs them all.
 */
#ifndef CORE_DEADLOCK_H
#define CORE_DEADLOCK_H

#include <core/loop.h>

/* Whether the running task, were it to wait for `target`, would wait for itself. */
bool wait_would_be_circular(struct loop *loop, struct task *target);

/* Writes to stderr which task waits for what. */
void deadlock_report(const struct loop *loop);

#endif
