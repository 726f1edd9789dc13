/*
 * Time and order in the model of scopes: who is ready, which alarms are set, and what happens next.
 *
 * The documented order is always kept: a task that was spawned, or that yields, comes after those
 * that are ready now; sleepers of the same nanosecond wake in the order in which they went to
 * sleep; time stands still while anybody is ready. Where nothing is promised, the natural order
 * takes whatever came first and does everything in the usual way, which is the engine's at present;
 * the others take what came last, or do things the other way, or both, or draw lots. A tree that
 * comes to the same in all of them does not depend on what is not promised.
 */
#ifndef TESTS_STRESS_SCOPE_ORDER_H
#define TESTS_STRESS_SCOPE_ORDER_H

#include "scope_tree.h"

enum order_kind {
    ORDER_NATURAL,
    ORDER_BACKWARDS, /* what came last first */
    ORDER_CONTRARY,  /* what may be done in two ways is done in the other */
    ORDER_REVERSED,  /* both */
    ORDER_RANDOM,
};

enum event_kind {
    EVENT_TURN,   /* a task's turn to run */
    EVENT_ERRAND, /* the engine's turn to pass a cancel on */
    EVENT_ALARM,  /* a time has come */
};

/* Behind whom an event stands. */
enum standing {
    STANDS_ANYWHERE,
    STANDS_LAST,   /* behind all that are there now */
    STANDS_ASLEEP, /* behind the sleepers before it */
};

#define OWN_ALARM (-1)

struct event {
    enum event_kind kind;
    int who;   /* node */
    int alarm; /* which of the node's alarms: a block's number, or OWN_ALARM */
    enum standing standing;
    uint64_t number;
    uint64_t behind;  /* the numbers below it go first */
    int64_t deadline; /* of an alarm */
};

struct order {
    enum order_kind kind;
    random_source source;
    int64_t now;
    uint64_t numbers;
    struct event ready[2 * TREE_NODES];
    int ready_count;
    struct event alarms[TREE_NODES * (NODE_BLOCKS + 1)];
    int alarm_count;
};

void order_begin(struct order *order, enum order_kind kind, uint64_t seed);

/* Decides between the usual (false) and the other way of doing what may be done either way. */
bool order_choice(struct order *order);

/* Makes a turn or an errand ready. */
void order_add(struct order *order, enum event_kind kind, int who, enum standing standing);

/* Takes a node's turn out again. */
void order_drop(struct order *order, int who);

/* Sets an alarm of a node, WHORL_FOREVER: none; standing is STANDS_ASLEEP for a sleep. */
void order_set_alarm(struct order *order, int who, int alarm, int64_t deadline,
                     enum standing standing);
void order_clear_alarm(struct order *order, int who, int alarm);

/* Takes the next event; false if nothing can happen any more. */
bool order_next(struct order *order, struct event *event);

#endif
