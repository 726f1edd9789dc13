/* Read-write locks: who may be in together, who goes first, and what a task that leaves changes. */
#include "as_task.h"
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
    assert_int_equal(whorl_event_wait(&visitor->out), 0);
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
    assert_int_equal(whorl_sleep(1), 0);
    for (size_t i = 0; who_is_in[i]; i++)
        if (visitors[i].in != (who_is_in[i] == 'x'))
            fail_msg("visitor %zu of %s is %s", i, who_is_in, visitors[i].in ? "in" : "not in");
}

static void leave(struct visitor *visitor)
{
    assert_int_equal(whorl_event_set(&visitor->out), 0);
    assert_int_equal(whorl_join(visitor->task), 0);
}

static void readers_go_in_together_and_not_before_a_writer_who_waits(void **state)
{
    (void)state;
    struct visitor visitors[7];
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
    assert_int_equal(whorl_rwlock_destroy(&lock), 0);
}

static void unlocking_hands_it_on(void **state)
{
    (void)state;
    struct visitor visitors[3];
    assert_int_equal(whorl_rwlock_write_lock(&lock), 0);
    come(visitors, "rrw");
    assert_int_equal(whorl_rwlock_write_unlock(&lock), 0);
    /* The readers are in, though they have not run; the writer waits. */
    assert_false(visitors[0].in);
    assert_int_equal(whorl_rwlock_try_write_lock(&lock), -EBUSY);
    assert_int_equal(whorl_rwlock_try_read_lock(&lock), -EBUSY);
    assert_int_equal(whorl_rwlock_destroy(&lock), -EBUSY);
    check_in(visitors, "xx-");
    for (int i = 0; i < 3; i++)
        leave(&visitors[i]);
}

static void a_writer_who_leaves_the_queue_lets_the_readers_behind_it_in(void **state)
{
    (void)state;
    struct visitor visitors[6];
    come(visitors, "rwrrwr");
    assert_int_equal(whorl_cancel(visitors[1].task), 0);
    assert_int_equal(whorl_join(visitors[1].task), -ECANCELED);
    check_in(visitors, "x-xx--");
    /* One in the middle changes nothing for those behind. */
    assert_int_equal(whorl_cancel(visitors[4].task), 0);
    check_in(visitors, "x-xx-x");
    assert_int_equal(whorl_join(visitors[4].task), -ECANCELED);
    leave(&visitors[0]);
    for (int i = 2; i < 6; i++)
        if (i != 4)
            leave(&visitors[i]);
    /* Behind a writer that is in, a cancelled one lets nobody in. */
    come(visitors, "wwr");
    assert_int_equal(whorl_cancel(visitors[1].task), 0);
    assert_int_equal(whorl_join(visitors[1].task), -ECANCELED);
    check_in(visitors, "x--");
    leave(&visitors[0]);
    check_in(visitors, "--x");
    leave(&visitors[2]);
    /* Nor does a cancelled reader. */
    come(visitors, "wrr");
    assert_int_equal(whorl_cancel(visitors[1].task), 0);
    check_in(visitors, "x--");
    assert_int_equal(whorl_join(visitors[1].task), -ECANCELED);
    leave(&visitors[0]);
    leave(&visitors[2]);
    assert_int_equal(whorl_rwlock_destroy(&lock), 0);
}

static void a_writer_may_become_a_reader_with_the_readers_who_wait(void **state)
{
    (void)state;
    struct visitor visitors[4];
    assert_int_equal(whorl_rwlock_write_lock(&lock), 0);
    come(visitors, "rrwr");
    check_in(visitors, "----");
    assert_int_equal(whorl_rwlock_downgrade(&lock), 0);
    check_in(visitors, "xx--");
    assert_int_equal(whorl_rwlock_downgrade(&lock), -EPERM);
    assert_int_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    leave(&visitors[0]);
    leave(&visitors[1]);
    check_in(visitors, "----");
    assert_int_equal(whorl_rwlock_read_unlock(&lock), 0);
    check_in(visitors, "--x-");
    leave(&visitors[2]);
    leave(&visitors[3]);
    /* Alone. */
    assert_int_equal(whorl_rwlock_write_lock(&lock), 0);
    assert_int_equal(whorl_rwlock_downgrade(&lock), 0);
    assert_int_equal(whorl_rwlock_try_read_lock(&lock), 0);
    assert_int_equal(whorl_rwlock_read_unlock(&lock), 0);
    assert_int_equal(whorl_rwlock_read_unlock(&lock), 0);
}

static intptr_t unlock_what_is_not_mine(void *arg)
{
    (void)arg;
    assert_int_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    assert_int_equal(whorl_rwlock_downgrade(&lock), -EPERM);
    assert_int_equal(whorl_rwlock_read_unlock(&lock), -EPERM);
    assert_int_equal(whorl_rwlock_try_write_lock(&lock), -EBUSY);
    assert_int_equal(whorl_rwlock_try_read_lock(&lock), -EBUSY);
    return 0;
}

static void who_does_not_hold_it_cannot_let_it_go(void **state)
{
    (void)state;
    assert_int_equal(whorl_rwlock_read_unlock(&lock), -EPERM);
    assert_int_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    assert_int_equal(whorl_rwlock_write_lock(&lock), 0);
    assert_int_equal(whorl_rwlock_write_lock(&lock), -EDEADLK);
    assert_int_equal(whorl_rwlock_read_lock(&lock), -EDEADLK);
    assert_int_equal(whorl_join(whorl_spawn(unlock_what_is_not_mine, NULL)), 0);
    assert_int_equal(whorl_rwlock_write_unlock(&lock), 0);
    assert_int_equal(whorl_rwlock_read_lock(&lock), 0);
    assert_int_equal(whorl_rwlock_try_write_lock(&lock), -EBUSY);
    assert_int_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    assert_int_equal(whorl_rwlock_read_unlock(&lock), 0);
    assert_int_equal(whorl_rwlock_read_unlock(&lock), -EPERM);
}

static void a_cancelled_task_can_let_go_and_try(void **state)
{
    (void)state;
    assert_int_equal(whorl_rwlock_write_lock(&lock), 0);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(whorl_rwlock_downgrade(&lock), 0);
    assert_int_equal(whorl_rwlock_read_lock(&lock), -ECANCELED);
    assert_int_equal(whorl_rwlock_try_read_lock(&lock), 0);
    assert_int_equal(whorl_rwlock_read_unlock(&lock), 0);
    assert_int_equal(whorl_rwlock_read_unlock(&lock), 0);
    assert_int_equal(whorl_rwlock_write_lock(&lock), -ECANCELED);
    assert_int_equal(whorl_rwlock_try_write_lock(&lock), 0);
    assert_int_equal(whorl_rwlock_write_unlock(&lock), 0);
    assert_int_equal(whorl_uncancel(), 1);
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
        as_task(readers_go_in_together_and_not_before_a_writer_who_waits),
        as_task(unlocking_hands_it_on),
        as_task(a_writer_who_leaves_the_queue_lets_the_readers_behind_it_in),
        as_task(a_writer_may_become_a_reader_with_the_readers_who_wait),
        as_task(who_does_not_hold_it_cannot_let_it_go),
        as_task(a_cancelled_task_can_let_go_and_try),
        behaviour(what_an_earlier_run_left_locked_is_nobodys),
    };
    return run_behaviours("read-write lock", tests);
}
