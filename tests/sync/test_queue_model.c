/*
 * Queues against a model, in random games from the seed: puts, gets and joins, with and without
 * limits, of tasks that are cancelled before or not, try_ forms, cancels of calls that wait or were
 * served in the same turn, shutdowns, and time that passes; of all kinds, bounded, unbounded, and
 * in the program's memory. After each move queue and model hold the same; each call has given what
 * the model decided; and each item that was put was got once, or dropped.
 *
 * Virtual time; deadlines are odd milliseconds and moves even ones, so that no two coincide.
 */
#include "queue_model.h"

#include <stdio.h>

enum { MOVES = 300, DRAWN_MAX = MOVES + 1 };

struct game {
    random_source source;
    whorl_queue queue;
    void *slots[WHORL_QUEUE_SLOTS(WHORL_QUEUE_PRIORITY, 8)];
    struct model model;
    struct model_call calls[MODEL_CALLS];
    bool in_use[MODEL_CALLS];
    intptr_t drawn;              /* items so far; their numbers are 1 to this */
    int taken[DRAWN_MAX + 1];    /* how often each was got */
    bool is_put[DRAWN_MAX + 1];  /* and whether its put has given 0 */
    bool dropped[DRAWN_MAX + 1]; /* by a shutdown */
};

static struct game game;
static long moves, waited, interrupted;

static uint64_t draw(uint64_t bound)
{
    return random_below(&game.source, bound);
}

/* --- Items --- */

static intptr_t draw_item(void)
{
    return ++game.drawn;
}

static void note_taken(intptr_t item)
{
    if (check(item >= 1 && item <= game.drawn))
        check_equal(++game.taken[item], 1);
}

static void note_dropped(void)
{
    for (size_t i = 0; i < game.model.count; i++)
        game.dropped[game.model.items[i]] = true;
}

static void check_no_item_is_lost_or_doubled(void)
{
    for (intptr_t item = 1; item <= game.drawn; item++)
        check_equal(game.taken[item] + game.dropped[item], game.is_put[item]);
}

/* --- Calls in tasks of their own --- */

/* Where a get was promised an item, which it gets is decided now. */
static void note_got(struct call *call)
{
    struct model_call *self = (struct model_call *)call;
    if (self->is_promised)
        model_run_promised(&game.model, self);
}

/* A call's task has ended: it gave what was decided. */
static void settle(size_t index)
{
    struct model_call *call = &game.calls[index];
    check(call->is_decided);
    check_equal(end_call(&call->call), call->result);
    game.in_use[index] = false;
    if (call->result != 0)
        return;
    if (call->is_put)
        game.is_put[call->item] = true;
    else if (check_equal(call->call.item, call->item) && call->item != 0)
        note_taken(call->item);
}

/* Waits for every call that is decided; the others wait on. */
static void settle_decided(void)
{
    for (size_t i = 0; i < MODEL_CALLS; i++) {
        if (!game.in_use[i])
            continue;
        if (game.calls[i].is_decided)
            settle(i);
        else
            check(!game.calls[i].call.ended);
    }
}

static struct model_call *new_call(void)
{
    for (size_t i = 0; i < MODEL_CALLS; i++) {
        if (game.in_use[i])
            continue;
        game.in_use[i] = true;
        game.calls[i] = (struct model_call){.call = {.queue = &game.queue, .got = note_got},
                                            .deadline = INT64_MAX};
        return &game.calls[i];
    }
    return NULL;
}

static intptr_t cancel_and_put(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    return call_put(arg);
}

static intptr_t cancel_and_get(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    return call_get(arg);
}

static intptr_t cancel_and_join(void *arg)
{
    check_equal(whorl_cancel(whorl_self()), 0);
    return call_join(arg);
}

struct verb {
    whorl_fn *fn;
    whorl_fn *cancelled; /* the same in a cancelled task */
    void (*decide)(struct model *model, struct model_call *call);
};

enum { PUT, GET, JOIN };

static const struct verb verbs[] = {
    [PUT] = {call_put, cancel_and_put, model_put},
    [GET] = {call_get, cancel_and_get, model_get},
    [JOIN] = {call_join, cancel_and_join, model_join},
};

/* One in eight has a limit, one in sixteen is of a cancelled task. */
static void make_call(int which)
{
    const struct verb *verb = &verbs[which];
    struct model_call *call = new_call();
    if (!call) {
        settle_decided();
        return;
    }
    call->is_put = which == PUT;
    if (call->is_put)
        call->item = call->call.item = draw_item();
    if (draw(8) == 0) {
        call->call.limit = WHORL_MS(1 + 2 * (int64_t)draw(10));
        call->deadline = whorl_now() + call->call.limit;
    }
    if (draw(16) == 0) {
        call->is_decided = true;
        call->result = -ECANCELED;
        begin_call(&call->call, verb->cancelled);
        return;
    }
    verb->decide(&game.model, call);
    begin_call(&call->call, verb->fn);
    waited += !call->is_decided;
}

