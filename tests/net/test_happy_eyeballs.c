/*
 * Races of attempts to connect: in which order they begin and when, who wins, what becomes of the
 * others, and which error is told. Some of the addresses are places on the loopback network. Others
 * are acted here: by an error, or by a gate, which is a pipe, and connects when something is in it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "net/places.h"
#include "run/landing.h"

#include <net/connect.h>
#include <poll.h>
#include <sys/stat.h>

/* --- The actors --- */

enum { GATES = 2 };

static char attempts[1024]; /* that have begun, as text */
static int attempts_begun;
static pair gates[GATES]; /* of 10.0.1.1 and 10.0.1.2 */

int __real_attempt_open(const struct connect_plan *plan, const whorl_address *address);
int __wrap_attempt_open(const struct connect_plan *plan, const whorl_address *address);
whorl_op __real_whorl_op_connect(int fd, const struct sockaddr *address, socklen_t len);
whorl_op __wrap_whorl_op_connect(int fd, const struct sockaddr *address, socklen_t len);

/* 10.0.0.e fails with errno e; 10.0.1.n is gate n. The documentation's IPv6 addresses fail with
 * ENETUNREACH. */
int __wrap_attempt_open(const struct connect_plan *plan, const whorl_address *address)
{
    size_t used = strlen(attempts);
    address_text text = text_of(address);
    attempts_begun++;
    snprintf(attempts + used, sizeof attempts - used, "%s%s", used ? " " : "", text.text);
    if (strncmp(text.text, "[2001:db8:", 10) == 0)
        return -ENETUNREACH;
    if (strncmp(text.text, "10.0.0.", 7) == 0)
        return -atoi(text.text + 7);
    if (strncmp(text.text, "10.0.1.", 7) == 0)
        return fcntl(gates[atoi(text.text + 7) - 1].ends[0], F_DUPFD_CLOEXEC, 0);
    return __real_attempt_open(plan, address);
}

whorl_op __wrap_whorl_op_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))
        return whorl_op_poll(fd, POLLIN);
    return __real_whorl_op_connect(fd, address, len);
}

static void begin(const char *addresses)
{
    set_addresses(addresses);
    attempts[0] = '\0';
    attempts_begun = 0;
    assert_int_equal(whorl_resolve_forget(NULL), 0);
}

static int race(const char *addresses, const whorl_connect_options *options)
{
    begin(addresses);
    return whorl_tcp_connect("name.test", "7", options);
}

static void close_connected(int fd, const char *peer)
{
    assert_true(fd >= 0);
    assert_string_equal(peer_of(fd).text, peer);
    assert_int_equal(whorl_close(fd), 0);
}

static const whorl_connect_options one_by_one = {.attempt_delay = WHORL_FOREVER};
static const whorl_connect_options densely = {.attempt_delay = WHORL_MS(10)};

/* --- Order --- */

static void the_families_take_turns(void **state)
{
    (void)state;
    assert_int_equal(race("2001:db8::1 2001:db8::2 2001:db8::3 10.0.0.101 10.0.0.1", NULL), -EPERM);
    assert_string_equal(attempts,
                        "[2001:db8::1]:7 10.0.0.101:7 [2001:db8::2]:7 10.0.0.1:7 [2001:db8::3]:7");
    race("10.0.0.1 10.0.0.2 10.0.0.3 2001:db8::1", NULL);
    assert_string_equal(attempts, "10.0.0.1:7 [2001:db8::1]:7 10.0.0.2:7 10.0.0.3:7");
    race("2001:db8::1 10.0.0.1 10.0.0.2 2001:db8::2 10.0.0.3", NULL);
    assert_string_equal(attempts,
                        "[2001:db8::1]:7 10.0.0.1:7 [2001:db8::2]:7 10.0.0.2:7 10.0.0.3:7");
    race("10.0.0.3 10.0.0.1 10.0.0.2", NULL);
    assert_string_equal(attempts, "10.0.0.3:7 10.0.0.1:7 10.0.0.2:7");
}

