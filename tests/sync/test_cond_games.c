/*
 * Games of a condition and its mutex: see game.h. Nothing is lost: each notify that finds a player
 * waiting lets exactly one return 0, and each player that waited holds the mutex when it returns.
 */
#include "game.h"

static whorl_mutex mutex;
static whorl_cond cond;
static struct player *holder;
static struct line mutex_line, cond_line;
static long notifies, returns; /* that found a player; with 0 */

static void begin(void)
{
    check_equal(whorl_mutex_init(&mutex), 0);
    check_equal(whorl_cond_init(&cond), 0);
    holder = NULL;
    mutex_line.count = cond_line.count = 0;
    notifies = returns = 0;
}

/* A player that waits for the mutex again returns its choice then. */
static void hold(struct player *player, intptr_t result)
{
    holder = player;
    decide(player, result);
}

static void pass_mutex(void)
{
    struct player *next = line_take(&mutex_line);
    holder = NULL;
    if (next)
        hold(next, next->state == BOUND ? next->choice : 0);
}

static void regain(struct player *player, int verdict)
{
    player->choice = verdict;
    if (!holder) {
        hold(player, verdict);
    } else {
        line_add(&mutex_line, player);
        player->state = BOUND;
    }
}

static void cut(struct player *player)
{
    if (line_remove(&cond_line, player)) {
        regain(player, -ECANCELED);
    } else {
        check(line_remove(&mutex_line, player));
        decide(player, -ECANCELED);
    }
}

/* --- Calls --- */

static bool admit_to_mutex(struct player *me)
{
    if (holder)
        return false;
    hold(me, 0);
    return true;
}

static intptr_t lock(struct player *me)
{
    (void)me;
    return whorl_mutex_lock(&mutex);
}

static void unlock(void)
{
    catch_up();
    pass_mutex();
    check_equal(whorl_mutex_unlock(&mutex), 0);
}

/* Nobody goes on at once; the mutex is let go. */
static bool admit_to_cond(struct player *me)
{
    (void)me;
    pass_mutex();
    return false;
}

static intptr_t wait(struct player *me)
{
    (void)me;
    return whorl_cond_wait(&cond, &mutex);
}

static void notify(struct player *me)
{
    size_t n = random_below(&me->random, 4);
    catch_up();
    for (size_t i = 0; (i < n || n == 3) && cond_line.count > 0; i++) {
        regain(line_take(&cond_line), 0);
        notifies++;
    }
    check_equal(n == 3 ? whorl_cond_notify_all(&cond) : whorl_cond_notify(&cond, n), 0);
}

static void wait_with_mutex(struct player *me)
{
    intptr_t result = call(me, admit_to_cond, &cond_line, wait);
    check(holder == me);
    check_equal(whorl_mutex_try_lock(&mutex), -EBUSY);
    returns += result == 0;
}

static void turn(struct player *me)
{
    if (random_below(&me->random, 4) == 0) {
        notify(me);
        return;
    }
    if (call(me, admit_to_mutex, &mutex_line, lock) != 0)
        return;
    for (uint64_t i = random_below(&me->random, 4); i > 0; i--) {
        if (random_below(&me->random, 3) == 0)
            notify(me);
        else
            wait_with_mutex(me);
        if (random_below(&me->random, 2))
            rest(me);
    }
    check(holder == me);
    unlock();
}

static const struct game cond_game = {"condition", begin, turn, cut};

static void a_condition_goes_by_the_model_and_no_notify_is_lost(void **state)
{
    (void)state;
    run_game(&cond_game);
    printf("%ld notifies, %ld returns\n", notifies, returns);
    assert_int_equal(notifies, returns);
}

/* --- Tokens: what waiters for a predicate take is what was put --- */

enum { TAKERS = 20 };

static long tokens, taken, given_up;
static bool closed;

static int has_tokens(void *arg)
{
    (void)arg;
    return tokens > 0 || closed;
}

static intptr_t take_tokens(void *arg)
{
    random_source random = random_from_seed((uint64_t)(uintptr_t)arg);
    while (!closed) {
        whorl_timeout scope;
        check_equal(whorl_timeout_begin(&scope, 1 + (int64_t)random_below(&random, 200)), 0);
        intptr_t error = whorl_mutex_lock(&mutex);
        if (!error) {
            error = whorl_cond_wait_for(&cond, &mutex, has_tokens, NULL);
            if (!error && !closed) {
                tokens--;
                taken++;
            }
            check(tokens >= 0);
            check_equal(whorl_mutex_unlock(&mutex), 0);
        }
        given_up += whorl_timeout_end(&scope, error) == -ETIMEDOUT;
        whorl_uncancel();
    }
    return 0;
}

/* Each token is put with one notify; then the takers have time. A token for which somebody still
 * waits then means that its notify was lost. */
static intptr_t put_tokens(void *arg)
{
    whorl_task *takers[TAKERS];
    random_source random = random_from_seed(1234);
    long put = 0;
    (void)arg;
    begin();
    tokens = taken = given_up = 0;
    closed = false;
    for (size_t i = 0; i < TAKERS; i++)
        takers[i] = start(take_tokens, (void *)i);
    for (long i = test_rounds(ROUNDS); i > 0 && failed_checks() == 0; i--) {
        for (uint64_t n = random_below(&random, 4); n > 0; n--) {
            tokens++;
            put++;
            check_equal(whorl_cond_notify(&cond, 1), 0);
            check_equal(whorl_cancel(takers[random_below(&random, TAKERS)]), 0);
        }
        check_equal(whorl_sleep((int64_t)random_below(&random, 50)), 0);
        if (!whorl_mutex_is_locked(&mutex) && tokens > 0)
            check_equal(whorl_cond_destroy(&cond), 0);
    }
    closed = true;
    check_equal(whorl_cond_notify_all(&cond), 0);
    for (size_t i = 0; i < TAKERS; i++)
        check_equal(whorl_join(takers[i]), 0);
    printf("%ld tokens put, %ld taken; %ld limits ran out\n", put, taken, given_up);
    return put - taken - tokens;
}

static void no_token_lies_there_while_a_task_waits_for_one(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, put_tokens, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_condition_goes_by_the_model_and_no_notify_is_lost),
        behaviour(no_token_lies_there_while_a_task_waits_for_one),
    };
    return run_behaviours("games of conditions", tests);
}
