/*
 * Events: a flag that tasks wait for.
 *
 *     clear <--> set
 *
 * Invariant: nobody waits while it is set. Setting serves all who wait, so that clearing it before
 * they run takes nothing from them.
 */
#include <string.h>
#include <sync/place.h>
#include <sync/waiters.h>
#include <whorl/sync.h>

struct event {
    struct waiters waiters;
    bool set;
} __attribute__((may_alias));

_Static_assert(sizeof(struct event) <= sizeof(whorl_event), "an event fits its public struct");

static const struct wait_kind event_wait = {.name = "an event", .cancel = waiter_cancel};

int whorl_event_init(whorl_event *public)
{
    if (!public)
        return -EINVAL;
    memset(public, 0, sizeof *public);
    return 0;
}

int whorl_event_destroy(whorl_event *public)
{
    if (public && ((struct event *)public)->waiters.first)
        return -EBUSY;
    return whorl_event_init(public);
}

/* 0, or why the caller cannot deal with the event. */
static int event_error(const struct loop *loop, const struct event *event)
{
    int error = place_error(loop, event);
    if (error)
        return error;
    return waiters_are_foreign(loop, &event->waiters) ? -EPERM : 0;
}

int whorl_event_set(whorl_event *public)
{
    struct event *event = (struct event *)public;
    int error = event_error(loop_here, event);
    if (error)
        return error;
    event->set = true;
    while (event->waiters.first)
        waiter_serve(event->waiters.first, 0);
    return 0;
}

int whorl_event_clear(whorl_event *public)
{
    struct event *event = (struct event *)public;
    int error = event_error(loop_here, event);
    if (!error)
        event->set = false;
    return error;
}

int whorl_event_is_set(const whorl_event *public)
{
    return public ? ((const struct event *)public)->set : -EINVAL;
}

int whorl_event_wait(whorl_event *public)
{
    struct loop *loop = loop_here;
    struct event *event = (struct event *)public;
    int error = event_error(loop, event);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    if (event->set)
        return 0;
    struct waiter own = {0};
    return waiters_wait(loop, &event->waiters, &own, &event_wait);
}