static void the_error_is_that_of_who_came_furthest(void **state)
{
    (void)state;
    static const struct {
        const char *addresses;
        int error;
    } cases[] = {
        {"10.0.0.101 10.0.0.99", -ENETUNREACH},              /* the first of equals */
        {"10.0.0.99 10.0.0.101 10.0.0.97", -EADDRNOTAVAIL},  /* likewise */
        {"10.0.0.101 10.0.0.13 10.0.0.113", -EACCES},        /* more than no way at all */
        {"10.0.0.113 10.0.0.110 10.0.0.101", -ETIMEDOUT},    /* more than no host */
        {"10.0.0.110 10.0.0.111 10.0.0.104", -ECONNREFUSED}, /* the host has answered */
        {"10.0.0.24", -EMFILE},
        {"2001:db8::1 10.0.0.104", -ECONNRESET},
    };
    for (size_t i = 0; i < count_of(cases); i++)
        assert_int_equal(race(cases[i].addresses, NULL), cases[i].error);
}

/* --- The next one --- */

static void when_one_fails_the_next_begins_at_once(void **state)
{
    (void)state;
    static const enum place_kind kinds[] = {REFUSES, REFUSES, LIVE};
    struct places places;
    char expected[32];
    places_open(&places, kinds, count_of(kinds));
    begin("2001:db8::1 127.0.0.1 10.0.0.101 127.0.0.2 127.0.0.3 127.0.0.4");
    int fd = whorl_tcp_connect("name.test", places.port, &one_by_one);
    assert_int_equal(attempts_begun, 5);
    snprintf(expected, sizeof expected, "127.0.0.3:%s", places.port);
    close_connected(fd, expected);
    places_close(&places);
}

static void when_one_is_silent_the_next_begins_after_the_delay(void **state)
{
    (void)state;
    static const enum place_kind kinds[] = {HOLE, HOLE, LIVE};
    struct places places;
    char expected[32];
    places_open(&places, kinds, count_of(kinds));
    begin("127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4");
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int fd = whorl_tcp_connect("name.test", places.port, &densely);
    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t ns = (end.tv_sec - start.tv_sec) * WHORL_SECONDS(1) + end.tv_nsec - start.tv_nsec;
    check(ns >= 2 * WHORL_MS(10));
    snprintf(expected, sizeof expected, "127.0.0.3:%s", places.port);
    close_connected(fd, expected);
    places_close(&places);
}

/* The one that fails has a delay of its own, which is over then, though another is under way. */
static void when_one_fails_beside_one_that_is_silent_the_next_begins_at_once(void **state)
{
    (void)state;
    static const enum place_kind kinds[] = {HOLE, REFUSES, LIVE};
    static const whorl_connect_options slowly = {.attempt_delay = WHORL_SECONDS(4),
                                                 .timeout = WHORL_MS(7500)};
    struct places places;
    char expected[32];
    places_open(&places, kinds, count_of(kinds));
    begin("127.0.0.1 127.0.0.2 127.0.0.3");
    int fd = whorl_tcp_connect("name.test", places.port, &slowly);
    snprintf(expected, sizeof expected, "127.0.0.3:%s", places.port);
    close_connected(fd, expected);
    places_close(&places);
}

static void a_quarter_of_a_second_is_the_delay(void **state)
{
    (void)state;
    static const enum place_kind kinds[] = {HOLE, LIVE};
    struct places places;
    places_open(&places, kinds, count_of(kinds));
    begin("127.0.0.1 127.0.0.2");
    int64_t start = whorl_now();
    int fd = whorl_tcp_connect("name.test", places.port, NULL);
    assert_true(whorl_now() - start >= WHORL_MS(250));
    assert_int_equal(whorl_close(fd), 0);
    places_close(&places);
}

static void without_a_delay_one_is_tried_after_the_other(void **state)
{
    (void)state;
    static const enum place_kind kinds[] = {HOLE, LIVE};
    const whorl_connect_options soon = {.attempt_delay = WHORL_FOREVER, .timeout = WHORL_MS(50)};
    struct places places;
    places_open(&places, kinds, count_of(kinds));
    begin("127.0.0.1 127.0.0.2");
    assert_int_equal(resolve_quickly("name.test", NULL), 1);
    assert_int_equal(whorl_tcp_connect("name.test", places.port, &soon), -ETIMEDOUT);
    assert_int_equal(attempts_begun, 1);
    places_close(&places);
}

/* --- Giving up --- */

static intptr_t connect_densely(void *arg)
{
    return whorl_tcp_connect("name.test", arg, &densely);
}

static void await_attempts(int count)
{
    while (attempts_begun < count)
        assert_int_equal(whorl_sleep(WHORL_MS(1)), 0);
}

