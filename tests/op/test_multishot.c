/* Multishot ops: many completions of one submission, how they end, and what waits for them. */
#include "as_task.h"

#include <core/loop.h>
#include <netinet/in.h>
#include <op/multishot.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFERS = 4, BUFFER_BYTES = 16, GROUP = 7 };

/* A receiver over a socket pair: what came, in order, and how it ended. */
struct receiver {
    struct multishot multishot;
    struct ring_buffers buffers;
    char memory[BUFFERS][BUFFER_BYTES];
    char text[256];
    size_t len;
    unsigned pieces, ends;
    int32_t last;
    bool keeps_buffers; /* does not give them back */
    whorl_event event;
};

static void take(struct multishot *self, int32_t result, unsigned marks)
{
    struct receiver *to = (struct receiver *)self;
    if (marks & RING_HAS_BUFFER) {
        unsigned index = ring_buffer_of(marks);
        assert_true(index < BUFFERS && to->len + (size_t)result < sizeof to->text);
        memcpy(to->text + to->len, to->memory[index], (size_t)result);
        to->len += (size_t)result;
        if (!to->keeps_buffers) {
            ring_buffers_give(&to->buffers, index, to->memory[index], BUFFER_BYTES);
            ring_buffers_publish(&to->buffers);
        }
    }
    to->pieces++;
    whorl_event_set(&to->event);
}

static void ended(struct multishot *self, int32_t result)
{
    struct receiver *to = (struct receiver *)self;
    to->ends++;
    to->last = result;
    whorl_event_set(&to->event);
}

static const struct multishot_kind receiving = {take, ended};

static void open_receiver(struct receiver *to, int fd)
{
    *to = (struct receiver){.multishot = {.kind = &receiving}};
    assert_int_equal(ring_buffers_open(&loop_here->ring, &to->buffers, GROUP, BUFFERS), 0);
    for (unsigned i = 0; i < BUFFERS; i++)
        ring_buffers_give(&to->buffers, i, to->memory[i], BUFFER_BYTES);
    ring_buffers_publish(&to->buffers);
    to->multishot.op = whorl_op_recv(fd, NULL, 0, 0);
    to->multishot.op.flags |= RING_MULTISHOT | RING_SELECT;
    to->multishot.op.buf_index = GROUP;
}

/* Waits, as who wants what it brings, until it has brought `len` bytes, or has ended. */
static void await_bytes(struct receiver *to, size_t len)
{
    multishot_attend(loop_here, &to->multishot);
    while (to->len < len && multishot_is_armed(&to->multishot)) {
        whorl_event_clear(&to->event);
        assert_int_equal(whorl_event_wait(&to->event), 0);
    }
    multishot_leave(loop_here, &to->multishot);
}

static void close_receiver(struct receiver *to)
{
    multishot_disarm(loop_here, &to->multishot);
    assert_int_equal(multishot_join(loop_here, task_here(), &to->multishot, OP_PATIENT), 0);
    ring_buffers_close(&loop_here->ring, &to->buffers);
}

static void one_submission_brings_many_pieces(void **state)
{
    (void)state;
    pair both = unix_pair();
    struct receiver to;
    open_receiver(&to, both.ends[0]);
    multishot_arm(loop_here, &to.multishot);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(whorl_send(both.ends[1], "0123456789", 10, 0), 10);
        await_bytes(&to, (size_t)(i + 1) * 10);
    }
    assert_int_equal(to.len, 100);
    assert_int_equal(to.pieces, 10);
    assert_int_equal(to.ends, 0);
    assert_true(multishot_is_armed(&to.multishot));
    close_receiver(&to);
    assert_int_equal(to.ends, 1);
    assert_int_equal(to.last, -ECANCELED);
    close_pair(&both);
}

static void the_peers_end_ends_it(void **state)
{
    (void)state;
    pair both = unix_pair();
    struct receiver to;
    open_receiver(&to, both.ends[0]);
    multishot_arm(loop_here, &to.multishot);
    assert_int_equal(whorl_send(both.ends[1], "abc", 3, 0), 3);
    assert_int_equal(whorl_shutdown(both.ends[1], SHUT_WR), 0);
    await_bytes(&to, 100);
    assert_int_equal(to.len, 3);
    assert_int_equal(to.ends, 1);
    assert_int_equal(to.last, 0);
    close_receiver(&to);
    close_pair(&both);
}

static void without_buffers_it_ends_and_goes_on_when_armed_again(void **state)
{
    (void)state;
    pair both = unix_pair();
    struct receiver to;
    char text[BUFFERS * BUFFER_BYTES + 5];
    memset(text, 'x', sizeof text);
    open_receiver(&to, both.ends[0]);
    to.keeps_buffers = true;
    multishot_arm(loop_here, &to.multishot);
    assert_int_equal(whorl_send(both.ends[1], text, sizeof text, 0), sizeof text);
    await_bytes(&to, sizeof text);
    assert_int_equal(to.last, -ENOBUFS);
    assert_int_equal(to.len, BUFFERS * BUFFER_BYTES);
    ring_buffers_give(&to.buffers, 0, to.memory[0], BUFFER_BYTES);
    ring_buffers_publish(&to.buffers);
    multishot_arm(loop_here, &to.multishot);
    await_bytes(&to, sizeof text);
    assert_int_equal(to.len, sizeof text);
    close_receiver(&to);
    close_pair(&both);
}

