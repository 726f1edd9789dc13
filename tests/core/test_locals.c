/* Task-local values: inherited at a spawn, in every way of spawning, and apart from then on. */
#include "as_task.h"
#include "starve.h"

#include <core/loop.h>
#include <malloc.h>
#include <stdlib.h>

static const whorl_local user = WHORL_LOCAL_INIT("user", "nobody");
static const whorl_local place = WHORL_LOCAL_INIT("place", NULL);

/* Ends with 0 if the task's user is the one named. */
static intptr_t expect_user(void *name)
{
    assert_string_equal(whorl_local_get(&user), name);
    assert_int_equal(whorl_yield(), 0);
    assert_string_equal(whorl_local_get(&user), name);
    return 0;
}

static void a_value_is_the_keys_own_until_one_is_set(void **state)
{
    (void)state;
    assert_string_equal(whorl_local_get(&user), "nobody");
    assert_null(whorl_local_get(&place));
    assert_int_equal(whorl_local_set(&user, "ada"), 0);
    assert_string_equal(whorl_local_get(&user), "ada");
    assert_null(whorl_local_get(&place));
    assert_int_equal(whorl_local_set(&user, NULL), 0);
    assert_null(whorl_local_get(&user));
    assert_int_equal(whorl_local_set(&place, "here"), 0);
    assert_int_equal(whorl_local_set(&user, "grace"), 0);
    assert_string_equal(whorl_local_get(&user), "grace");
    assert_string_equal(whorl_local_get(&place), "here");
}

static void unset_the_keys_own_is_seen_again(void **state)
{
    (void)state;
    assert_int_equal(whorl_local_unset(&user), 0);
    assert_int_equal(whorl_local_set(&user, "ada"), 0);
    assert_int_equal(whorl_local_set(&place, "here"), 0);
    assert_int_equal(whorl_local_unset(&user), 0);
    assert_string_equal(whorl_local_get(&user), "nobody");
    assert_string_equal(whorl_local_get(&place), "here");
    assert_int_equal(whorl_local_unset(&user), 0);
    assert_int_equal(whorl_local_unset(&place), 0);
    assert_null(whorl_local_get(&place));
    assert_int_equal(whorl_join(whorl_spawn(expect_user, "nobody")), 0);
}

/* --- Inheritance --- */

static void a_task_starts_with_the_values_of_its_spawner_at_that_moment(void **state)
{
    (void)state;
    whorl_group group;
    assert_int_equal(whorl_local_set(&user, "ada"), 0);
    whorl_task *spawned = whorl_spawn(expect_user, "ada");
    whorl_task *later = whorl_call_later(WHORL_SECONDS(1), expect_user, "ada");
    assert_int_equal(whorl_group_init(&group), 0);
    assert_int_equal(whorl_group_spawn(&group, expect_user, "ada"), 0);
    assert_int_equal(whorl_group_spawn_limited(&group, 2, expect_user, "ada"), 0);
    assert_int_equal(whorl_local_set(&user, "grace"), 0);
    whorl_task *eager = whorl_spawn_with(&(whorl_spawn_options){.eager = 1}, expect_user, "grace");
    assert_int_equal(whorl_join(spawned), 0);
    assert_int_equal(whorl_join(eager), 0);
    assert_int_equal(whorl_group_wait(&group, 0), 0);
    assert_int_equal(whorl_join(later), 0);
    assert_string_equal(whorl_local_get(&user), "grace");
}

static intptr_t expect_ada_among_calls(void *arg)
{
    (void)arg;
    return expect_user("ada");
}

static void children_of_a_gather_inherit_too(void **state)
{
    (void)state;
    whorl_call children[] = {{.fn = expect_ada_among_calls}, {.fn = expect_ada_among_calls}};
    intptr_t results[2];
    assert_int_equal(whorl_local_set(&user, "ada"), 0);
    assert_int_equal(whorl_gather_calls(children, 2, results, 0), 0);
}

