/* What each call on a thing that tasks share asks first: is it made by a task, and on something? */
#ifndef SYNC_PLACE_H
#define SYNC_PLACE_H

#include <core/loop.h>
#include <errno.h>

static inline int place_error(const struct loop *loop, const void *thing)
{
    if (!loop)
        return -EPERM;
    return thing ? 0 : -EINVAL;
}

#endif
