/*
 * Walks against cancels, and where memory, entries or descriptors are refused: nothing is lost, and
 * the walk goes on where it was. And what is no walk.
 */
#include "fs/refusals.h"

#include "fs/only_thread.h"
#include "fs/walk_model.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Directories, and the files of each. It is walked some hundred times. */
enum { DIRECTORIES = 40, FILES = UNDER_SANITIZER ? 8 : 40 };

static void make_tree(void)
{
    for (int i = 0; i < DIRECTORIES; i++) {
        char name[40];
        snprintf(name, sizeof name, "%02d-directory", i);
        check_equal(mkdir(path_of(name).text, 0700), 0);
        for (int k = 0; k < FILES; k++) {
            snprintf(name, sizeof name, "%02d-directory/%d", i, k);
            check_equal(mknod(path_of(name).text, S_IFREG | 0600, 0), 0);
        }
    }
    /* Where the levels need more room, and the text of the path at once. */
    char seventh[256] = "7/2/3/4/5/6/7/";
    for (char *slash = seventh; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        check_equal(mkdir(path_of(seventh).text, 0700), 0);
    }
    memset(seventh + strlen(seventh), 'n', 150);
    check_equal(mknod(path_of(seventh).text, S_IFREG | 0600, 0), 0);
    /* Deep enough for paths and levels to need more room, and to be opened again. */
    char deep[256] = "deep";
    for (int i = 0; i < 30; i++) {
        check_equal(mkdir(path_of(deep).text, 0700), 0);
        strcat(deep, "/deep");
    }
}

/* Walks to the end, over whatever errors the calls give; each is told to `failed`. Ends it in a
 * task that is cancelled or not. */
struct walking {
    void (*failed)(int error);
    struct record record;
};

/* What was visited last is known still after an error. */
static void check_last_visit(whorl_walk *walk, bool begun)
{
    struct statx status;
    int result = whorl_walk_statx(walk, STATX_TYPE, &status);
    check(result == (begun ? 0 : -EINVAL) || result == -ECANCELED);
}

static intptr_t walk_to_the_end(void *arg)
{
    struct walking *walking = arg;
    whorl_walk walk;
    whorl_walk_entry entry;
    int result;
    bool begun = false;
    while ((result = whorl_walk_begin(&walk, path_of("").text, WHORL_WALK_SORTED)) < 0) {
        check_equal(whorl_walk_end(&walk), -EINVAL);
        walking->failed(result);
    }
    while ((result = whorl_walk_next(&walk, &entry)) != 0) {
        is_the_test = true;
        begun |= result == 1;
        if (result == 1) {
            record_visit(&walking->record, &entry);
        } else {
            walking->failed(result);
            check_last_visit(&walk, begun);
        }
        is_the_test = false;
    }
    return whorl_walk_end(&walk);
}

static void compare_with_the_model(struct record *actual)
{
    struct record expected;
    expect_walk(&expected, path_of("").text, WHORL_WALK_SORTED);
    compare_records(actual, &expected);
}

/* --- Memory --- */

static int refusals;

static void count_refusal(int error)
{
    check_equal(error, -ENOMEM);
    refusals++;
}

static intptr_t walk_once(void *arg)
{
    (void)arg;
    struct walking walking = {.failed = count_refusal};
    intptr_t result = walk_to_the_end(&walking);
    is_the_test = true;
    compare_with_the_model(&walking.record);
    is_the_test = false;
    return result;
}

static intptr_t refuse_memory_to_a_walk(void *arg)
{
    long requests = refuse_each_once(walk_once, NULL);
    check_equal(refusals, requests); /* each was told */
    print_message("%ld requests for memory were refused in turn\n", requests);
    return (intptr_t)arg;
}

static void without_memory_a_walk_stays_where_it_is(void **state)
{
    (void)state;
    make_tree();
    refusals = 0;
    run_checks(refuse_memory_to_a_walk, NULL);
}

/* --- Cancels --- */

static int cancels;

