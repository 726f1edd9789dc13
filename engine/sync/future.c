/* Futures: see future.h. */
#include <string.h>
#include <sync/future.h>

static const struct wait_kind future_wait = {.name = "a future", .cancel = waiter_cancel};

int whorl_future_init(whorl_future *future)
{
    if (!future)
        return -EINVAL;
    memset(future, 0, sizeof *future);
    return 0;
}

int whorl_future_set(whorl_future *public, intptr_t result)
{
    struct future *future = (struct future *)public;
    int error = future_error(loop_here, future);
    if (error)
        return error;
    if (future->set)
        return -EALREADY;
    future->set = true;
    future->result = result;
    while (future->waiters.first) {
        struct future_waiter *first = (struct future_waiter *)future->waiters.first;
        first->result = result;
        waiter_serve(&first->waiter, 0);
    }
    return 0;
}

intptr_t whorl_future_wait(whorl_future *public)
{
    struct loop *loop = loop_here;
    struct future *future = (struct future *)public;
    int error = future_error(loop, future);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    if (future->set)
        return future->result;
    struct future_waiter self = {.result = 0};
    error = waiters_wait(loop, &future->waiters, &self.waiter, &future_wait);
    return error ? error : self.result;
}

int whorl_future_is_done(const whorl_future *public)
{
    const struct future *future = (const struct future *)public;
    return future ? future->set : -EINVAL;
}

int whorl_future_result(const whorl_future *public, intptr_t *result)
{
    const struct future *future = (const struct future *)public;
    if (!future || !result)
        return -EINVAL;
    if (!future->set)
        return -EAGAIN;
    *result = future->result;
    return 0;
}

int whorl_future_destroy(whorl_future *public)
{
    const struct future *future = (const struct future *)public;
    if (!future)
        return -EINVAL;
    return future->waiters.first ? -EBUSY : 0;
}
