/*
 * Everything at once, from a seed: tasks that pass bytes over pipes and sockets by every form of
 * op, and tasks that keep numbers in a file, under cancels and timeouts at random. Models say what
 * must be there: each channel's bytes in order, each place's last written number.
 *
 * A channel's bytes are numbered, so that a byte that is lost, doubled or misplaced shows where it
 * happened. After an op that did not give a count the model has not moved.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHANNELS = 12, KEEPERS = 8, TASKS = 2 * CHANNELS + KEEPERS, PIECE = 300, PIECES = 3 };

typedef struct worker {
    whorl_task *task;
    random_source random;
    int fd;
    size_t total;
    bool is_socket;
    bool is_writer;
    size_t position;
    off_t place; /* in the file, for those that keep a number */
    unsigned stopped;
} worker;

typedef struct world {
    worker workers[TASKS];
    pair channels[CHANNELS];
    int file;
    random_source random;
} world;

static uint8_t byte_at(size_t position)
{
    return (uint8_t)((position * 167) ^ (position >> 8));
}

static bool is_stop(int result)
{
    return result == -ECANCELED || result == -ETIMEDOUT;
}

static whorl_op transfer(worker *one, void *buf, size_t len, int socket_flags)
{
    bool by_socket_call = one->is_socket && random_below(&one->random, 2);
    whorl_op op = !by_socket_call  ? one->is_writer ? whorl_op_write(one->fd, buf, len)
                                                    : whorl_op_read(one->fd, buf, len)
                   : one->is_writer ? whorl_op_send(one->fd, buf, len, socket_flags)
                                   : whorl_op_recv(one->fd, buf, len, socket_flags);
    if (random_below(&one->random, 3) == 0)
        op.timeout = (int64_t)random_below(&one->random, 200000) - 1000;
    return op;
}

/* Checks what came, or counts what went. */
static void advance(worker *one, const uint8_t *buf, int count)
{
    for (int i = 0; i < count; i++) {
        if (!one->is_writer && buf[i] != byte_at(one->position)) {
            check_failed("byte %zu is another", one->position);
            one->position = one->total; /* gives the channel up */
            return;
        }
        one->position++;
    }
}

static size_t fill_piece(worker *one, uint8_t *buf, size_t ahead)
{
    size_t rest = one->total - one->position;
    size_t len = 1 + random_below(&one->random, PIECE);
    if (ahead >= rest)
        return 0;
    if (len > rest - ahead)
        len = rest - ahead;
    for (size_t i = 0; i < len; i++)
        buf[i] = one->is_writer ? byte_at(one->position + ahead + i) : 0;
    return len;
}

static bool settle(worker *one, const uint8_t *buf, int result)
{
    if (is_stop(result)) {
        one->stopped++;
        whorl_uncancel();
        return true;
    }
    if (result <= 0)
        return check_failed("%s gave %d", one->is_writer ? "a write" : "a read", result);
    advance(one, buf, result);
    return true;
}

/* One op: awaited at once, or started, asked to end at random, and awaited later. */
static bool pass_one(worker *one)
{
    uint8_t buf[PIECE];
    size_t len = fill_piece(one, buf, 0);
    whorl_op op = transfer(one, buf, len, random_below(&one->random, 2) ? MSG_WAITALL : 0);
    if (random_below(&one->random, 2)) {
        check_equal(whorl_op_start(&op), 0);
        if (random_below(&one->random, 2))
            whorl_yield();
        if (random_below(&one->random, 4) == 0)
            whorl_op_cancel(&op);
    }
    return settle(one, buf, whorl_op_await(&op));
}

/* A chain of pieces, which must go through in order and stop at the first that falls short. */
static bool pass_chain(worker *one)
{
    uint8_t bufs[PIECES][PIECE];
    whorl_op ops[PIECES];
    size_t ahead = 0, count = 0;
    for (; count < PIECES; count++) {
        size_t len = fill_piece(one, bufs[count], ahead);
        if (len == 0)
            break;
        ops[count] = transfer(one, bufs[count], len, MSG_WAITALL);
        ahead += len;
    }
    whorl_link_ops(ops, count);
    for (size_t i = 0; i < count; i++)
        if (!settle(one, bufs[i], ops[i].result))
            return false;
        else if (ops[i].result != (int)ops[i].len && i + 1 < count)
            check(is_stop(ops[i + 1].result));
    return true;
}

static intptr_t pass_bytes(void *arg)
{
    worker *one = arg;
    while (one->position < one->total && failed_checks() == 0)
        if (!(random_below(&one->random, 4) == 0 ? pass_chain(one) : pass_one(one)))
            return -1;
    return 0;
}