static void uncancel(int error)
{
    check_equal(error, -ECANCELED);
    check(whorl_uncancel() > 0);
    cancels++;
}

static intptr_t cancel_now_and_then(void *arg)
{
    long rounds = test_rounds(UNDER_SANITIZER ? 4 : 20);
    random_source source = random_from_seed(2);
    (void)arg;
    for (long i = 0; i < rounds; i++) {
        struct walking walking = {.failed = uncancel};
        whorl_task *task = whorl_spawn(walk_to_the_end, &walking);
        while (!whorl_is_done(task)) {
            for (int turns = (int)random_below(&source, 10); turns >= 0; turns--)
                check_equal(whorl_yield(), 0);
            for (volatile int wait = (int)random_below(&source, 30000); wait > 0; wait--)
                continue;
            /* A thread may wake up more slowly than all that. */
            if (random_below(&source, 8) == 0)
                check_equal(whorl_sleep(WHORL_MS(1)), 0);
            whorl_cancel(task);
        }
        check_equal(whorl_join(task), 0);
        compare_with_the_model(&walking.record);
    }
    print_message("%ld walks were cancelled %d times\n", rounds, cancels);
    return 0;
}

static void cancelled_at_any_time_a_walk_stays_where_it_is(void **state)
{
    (void)state;
    make_tree();
    cancels = 0;
    run_checks(cancel_now_and_then, NULL);
    assert_true(cancels > 0);
}

static intptr_t next_visit(void *arg)
{
    whorl_walk_entry entry;
    int result = whorl_walk_next(arg, &entry);
    return result == 1 ? (intptr_t)entry.visit : result;
}

static intptr_t cancel_what_waits(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    struct statx status;
    check_equal(whorl_walk_begin(&walk, path_of("").text, WHORL_WALK_SORTED), 0);
    check_equal(next_visit(&walk), WHORL_VISIT_DIR);
    check_equal(cancelled_in_queue(next_visit, &walk), -ECANCELED);
    check_equal(whorl_walk_statx(&walk, STATX_TYPE, &status), 0); /* of the last visit, as before */

    keep_only_thread();
    whorl_task *waits = whorl_spawn(next_visit, &walk);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_walk_next(&walk, &entry), -EBUSY);
    check_equal(whorl_walk_skip(&walk), -EBUSY);
    check_equal(whorl_walk_statx(&walk, STATX_TYPE, &status), -EBUSY);
    check_equal(whorl_walk_end(&walk), -EBUSY);
    let_only_thread_go();
    check_equal(whorl_join(waits), WHORL_VISIT_DIR);

    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_walk_next(&walk, &entry), -ECANCELED);
    check_equal(whorl_walk_statx(&walk, STATX_TYPE, &status), -ECANCELED);
    check_equal(whorl_walk_skip(&walk), 0);
    check_equal(whorl_walk_end(&walk), 0);
    check_equal(whorl_walk_begin(&walk, path_of("").text, 0), -ECANCELED);
    return (intptr_t)arg;
}

static void in_the_queue_a_visit_is_taken_back_and_keeps_others_away(void **state)
{
    (void)state;
    make_tree();
    run_checks_with(&one_thread, cancel_what_waits, NULL);
}

/* --- Entries --- */

static void fail_never(int error)
{
    check_failed("a call gives %d", error);
}

static intptr_t fail_each_read(void *arg)
{
    int error_visits = 0;
    (void)arg;
    for (int call = 0; call < 150; call++) {
        struct walking walking = {.failed = fail_never};
        fail_reading(call, EIO);
        check_equal(walk_to_the_end(&walking), 0);
        fail_reading(-1, 0);
        char *told = strstr(walking.record.text, "error ");
        if (told) {
            error_visits++;
            check(strstr(told, " EIO\n") != NULL);
            check(strstr(told + 1, "error ") == NULL);
        }
        size_t len = strlen(walking.record.text);
        check_text(walking.record.text + len - 7, "end 0 \n");
        free(walking.record.text);
    }
    check_equal(error_visits > 100, 1);
    print_message("%d of 150 walks met the error\n", error_visits);
    return 0;
}

