/* Games of mutexes, semaphores and read-write locks: see game.h. */
#include "game.h"

/* --- The mutex: the model is who holds it --- */

static whorl_mutex mutex;
static struct player *holder;
static struct line mutex_line;

static void mutex_begin(void)
{
    check_equal(whorl_mutex_init(&mutex), 0);
    holder = NULL;
    mutex_line.count = 0;
}

static void mutex_cut(struct player *player)
{
    check(line_remove(&mutex_line, player));
    decide(player, -ECANCELED);
}

static bool mutex_admit(struct player *me)
{
    if (holder)
        return false;
    holder = me;
    decide(me, 0);
    return true;
}

static intptr_t mutex_lock(struct player *me)
{
    (void)me;
    return whorl_mutex_lock(&mutex);
}

static void mutex_unlock(void)
{
    catch_up();
    holder = line_take(&mutex_line);
    if (holder)
        decide(holder, 0);
    check_equal(whorl_mutex_unlock(&mutex), 0);
}

static void mutex_try(struct player *me)
{
    catch_up();
    check_equal(whorl_mutex_try_lock(&mutex), holder ? -EBUSY : 0);
    if (holder)
        return;
    holder = me;
    rest(me);
    mutex_unlock();
}

static void mutex_turn(struct player *me)
{
    catch_up();
    check_equal(whorl_mutex_is_locked(&mutex), holder != NULL);
    check_equal(whorl_mutex_unlock(&mutex), -EPERM);
    if (random_below(&me->random, 8) == 0) {
        mutex_try(me);
    } else if (call(me, mutex_admit, &mutex_line, mutex_lock) == 0) {
        check_equal(whorl_mutex_lock(&mutex), -EDEADLK);
        rest(me);
        mutex_unlock();
    }
}

static const struct game mutex_game = {"mutex", mutex_begin, mutex_turn, mutex_cut};

/* --- The semaphore: the model is its value --- */

enum { BOUND_OF_SEMAPHORE = 3 };

static whorl_semaphore semaphore;
static intptr_t value;
static struct line semaphore_line;

static void semaphore_begin(void)
{
    check_equal(whorl_bounded_semaphore_init(&semaphore, 1, BOUND_OF_SEMAPHORE), 0);
    value = 1;
    semaphore_line.count = 0;
}

static void semaphore_cut(struct player *player)
{
    check(line_remove(&semaphore_line, player));
    decide(player, -ECANCELED);
}

static bool semaphore_admit(struct player *me)
{
    if (value == 0)
        return false;
    value--;
    decide(me, 0);
    return true;
}

static intptr_t semaphore_acquire(struct player *me)
{
    (void)me;
    return whorl_semaphore_acquire(&semaphore);
}

static void semaphore_release(void)
{
    catch_up();
    intptr_t expected = value == BOUND_OF_SEMAPHORE ? -EOVERFLOW : 0;
    struct player *next = line_take(&semaphore_line);
    if (next)
        decide(next, 0);
    else if (!expected)
        value++;
    check_equal(whorl_semaphore_release(&semaphore), expected);
}

/* Permits are taken and given without order, so that it is empty at times, and full. */
static void semaphore_turn(struct player *me)
{
    catch_up();
    check_equal(whorl_semaphore_value(&semaphore), value);
    switch (random_below(&me->random, 8)) {
    case 0:
        check_equal(whorl_semaphore_try_acquire(&semaphore), value ? 0 : -EAGAIN);
        value -= value > 0;
        break;
    case 1:
    case 2:
    case 3:
        semaphore_release();
        break;
    default:
        call(me, semaphore_admit, &semaphore_line, semaphore_acquire);
    }
}

static const struct game semaphore_game = {"semaphore", semaphore_begin, semaphore_turn,
                                           semaphore_cut};

/* --- The read-write lock: the model is its writer and the number of readers --- */

enum { TO_READ, TO_WRITE };

static whorl_rwlock lock;
static struct player *writer;
static int readers;
static struct line lock_line;

static void lock_begin(void)
{
    check_equal(whorl_rwlock_init(&lock), 0);
    writer = NULL;
    readers = 0;
    lock_line.count = 0;
}

static bool lock_enter(struct player *player)
{
    if (writer || (player->choice == TO_WRITE && readers > 0))
        return false;
    if (player->choice == TO_WRITE)
        writer = player;
    else
        readers++;
    return true;
}

static void lock_advance(void)
{
    while (lock_line.count > 0 && lock_enter(lock_line.players[0]))
        decide(line_take(&lock_line), 0);
}

static void lock_cut(struct player *player)
{
    check(line_remove(&lock_line, player));
    decide(player, -ECANCELED);
    lock_advance();
}

static bool lock_admit(struct player *me)
{
    if (lock_line.count > 0 || !lock_enter(me))
        return false;
    decide(me, 0);
    return true;
}

static intptr_t lock_lock(struct player *me)
{
    return me->choice == TO_WRITE ? whorl_rwlock_write_lock(&lock) : whorl_rwlock_read_lock(&lock);
}

static bool lock_try(struct player *me)
{
    catch_up();
    bool expected = lock_line.count == 0 && lock_enter(me);
    int result = me->choice == TO_WRITE ? whorl_rwlock_try_write_lock(&lock)
                                        : whorl_rwlock_try_read_lock(&lock);
    check_equal(result, expected ? 0 : -EBUSY);
    return expected;
}

/* A writer becomes a reader at times. */
static void lock_leave(struct player *me)
{
    catch_up();
    if (me->choice == TO_WRITE) {
        bool stays = random_below(&me->random, 2);
        writer = NULL;
        readers += stays;
        lock_advance();
        check_equal(stays ? whorl_rwlock_downgrade(&lock) : whorl_rwlock_write_unlock(&lock), 0);
        if (!stays)
            return;
        rest(me);
        catch_up();
    }
    readers--;
    lock_advance();
    check_equal(whorl_rwlock_read_unlock(&lock), 0);
}

static void lock_turn(struct player *me)
{
    me->choice = random_below(&me->random, 3) == 0 ? TO_WRITE : TO_READ;
    bool tries = random_below(&me->random, 8) == 0;
    if (tries ? !lock_try(me) : call(me, lock_admit, &lock_line, lock_lock) != 0)
        return;
    if (me->choice == TO_WRITE)
        check_equal(whorl_rwlock_read_lock(&lock), -EDEADLK);
    else
        check_equal(whorl_rwlock_write_unlock(&lock), -EPERM);
    rest(me);
    lock_leave(me);
}

static const struct game lock_game = {"read-write lock", lock_begin, lock_turn, lock_cut};

/* --- */

static void a_mutex_goes_by_the_model(void **state)
{
    (void)state;
    run_game(&mutex_game);
}

static void a_semaphore_goes_by_the_model(void **state)
{
    (void)state;
    run_game(&semaphore_game);
}

static void a_read_write_lock_goes_by_the_model(void **state)
{
    (void)state;
    run_game(&lock_game);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_mutex_goes_by_the_model),
        behaviour(a_semaphore_goes_by_the_model),
        behaviour(a_read_write_lock_goes_by_the_model),
    };
    return run_behaviours("games of locks", tests);
}
