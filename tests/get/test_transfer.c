/*
 * curl's transfers driven by whorl, from a server in the same loop: bodies that are read like
 * files, readers that are slow, and more transfers than connections.
 */
#include "scene.h"

static intptr_t read_sizes(void *arg)
{
    static const long sizes[] = {0, 1, 16383, 16384, 16385, TRANSFER_ROOM, 3 * TRANSFER_ROOM + 7};
    (void)arg;
    for (size_t i = 0; i < count_of(sizes); i++)
        read_to_the_end(sizes[i]);
    check_equal(world.connections, 1);
    return 0;
}

static void bodies_are_read_to_their_end_over_one_connection(void **state)
{
    (void)state;
    run_scene(read_sizes, 4);
}

/* --- A reader that is slow --- */

static int bound_socket(void *unused, curl_socket_t fd, curlsocktype purpose)
{
    (void)unused, (void)purpose;
    return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){SOCKET_BYTES}, sizeof(int));
}

/* It reads when curl has nowhere to put more. */
static intptr_t read_slowly(void *arg)
{
    const long size = 64 << 20;
    reading self;
    int pauses = 0;
    ssize_t got;
    (void)arg;
    setsockopt(world.listener, SOL_SOCKET, SO_SNDBUF, &(int){SOCKET_BYTES}, sizeof(int));
    begin_reading(&self, size);
    curl_easy_setopt(self.transfer.at_curl.easy, CURLOPT_SOCKOPTFUNCTION, bound_socket);
    do {
        while (!self.transfer.is_paused && !self.transfer.at_curl.is_over)
            whorl_sleep(WHORL_US(100));
        pauses += self.transfer.is_paused;
        check(world.sent - self.read <= 4 * SOCKET_BYTES + 3 * TRANSFER_ROOM);
        got = read_piece(&self);
    } while (got > 0);
    check_equal(self.read, size);
    check(pauses >= (64 << 20) / TRANSFER_ROOM - 3);
    transfer_end(&self.transfer);
    return 0;
}

static void a_slow_reader_slows_the_server_down(void **state)
{
    (void)state;
    run_scene(read_slowly, 1);
}

/* --- More transfers than connections --- */

static intptr_t read_one(void *arg)
{
    read_to_the_end(100000 + (intptr_t)arg);
    return 0;
}

static intptr_t read_many(void *arg)
{
    whorl_group group;
    (void)arg;
    whorl_group_init(&group);
    for (intptr_t i = 0; i < 200; i++)
        check_equal(whorl_group_spawn(&group, read_one, (void *)i), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check(world.connections <= 3);
    return 0;
}

static void two_hundred_transfers_share_three_connections(void **state)
{
    (void)state;
    run_scene(read_many, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(bodies_are_read_to_their_end_over_one_connection),
        behaviour(a_slow_reader_slows_the_server_down),
        behaviour(two_hundred_transfers_share_three_connections),
    };
    begin_scenes();
    return run_behaviours("get", tests);
}