static void an_error_of_reading_is_one_visit_and_the_walk_goes_on(void **state)
{
    (void)state;
    make_tree();
    run_checks(fail_each_read, NULL);
}

/* The read is made again, and may come to the same or not. */
static intptr_t fail_reading_without_memory(void *arg)
{
    (void)arg;
    for (int fails_again = 0; fails_again < 2; fails_again++) {
        whorl_walk walk;
        whorl_walk_entry entry;
        check_equal(whorl_walk_begin(&walk, path_of("").text, WHORL_WALK_SORTED), 0);
        check_equal(next_visit(&walk), WHORL_VISIT_DIR);
        fail_reading(0, EIO);
        refuse_memory_call(0);
        check_equal(whorl_walk_next(&walk, &entry), -ENOMEM);
        check(refuse_no_more_memory());
        fail_reading(fails_again ? 0 : -1, EIO);
        check_equal(whorl_walk_next(&walk, &entry), 1);
        check_equal(entry.visit, fails_again ? WHORL_VISIT_ERROR : WHORL_VISIT_DIR);
        check_equal(entry.error, fails_again ? -EIO : 0);
        fail_reading(-1, 0);
        check_equal(whorl_walk_end(&walk), 0);
    }
    return 0;
}

static void an_error_of_reading_that_has_no_memory_is_met_again_or_not(void **state)
{
    (void)state;
    make_tree();
    run_checks(fail_reading_without_memory, NULL);
}

/* --- Descriptors --- */

enum { FEW = 256 };

/* Takes all that are left; gives how many of `spare` are taken. */
static int take_descriptors(int spare[FEW], int count)
{
    while (count < FEW && (spare[count] = dup(0)) >= 0)
        count++;
    check(count < FEW);
    return count;
}

static intptr_t walk_without_descriptors(void *arg)
{
    struct walking walking = {.failed = fail_never};
    whorl_walk walk;
    whorl_walk_entry entry;
    int spare[FEW], errors = 0;
    check_equal(walk_to_the_end(&walking), 0); /* the pool has what it needs */
    free(walking.record.text);
    check_equal(whorl_walk_begin(&walk, path_of("").text, WHORL_WALK_SORTED), 0);
    for (int i = 0; i < 2 + 1 + FILES; i++)
        check_equal(whorl_walk_next(&walk, &entry), 1);
    int count = take_descriptors(spare, 0);
    while (errors < 10 && check_equal(whorl_walk_next(&walk, &entry), 1)) {
        if (entry.visit == WHORL_VISIT_ERROR) {
            check_equal(entry.error, -EMFILE);
            errors++;
        }
    }
    while (count > 0)
        close(spare[--count]);
    int files = 0;
    while (whorl_walk_next(&walk, &entry) == 1) {
        check(entry.visit != WHORL_VISIT_ERROR);
        files += entry.visit == WHORL_VISIT_FILE;
    }
    check_equal(files >= FILES * (DIRECTORIES - 12), 1);
    check_equal(whorl_walk_end(&walk), 0);
    return (intptr_t)arg;
}

