/* Servers that are refused memory: the connection is closed, told of, and the others go on. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refused_memory.h"

#include "net/serving.h"
#include "starve.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/mman.h>

static unsigned told;

static void note_failure(void *arg, const char *peer, intptr_t result)
{
    (void)arg;
    check_equal(result, -ENOMEM);
    check(strncmp(peer, "127.0.0.1:", 10) == 0);
    told++;
}

static const whorl_serve_options telling = {.failed = note_failure};

/* Connects, and sees whether it is served, with what the engine asks for meanwhile refused. */
static bool try_once(serving *server, long number)
{
    char byte = 'x';
    refuse_memory_call(number);
    int fd = connect_to(server->listener);
    whorl_send(fd, &byte, 1, 0);
    ssize_t got = whorl_recv(fd, &byte, 1, 0);
    bool refused = refuse_no_more_memory();
    bool served = got == 1;
    if (!refused)
        check(served);
    if (!served)
        check(got == 0 || got == -ECONNRESET);
    close(fd);
    return refused;
}

static void memory_that_is_refused_costs_one_connection(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, echo, NULL, &telling);
    whorl_stream *bystander = client_of(&server);
    assert_echoed(bystander, "before");
    long number = 0;
    while (try_once(&server, number) && number < 100) {
        number++;
        assert_echoed(bystander, "meanwhile");
    }
    assert_in_range(number, 2, 99);
    assert_in_range(told, 2, number);
    assert_int_equal(whorl_stream_close(bystander), 0);
    assert_int_equal(end_serving(&server), 0);
}

/* --- Making --- */

static intptr_t make_and_close(void *arg)
{
    whorl_listener *listener = NULL;
    int error = arg ? whorl_listen_unix(arg, NULL, &listener)
                    : whorl_listen_tcp("127.0.0.1", NULL, NULL, &listener);
    if (error)
        check(listener == NULL);
    return error ? error : whorl_listener_close(listener);
}

static void a_listener_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    test_path path = path_of("socket");
    assert_int_equal(make_and_close(NULL), 0);
    assert_in_range(refuse_each_in_turn(make_and_close, NULL), 1, 10);
    assert_in_range(refuse_each_in_turn(make_and_close, path.text), 1, 10);
    assert_int_equal(access(path.text, F_OK), -1);
}

/* --- Stacks --- */

static intptr_t serve_without_stacks(void *arg)
{
    (void)arg;
    serving server;
    /* So large that the pool asks the system for each. */
    whorl_serve_options options = {
        .failed = note_failure, .limit = 1, .stack_size = (size_t)64 << 20};
    serve_here(&server, echo, NULL, &options);
    rlim_t before = leave_memory((size_t)16 << 20);
    char byte;
    int fd = connect_to(server.listener);
    ssize_t got = whorl_recv(fd, &byte, 1, 0);
    check(got == 0 || got == -ECONNRESET);
    close(fd);
    check_equal(told, 1);
    check_equal(whorl_listener_live(server.listener), 0);
    limit_memory_to(before);
    whorl_stream *client = client_of(&server);
    assert_echoed(client, "after");
    check_equal(whorl_stream_close(client), 0);
    return end_serving(&server);
}

static void a_handler_without_a_stack_costs_one_connection(void **state)
{
    (void)state;
    told = 0;
    run_checks_in_child(NULL, serve_without_stacks, NULL);
}

/* Its server ends meanwhile, and the grace may with it: the system takes its time to refuse. */
static bool refuses_stacks;

void *__real_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);

void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (!refuses_stacks || len < (size_t)64 << 20)
        return __real_mmap(at, len, protection, flags, fd, offset);
    usleep(30000);
    errno = ENOMEM;
    return MAP_FAILED;
}

static intptr_t end_without_a_stack(void *arg)
{
    (void)arg;
    serving server;
    whorl_serve_options options = {
        .limit = 10,
        .failed = note_failure,
        .stack_size = (size_t)64 << 20,
        .grace = WHORL_MS(10),
    };
    serve_here(&server, echo, NULL, &options);
    check_equal(whorl_sleep(WHORL_MS(1)), 0); /* it accepts now */
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_equal(whorl_listener_address(server.listener, 0, (struct sockaddr *)&address, &len), 0);
    check_equal(connect(fd, (struct sockaddr *)&address, len), 0);
    refuses_stacks = true;
    check_equal(end_serving(&server), 0);
    refuses_stacks = false;
    check_equal(told, 1);
    close(fd);
    return 0;
}

static void one_without_a_stack_is_no_matter_at_the_end(void **state)
{
    (void)state;
    told = 0;
    run_checks_in_child(NULL, end_without_a_stack, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(memory_that_is_refused_costs_one_connection),
        as_task(a_listener_is_made_whole_or_not_at_all),
        behaviour(a_handler_without_a_stack_costs_one_connection),
        behaviour(one_without_a_stack_is_no_matter_at_the_end),
    };
    return run_behaviours("serve_memory", tests);
}
