/*
 * Chains and turns: a chain waits as one and takes one place; one that ends while it waits has had
 * no effect, but its closes run.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/plug.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { CHAINS = 6 };

static const whorl_config one_place = {.file_ops = 1};

/* A chain that writes, syncs and closes; run by a task of its own. */
typedef struct chain {
    whorl_op ops[3];
    int fd;
    int result;
} chain;

static chain make_chain(const char *name)
{
    chain made = {.fd = open(path_of(name).text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    made.ops[0] = whorl_op_pwrite(made.fd, "abc", 3, 0);
    made.ops[1] = whorl_op_fsync(made.fd);
    made.ops[2] = whorl_op_close(made.fd);
    return made;
}

static intptr_t run_chain(void *arg)
{
    chain *mine = arg;
    mine->result = whorl_link_ops(mine->ops, 3);
    return 0;
}

static void check_chain(const chain *seen, int result, int first, int second, int third)
{
    check_equal(seen->result, result);
    check_equal(seen->ops[0].result, first);
    check_equal(seen->ops[1].result, second);
    check_equal(seen->ops[2].result, third);
    check(!is_open(seen->fd));
}

static void check_written(const char *name, bool written)
{
    char text[8];
    check_equal(read_whole(path_of(name).text, text, sizeof text), written ? 3 : 0);
}

static intptr_t run_many(void *arg)
{
    (void)arg;
    plug hold;
    chain chains[CHAINS];
    whorl_task *tasks[CHAINS];
    const char *names[CHAINS] = {"0", "1", "2", "3", "4", "5"};
    plug_put(&hold, "hold");
    for (int i = 0; i < CHAINS; i++) {
        chains[i] = make_chain(names[i]);
        tasks[i] = whorl_spawn(run_chain, &chains[i]);
    }
    let_turn();
    check_equal(turns_awaited(), CHAINS);
    check_equal(whorl_in_flight(tasks[0]), 3);
    plug_pull(&hold);
    for (int i = 0; i < CHAINS; i++) {
        check_equal(whorl_join(tasks[i]), 0);
        check(places_taken() <= 1);
        check_chain(&chains[i], 0, 3, 0, 0);
        check_written(names[i], true);
    }
    check_equal(places_taken(), 0);
    return 0;
}

static void chains_wait_and_take_one_place_each(void **state)
{
    (void)state;
    run_checks_with(&one_place, run_many, NULL);
}

/* Ends a chain that waits, by what `end` does. */
typedef void end_chain(chain *waiting, whorl_task *task);

static intptr_t end_while_waiting(end_chain *end, int result, int first, int second)
{
    plug hold;
    plug_put(&hold, "hold");
    chain waiting = make_chain("waiting"), next = make_chain("next");
    if (result == -ETIMEDOUT)
        waiting.ops[1].timeout = WHORL_US(100);
    whorl_task *task = whorl_spawn(run_chain, &waiting);
    whorl_task *behind = whorl_spawn(run_chain, &next);
    let_turn();
    end(&waiting, task);
    check_equal(whorl_join(task), 0);
    check_chain(&waiting, result, first, second, 0);
    check_written("waiting", false);
    check_equal(turns_awaited(), 1);
    plug_pull(&hold);
    check_equal(whorl_join(behind), 0);
    check_chain(&next, 0, 3, 0, 0);
    check_equal(places_taken(), 0);
    return 0;
}

static void cancel_task(chain *waiting, whorl_task *task)
{
    (void)waiting;
    check_equal(whorl_cancel(task), 0);
}

static void cancel_member(chain *waiting, whorl_task *task)
{
    (void)task;
    check_equal(whorl_op_cancel(&waiting->ops[1]), 0);
}

static void wait_for_it(chain *waiting, whorl_task *task)
{
    (void)waiting;
    (void)task;
}

static intptr_t end_each_way(void *arg)
{
    (void)arg;
    end_while_waiting(cancel_task, -ECANCELED, -ECANCELED, -ECANCELED);
    end_while_waiting(cancel_member, -ECANCELED, -ECANCELED, -ECANCELED);
    return end_while_waiting(wait_for_it, -ETIMEDOUT, -ECANCELED, -ETIMEDOUT);
}

static void a_chain_that_ends_while_it_waits_has_only_closed(void **state)
{
    (void)state;
    run_checks_with(&one_place, end_each_way, NULL);
}

/* whorl_close on the descriptor of a chain that waits: its close then finds it gone. */
static intptr_t close_its_descriptor(void *arg)
{
    (void)arg;
    plug hold;
    plug_put(&hold, "hold");
    int fd = open(path_of("file").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    chain waiting = {.fd = fd};
    waiting.ops[0] = whorl_op_nop();
    waiting.ops[1] = whorl_op_pwrite(fd, "abc", 3, 0);
    waiting.ops[2] = whorl_op_fsync(fd);
    whorl_task *task = whorl_spawn(run_chain, &waiting);
    let_turn();
    check_equal(whorl_close(fd), 0);
    check_equal(whorl_join(task), 0);
    check_chain(&waiting, -ECANCELED, -ECANCELED, -ECANCELED, -ECANCELED);
    check_written("file", false);
    plug_pull(&hold);
    return 0;
}

static void a_close_ends_a_chain_that_waits(void **state)
{
    (void)state;
    run_checks_with(&one_place, close_its_descriptor, NULL);
}

/* Its members may wait for each other's peers: they must not wait for a place. */
static intptr_t mix_with_a_socket(void *arg)
{
    (void)arg;
    plug hold;
    plug_put(&hold, "hold");
    pair sockets = unix_pair(), pipes = pipe_pair();
    int fd = open(path_of("file").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char buf[3] = "abc";
    check_equal(write(sockets.ends[1], "xyz", 3), 3);
    whorl_op ops[] = {whorl_op_recv(sockets.ends[0], buf, 3, MSG_WAITALL),
                      whorl_op_pwrite(fd, buf, 3, 0)};
    check_equal(whorl_link_ops(ops, 2), 0);
    whorl_op piped[] = {whorl_op_write(pipes.ends[1], "u", 1), whorl_op_read(pipes.ends[0], buf, 1),
                        whorl_op_fsync(fd)};
    check_equal(whorl_link_ops(piped, 3), 0);
    check_written("file", true);
    check_equal(places_taken(), 1);
    plug_pull(&hold);
    close_pair(&sockets);
    close_pair(&pipes);
    return whorl_close(fd);
}

static void a_chain_with_a_peer_waits_for_no_turn(void **state)
{
    (void)state;
    run_checks_with(&one_place, mix_with_a_socket, NULL);
}

/* An op waits on a descriptor that a chain of no files closes. */
static intptr_t close_in_a_chain(void *arg)
{
    (void)arg;
    plug hold;
    plug_put(&hold, "hold");
    int fd = open(path_of("file").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    whorl_op write = whorl_op_pwrite(fd, "abc", 3, 0);
    check_equal(whorl_op_start(&write), 0);
    whorl_op ops[] = {whorl_op_nop(), whorl_op_close(fd)};
    check_equal(whorl_link_ops(ops, 2), 0);
    check_equal(whorl_op_await(&write), 3);
    check_written("file", true);
    plug_pull(&hold);
    return 0;
}

static void a_chains_close_lets_what_waits_on_it_go_first(void **state)
{
    (void)state;
    run_checks_with(&one_place, close_in_a_chain, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(chains_wait_and_take_one_place_each),
        behaviour(a_chain_that_ends_while_it_waits_has_only_closed),
        behaviour(a_close_ends_a_chain_that_waits),
        behaviour(a_chain_with_a_peer_waits_for_no_turn),
        behaviour(a_chains_close_lets_what_waits_on_it_go_first),
    };
    return run_behaviours("op/turns_chain", tests);
}