/* A number in the file at a place of this task's own: written, read back, and never half-done. */
static void keep_once(worker *one, uint32_t *kept)
{
    uint32_t fresh = (uint32_t)random_next(&one->random), seen = ~fresh;
    whorl_op ops[2] = {whorl_op_pwrite(one->fd, &fresh, sizeof fresh, one->place),
                       whorl_op_pread(one->fd, &seen, sizeof seen, one->place)};
    if (random_below(&one->random, 3) == 0)
        ops[random_below(&one->random, 2)].timeout = (int64_t)random_below(&one->random, 100000);
    whorl_link_ops(ops, 2);
    for (int i = 0; i < 2; i++) {
        if (!is_stop(ops[i].result))
            check_equal(ops[i].result, sizeof fresh);
        one->stopped += is_stop(ops[i].result);
    }
    if (ops[0].result > 0)
        *kept = fresh;
    else /* it ended with the first, or its own time was up before it began */
        check(ops[1].result == -ECANCELED || ops[1].result == -ETIMEDOUT);
    if (ops[1].result > 0)
        check_equal(seen, *kept);
    check_equal(pread(one->fd, &seen, sizeof seen, one->place), sizeof seen);
    check_equal(seen, *kept);
    whorl_uncancel();
}

static intptr_t keep_a_number(void *arg)
{
    worker *one = arg;
    uint32_t kept = 0;
    check_equal(pwrite(one->fd, &kept, sizeof kept, one->place), sizeof kept);
    for (; one->position < one->total && failed_checks() == 0; one->position++)
        keep_once(one, &kept);
    return 0;
}

/* --- The world --- */

static void spawn_worker(world *all, int index, worker one)
{
    worker *place = &all->workers[index];
    *place = one;
    place->random = random_from_seed(1000 + (uint64_t)index);
    place->task = whorl_spawn(index < 2 * CHANNELS ? pass_bytes : keep_a_number, place);
}

static void spawn_all(world *all, size_t bytes, size_t turns)
{
    for (int i = 0; i < CHANNELS; i++) {
        bool is_socket = i % 3 > 0;
        pair both = i % 3 == 0 ? pipe_pair() : i % 3 == 1 ? unix_pair() : tcp_pair();
        all->channels[i] = both;
        for (int end = 0; end < 2; end++) {
            worker one = {.fd = both.ends[end], .total = bytes, .is_socket = is_socket};
            one.is_writer = end == 1;
            spawn_worker(all, 2 * i + end, one);
        }
    }
    for (int i = 0; i < KEEPERS; i++) {
        worker one = {.fd = all->file, .total = turns, .place = (off_t)i * 512};
        spawn_worker(all, 2 * CHANNELS + i, one);
    }
}

/* Cancels at random until every worker has ended. */
static void disturb(world *all)
{
    for (int live = TASKS; live > 0 && failed_checks() == 0;) {
        for (uint64_t i = random_below(&all->random, 6); i > 0; i--)
            whorl_cancel(all->workers[random_below(&all->random, TASKS)].task);
        whorl_sleep(random_below(&all->random, 3) ? 0 : WHORL_US(random_below(&all->random, 80)));
        live = 0;
        for (int i = 0; i < TASKS; i++)
            live += whorl_is_done(all->workers[i].task) == 0;
    }
}

static intptr_t live_through_it(void *arg)
{
    world *all = arg;
    unsigned stopped = 0;
    all->file = open(path_of("numbers").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    spawn_all(all, (size_t)test_rounds(UNDER_SANITIZER ? 20000 : 100000), (size_t)test_rounds(300));
    check_equal(whorl_yield(), 0); /* a task that is cancelled before it begins never runs */
    disturb(all);
    for (int i = 0; i < TASKS && failed_checks() == 0; i++) {
        check_equal(whorl_join(all->workers[i].task), 0);
        check_equal(all->workers[i].position, all->workers[i].total);
        stopped += all->workers[i].stopped;
    }
    check(stopped > 0);
    return 0;
}

static void live_in(const whorl_config *config)
{
    world *all = test_calloc(1, sizeof *all);
    all->random = random_from_seed(999);
    run_checks_with(config, live_through_it, all);
    for (int i = 0; i < CHANNELS; i++)
        close_pair(&all->channels[i]);
    close(all->file);
    test_free(all);
}

static void bytes_and_numbers_survive_cancels_at_random(void **state)
{
    (void)state;
    live_in(NULL);
}

static void bytes_and_numbers_survive_in_a_small_ring(void **state)
{
    (void)state;
    live_in(&(whorl_config){.entries = 8, .completions = 8});
}

static void bytes_and_numbers_survive_without_newer_features(void **state)
{
    (void)state;
    live_in(&(whorl_config){.without = 0x3ff});
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(bytes_and_numbers_survive_cancels_at_random),
        behaviour(bytes_and_numbers_survive_in_a_small_ring),
        behaviour(bytes_and_numbers_survive_without_newer_features),
    };
    return run_behaviours("random", tests);
}
