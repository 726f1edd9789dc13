/* Servers: a task for each connection. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/serving.h"

static void each_connection_is_served_by_a_task_of_its_own(void **state)
{
    (void)state;
    serving server;
    serve_here(&server, echo, NULL, NULL);
    whorl_stream *clients[3];
    for (int i = 0; i < 3; i++)
        clients[i] = client_of(&server);
    for (int i = 2; i >= 0; i--)
        assert_echoed(clients[i], "hello");
    assert_int_equal(whorl_listener_live(server.listener), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(whorl_stream_close(clients[i]), 0);
    assert_int_equal(end_serving(&server), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(each_connection_is_served_by_a_task_of_its_own),
    };
    return run_behaviours("serve", tests);
}
