/*
 * Games: players at random against the engine, with a model beside it that says what each call
 * must give.
 *
 * A player is a task. Before each call it tells the model, which decides at once what the call
 * gives, or has the player wait in a line, until another player's call, or its own end of time, or
 * a cancel by fate, decides. When the engine's call returns, the model must have decided the same.
 * Time is virtual, and each limit is a nanosecond of its own, so that the model knows the order in
 * which limits run out: `catch_up` cuts whose time has come, before anything else happens.
 *
 * All choices come from the seed. At the end of a game everybody is cancelled until all have ended.
 */
#ifndef TESTS_SYNC_GAME_H
#define TESTS_SYNC_GAME_H

#include <stdio.h>

#include "start.h"

enum { PLAYERS = 8, ROUNDS = UNDER_SANITIZER ? 4000 : 20000 };

/* BOUND: waits, and nothing cuts that short. */
enum state { IDLE, WAITING, BOUND, DECIDED };

struct player {
    int id;
    whorl_task *task;
    random_source random;
    enum state state;
    intptr_t result; /* DECIDED: what its call must give */
    int64_t deadline;
    bool cancelled;
    bool ended;
    int choice; /* the game's, for a player in a line */
};

static struct player players[PLAYERS];

struct game {
    const char *name;
    void (*begin)(void);
    void (*turn)(struct player *me);
    /* Takes a waiting player, who was cancelled or whose time is up, out of its line. */
    void (*cut)(struct player *player);
};

static const struct game *game;
static bool over;
static long served, cut_short;

static inline void decide(struct player *player, intptr_t result)
{
    check(player->state != DECIDED);
    player->state = DECIDED;
    player->result = result;
}

/* --- Lines --- */

struct line {
    struct player *players[PLAYERS];
    int count;
};

static inline void line_add(struct line *line, struct player *player)
{
    player->state = WAITING;
    line->players[line->count++] = player;
}

static inline bool line_remove(struct line *line, struct player *player)
{
    int found = 0;
    while (found < line->count && line->players[found] != player)
        found++;
    if (found == line->count)
        return false;
    line->count--;
    for (int i = found; i < line->count; i++)
        line->players[i] = line->players[i + 1];
    return true;
}

static inline struct player *line_take(struct line *line)
{
    struct player *first = line->count > 0 ? line->players[0] : NULL;
    if (first)
        line_remove(line, first);
    return first;
}

/* --- Time and fate --- */

/* Whose time has come, the earliest first. */
static inline struct player *next_late(void)
{
    struct player *late = NULL;
    for (int i = 0; i < PLAYERS; i++)
        if (players[i].state == WAITING && players[i].deadline <= whorl_now() &&
            (!late || players[i].deadline < late->deadline))
            late = &players[i];
    return late;
}

static inline void catch_up(void)
{
    struct player *late;
    while ((late = next_late())) {
        late->deadline = WHORL_FOREVER;
        game->cut(late);
    }
}

/* A limit that is no other player's. */
static inline int64_t draw_deadline(struct player *me)
{
    int64_t soon = whorl_now() + 1 + (int64_t)random_below(&me->random, 40 * PLAYERS);
    return (soon / PLAYERS + 1) * PLAYERS + me->id;
}

static inline void cancel(struct player *player)
{
    catch_up();
    if (!player->cancelled) {
        player->cancelled = true;
        if (player->state == WAITING)
            game->cut(player);
    }
    check_equal(whorl_cancel(player->task), 0);
}

static inline intptr_t play_fate(void *arg)
{
    random_source random = random_from_seed(77);
    (void)arg;
    while (!over) {
        check_equal(whorl_sleep((int64_t)random_below(&random, 30 * PLAYERS)), 0);
        struct player *player = &players[random_below(&random, PLAYERS)];
        if (!over && !player->ended)
            cancel(player);
    }
    return 0;
}

/* --- Players --- */

/* A call that may wait, which the model has not decided yet. `admit` decides, or gives false: then
 * the player waits in `line`. Returns what both give. */
static inline intptr_t call(struct player *me, bool (*admit)(struct player *me), struct line *line,
                            intptr_t (*engine)(struct player *me))
{
    whorl_timeout scope;
    bool limited = random_below(&me->random, 2);
    catch_up();
    me->deadline = limited ? draw_deadline(me) : WHORL_FOREVER;
    if (limited)
        check_equal(whorl_timeout_begin_at(&scope, me->deadline), 0);
    if (me->cancelled)
        decide(me, -ECANCELED);
    else if (!admit(me))
        line_add(line, me);
    intptr_t result = engine(me);
    catch_up();
    if (!check_equal(me->state, DECIDED) || !check_equal(result, me->result))
        over = true;
    me->state = IDLE;
    if (limited)
        whorl_timeout_end(&scope, 0);
    served += result != -ECANCELED;
    cut_short += result == -ECANCELED;
    return result;
}

/* Lets others play. A cancel that has come is taken back. */
static inline void rest(struct player *me)
{
    for (uint64_t i = random_below(&me->random, 3); i > 0; i--)
        random_below(&me->random, 2) ? whorl_yield()
                                     : whorl_sleep((int64_t)random_below(&me->random, 99));
    check_equal(whorl_uncancel(), me->cancelled);
    me->cancelled = false;
}

static long turns_left;

static inline intptr_t play(void *arg)
{
    struct player *me = arg;
    while (!over && turns_left-- > 0 && failed_checks() == 0) {
        game->turn(me);
        rest(me);
    }
    over = true;
    me->ended = true;
    return 0;
}

static inline intptr_t play_game(void *arg)
{
    game = arg;
    over = false;
    served = cut_short = 0;
    turns_left = test_rounds(ROUNDS);
    game->begin();
    whorl_task *fate = whorl_spawn(play_fate, NULL);
    for (int i = 0; i < PLAYERS; i++) {
        players[i] = (struct player){.id = i, .deadline = WHORL_FOREVER};
        players[i].random = random_from_seed((uint64_t)i);
        players[i].task = whorl_spawn(play, &players[i]);
    }
    check_equal(whorl_join(fate), 0);
    for (int i = 0; i < PLAYERS; i++) {
        while (!players[i].ended) {
            cancel(&players[i]);
            check_equal(whorl_sleep(1), 0);
        }
        check_equal(whorl_join(players[i].task), 0);
    }
    return 0;
}

static inline void run_game(const struct game *of)
{
    run_checks_with(&virtual_clock, play_game, (void *)of);
    printf("%s: %ld calls were served, %ld cut short\n", of->name, served, cut_short);
}

#endif