static void a_timeout_and_a_cancel_end_all_attempts(void **state)
{
    (void)state;
    static const enum place_kind kinds[] = {HOLE, HOLE, HOLE};
    const whorl_connect_options soon = {.attempt_delay = WHORL_MS(10), .timeout = WHORL_MS(60)};
    struct places places;
    places_open(&places, kinds, count_of(kinds));
    begin("127.0.0.1 127.0.0.2 127.0.0.3");
    int before = open_descriptors();
    assert_int_equal(whorl_tcp_connect("name.test", places.port, &soon), -ETIMEDOUT);
    int after = open_descriptors();
    assert_true(after <= before + 1); /* the loop's own, once */

    whorl_timeout scope;
    whorl_timeout_begin(&scope, WHORL_MS(15));
    assert_int_equal(whorl_timeout_end(&scope, connect_densely(places.port)), -ETIMEDOUT);

    attempts_begun = 0;
    whorl_task *task = whorl_spawn(connect_densely, places.port);
    await_attempts(3);
    assert_int_equal(open_descriptors(), after + 3);
    assert_int_equal(whorl_cancel(task), 0);
    assert_int_equal(whorl_join(task), -ECANCELED);
    assert_int_equal(open_descriptors(), after);
    places_close(&places);
}

/* --- Winners and losers --- */

static void open_gates(void)
{
    for (int i = 0; i < GATES; i++)
        gates[i] = pipe_pair();
}

static void close_gates(void)
{
    for (int i = 0; i < GATES; i++)
        close_pair(&gates[i]);
}

static void let_in(int gate)
{
    assert_int_equal(write(gates[gate].ends[1], "x", 1), 1);
}

/* Whether fd is that gate's. */
static bool is_gate(int fd, int gate)
{
    struct stat one, other;
    return fstat(fd, &one) == 0 && fstat(gates[gate].ends[0], &other) == 0 &&
           one.st_ino == other.st_ino;
}

static void the_first_that_is_connected_wins_though_it_began_last(void **state)
{
    (void)state;
    open_gates();
    begin("10.0.1.1 10.0.1.2");
    whorl_task *task = whorl_spawn(connect_densely, "7");
    await_attempts(2);
    int before = open_descriptors();
    let_in(1);
    int fd = (int)whorl_join(task);
    assert_true(is_gate(fd, 1));
    assert_int_equal(open_descriptors(), before - 1);
    assert_int_equal(whorl_close(fd), 0);
    close_gates();
}

static void of_two_that_are_connected_together_one_is_closed(void **state)
{
    (void)state;
    for (int late = 0; late < 3; late++) {
        open_gates();
        begin("10.0.1.1 10.0.1.2");
        whorl_task *task = whorl_spawn(connect_densely, "7");
        await_attempts(2);
        int before = open_descriptors();
        let_in(1);
        for (int i = 0; i < late; i++) /* or while the others are being cancelled */
            assert_int_equal(whorl_yield(), 0);
        let_in(0);
        int fd = (int)whorl_join(task);
        assert_true(is_gate(fd, 0) || is_gate(fd, 1));
        assert_int_equal(open_descriptors(), before - 1);
        assert_int_equal(whorl_close(fd), 0);
        close_gates();
    }
}

static void a_connection_wins_over_a_cancel_that_comes_with_it(void **state)
{
    (void)state;
    int won = 0, lost = 0;
    for (int late = 0; late < 4; late++) {
        open_gates();
        begin("10.0.1.1 10.0.1.2");
        whorl_task *task = whorl_spawn(connect_densely, "7");
        await_attempts(2);
        int before = open_descriptors();
        let_in(0);
        for (int i = 0; i < late; i++)
            assert_int_equal(whorl_yield(), 0);
        whorl_cancel(task);
        int fd = (int)whorl_join(task);
        won += fd >= 0;
        lost += fd == -ECANCELED;
        assert_int_equal(open_descriptors(), before - (fd >= 0 ? 1 : 2));
        if (fd >= 0)
            assert_int_equal(whorl_close(fd), 0);
        close_gates();
    }
    assert_int_equal(won + lost, 4);
    assert_true(won > 0);
}

/* --- A run that is left --- */

