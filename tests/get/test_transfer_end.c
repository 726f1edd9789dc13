/* Transfers that end early: their readers stop or are cancelled, or they fail. */
#include "scene.h"

/* --- Readers that stop --- */

static intptr_t stop_early(void *arg)
{
    reading self;
    (void)arg;
    begin_reading(&self, 64 << 20);
    transfer_end(&self.transfer);
    begin_reading(&self, 64 << 20);
    check_equal(transfer_head(&self.transfer, &self.failure), 0);
    transfer_end(&self.transfer);
    begin_reading(&self, 64 << 20);
    check(read_piece(&self) > 0);
    transfer_end(&self.transfer);
    read_to_the_end(1000);
    return 0;
}

static void a_transfer_may_be_ended_at_any_point(void **state)
{
    (void)state;
    run_scene(stop_early, 1);
}

static int sockets_watched(void)
{
    int count = 0;
    for (size_t fd = 0; fd < driver.room; fd++)
        count += driver.watchers[fd] != NULL;
    return count;
}

/* A listener that accepts nobody and has its queue full: no connection to it is ever made. */
static int silent_listener(int fillers[], int count, int *port)
{
    struct sockaddr_in address;
    int listener = tcp_listener(&address, 0);
    for (int i = 0; i < count; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        check(connect(fillers[i], (struct sockaddr *)&address, sizeof address) == 0 ||
              errno == EINPROGRESS);
    }
    *port = ntohs(address.sin_port);
    return listener;
}

/* The sockets' descriptors come again, the last one's does not. */
static intptr_t end_while_connecting(void *arg)
{
    int fillers[8], port;
    int listener = silent_listener(fillers, count_of(fillers), &port);
    (void)arg;
    for (int i = 0; i < 3; i++) {
        reading self = {0};
        snprintf(self.url, sizeof self.url, "http://127.0.0.1:%d/", port);
        self.request = (struct request){
            .url = self.url, .connect_limit = WHORL_SECONDS(60), .stall_limit = WHORL_SECONDS(60)};
        check_equal(transfer_begin(&self.transfer, &driver, &self.request, &self.failure), 0);
        while (sockets_watched() == 0 || whorl_sleep(WHORL_MS(i)) != 0)
            check_equal(whorl_yield(), 0);
        transfer_end(&self.transfer);
        if (i == 1)
            read_to_the_end(1000);
    }
    for (size_t i = 0; i < count_of(fillers); i++)
        close(fillers[i]);
    close(listener);
    return 0;
}

static void a_transfer_may_be_ended_while_its_connection_is_made(void **state)
{
    (void)state;
    run_scene(end_while_connecting, 5);
}

/* Waits for a body that is endless as far as it will see. */
static intptr_t read_until_cancelled(void *arg)
{
    reading *self = malloc(sizeof *self);
    ssize_t got;
    begin_reading(self, LONG_MAX / 2);
    do {
        got = read_piece(self);
        if (got > 0 && whorl_yield() != 0)
            got = -ECANCELED;
    } while (got > 0);
    transfer_end(&self->transfer);
    free(self);
    (void)arg;
    return got;
}

static intptr_t cancel_at_random(void *arg)
{
    random_source source = random_from_seed(1);
    whorl_task *tasks[8];
    (void)arg;
    for (long round = test_rounds(50); round > 0; round--) {
        for (size_t i = 0; i < count_of(tasks); i++)
            tasks[i] = whorl_spawn(read_until_cancelled, NULL);
        read_to_the_end((long)random_below(&source, 100000));
        for (size_t i = 0; i < count_of(tasks); i++) {
            for (uint64_t steps = random_below(&source, 10); steps > 0; steps--)
                whorl_yield();
            whorl_cancel(tasks[i]);
        }
        for (size_t i = 0; i < count_of(tasks); i++)
            check_equal(whorl_join(tasks[i]), -ECANCELED);
    }
    return 0;
}

static void transfers_of_cancelled_tasks_end_and_others_go_on(void **state)
{
    (void)state;
    run_scene(cancel_at_random, 20);
}

/* --- Failures --- */

static intptr_t be_refused(void *arg)
{
    reading self = {0};
    (void)arg;
    self.request =
        (struct request){.url = "http://127.0.0.1:1/", .connect_limit = WHORL_SECONDS(60)};
    check_equal(transfer_begin(&self.transfer, &driver, &self.request, &self.failure), 0);
    check_equal(transfer_head(&self.transfer, &self.failure), -EIO);
    check(strstr(self.failure.text, "cannot connect: ") == self.failure.text);
    check(!self.failure.is_transient);
    transfer_end(&self.transfer);
    return 0;
}

static void a_refused_connection_is_told(void **state)
{
    (void)state;
    run_scene(be_refused, 1);
}

static intptr_t stall(void *arg)
{
    reading self;
    (void)arg;
    begin_reading(&self, 100);
    self.request.stall_limit = self.request.connect_limit = 0;
    check_equal(transfer_head(&self.transfer, &self.failure), -EIO);
    check(self.failure.is_transient);
    transfer_end(&self.transfer);
    return 0;
}

static void a_stall_is_told(void **state)
{
    (void)state;
    run_scene(stall, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_transfer_may_be_ended_at_any_point),
        behaviour(a_transfer_may_be_ended_while_its_connection_is_made),
        behaviour(transfers_of_cancelled_tasks_end_and_others_go_on),
        behaviour(a_refused_connection_is_told),
        behaviour(a_stall_is_told),
    };
    begin_scenes();
    return run_behaviours("the end of transfers", tests);
}