static void closing_the_descriptor_ends_it_first(void **state)
{
    (void)state;
    pair both = unix_pair();
    struct receiver to;
    open_receiver(&to, both.ends[0]);
    multishot_arm(loop_here, &to.multishot);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_close(both.ends[0]), 0);
    assert_false(multishot_is_armed(&to.multishot));
    assert_int_equal(to.last, -ECANCELED);
    close_receiver(&to);
    assert_int_equal(to.ends, 1);
    close(both.ends[1]);
}

static void one_that_is_disarmed_before_its_submission_ends_too(void **state)
{
    (void)state;
    pair both = unix_pair();
    struct receiver to;
    open_receiver(&to, both.ends[0]);
    multishot_arm(loop_here, &to.multishot);
    close_receiver(&to);
    assert_int_equal(to.ends, 1);
    assert_int_equal(to.last, -ECANCELED);
    close_pair(&both);
}

static void a_cancelled_wait_for_its_end_leaves_it_to_itself(void **state)
{
    (void)state;
    pair both = unix_pair();
    struct receiver to;
    open_receiver(&to, both.ends[0]);
    multishot_arm(loop_here, &to.multishot);
    whorl_timeout limit;
    whorl_timeout_begin(&limit, WHORL_MS(1));
    assert_int_equal(multishot_join(loop_here, task_here(), &to.multishot, OP_INTERRUPTIBLE),
                     -ECANCELED);
    assert_int_equal(whorl_timeout_end(&limit, -ECANCELED), -ETIMEDOUT);
    assert_true(multishot_is_armed(&to.multishot));
    close_receiver(&to);
    close_pair(&both);
}

static void virtual_time_jumps_beside_one_that_nobody_awaits(void **state)
{
    (void)state;
    pair both = unix_pair();
    struct receiver to;
    open_receiver(&to, both.ends[0]);
    multishot_arm(loop_here, &to.multishot);
    int64_t before = whorl_now();
    assert_int_equal(whorl_sleep(WHORL_SECONDS(3600)), 0);
    assert_true(whorl_now() - before >= WHORL_SECONDS(3600));
    close_receiver(&to);
    close_pair(&both);
}

/* --- A deadlock beside it --- */

static intptr_t wait_for_nothing(void *arg)
{
    struct receiver *to = arg;
    pair both = unix_pair();
    open_receiver(to, both.ends[0]);
    multishot_arm(loop_here, &to->multishot);
    whorl_event never = WHORL_EVENT_INIT;
    int result = whorl_event_wait(&never);
    close_receiver(to);
    close_pair(&both);
    return result;
}

static void a_deadlock_is_seen_beside_one_that_nobody_awaits(void **state)
{
    (void)state;
    static struct receiver to;
    assert_int_equal(whorl_run(wait_for_nothing, &to), -EDEADLK);
    assert_int_equal(to.ends, 1);
}

/* --- Accepting --- */

struct acceptor {
    struct multishot multishot;
    int fds[8];
    int count;
    whorl_event event;
};

static void take_connection(struct multishot *self, int32_t result, unsigned marks)
{
    struct acceptor *to = (struct acceptor *)self;
    (void)marks;
    to->fds[to->count++] = result;
    whorl_event_set(&to->event);
}

static void acceptor_ended(struct multishot *self, int32_t result)
{
    (void)self;
    assert_int_equal(result, -ECANCELED);
}

static const struct multishot_kind accepting = {take_connection, acceptor_ended};

static void one_submission_brings_many_connections(void **state)
{
    (void)state;
    struct sockaddr_in addr;
    int listener = tcp_listener(&addr, 16);
    struct acceptor to = {.multishot = {.kind = &accepting}};
    to.multishot.op = whorl_op_accept(listener, NULL, NULL, SOCK_CLOEXEC);
    to.multishot.op.flags |= RING_MULTISHOT;
    multishot_arm(loop_here, &to.multishot);
    multishot_attend(loop_here, &to.multishot);
    int clients[5];
    for (int i = 0; i < 5; i++) {
        clients[i] = whorl_socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(whorl_connect(clients[i], (struct sockaddr *)&addr, sizeof addr), 0);
        while (to.count <= i) {
            whorl_event_clear(&to.event);
            assert_int_equal(whorl_event_wait(&to.event), 0);
        }
        assert_true(to.fds[i] >= 0);
    }
    multishot_leave(loop_here, &to.multishot);
    multishot_disarm(loop_here, &to.multishot);
    assert_int_equal(multishot_join(loop_here, task_here(), &to.multishot, OP_PATIENT), 0);
    for (int i = 0; i < 5; i++) {
        close(to.fds[i]);
        close(clients[i]);
    }
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(one_submission_brings_many_pieces),
        as_task(the_peers_end_ends_it),
        as_task(without_buffers_it_ends_and_goes_on_when_armed_again),
        as_task(closing_the_descriptor_ends_it_first),
        as_task(one_that_is_disarmed_before_its_submission_ends_too),
        as_task(a_cancelled_wait_for_its_end_leaves_it_to_itself),
        as_task(virtual_time_jumps_beside_one_that_nobody_awaits),
        behaviour(a_deadlock_is_seen_beside_one_that_nobody_awaits),
        as_task(one_submission_brings_many_connections),
    };
    return run_behaviours("multishot", tests);
}
