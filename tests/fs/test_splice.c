/*
 * splice and tee: what they move and where; and how they end when either descriptor is closed, or
 * their task is cancelled. Their refusals are in test_splice_errors.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 1 << 20 };

/* --- What is moved --- */

static intptr_t move_from_files(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR);
    pair both = pipe_pair();
    off_t offset = 7;
    check_equal(whorl_splice(fd, NULL, both.ends[1], NULL, 3, 0), 3);
    check_equal(lseek(fd, 0, SEEK_CUR), 3); /* no offset: the position, which moves */
    check_equal(whorl_splice(fd, &offset, both.ends[1], NULL, 100, 0), 3);
    check_equal(offset, 10);
    check_equal(lseek(fd, 0, SEEK_CUR), 3);
    check_unread(both.ends[0], "012789");
    check_equal(whorl_splice(fd, &offset, both.ends[1], NULL, 100, 0), 0); /* the end */
    check_equal(offset, 10);
    check_equal(whorl_splice(fd, NULL, both.ends[1], NULL, 0, 0), 0);
    check_equal(unread_in(both.ends[0]), 0);
    close_pair(&both);
    return close(fd);
}

static void splice_moves_from_a_file_to_a_pipe(void **state)
{
    (void)state;
    run_checks_on_all_features(move_from_files, NULL);
}

static intptr_t move_to_files(void *arg)
{
    (void)arg;
    int fd = digits_file(O_RDWR);
    pair both = pipe_pair();
    off_t offset = 8;
    check_equal(write(both.ends[1], "abcdef", 6), 6);
    check_equal(whorl_splice(both.ends[0], NULL, fd, NULL, 2, 0), 2);
    check_equal(whorl_splice(both.ends[0], NULL, fd, &offset, 100, 0), 4);
    check_equal(offset, 12);
    check_equal(lseek(fd, 0, SEEK_SET), 0);
    check_unread(fd, "ab234567cdef");
    check_equal(close(both.ends[1]), 0);
    both.ends[1] = -1;
    check_equal(whorl_splice(both.ends[0], NULL, fd, NULL, 1, 0), 0); /* nobody writes any more */
    close_pair(&both);
    return close(fd);
}

static void splice_moves_from_a_pipe_to_a_file(void **state)
{
    (void)state;
    run_checks_on_all_features(move_to_files, NULL);
}

static intptr_t move_and_copy_between_pipes(void *arg)
{
    (void)arg;
    pair from = pipe_pair(), to = pipe_pair();
    check_equal(write(from.ends[1], "abcdef", 6), 6);
    check_equal(whorl_tee(from.ends[0], to.ends[1], 4, 0), 4);
    check_equal(unread_in(from.ends[0]), 6);
    check_unread(to.ends[0], "abcd");
    check_equal(whorl_splice(from.ends[0], NULL, to.ends[1], NULL, 100, SPLICE_F_MOVE), 6);
    check_equal(unread_in(from.ends[0]), 0);
    check_unread(to.ends[0], "abcdef");
    check_equal(whorl_tee(from.ends[0], to.ends[1], 0, 0), 0);
    check_equal(close(from.ends[1]), 0);
    from.ends[1] = -1;
    check_equal(whorl_tee(from.ends[0], to.ends[1], 1, 0), 0);
    close_pair(&from);
    close_pair(&to);
    return 0;
}

static void tee_leaves_what_splice_takes(void **state)
{
    (void)state;
    run_checks_on_all_features(move_and_copy_between_pipes, NULL);
}

/* --- Waiting --- */

typedef struct mover {
    int in, out;
    bool tee;
    intptr_t result;
    int after; /* what the next waiting call gave: whether the task is cancelled */
} mover;

static intptr_t move(void *arg)
{
    mover *one = arg;
    one->result = one->tee ? whorl_tee(one->in, one->out, LARGE, 0)
                           : whorl_splice(one->in, NULL, one->out, NULL, LARGE, 0);
    one->after = (int)whorl_yield();
    return 0;
}

static intptr_t write_later(void *arg)
{
    mover *one = arg;
    whorl_task *task = whorl_spawn(move, one);
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    check_equal(whorl_is_done(task), 0);
    return (intptr_t)task;
}

static intptr_t wait_for_both(void *arg)
{
    (void)arg;
    for (int tee = 0; tee < 2; tee++) {
        pair from = pipe_pair(), to = pipe_pair();
        mover one = {.in = from.ends[0], .out = to.ends[1], .tee = tee};
        whorl_task *task = (whorl_task *)write_later(&one);
        check_equal(write(from.ends[1], "abc", 3), 3);
        check_equal(whorl_join(task), 0);
        check_equal(one.result, 3);
        check_equal(unread_in(to.ends[0]), 3);
        size_t filled = fill_descriptor(to.ends[1]);
        check_equal(write(from.ends[1], "abc", 3), 3);
        task = (whorl_task *)write_later(&one);
        static char sink[LARGE];
        check_equal(read(to.ends[0], sink, sizeof sink), filled + 3);
        check_equal(whorl_join(task), 0);
        check(one.result > 0);
        check_equal(unread_in(to.ends[0]), one.result);
        close_pair(&from);
        close_pair(&to);
    }
    return 0;
}

static void both_wait_for_bytes_and_for_room(void **state)
{
    (void)state;
    run_checks_on_all_features(wait_for_both, NULL);
}

enum { IDLE = 40 };

