/*
 * Tests as tasks: an echo between two tasks, and a peer that does not answer, which is waited for
 * in virtual time. For cmocka, by whorl/test.h; built only where cmocka is installed.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <whorl/test.h>

static int ends[2]; /* ours and the peer's */

static int connect_ends(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int close_ends(void **state)
{
    (void)state;
    return whorl_close(ends[0]) < 0 || whorl_close(ends[1]) < 0;
}

/* Sends a ping and waits for its answer, no longer than `limit`. 0, or -errno. */
static intptr_t ping(int64_t limit)
{
    char answer[4];
    whorl_timeout timeout;
    whorl_timeout_begin(&timeout, limit);
    intptr_t result = whorl_send(ends[0], "ping", 4, 0);
    if (result == 4)
        result = whorl_recv(ends[0], answer, sizeof answer, 0);
    return whorl_timeout_end(&timeout, result == 4 ? 0 : result);
}

/* Sends what it gets back, after a delay. */
static intptr_t echo(void *delay)
{
    char bytes[4];
    assert_int_equal(whorl_recv(ends[1], bytes, sizeof bytes, 0), 4);
    assert_memory_equal(bytes, "ping", 4);
    assert_int_equal(whorl_sleep(*(int64_t *)delay), 0);
    assert_int_equal(whorl_send(ends[1], bytes, sizeof bytes, 0), 4);
    return 0;
}

static void an_echo_answers(void **state)
{
    int64_t none = 0;
    (void)state;
    whorl_task *peer = whorl_spawn(echo, &none);
    assert_int_equal(ping(WHORL_SECONDS(5)), 0);
    assert_int_equal(whorl_join(peer), 0);
}

/* Waiting for an answer that never comes would take its real time, as it might come from outside;
 * waiting for a task takes none. */
static intptr_t stay_silent(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_FOREVER);
}

static void a_silent_peer_is_given_up_after_an_hour(void **state)
{
    (void)state;
    int64_t start = whorl_now();
    whorl_task *peer = whorl_spawn(stay_silent, NULL);
    assert_int_equal(whorl_wait_for(peer, WHORL_SECONDS(3600)), -ETIMEDOUT);
    assert_int_equal(whorl_now() - start, WHORL_SECONDS(3600));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        whorl_unit_test_setup_teardown(an_echo_answers, connect_ends, close_ends),
        whorl_unit_test_with(a_silent_peer_is_given_up_after_an_hour, .clock = WHORL_CLOCK_VIRTUAL,
                             .limit = WHORL_SECONDS(2)),
    };
    return cmocka_run_group_tests_name("ping", tests, NULL, NULL);
}