static intptr_t change_its_own(void *arg)
{
    assert_string_equal(whorl_local_get(&user), "ada");
    assert_int_equal(whorl_local_set(&user, arg), 0);
    assert_int_equal(whorl_local_set(&place, arg), 0);
    assert_int_equal(whorl_join(whorl_spawn(expect_user, arg)), 0);
    assert_string_equal(whorl_local_get(&user), arg);
    assert_int_equal(whorl_local_unset(&user), 0);
    assert_string_equal(whorl_local_get(&user), "nobody");
    assert_string_equal(whorl_local_get(&place), arg);
    return 0;
}

static intptr_t take_its_own_away(void *arg)
{
    (void)arg;
    assert_int_equal(whorl_local_unset(&user), 0);
    assert_string_equal(whorl_local_get(&user), "nobody");
    assert_string_equal(whorl_local_get(&place), "here");
    return 0;
}

static void a_change_in_one_is_not_seen_in_another(void **state)
{
    (void)state;
    assert_int_equal(whorl_local_set(&user, "ada"), 0);
    whorl_task *one = whorl_spawn(change_its_own, "grace");
    whorl_task *other = whorl_spawn(change_its_own, "mary");
    assert_int_equal(whorl_local_set(&place, "here"), 0);
    whorl_task *third = whorl_spawn(take_its_own_away, NULL);
    assert_int_equal(whorl_join(one), 0);
    assert_int_equal(whorl_join(other), 0);
    assert_int_equal(whorl_join(third), 0);
    assert_string_equal(whorl_local_get(&user), "ada");
    assert_string_equal(whorl_local_get(&place), "here");
}

static intptr_t outlive(void *arg)
{
    assert_int_equal(whorl_sleep(WHORL_SECONDS(1)), 0);
    return expect_user(arg);
}

static intptr_t spawn_and_end(void *task)
{
    assert_int_equal(whorl_local_set(&user, "ada"), 0);
    *(whorl_task **)task = whorl_spawn(outlive, "ada");
    return 0;
}

static void values_stay_when_the_spawner_ends(void **state)
{
    (void)state;
    whorl_task *child;
    assert_int_equal(whorl_join(whorl_spawn(spawn_and_end, &child)), 0);
    assert_string_equal(whorl_local_get(&user), "nobody");
    assert_int_equal(whorl_join(child), 0);
}

enum { KEYS = 50, DEPTH = 200 };

static whorl_local keys[KEYS];

/* Changes some values at random, and passes what it has on to a child that does the same. */
static intptr_t descend(void *arg)
{
    const intptr_t *inherited = arg;
    intptr_t own[KEYS + 1];
    random_source random = random_from_seed((uint64_t)inherited[KEYS]);
    for (int i = 0; i < KEYS; i++)
        own[i] = inherited[i];
    for (int i = 0; i < 20; i++) {
        size_t k = (size_t)random_below(&random, KEYS);
        own[k] = (intptr_t)random_below(&random, 3);
        if (own[k] == 0)
            assert_int_equal(whorl_local_unset(&keys[k]), 0);
        else
            assert_int_equal(whorl_local_set(&keys[k], (void *)own[k]), 0);
    }
    own[KEYS] = inherited[KEYS] + 1;
    if (own[KEYS] < DEPTH)
        assert_int_equal(whorl_join(whorl_spawn(descend, own)), 0);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal((intptr_t)whorl_local_get(&keys[i]), own[i]);
    return 0;
}

static void many_values_and_generations_are_kept_apart(void **state)
{
    (void)state;
    intptr_t none[KEYS + 1] = {0};
    assert_int_equal(whorl_join(whorl_spawn(descend, none)), 0);
}

/* --- Ends --- */

static const char *seen_at_end;

static intptr_t see_user(void *arg)
{
    assert_int_equal(whorl_yield(), 0);
    seen_at_end = whorl_local_get(&user);
    return (intptr_t)arg;
}