static void put(void)
{
    make_call(PUT);
}

static void get(void)
{
    make_call(GET);
}

static void join(void)
{
    make_call(JOIN);
}

/* One that waits is interrupted; one that was served in this turn has its result. */
static void cancel_one(void)
{
    size_t index = draw(MODEL_CALLS);
    struct model_call *call = &game.calls[index];
    if (!game.in_use[index])
        return;
    int error = whorl_cancel(call->call.task);
    check(error == 0 || (error == -EALREADY && call->is_decided));
    interrupted += !call->is_decided && !call->is_promised;
    model_interrupt(&game.model, call, -ECANCELED);
}

/* --- Calls of the game's own task --- */

static void try_put(void)
{
    intptr_t item = draw_item();
    int result = model_try_put(&game.model, item);
    check_equal(whorl_queue_try_put(&game.queue, item_of(item)), result);
    game.is_put[item] = result == 0;
}

static void try_get(void)
{
    intptr_t expected = -1;
    void *item = item_of(-1);
    int result = model_try_get(&game.model, &expected);
    check_equal(whorl_queue_try_get(&game.queue, &item), result);
    if (check_equal((intptr_t)item, expected) && result == 0)
        note_taken(expected);
}

static void task_done(void)
{
    check_equal(whorl_queue_task_done(&game.queue), model_task_done(&game.model));
}

static void shut_down(enum whorl_queue_ending ending)
{
    if (ending == WHORL_QUEUE_IMMEDIATE)
        note_dropped();
    model_shutdown(&game.model, ending);
    check_equal(whorl_queue_shutdown(&game.queue, ending), 0);
}

/* Rarely, as little happens after. */
static void perhaps_shut_down(void)
{
    if (draw(50) == 0)
        shut_down(draw(2) ? WHORL_QUEUE_GRACEFUL : WHORL_QUEUE_IMMEDIATE);
}

static void sleep_on(void)
{
    check_equal(whorl_sleep(WHORL_MS(2 * (int64_t)draw(4))), 0);
    model_pass_time(&game.model, whorl_now());
}

/* --- Games --- */

static void (*const all_moves[])(void) = {
    put,       put,       put,  get,        get,        get,      try_put,           try_get,
    task_done, task_done, join, cancel_one, cancel_one, sleep_on, perhaps_shut_down, settle_decided,
};

static void check_the_same(void)
{
    const struct model *model = &game.model;
    check_equal(whorl_queue_size(&game.queue), model->count);
    check_equal(whorl_queue_is_empty(&game.queue), model->count == 0);
    check_equal(whorl_queue_is_full(&game.queue),
                model->capacity > 0 && model->count == model->capacity);
}

static void begin_game(void)
{
    enum whorl_queue_kind kind = (enum whorl_queue_kind)draw(3);
    size_t capacity = draw(9);
    game.model.kind = kind;
    game.model.capacity = capacity;
    if (capacity > 0 && draw(2))
        check_equal(whorl_queue_init_with(&game.queue, kind, game.slots, capacity, model_compare),
                    0);
    else
        check_equal(whorl_queue_init(&game.queue, kind, capacity, model_compare), 0);
}

/* Everybody is cancelled, and what is left comes out. */
static void end_game(void)
{
    for (size_t i = 0; i < MODEL_CALLS; i++) {
        if (!game.in_use[i])
            continue;
        whorl_cancel(game.calls[i].call.task);
        model_interrupt(&game.model, &game.calls[i], -ECANCELED);
    }
    do
        settle_decided();
    while (game.model.promised.count > 0 && check_equal(whorl_yield(), 0));
    settle_decided();
    while (game.model.count > 0)
        try_get();
    check_no_item_is_lost_or_doubled();
    check_equal(whorl_queue_destroy(&game.queue), 0);
}

static intptr_t play(void *arg)
{
    uint64_t number = *(uint64_t *)arg;
    game = (struct game){.source = random_from_seed(number)};
    begin_game();
    for (int i = 0; i < MOVES && failed_checks() == 0; i++) {
        all_moves[draw(count_of(all_moves))]();
        check_the_same();
        moves++;
    }
    end_game();
    if (failed_checks() > 0)
        fprintf(stderr, "in game %llu\n", (unsigned long long)number);
    return 0;
}

static void random_games_come_to_what_the_model_says(void **state)
{
    long games = test_rounds(ROUNDS_OF(UNDER_SANITIZER ? 300 : 3000));
    (void)state;
    for (uint64_t number = 0; number < (uint64_t)games; number++)
        run_checks_with(&virtual_clock, play, &number);
    printf("%ld games, %ld moves; %ld calls waited, %ld were cancelled while they did\n", games,
           moves, waited, interrupted);
    check(waited > games && interrupted > games);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(random_games_come_to_what_the_model_says),
    };
    return run_behaviours("queue, model", tests);
}
