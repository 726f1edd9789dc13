/* Read-write locks: who may be in together, who goes first, and what a task that leaves changes. */
#include "start.h"

static whorl_rwlock lock = WHORL_RWLOCK_INIT;

/* A task that goes in, to read or to write, and out when it is told. */
struct visitor {
    bool writes;
    bool in;
    whorl_event out;
    whorl_task *task;
};

static intptr_t visit(void *arg)
{
    struct visitor *visitor = arg;
    int error = visitor->writes ? whorl_rwlock_write_lock(&lock) : whorl_rwlock_read_lock(&lock);
    if (error)
        return error;
    visitor->in = true;
    check_equal(whorl_event_wait(&visitor->out), 0);
    visitor->in = false;
    return visitor->writes ? whorl_rwlock_write_unlock(&lock) : whorl_rwlock_read_unlock(&lock);
}

/* "rwr": a reader comes, a writer, a reader. */
static void come(struct visitor *visitors, const char *who)
{
    for (size_t i = 0; who[i]; i++) {
        visitors[i] = (struct visitor){.writes = who[i] == 'w'};
        visitors[i].task = start(visit, &visitors[i]);
    }
}

static void check_in(const struct visitor *visitors, const char *who_is_in)
{
    check_equal(whorl_sleep(1), 0);
    for (size_t i = 0; who_is_in[i]; i++)
        if (!check_equal(visitors[i].in, who_is_in[i] == 'x'))
            check_failed("it is visitor %zu of %s", i, who_is_in);
}

static void leave(struct visitor *visitor)
{
    check_equal(whorl_event_set(&visitor->out), 0);
    check_equal(whorl_join(visitor->task), 0);
}

static intptr_t go_in_by_turns(void *arg)
{
    struct visitor visitors[7];
    (void)arg;
    come(visitors, "rrwrrwr");
    check_in(visitors, "xx-----");
    leave(&visitors[0]);
    check_in(visitors, "-x-----");
    leave(&visitors[1]);
    check_in(visitors, "--x----");
    leave(&visitors[2]);
    check_in(visitors, "---xx--");
    leave(&visitors[4]);
    leave(&visitors[3]);
    check_in(visitors, "-----x-");
    leave(&visitors[5]);
    check_in(visitors, "------x");
    leave(&visitors[6]);
    return whorl_rwlock_destroy(&lock);
}

static void readers_go_in_together_and_not_before_a_writer_who_waits(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, go_in_by_turns, NULL);
}

static intptr_t hand_it_on(void *arg)
{
    struct visitor visitors[3];
    (void)arg;
    check_equal(whorl_rwlock_write_lock(&lock), 0);
    come(visitors, "rrw");
    check_equal(whorl_rwlock_write_unlock(&lock), 0);
    /* The readers are in, though they have not run; the writer waits. */
    check_equal(visitors[0].in, false);
    check_equal(whorl_rwlock_try_write_lock(&lock), -EBUSY);
    check_equal(whorl_rwlock_try_read_lock(&lock), -EBUSY);
    check_equal(whorl_rwlock_destroy(&lock), -EBUSY);
    check_in(visitors, "xx-");
    for (int i = 0; i < 3; i++)
        leave(&visitors[i]);
    return 0;
}

static void unlocking_hands_it_on(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, hand_it_on, NULL);
}

static intptr_t leave_the_queue(void *arg)
{
    struct visitor visitors[6];
    (void)arg;
    come(visitors, "rwrrwr");
    check_equal(whorl_cancel(visitors[1].task), 0);
    check_equal(whorl_join(visitors[1].task), -ECANCELED);
    check_in(visitors, "x-xx--");
    /* One in the middle changes nothing for those behind. */
    check_equal(whorl_cancel(visitors[4].task), 0);
    check_in(visitors, "x-xx-x");
    check_equal(whorl_join(visitors[4].task), -ECANCELED);
    leave(&visitors[0]);
    for (int i = 2; i < 6; i++)
        if (i != 4)
            leave(&visitors[i]);
    /* Behind a writer that is in, a cancelled one lets nobody in. */
    come(visitors, "wwr");
    check_equal(whorl_cancel(visitors[1].task), 0);
    check_equal(whorl_join(visitors[1].task), -ECANCELED);
    check_in(visitors, "x--");
    leave(&visitors[0]);
    check_in(visitors, "--x");
    leave(&visitors[2]);
    /* Nor does a cancelled reader. */
    come(visitors, "wrr");
    check_equal(whorl_cancel(visitors[1].task), 0);
    check_in(visitors, "x--");
    check_equal(whorl_join(visitors[1].task), -ECANCELED);
    leave(&visitors[0]);
    leave(&visitors[2]);
    return whorl_rwlock_destroy(&lock);
}

static void a_writer_who_leaves_the_queue_lets_the_readers_behind_it_in(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, leave_the_queue, NULL);
}