static intptr_t defer_and_set(void *arg)
{
    assert_int_equal(whorl_defer(see_user, arg), 0);
    return whorl_local_set(&user, "ada");
}

static void deferred_handlers_see_them(void **state)
{
    (void)state;
    assert_int_equal(whorl_join(whorl_spawn(defer_and_set, NULL)), 0);
    assert_string_equal(seen_at_end, "ada");
}

static const struct wait_kind eternity = {.name = "eternity"};

static intptr_t wait_for_ever(void *arg)
{
    check_equal(whorl_local_set(&user, "ada"), 0);
    return task_park(loop_here, loop_here->current, &eternity, arg);
}

static int be_given_up(void *arg)
{
    /* malloc keeps the aligned memory that a watch of SIGINT takes. */
    whorl_config config = {.sigint = WHORL_SIGINT_LEAVE};
    size_t used = 0;
    for (int i = 0; i < 3; i++) {
        check_equal(whorl_run_with(&config, wait_for_ever, arg), -EDEADLK);
        if (i == 0)
            used = mallinfo2().uordblks;
        check_equal(mallinfo2().uordblks, used);
    }
    return 0;
}

static void tasks_that_are_given_up_keep_none(void **state)
{
    (void)state;
    run_in_child(be_given_up, NULL);
}

/* --- No memory --- */

static intptr_t change_what_is_shared(void *arg)
{
    check_equal(whorl_local_set(&keys[0], arg), -ENOMEM);
    check_equal(whorl_local_unset(&keys[0]), -ENOMEM);
    check_text(whorl_local_get(&keys[0]), "here");
    return 0;
}

static intptr_t set_without_memory(void *arg)
{
    check_equal(whorl_local_set(&keys[0], "here"), 0);
    check_equal(whorl_local_set(&keys[1], "there"), 0);
    whorl_task *child = whorl_spawn(change_what_is_shared, arg);
    leave_memory(SPARE_BYTES);
    void *taken = take_heap();
    check_equal(whorl_local_set(&keys[2], arg), -ENOMEM);
    check_equal(whorl_join(child), 0);
    /* In its own array it changes what is there. */
    check_equal(whorl_local_set(&keys[0], "elsewhere"), 0);
    check_equal(whorl_local_unset(&keys[1]), 0);
    give_heap_back(taken);
    check_text(whorl_local_get(&keys[0]), "elsewhere");
    check(!whorl_local_get(&keys[1]) && !whorl_local_get(&keys[2]));
    return 0;
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    if (UNDER_SANITIZER)
        skip_because("a sanitizer's malloc has all its address space before it is limited");
    run_checks_in_child(NULL, set_without_memory, NULL);
}

/* --- Refused --- */

static void a_key_is_needed(void **state)
{
    (void)state;
    assert_null(whorl_local_get(NULL));
    assert_int_equal(whorl_local_set(NULL, NULL), -EINVAL);
    assert_int_equal(whorl_local_unset(NULL), -EINVAL);
}

static void outside_of_tasks_there_are_none(void **state)
{
    (void)state;
    assert_string_equal(whorl_local_get(&user), "nobody");
    assert_int_equal(whorl_local_set(&user, "ada"), -EPERM);
    assert_int_equal(whorl_local_unset(&user), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_value_is_the_keys_own_until_one_is_set),
        as_task(unset_the_keys_own_is_seen_again),
        as_task(a_task_starts_with_the_values_of_its_spawner_at_that_moment),
        as_task(children_of_a_gather_inherit_too),
        as_task(a_change_in_one_is_not_seen_in_another),
        as_task(values_stay_when_the_spawner_ends),
        as_task(many_values_and_generations_are_kept_apart),
        as_task(deferred_handlers_see_them),
        behaviour(tasks_that_are_given_up_keep_none),
        behaviour(without_memory_nothing_changes),
        as_task(a_key_is_needed),
        behaviour(outside_of_tasks_there_are_none),
    };
    return run_behaviours("locals", tests);
}
