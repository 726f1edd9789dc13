/*
 * What the test programs share: running a function as a main task, checks that may fail inside a
 * task, seeds, temporary directories, and socket pairs.
 *
 * cmocka reports a failure by longjmp, which must not leave a fiber. Inside a task (and in threads
 * and forked children) use check and check_equal: they print and count. run() and run_with() turn
 * the count into a failed test once the loop has ended; so does the end of the test itself.
 * cmocka's own assertions are for code outside tasks, and for tests that run as tasks (as_task.h).
 *
 * A program lists its tests as behaviour(function), or as_task(function), and ends main with
 * `return run_behaviours("room", tests);`. Each behaviour is checked for leaked descriptors, and
 * its temporary directory is removed after it.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <whorl.h>

#if defined(__has_feature)
#define SUPPORT_HAS_FEATURE(feature) __has_feature(feature)
#else
#define SUPPORT_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SUPPORT_HAS_FEATURE(address_sanitizer)
#define UNDER_ADDRESS_SANITIZER 1
#else
#define UNDER_ADDRESS_SANITIZER 0
#endif

#if defined(__SANITIZE_THREAD__) || SUPPORT_HAS_FEATURE(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#else
#define UNDER_THREAD_SANITIZER 0
#endif

#define UNDER_SANITIZER (UNDER_ADDRESS_SANITIZER || UNDER_THREAD_SANITIZER)

/* How many tasks are a crowd. The thread sanitizer takes about a millisecond of the system's time
 * for each fiber, and holds no more than about 8,000. */
#define CROWD_OF(count) (UNDER_THREAD_SANITIZER ? 500 : (count))

/* How many rounds of what begins a program or a run in each, and is no race of threads. */
#define ROUNDS_OF(count) (UNDER_THREAD_SANITIZER ? (count) / 5 : (count))

#define count_of(array) (sizeof(array) / sizeof((array)[0]))

/* --- Programs and tests --- */

#define behaviour(function)                                                                        \
    {                                                                                              \
#function, behaviour_body, behaviour_begin, behaviour_end, (void *)(function)              \
    }

#define run_behaviours(name, tests) run_behaviours_of(name, tests, count_of(tests))

/* Prints the seed, runs the tests, and returns main's status. A program that hangs is ended by
 * SIGALRM after 10 minutes times WHORL_TEST_ROUNDS. WHORL_TEST_ONLY, a pattern such as
 * "*cancel*", chooses tests by name. */
int run_behaviours_of(const char *name, const struct CMUnitTest *tests, size_t count);

/* What a test consists of for cmocka. The body runs the function and then fails, by cmocka's own
 * means, for what it left behind; a failing teardown would be in none of cmocka's counts. */
int behaviour_begin(void **state);
void behaviour_body(void **state);
int behaviour_end(void **state);

/* The tear-down of a test that runs as a task (as_task.h): fails it for checks that failed. */
int task_behaviour_end(void **state);

/* Prints how many CROWD_OF gave, where the thread sanitizer makes them fewer. */
void tell_crowd(int count);

/* Ends the running test as skipped and says why. Outside tasks only. */
#define skip_because(...)                                                                          \
    do {                                                                                           \
        print_skip(__func__, __VA_ARGS__);                                                         \
        skip();                                                                                    \
    } while (0)

void print_skip(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- Running a main task --- */

/* Runs fn(arg) as a main task, with the configuration of each behaviour's default, or with
 * `config`. Returns what whorl_run gave. Fails the test if a check failed meanwhile. */
intptr_t run_with(const whorl_config *config, whorl_fn *fn, void *arg);

static inline intptr_t run(whorl_fn *fn, void *arg)
{
    return run_with(NULL, fn, arg);
}

/* The same for a body that is all checks: fails the test unless its result is 0. */
void run_checks_with(const whorl_config *config, whorl_fn *fn, void *arg);

static inline void run_checks(whorl_fn *fn, void *arg)
{
    run_checks_with(NULL, fn, arg);
}

/* --- Checks: from anywhere, any thread. Each returns whether it held. --- */

#define check(condition) check_at((condition), #condition, __FILE__, __LINE__)

#define check_equal(actual, expected)                                                              \
    check_equal_at((intmax_t)(actual), (intmax_t)(expected), #actual, #expected, __FILE__, __LINE__)

#define check_text(actual, expected) check_text_at(actual, expected, #actual, __FILE__, __LINE__)

/* For a result that may be any of a few, or otherwise needs words: prints them and fails. */
#define check_failed(...) check_failed_at(__FILE__, __LINE__, __VA_ARGS__)

bool check_at(bool holds, const char *text, const char *file, int line);
bool check_equal_at(intmax_t actual, intmax_t expected, const char *actual_text,
                    const char *expected_text, const char *file, int line);
bool check_text_at(const char *actual, const char *expected, const char *actual_text,
                   const char *file, int line);
bool check_failed_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How many checks have failed since the test began: for a forked child's exit status. */
unsigned failed_checks(void);

/* --- Seeds and rounds --- */

/* From WHORL_TEST_SEED, or else random; the same over the whole program. */
uint64_t test_seed(void);

/* `standard` times WHORL_TEST_ROUNDS, which is 1 unless set. */
long test_rounds(long standard);

typedef struct random_source {
    uint64_t state;
} random_source;

/* A source of its own for each `stream`, derived from the seed. */
random_source random_from_seed(uint64_t stream);
uint64_t random_next(random_source *source);
uint64_t random_below(random_source *source, uint64_t bound); /* 0 to bound - 1; bound > 0 */

/* --- Memory --- */

/* A figure of /proc/self/status in KiB, such as that of "VmRSS:", or -1. */
long status_figure(const char *field);

/* --- Descriptors and files, by plain system calls --- */

/* How many descriptors this process has open. */
int open_descriptors(void);

/* 1 if fd is open in this process. */
bool is_open(int fd);

typedef struct test_path {
    char text[256];
} test_path;

/* A path below the behaviour's temporary directory, which is made at the first call and removed,
 * with all that is in it, when the behaviour ends. "" names the directory itself. */
test_path path_of(const char *name);

/* Writes or reads a whole file, for setting up and looking after. read_whole returns the count, or
 * -errno. */
void write_whole(const char *path, const void *data, size_t len);
ssize_t read_whole(const char *path, void *data, size_t room);

/* The file "digits", which holds "0123456789" anew, opened with `flags`. */
int digits_file(int flags);

/* Two connected descriptors; ends[0] reads what is written to ends[1], and for sockets the other
 * way round too. All of them blocking, and closed on exec. */
typedef struct pair {
    int ends[2];
} pair;

pair pipe_pair(void);
pair unix_pair(void);
pair tcp_pair(void);
void close_pair(pair *both); /* closes those of the ends that are not -1 */

/* Of a TCP socket: a byte that was sent, and received at the other end, leaves a mark in the error
 * queue, which to a poll is an error until it is read. */
void leave_mark_in_error_queue(const pair *both, int end);

/* How many bytes can be read from fd at once. */
long unread_in(int fd);

/* Reads from fd, and checks that it was just this. */
void check_unread(int fd, const char *expected);

/* Writes to fd, which is put back to blocking after, until it takes no more, and none of what is
 * under way will make room. Returns the bytes. */
size_t fill_descriptor(int fd);

struct sockaddr_in;

/* A TCP socket that listens on 127.0.0.1, on a free port, which goes to *address. */
int tcp_listener(struct sockaddr_in *address, int backlog);

#endif
