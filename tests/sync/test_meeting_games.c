/* Games of events, barriers and onces: see game.h. */
#include "game.h"

static struct line line;

static void cut(struct player *player)
{
    check(line_remove(&line, player));
    decide(player, -ECANCELED);
}

static void decide_all(intptr_t result)
{
    while (line.count > 0)
        decide(line_take(&line), result);
}

/* --- The event: the model is whether it is set --- */

static whorl_event event;
static bool is_set;

static void event_begin(void)
{
    check_equal(whorl_event_init(&event), 0);
    is_set = false;
    line.count = 0;
}

static bool event_admit(struct player *me)
{
    if (is_set)
        decide(me, 0);
    return is_set;
}

static intptr_t event_wait(struct player *me)
{
    (void)me;
    return whorl_event_wait(&event);
}

static void event_turn(struct player *me)
{
    uint64_t choice = random_below(&me->random, 4);
    catch_up();
    check_equal(whorl_event_is_set(&event), is_set);
    if (choice == 0) {
        is_set = true;
        decide_all(0);
        check_equal(whorl_event_set(&event), 0);
    }
    if (choice < 3) {
        is_set = false;
        check_equal(whorl_event_clear(&event), 0);
    }
    call(me, event_admit, &line, event_wait);
}

static const struct game event_game = {"event", event_begin, event_turn, cut};

/* --- The barrier: the model is the line, and whether it is broken --- */

enum { PARTIES = 3 };

static whorl_barrier barrier;
static bool is_broken;

static void barrier_begin(void)
{
    check_equal(whorl_barrier_init(&barrier, PARTIES), 0);
    is_broken = false;
    line.count = 0;
}

static bool barrier_admit(struct player *me)
{
    if (is_broken) {
        decide(me, -EPIPE);
    } else if (line.count == PARTIES - 1) {
        for (intptr_t place = 0; place < PARTIES - 1; place++)
            decide(line_take(&line), place);
        decide(me, PARTIES - 1);
    } else {
        return false;
    }
    return true;
}

static intptr_t barrier_wait(struct player *me)
{
    (void)me;
    return whorl_barrier_wait(&barrier);
}

static void barrier_turn(struct player *me)
{
    uint64_t choice = random_below(&me->random, 20);
    catch_up();
    check_equal(whorl_barrier_waiting(&barrier), line.count);
    check_equal(whorl_barrier_is_broken(&barrier), is_broken);
    if (choice < 2 || (is_broken && choice < 10)) {
        is_broken = choice == 0;
        decide_all(-EPIPE);
        check_equal(is_broken ? whorl_barrier_abort(&barrier) : whorl_barrier_reset(&barrier), 0);
    } else {
        call(me, barrier_admit, &line, barrier_wait);
    }
}

static const struct game barrier_game = {"barrier", barrier_begin, barrier_turn, cut};

/* --- The once: the model is who runs it, and the result that is kept --- */

static whorl_once once;
static struct player *runner;
static intptr_t kept; /* < 0: none */

static void once_begin(void)
{
    check_equal(whorl_once_init(&once), 0);
    runner = NULL;
    kept = -1;
    line.count = 0;
}

/* A runner is not decided before its function has returned; until then nothing cuts it short. */
static void let_run(struct player *player)
{
    runner = player;
    if (player)
        player->state = BOUND;
}

static bool once_admit(struct player *me)
{
    if (kept >= 0)
        decide(me, kept);
    else if (!runner)
        let_run(me);
    else
        return false;
    return true;
}

static intptr_t produce(void *arg)
{
    struct player *me = arg;
    check(runner == me);
    check_equal(whorl_once_run(&once, produce, me), -EDEADLK);
    check_equal(whorl_once_destroy(&once), -EBUSY);
    int slept = whorl_sleep((int64_t)random_below(&me->random, 200));
    intptr_t result = slept ? slept : (intptr_t)random_below(&me->random, 5) - 3;
    catch_up();
    decide(me, result);
    if (result < 0) {
        let_run(line_take(&line));
    } else {
        runner = NULL;
        kept = result;
        decide_all(result);
    }
    return result;
}

static intptr_t once_run(struct player *me)
{
    return whorl_once_run(&once, produce, me);
}

static void once_turn(struct player *me)
{
    catch_up();
    check_equal(whorl_once_is_done(&once), kept >= 0);
    if (kept >= 0 && random_below(&me->random, 4) == 0) {
        kept = -1;
        check_equal(whorl_once_destroy(&once), 0);
    }
    call(me, once_admit, &line, once_run);
}

static const struct game once_game = {"once", once_begin, once_turn, cut};

/* --- */

static void an_event_goes_by_the_model(void **state)
{
    (void)state;
    run_game(&event_game);
}

static void a_barrier_goes_by_the_model(void **state)
{
    (void)state;
    run_game(&barrier_game);
}

static void a_once_goes_by_the_model(void **state)
{
    (void)state;
    run_game(&once_game);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(an_event_goes_by_the_model),
        behaviour(a_barrier_goes_by_the_model),
        behaviour(a_once_goes_by_the_model),
    };
    return run_behaviours("games of meetings", tests);
}
