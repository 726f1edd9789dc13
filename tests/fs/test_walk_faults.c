/*
 * Walks while system calls fail, each in its turn: it is told as a visit, once, and the rest is
 * visited; or it does no harm, and all is.
 */
#include "fs/failing_calls.h"

enum { LEVELS = 30, FILES = 3 }; /* more levels than stay open */

static int files, directories, errors; /* that a walk has visited */
static int told;                       /* errors of all of them */

static void make_deep(void)
{
    char deep[200] = "deep", file[220];
    for (int i = 0; i < LEVELS; i++) {
        check_equal(mkdir(path_of(deep).text, 0700), 0);
        for (int k = 0; k < FILES; k++) {
            snprintf(file, sizeof file, "%s/%d", deep, k + 4);
            check_equal(mknod(path_of(file).text, S_IFREG | 0600, 0), 0);
        }
        strcat(deep, "/5d");
    }
}

static void forget(void)
{
    files = directories = errors = 0;
}

/* Nothing that fails is an error of the walk. */
static int walk_it(void)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    int result, open = 0;
    check_equal(whorl_walk_begin(&walk, path_of("deep").text, WHORL_WALK_SORTED), 0);
    while ((result = whorl_walk_next(&walk, &entry)) == 1) {
        files += entry.visit == WHORL_VISIT_FILE;
        directories += entry.visit == WHORL_VISIT_DIR;
        open += entry.visit == WHORL_VISIT_DIR;
        open -= entry.visit == WHORL_VISIT_DIR_END;
        if (entry.visit == WHORL_VISIT_ERROR &&
            check(entry.error == -EIO || entry.error == -ESTALE))
            errors++;
    }
    check_equal(open, 0);
    check_equal(whorl_walk_end(&walk), 0);
    return result;
}

static void judge(int result)
{
    check_equal(result, 0);
    check(errors <= 1);
    if (errors == 0) {
        check_equal(directories, LEVELS);
        check_equal(files, LEVELS * FILES);
    }
    told += errors;
}

static intptr_t walk_without_each(void *arg)
{
    static const char *const names[] = {"openat", "fstat", "getdents64"};
    static const struct failing_case walking = {forget, walk_it, judge};
    (void)arg;
    for (size_t i = 0; i < count_of(names); i++) {
        told = 0;
        fail_each_in_turn(&walking, names[i], EIO);
        check(told > 0);
        printf("%s: told in %d walks\n", names[i], told);
    }
    return 0;
}

static void a_call_that_fails_is_one_visit_or_none(void **state)
{
    (void)state;
    make_deep();
    run_checks(walk_without_each, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_call_that_fails_is_one_visit_or_none),
    };
    return run_behaviours("walk faults", tests);
}