static intptr_t connect_at_random(void *arg)
{
    int fd = whorl_tcp_connect("name.test", arg, &densely);
    if (fd < 0 && fd != -ECANCELED && fd != -ECONNREFUSED && fd != -ENETUNREACH)
        check_failed("a race gives %d", fd);
    return fd;
}

static intptr_t leave_amid_race(void *turns)
{
    set_addresses("10.0.1.1 10.0.1.2");
    whorl_task *task = whorl_spawn(connect_at_random, "7");
    check(task != NULL);
    while (attempts_begun < 2)
        check_equal(whorl_sleep(WHORL_MS(5)), 0);
    if (turns)
        let_in(0);
    for (int i = 0; turns && i < *(int *)turns; i++)
        check_equal(whorl_yield(), 0);
    if (whorl_is_done(task))
        close((int)whorl_join(task));
    return leave(NULL);
}

static void a_run_that_is_left_leaves_nothing_of_a_race(void **state)
{
    (void)state;
    skip_without_longjmp();
    for (int i = 0; i < 4; i++) { /* turns after one is connected; 0: none is */
        open_gates();
        attempts[0] = '\0';
        attempts_begun = 0;
        int before = open_descriptors();
        assert_int_equal(run_and_land(NULL, leave_amid_race, i ? &i : NULL), -ECANCELED);
        assert_int_equal(open_descriptors(), before);
        close_gates();
    }
}

/* --- Cancels at every moment --- */

static void draw_addresses(random_source *random, char *text, size_t size)
{
    static const char *const all[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3",
                                      "10.0.1.1",  "10.0.1.2",  "10.0.0.101"};
    text[0] = '\0';
    for (uint64_t count = 1 + random_below(random, 5); count > 0; count--) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", used ? " " : "",
                 all[random_below(random, count_of(all))]);
    }
}

static void let_some_time_pass(random_source *random)
{
    if (random_below(random, 2)) {
        for (uint64_t turns = random_below(random, 20); turns > 0; turns--)
            assert_int_equal(whorl_yield(), 0);
    } else {
        assert_int_equal(whorl_sleep((int64_t)random_below(random, WHORL_MS(25))), 0);
    }
}

static void whenever_it_is_cancelled_no_descriptor_is_lost(void **state)
{
    (void)state;
    static const enum place_kind kinds[] = {LIVE, REFUSES, HOLE};
    random_source random = random_from_seed(1);
    struct places places;
    int known = -1;
    places_open(&places, kinds, count_of(kinds));
    for (long round = 0; round < test_rounds(150); round++) {
        char addresses[200];
        draw_addresses(&random, addresses, sizeof addresses);
        open_gates();
        begin(addresses);
        whorl_task *task = whorl_spawn(connect_at_random, places.port);
        for (int i = 0; i < 2; i++) {
            let_some_time_pass(&random);
            if (random_below(&random, 2))
                let_in((int)random_below(&random, GATES));
        }
        if (random_below(&random, 2))
            assert_int_equal(whorl_yield(), 0);
        whorl_cancel(task);
        int fd = (int)whorl_join(task);
        if (fd >= 0)
            assert_int_equal(whorl_close(fd), 0);
        while (loop_here->jobs > 0) /* a thread may have the lookup still */
            assert_int_equal(whorl_yield(), 0);
        close_gates();
        for (int peer; (peer = accept_at(&places, 0)) >= 0;)
            close(peer);
        int now = open_descriptors();
        if (known >= 0)
            assert_int_equal(now, known);
        known = now;
    }
    places_close(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(the_families_take_turns),
        as_task(the_error_is_that_of_who_came_furthest),
        as_task(when_one_fails_the_next_begins_at_once),
        as_task(when_one_is_silent_the_next_begins_after_the_delay),
        as_task(when_one_fails_beside_one_that_is_silent_the_next_begins_at_once),
        as_task(a_quarter_of_a_second_is_the_delay),
        as_task(without_a_delay_one_is_tried_after_the_other),
        as_task(a_timeout_and_a_cancel_end_all_attempts),
        as_task(the_first_that_is_connected_wins_though_it_began_last),
        as_task(of_two_that_are_connected_together_one_is_closed),
        as_task(a_connection_wins_over_a_cancel_that_comes_with_it),
        behaviour(a_run_that_is_left_leaves_nothing_of_a_race),
        as_task(whenever_it_is_cancelled_no_descriptor_is_lost),
    };
    return run_behaviours("happy_eyeballs", tests);
}