static void run_with_few_descriptors(const whorl_config *config, whorl_fn *fn)
{
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = FEW;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    run_checks_with(config, fn, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void without_a_descriptor_a_directory_is_told_and_the_walk_goes_on(void **state)
{
    (void)state;
    make_tree();
    run_with_few_descriptors(NULL, walk_without_descriptors);
}

/* A directory is left whose parent cannot be opened again; a cancel comes to the next visit there,
 * which is made when there are descriptors again. */
static intptr_t cancel_without_descriptors(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry = {0};
    int spare[FEW], count = 0;
    check_equal(whorl_walk_begin(&walk, path_of("chain").text, WHORL_WALK_SORTED), 0);
    while (entry.visit != WHORL_VISIT_FILE && check_equal(whorl_walk_next(&walk, &entry), 1))
        continue;
    while ((entry.visit != WHORL_VISIT_DIR_END || entry.dirfd >= 0) && failed_checks() == 0) {
        count = take_descriptors(spare, count);
        check_equal(whorl_walk_next(&walk, &entry), 1);
    }
    check(entry.depth > 1);
    unsigned depth = entry.depth;
    check_equal(cancelled_in_queue(next_visit, &walk), -ECANCELED);
    while (count > 0)
        close(spare[--count]);
    check_equal(whorl_walk_next(&walk, &entry), 1);
    check_equal(entry.visit, WHORL_VISIT_FILE);
    check_equal(entry.depth, depth);
    check(entry.dirfd >= 0);
    check_equal(whorl_walk_end(&walk), 0);
    return (intptr_t)arg;
}

static void cancelled_where_a_directory_was_lost_a_walk_stays_there(void **state)
{
    (void)state;
    char deep[256] = "chain", file[300];
    for (int i = 0; i < 30; i++) {
        check_equal(mkdir(path_of(deep).text, 0700), 0);
        snprintf(file, sizeof file, "%s/file", deep);
        check_equal(mknod(path_of(file).text, S_IFREG | 0600, 0), 0);
        strcat(deep, "/deep");
    }
    run_with_few_descriptors(&one_thread, cancel_without_descriptors);
}

/* --- Misuse --- */

static intptr_t misuse(void *arg)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    struct statx status;
    check_equal(whorl_walk_begin(NULL, "/", 0), -EINVAL);
    check_equal(whorl_walk_begin(&walk, "/", 1 << 10), -EINVAL);
    check_equal(whorl_walk_begin(&walk, NULL, 0), -EFAULT);
    check_equal(whorl_walk_begin(&walk, "", 0), -ENOENT);
    check_equal(whorl_walk_begin(&walk, path_of("missing").text, 0), -ENOENT);
    check_equal(whorl_walk_beginat(&walk, -1, "name", 0), -EBADF);
    for (int i = 0; i < 2; i++) {
        check_equal(whorl_walk_next(&walk, &entry), -EINVAL);
        check_equal(whorl_walk_skip(&walk), -EINVAL);
        check_equal(whorl_walk_statx(&walk, STATX_SIZE, &status), -EINVAL);
        check_equal(whorl_walk_end(&walk), -EINVAL);
        if (i == 0) {
            check_equal(whorl_walk_begin(&walk, "/", 0), 0);
            check_equal(whorl_walk_next(&walk, NULL), -EINVAL);
            check_equal(whorl_walk_end(&walk), 0);
        }
    }
    check_equal(whorl_walk_next(NULL, &entry), -EINVAL);
    check_equal(whorl_walk_skip(NULL), -EINVAL);
    check_equal(whorl_walk_statx(NULL, STATX_SIZE, &status), -EINVAL);
    check_equal(whorl_walk_end(NULL), -EINVAL);
    return (intptr_t)arg;
}

static void what_is_no_walk_is_refused(void **state)
{
    (void)state;
    whorl_walk walk = {{&walk}};
    whorl_walk_entry entry;
    run_checks(misuse, NULL);
    assert_int_equal(whorl_walk_next(&walk, &entry), -EPERM);
    assert_int_equal(whorl_walk_end(&walk), -EPERM);
    assert_int_equal(whorl_walk_begin(&walk, "/", 0), -EPERM);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(without_memory_a_walk_stays_where_it_is),
        behaviour(cancelled_at_any_time_a_walk_stays_where_it_is),
        behaviour(in_the_queue_a_visit_is_taken_back_and_keeps_others_away),
        behaviour(an_error_of_reading_is_one_visit_and_the_walk_goes_on),
        behaviour(an_error_of_reading_that_has_no_memory_is_met_again_or_not),
        behaviour(without_a_descriptor_a_directory_is_told_and_the_walk_goes_on),
        behaviour(cancelled_where_a_directory_was_lost_a_walk_stays_there),
        behaviour(what_is_no_walk_is_refused),
    };
    return run_behaviours("walk_refused", tests);
}
