/*
 * Happy eyeballs (RFC 8305): a race of attempts to connect, in one task. Its addresses are there
 * before it begins, of both families, as getaddrinfo(3) gives them together: so there is no
 * Resolution Delay. The First Address Family Count is 1.
 *
 *     an attempt: to come --> in flight --> over
 *                    '----------------------^  (there was no socket for it)
 *
 * `started` attempts have begun, in order; `live` of those are in flight. One more begins when none
 * is in flight, when one has just failed, or when the last one has been in flight for the plan's
 * delay. The race is over when one is connected, or none is left; or the task is interrupted. Then
 * all that are in flight are cancelled and awaited, since their ops are in the race's memory. One
 * that is connected all the same wins if nobody has; else it is closed as the losers are. A race
 * whose task never goes on, in a run that was left, is ended with the loop.
 */
#include <core/leftover.h>
#include <errno.h>
#include <net/connect.h>
#include <stdlib.h>
#include <unistd.h>

struct race {
    struct leftover leftover; /* first */
    struct loop *loop;
    const struct connect_plan *plan;
    uint8_t order[WHORL_ADDRESSES_MAX]; /* of the plan's addresses */
    unsigned started;
    unsigned live;
    int winner;     /* a descriptor; -1: nobody has won */
    int error;      /* the one that tells most; 0: none has failed */
    whorl_op ops[]; /* of each attempt; its fd is -1 when it is over */
};

/* The families in turn, the first one first; within each, the order of the plan. */
static void set_order(struct race *race)
{
    const whorl_address *addresses = race->plan->addresses;
    unsigned count = race->plan->count, next[2] = {0, 0};
    int first = addresses[0].any.sa_family;
    for (unsigned placed = 0, other = 0; placed < count; other = !other) {
        unsigned i = next[other];
        while (i < count && (addresses[i].any.sa_family != first) != other)
            i++;
        next[other] = i + 1;
        if (i < count)
            race->order[placed++] = (uint8_t)i;
    }
}

/* Takes in the attempts that have ended. Whether one has failed. */
static bool collect(struct race *race)
{
    bool failed = false;
    for (unsigned i = 0; i < race->started; i++) {
        whorl_op *op = &race->ops[i];
        if (op->fd < 0 || (op->state & OP_IN_FLIGHT))
            continue;
        int error = op->result < 0 ? op->result : attempt_met_itself(op->fd) ? -ECONNREFUSED : 0;
        race->live--;
        failed |= error != 0;
        race->error = attempt_worse(race->error, error);
        if (error || race->winner >= 0)
            close(op->fd);
        else
            race->winner = op->fd;
        op->fd = -1;
    }
    return failed;
}

/* False: there was no socket for it. */
static bool start_next(struct race *race)
{
    unsigned number = race->started++;
    const whorl_address *address = &race->plan->addresses[race->order[number]];
    int fd = attempt_open(race->plan, address);
    race->ops[number].fd = -1;
    if (fd < 0) {
        race->error = attempt_worse(race->error, fd);
        return false;
    }
    race->ops[number] = whorl_op_connect(fd, &address->any, address->len);
    op_begin(race->loop, race->loop->current, &race->ops[number]);
    race->live++;
    return true;
}

/* Until somebody has won, or all have failed: 0. -ECANCELED: the task was interrupted. */
static int run(struct race *race)
{
    int64_t due = 0; /* the next may begin */
    for (;;) {
        if (collect(race))
            due = 0;
        bool some_to_come = race->started < race->plan->count;
        if (race->winner >= 0 || (!some_to_come && race->live == 0))
            return 0;
        if (some_to_come && (race->live == 0 || due <= whorl_now())) {
            due = start_next(race) ? deadline_after(whorl_now(), race->plan->delay) : 0;
            continue;
        }
        int error =
            op_wait_any(race->loop, race->ops, race->started, some_to_come ? due : WHORL_FOREVER);
        if (error)
            return error;
    }
}

/* Ends what is in flight. */
static void end(struct race *race)
{
    struct op_wait wait = {
        .ops = race->ops, .count = race->started, .cancelled = true, .deadline = WHORL_FOREVER};
    for (unsigned i = 0; i < race->started; i++) {
        whorl_op *op = &race->ops[i];
        if (op->fd < 0 || !(op->state & OP_IN_FLIGHT))
            continue;
        op->state |= OP_AWAITED;
        wait.pending++;
        op_ask_cancel(race->loop, op);
    }
    if (wait.pending > 0)
        op_wait(race->loop, race->loop->current, &wait);
    collect(race);
}

static void stop_left(struct leftover *self)
{
    struct race *race = (struct race *)self;
    for (unsigned i = 0; i < race->started; i++)
        if (race->ops[i].state & OP_IN_FLIGHT)
            op_ask_cancel(race->loop, &race->ops[i]);
}

static void end_left(struct leftover *self)
{
    struct race *race = (struct race *)self;
    for (unsigned i = 0; i < race->started; i++)
        if (race->ops[i].fd >= 0)
            close(race->ops[i].fd);
    if (race->winner >= 0)
        close(race->winner);
    free(race);
}

int race_run(struct loop *loop, const struct connect_plan *plan)
{
    struct race *race = calloc(1, sizeof *race + plan->count * sizeof race->ops[0]);
    if (!race)
        return -ENOMEM;
    race->loop = loop;
    race->plan = plan;
    race->winner = -1;
    race->leftover = (struct leftover){.stop = stop_left, .end = end_left};
    leftover_add(loop, &race->leftover);
    set_order(race);
    int interrupted = run(race);
    end(race);
    int result = race->winner >= 0 ? race->winner : interrupted ? interrupted : race->error;
    leftover_remove(&race->leftover);
    free(race);
    return result;
}
