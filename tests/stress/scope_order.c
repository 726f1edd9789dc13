/* Who comes next; see scope_order.h. */
#include "scope_order.h"

#include <string.h>

void order_begin(struct order *order, enum order_kind kind, uint64_t seed)
{
    order->kind = kind;
    order->source = random_from_seed(seed);
    order->now = 0;
    order->numbers = 0;
    order->ready_count = 0;
    order->alarm_count = 0;
}

bool order_choice(struct order *order)
{
    if (order->kind == ORDER_RANDOM)
        return random_below(&order->source, 2) == 1;
    return order->kind == ORDER_CONTRARY || order->kind == ORDER_REVERSED;
}

void order_add(struct order *order, enum event_kind kind, int who, enum standing standing)
{
    uint64_t number = order->numbers++;

    order->ready[order->ready_count++] =
        (struct event){.kind = kind,
                       .who = who,
                       .standing = standing,
                       .number = number,
                       .behind = standing == STANDS_LAST ? number : 0};
}

static void take_out(struct event *events, int *count, int index)
{
    --*count;
    memmove(&events[index], &events[index + 1], (size_t)(*count - index) * sizeof *events);
}

void order_drop(struct order *order, int who)
{
    for (int i = 0; i < order->ready_count; i++) {
        if (order->ready[i].kind == EVENT_TURN && order->ready[i].who == who) {
            take_out(order->ready, &order->ready_count, i);
            return;
        }
    }
}

void order_clear_alarm(struct order *order, int who, int alarm)
{
    for (int i = 0; i < order->alarm_count; i++) {
        if (order->alarms[i].who == who && order->alarms[i].alarm == alarm) {
            take_out(order->alarms, &order->alarm_count, i);
            return;
        }
    }
}

void order_set_alarm(struct order *order, int who, int alarm, int64_t deadline,
                     enum standing standing)
{
    order_clear_alarm(order, who, alarm);
    if (deadline != WHORL_FOREVER)
        order->alarms[order->alarm_count++] = (struct event){.kind = EVENT_ALARM,
                                                             .who = who,
                                                             .alarm = alarm,
                                                             .standing = standing,
                                                             .deadline = deadline};
}

static int64_t next_deadline(const struct order *order)
{
    int64_t next = WHORL_FOREVER;

    for (int i = 0; i < order->alarm_count; i++)
        if (order->alarms[i].deadline < next)
            next = order->alarms[i].deadline;
    return next;
}

/* Whether nothing that is documented holds the event back behind one before it. */
static bool may_be_next(const struct event *events, int index, int64_t now)
{
    const struct event *event = &events[index];

    if (event->deadline > now)
        return false;
    for (int i = 0; i < index; i++) {
        if (events[i].deadline > now)
            continue;
        if (events[i].number < event->behind)
            return false;
        if (event->standing == STANDS_ASLEEP && events[i].standing == STANDS_ASLEEP)
            return false;
    }
    return true;
}

/* Whether a later event is to be taken in place of one before it. `candidates` counts both. */
static bool prefers_later(struct order *order, int candidates)
{
    if (order->kind == ORDER_RANDOM)
        return random_below(&order->source, (uint64_t)candidates) == 0;
    return order->kind == ORDER_BACKWARDS || order->kind == ORDER_REVERSED;
}

/* Chooses among the events that may be next, and takes it out. */
static void choose(struct order *order, struct event *events, int *count, struct event *event)
{
    int chosen = -1;
    int candidates = 0;

    for (int i = 0; i < *count; i++) {
        if (!may_be_next(events, i, order->now))
            continue;
        candidates++;
        if (chosen < 0 || prefers_later(order, candidates))
            chosen = i;
    }
    *event = events[chosen];
    take_out(events, count, chosen);
}

/* Whether who was woken takes one more detour: how many turns a wake takes is not promised. */
static bool goes_round(struct order *order, const struct event *event)
{
    if (order->kind != ORDER_RANDOM || event->standing != STANDS_ANYWHERE ||
        random_below(&order->source, 4) != 0)
        return false;
    order_add(order, event->kind, event->who, STANDS_ANYWHERE);
    return true;
}

bool order_next(struct order *order, struct event *event)
{
    int64_t next = next_deadline(order);

    if (order->ready_count == 0) {
        if (next == WHORL_FOREVER)
            return false;
        if (next > order->now)
            order->now = next;
    }
    if (next <= order->now && (order->ready_count == 0 || !order_choice(order))) {
        choose(order, order->alarms, &order->alarm_count, event);
        return true;
    }
    do {
        choose(order, order->ready, &order->ready_count, event);
    } while (goes_round(order, event));
    return true;
}
