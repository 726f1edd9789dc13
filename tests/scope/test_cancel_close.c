/*
 * Closing in an interrupted task: never refused, never cut short, whether the cancel or the end of
 * a timeout scope comes before the call or while it waits for others' calls on the descriptor to
 * end. What interrupts shows at the next call.
 */
#include "support.h"

#include <errno.h>

#define SOON WHORL_US(500)

enum how { CANCELLED_BEFORE, CANCELLED_WHILE, OUT_BEFORE, HOWS };

struct closing {
    int fd;
    enum how how;
    bool began, over;
    whorl_task *task;
};

static intptr_t read_a_byte(void *arg)
{
    char byte;
    return whorl_read(*(int *)arg, &byte, 1);
}

static intptr_t close_interrupted(void *arg)
{
    struct closing *closing = arg;
    whorl_timeout scope;
    closing->began = true;
    if (closing->how == CANCELLED_BEFORE)
        check_equal(whorl_cancel(whorl_self()), 0);
    if (closing->how == OUT_BEFORE)
        check_equal(whorl_timeout_begin(&scope, 0), 0);
    check_equal(whorl_close(closing->fd), 0);
    closing->over = true;
    check(!is_open(closing->fd));
    check_equal(whorl_yield(), -ECANCELED);
    if (closing->how == OUT_BEFORE)
        return whorl_timeout_end(&scope, -ECANCELED);
    return whorl_uncancel() ? -ETIMEDOUT : 0;
}

/* Runs right after the other has begun to wait for the reader's end, in the same turn. */
static intptr_t cancel_the_closing(void *arg)
{
    struct closing *closing = arg;
    check(closing->began && !closing->over);
    return whorl_cancel(closing->task);
}

static intptr_t interrupt_closes(void *arg)
{
    (void)arg;
    for (int how = 0; how < HOWS; how++) {
        pair both = unix_pair();
        struct closing closing = {.fd = both.ends[0], .how = (enum how)how};
        whorl_task *reader = whorl_spawn(read_a_byte, &closing.fd);
        check_equal(whorl_sleep(SOON), 0);
        closing.task = whorl_spawn(close_interrupted, &closing);
        if (how == CANCELLED_WHILE)
            check_equal(whorl_join(whorl_spawn(cancel_the_closing, &closing)), 0);
        check_equal(whorl_join(closing.task), -ETIMEDOUT);
        check_equal(whorl_join(reader), -ECANCELED);
        both.ends[0] = -1;
        close_pair(&both);
    }
    return 0;
}

static void a_close_that_waits_is_not_interrupted_and_the_level_stays(void **state)
{
    (void)state;
    run_checks(interrupt_closes, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_close_that_waits_is_not_interrupted_and_the_level_stays),
    };
    return run_behaviours("cancel close", tests);
}
