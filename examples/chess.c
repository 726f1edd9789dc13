/*
 * A chess master plays against 24: first one after another, then all at once, going to whatever
 * board has waited longest for her. She thinks for 5 seconds, the others for 55; a game is 30 pairs
 * of moves.
 *
 * Boards at which it is her turn stand in one queue; each has a queue for her move.
 */
#include <whorl.h>

#include "story.h"

#define HER_THOUGHT WHORL_SECONDS(5)
#define THEIR_THOUGHT WHORL_SECONDS(55)

enum { BOARDS = 24, PAIRS = 30 };

struct board {
    whorl_queue moved;
    int moves; /* hers and the opponent's */
};

static struct board boards[BOARDS];
static whorl_queue her_turn = WHORL_QUEUE_INIT;

/* Hers is the first move. */
static intptr_t oppose(void *arg)
{
    struct board *board = arg;
    for (int pair = 0; pair < PAIRS; pair++) {
        void *move;
        int error = whorl_queue_put(&her_turn, board);
        if (!error)
            error = whorl_queue_get(&board->moved, &move);
        if (!error)
            error = whorl_sleep(THEIR_THOUGHT);
        if (error)
            return error;
        board->moves++;
    }
    return 0;
}

static int make_moves(int count)
{
    while (count-- > 0) {
        void *item;
        int error = whorl_queue_get(&her_turn, &item);
        if (!error)
            error = whorl_sleep(HER_THOUGHT);
        if (error)
            return error;
        struct board *board = item;
        board->moves++;
        error = whorl_queue_put(&board->moved, board);
        if (error)
            return error;
    }
    return 0;
}

/* Plays `count` games at once, and tells when her last move is made. */
static int play(struct board *first, int count, int64_t *last_move)
{
    whorl_group room;
    int error = whorl_group_init(&room);
    if (error)
        return error;
    for (struct board *board = first; board < first + count && !error; board++) {
        board->moves = 0;
        error = whorl_queue_init(&board->moved, WHORL_QUEUE_FIFO, 1, NULL);
        if (!error)
            error = whorl_group_spawn(&room, oppose, board);
    }
    if (!error)
        error = make_moves(count * PAIRS);
    *last_move = whorl_now();
    return whorl_group_wait(&room, error);
}

/* Ends the games, and gives how many moves were made. */
static int put_away(void)
{
    int moves = 0;
    for (int i = 0; i < BOARDS; i++) {
        moves += boards[i].moves;
        whorl_queue_destroy(&boards[i].moved);
    }
    return moves;
}

static void tell(const char *how, int moves, int64_t time, int64_t until_last)
{
    int seconds = (int)(time / WHORL_SECONDS(1));
    int last = (int)(until_last / WHORL_SECONDS(1));
    say_plainly("%s: %d moves in %2d h %2d min %2d s, her last one after %2d h %2d min %2d s", how,
                moves, seconds / 3600, seconds / 60 % 60, seconds % 60, last / 3600, last / 60 % 60,
                last % 60);
}

static intptr_t hold_exhibitions(void *arg)
{
    (void)arg;
    int64_t last_move = 0;
    int64_t start = whorl_now();
    int error = 0;
    for (int i = 0; i < BOARDS && !error; i++)
        error = play(&boards[i], 1, &last_move);
    if (error)
        return error;
    tell("one after another", put_away(), whorl_now() - start, last_move - start);
    start = whorl_now();
    error = play(boards, BOARDS, &last_move);
    if (!error)
        tell("all at once      ", put_away(), whorl_now() - start, last_move - start);
    whorl_queue_destroy(&her_turn);
    return error;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "chess",
        .about = "A master plays 24 games, one after another and all at once: 13 hours. "
                 "With --virtual nobody\nwaits: time jumps.\n",
        .main = hold_exhibitions,
    };
    return story_main(&story, argc, argv);
}