static intptr_t become_a_reader(void *arg)
{
    struct visitor visitors[4];
    (void)arg;
    check_equal(whorl_rwlock_write_lock(&lock), 0);
    come(visitors, "rrwr");
    check_in(visitors, "----");
    check_equal(whorl_rwlock_downgrade(&lock), 0);
    check_in(visitors, "xx--");
    check_equal(whorl_rwlock_downgrade(&lock), -EPERM);
    check_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    leave(&visitors[0]);
    leave(&visitors[1]);
    check_in(visitors, "----");
    check_equal(whorl_rwlock_read_unlock(&lock), 0);
    check_in(visitors, "--x-");
    leave(&visitors[2]);
    leave(&visitors[3]);
    /* Alone. */
    check_equal(whorl_rwlock_write_lock(&lock), 0);
    check_equal(whorl_rwlock_downgrade(&lock), 0);
    check_equal(whorl_rwlock_try_read_lock(&lock), 0);
    check_equal(whorl_rwlock_read_unlock(&lock), 0);
    return whorl_rwlock_read_unlock(&lock);
}

static void a_writer_may_become_a_reader_with_the_readers_who_wait(void **state)
{
    (void)state;
    run_checks_with(&virtual_clock, become_a_reader, NULL);
}

static intptr_t unlock_what_is_not_mine(void *arg)
{
    (void)arg;
    check_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    check_equal(whorl_rwlock_downgrade(&lock), -EPERM);
    check_equal(whorl_rwlock_read_unlock(&lock), -EPERM);
    check_equal(whorl_rwlock_try_write_lock(&lock), -EBUSY);
    check_equal(whorl_rwlock_try_read_lock(&lock), -EBUSY);
    return 0;
}

static intptr_t misuse(void *arg)
{
    check_equal(whorl_rwlock_read_unlock(&lock), -EPERM);
    check_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    check_equal(whorl_rwlock_write_lock(&lock), 0);
    check_equal(whorl_rwlock_write_lock(&lock), -EDEADLK);
    check_equal(whorl_rwlock_read_lock(&lock), -EDEADLK);
    check_equal(whorl_join(whorl_spawn(unlock_what_is_not_mine, arg)), 0);
    check_equal(whorl_rwlock_write_unlock(&lock), 0);
    check_equal(whorl_rwlock_read_lock(&lock), 0);
    check_equal(whorl_rwlock_try_write_lock(&lock), -EBUSY);
    check_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    check_equal(whorl_rwlock_read_unlock(&lock), 0);
    return whorl_rwlock_read_unlock(&lock) + EPERM;
}

static void who_does_not_hold_it_cannot_let_it_go(void **state)
{
    (void)state;
    run_checks(misuse, NULL);
}

static intptr_t act_when_cancelled(void *arg)
{
    (void)arg;
    check_equal(whorl_rwlock_write_lock(&lock), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_rwlock_downgrade(&lock), 0);
    check_equal(whorl_rwlock_read_lock(&lock), -ECANCELED);
    check_equal(whorl_rwlock_try_read_lock(&lock), 0);
    check_equal(whorl_rwlock_read_unlock(&lock), 0);
    check_equal(whorl_rwlock_read_unlock(&lock), 0);
    check_equal(whorl_rwlock_write_lock(&lock), -ECANCELED);
    check_equal(whorl_rwlock_try_write_lock(&lock), 0);
    check_equal(whorl_rwlock_write_unlock(&lock), 0);
    return whorl_uncancel() - 1;
}

static void a_cancelled_task_can_let_go_and_try(void **state)
{
    (void)state;
    run_checks(act_when_cancelled, NULL);
}

/* --- Holders that have ended --- */

static intptr_t lock_and_end(void *arg)
{
    return arg ? whorl_rwlock_write_lock(&lock) : whorl_rwlock_read_lock(&lock);
}

static intptr_t find_it_held(void *arg)
{
    (void)arg;
    check_equal(whorl_rwlock_read_lock(&lock), -EPERM);
    check_equal(whorl_rwlock_write_lock(&lock), -EPERM);
    check_equal(whorl_rwlock_try_read_lock(&lock), -EPERM);
    check_equal(whorl_rwlock_try_write_lock(&lock), -EPERM);
    check_equal(whorl_rwlock_read_unlock(&lock), -EPERM);
    check_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    return whorl_rwlock_downgrade(&lock) + EPERM;
}

static void what_an_earlier_run_left_locked_is_nobodys(void **state)
{
    (void)state;
    for (intptr_t writes = 0; writes < 2; writes++) {
        run_checks(lock_and_end, (void *)writes);
        run_checks(find_it_held, NULL);
        assert_int_equal(whorl_rwlock_destroy(&lock), -EBUSY);
        assert_int_equal(whorl_rwlock_init(&lock), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(readers_go_in_together_and_not_before_a_writer_who_waits),
        behaviour(unlocking_hands_it_on),
        behaviour(a_writer_who_leaves_the_queue_lets_the_readers_behind_it_in),
        behaviour(a_writer_may_become_a_reader_with_the_readers_who_wait),
        behaviour(who_does_not_hold_it_cannot_let_it_go),
        behaviour(a_cancelled_task_can_let_go_and_try),
        behaviour(what_an_earlier_run_left_locked_is_nobodys),
    };
    return run_behaviours("read-write lock", tests);
}