/* With one worker for all that may wait, others would never come to their turn. */
static intptr_t wait_in_a_crowd(void *arg)
{
    (void)arg;
    pair idle = pipe_pair(), from = pipe_pair(), to = pipe_pair();
    mover idlers[IDLE];
    whorl_task *tasks[IDLE];
    for (int i = 0; i < IDLE; i++) {
        idlers[i] = (mover){.in = idle.ends[0], .out = to.ends[1], .tee = i & 1};
        tasks[i] = whorl_spawn(move, &idlers[i]);
    }
    check_equal(whorl_sleep(WHORL_MS(1)), 0);
    for (int i = 0; i < 10; i++) { /* a pipe has sixteen places, whatever is in each */
        check_equal(write(from.ends[1], "abc", 3), 3);
        check_equal(whorl_splice(from.ends[0], NULL, to.ends[1], NULL, 8, 0), 3);
    }
    check_equal(whorl_close(idle.ends[0]), 0);
    idle.ends[0] = -1;
    for (int i = 0; i < IDLE; i++) {
        check_equal(whorl_join(tasks[i]), 0);
        check_equal(idlers[i].result, -ECANCELED);
    }
    close_pair(&idle);
    close_pair(&from);
    close_pair(&to);
    return 0;
}

static void those_that_wait_for_bytes_keep_no_worker(void **state)
{
    (void)state;
    whorl_config config = {.peer_workers = 1, .workers = 1, .limit = WHORL_SECONDS(60)};
    run_checks_with(&config, wait_in_a_crowd, NULL);
}

static intptr_t close_either(void *arg)
{
    (void)arg;
    for (int trial = 0; trial < 8; trial++) {
        bool closes_in = trial & 1, waits_for_room = trial & 2;
        pair from = pipe_pair(), to = pipe_pair();
        mover one = {.in = from.ends[0], .out = to.ends[1], .tee = trial & 4};
        if (waits_for_room) {
            fill_descriptor(to.ends[1]);
            check_equal(write(from.ends[1], "abc", 3), 3);
        }
        whorl_task *task = (whorl_task *)write_later(&one);
        int *closed = closes_in ? &from.ends[0] : &to.ends[1];
        if (waits_for_room && closes_in) /* what is lost with the pipe is not moved */
            check_equal(unread_in(from.ends[0]), 3);
        check_equal(whorl_close(*closed), 0);
        check(!is_open(*closed));
        *closed = -1;
        check_equal(whorl_join(task), 0);
        check_equal(one.result, -ECANCELED);
        check_equal(one.after, 0);
        if (!closes_in && waits_for_room)
            check_equal(unread_in(from.ends[0]), 3);
        close_pair(&from);
        close_pair(&to);
    }
    return 0;
}

static void closing_either_descriptor_ends_it(void **state)
{
    (void)state;
    for (long round = 0; round < test_rounds(3); round++)
        run_checks(close_either, NULL);
}

static intptr_t cancel_movers(void *arg)
{
    (void)arg;
    for (int trial = 0; trial < 4; trial++) {
        bool waits_for_room = trial & 1;
        pair from = pipe_pair(), to = pipe_pair();
        mover one = {.in = from.ends[0], .out = to.ends[1], .tee = trial & 2};
        if (waits_for_room) {
            fill_descriptor(to.ends[1]);
            check_equal(write(from.ends[1], "abc", 3), 3);
        }
        whorl_task *task = (whorl_task *)write_later(&one);
        check_equal(whorl_cancel(task), 0);
        check_equal(whorl_join(task), 0);
        check_equal(one.result, -ECANCELED);
        check_equal(one.after, -ECANCELED);
        check_equal(unread_in(from.ends[0]), waits_for_room ? 3 : 0);
        close_pair(&from);
        close_pair(&to);
    }
    return 0;
}

static void a_cancel_ends_it_and_moves_nothing(void **state)
{
    (void)state;
    run_checks_on_all_features(cancel_movers, NULL);
}

/* What was moved before the cancel was heard is the caller's, and told. */
static intptr_t race_with_cancels(void *arg)
{
    (void)arg;
    long moved = 0, cancelled = 0;
    for (long round = 0; round < test_rounds(300); round++) {
        pair from = pipe_pair(), to = pipe_pair();
        mover one = {.in = from.ends[0], .out = to.ends[1]};
        whorl_task *task = whorl_spawn(move, &one);
        check_equal(whorl_yield(), 0);
        check_equal(write(from.ends[1], "abc", 3), 3);
        check_equal(whorl_sleep(WHORL_US(10 * (round % 10))), 0);
        int asked = whorl_cancel(task);
        check(asked == 0 || asked == -EALREADY);
        check_equal(whorl_join(task), 0);
        check(one.result == 3 || one.result == -ECANCELED);
        check_equal(unread_in(to.ends[0]), one.result > 0 ? 3 : 0);
        check_equal(unread_in(from.ends[0]), one.result > 0 ? 0 : 3);
        moved += one.result == 3;
        cancelled += one.result == -ECANCELED;
        close_pair(&from);
        close_pair(&to);
    }
    print_message("%ld moved, %ld cancelled\n", moved, cancelled);
    return 0;
}

static void a_cancel_in_a_race_loses_nothing(void **state)
{
    (void)state;
    run_checks(race_with_cancels, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(splice_moves_from_a_file_to_a_pipe),
        behaviour(splice_moves_from_a_pipe_to_a_file),
        behaviour(tee_leaves_what_splice_takes),
        behaviour(both_wait_for_bytes_and_for_room),
        behaviour(those_that_wait_for_bytes_keep_no_worker),
        behaviour(closing_either_descriptor_ends_it),
        behaviour(a_cancel_ends_it_and_moves_nothing),
        behaviour(a_cancel_in_a_race_loses_nothing),
    };
    return run_behaviours("splice", tests);
}
