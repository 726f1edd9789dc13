/* The server: its beginning, its end, and between them the next connection. See serve.h. */
#include <net/listener.h>
#include <net/serve.h>
#include <net/stream.h>
#include <whorl/run.h>

#define LIMIT_DEFAULT 10000
#define GRACE_DEFAULT WHORL_SECONDS(10)
#define NO_GRACE (-1)

/* --- Its end --- */

static void hurry(struct server *server)
{
    if (server->hurried)
        return;
    server->hurried = true;
    for (struct connection *each = server->connections; each; each = each->next) {
        if (each->closing && !each->closing->over)
            scope_set_over(each->closing);
        if (each->task) /* else it has none yet, or gets none, and its stream is being closed */
            task_cancel(each->task);
    }
}

static void grace_is_over(struct timer *timer)
{
    hurry((struct server *)((char *)timer - offsetof(struct server, grace)));
}

static void handlers_wait_cancel(struct task *self)
{
    hurry(self->wait_object);
}

static struct task *handler_awaited(const struct task *self, size_t index)
{
    const struct connection *each = ((const struct server *)self->wait_object)->connections;
    while (each && index-- > 0)
        each = each->next;
    return each ? each->task : NULL;
}

static const struct wait_kind handlers_wait = {.name = "its handlers",
                                               .cancel = handlers_wait_cancel,
                                               .awaited = handler_awaited,
                                               .needs_all = true};

static void arm_grace(struct server *server, struct loop *loop)
{
    int64_t grace = server->options.grace ? server->options.grace : GRACE_DEFAULT;
    if (grace == NO_GRACE)
        hurry(server);
    else if (grace != WHORL_FOREVER) {
        server->grace.fire = grace_is_over;
        timer_arm(&loop->timers, &server->grace, loop_deadline_after(loop, grace));
    }
}

static void hurry_if_cancelled(struct server *server, bool cancelled_first)
{
    if (server->task->interrupted && !cancelled_first)
        hurry(server);
}

/* Who connected before the end has been accepted, and may have asked for something: it is served,
 * as far as there is room and time. */
static void serve_taken(struct server *server)
{
    int fd;
    while (!server->hurried && server->live < server->options.limit &&
           (fd = accept_left(server->listener)) >= 0)
        connection_begin(server, fd);
}

/* Stops listening. A cancel that the end itself is for gives the handlers their grace; one that
 * comes on top of a stop does not. */
static void end_gracefully(struct server *server, struct loop *loop, bool cancelled_first)
{
    server->listener->stopped = true;
    arm_grace(server, loop);
    hurry_if_cancelled(server, cancelled_first);
    listener_quiet(server->listener);
    hurry_if_cancelled(server, cancelled_first);
    serve_taken(server);
    listener_silence(server->listener);
    hurry_if_cancelled(server, cancelled_first);
}

static void await_handlers(struct server *server, struct loop *loop)
{
    while (server->live > 0)
        task_park(loop, server->task, &handlers_wait, server);
    if (timer_is_armed(&server->grace))
        timer_disarm(&loop->timers, &server->grace);
}

/* --- Serving --- */

/* Takes connections until there is a reason not to: -ECANCELED, -ESHUTDOWN after a stop, or why
 * accepting has failed. */
static int serve_connections(struct server *server)
{
    whorl_listener *listener = server->listener;
    for (;;) {
        if (listener->stopped)
            return -ESHUTDOWN;
        if (server->task->interrupted)
            return -ECANCELED;
        int fd = accept_next(listener);
        if (fd < 0)
            return fd;
        connection_begin(server, fd);
    }
}

static int serve(struct server *server, struct loop *loop)
{
    whorl_listener *listener = server->listener;
    int error = spare_take(listener);
    if (error)
        return error;
    listener->server = server;
    listener->keeps_spare = true;
    listener->wanted = server->options.limit;
    int result = serve_connections(server);
    listener->wanted = 0;
    listener->keeps_spare = false;
    spare_give(listener);
    accept_disarm(listener);
    server->ending = true;
    if (result == -ESHUTDOWN || result == -ECANCELED)
        end_gracefully(server, loop, result == -ECANCELED);
    else if (server->live > 0)
        arm_grace(server, loop);
    await_handlers(server, loop);
    listener->server = NULL;
    return result == -ESHUTDOWN ? 0 : result;
}

static int options_check(const whorl_serve_options *options)
{
    size_t stack = options->stack_size;
    if (options->grace < NO_GRACE ||
        (stack && (stack < WHORL_STACK_MIN || stack > WHORL_STACK_MAX)))
        return -EINVAL;
    return stream_options_check(&options->stream);
}

int whorl_serve_with(whorl_listener *listener, whorl_handler *handler, void *arg,
                     const whorl_serve_options *options)
{
    int error = listener_place_error(listener);
    if (error)
        return error;
    struct loop *loop = loop_here;
    struct server server = {
        .listener = listener, .task = loop->current, .handler = handler, .arg = arg};
    if (options)
        server.options = *options;
    if (!server.options.limit)
        server.options.limit = LIMIT_DEFAULT;
    if (!handler || options_check(&server.options))
        return -EINVAL;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    if (listener->server || listener->stopped || listener->closing || listener->wanted > 0)
        return -EBUSY;
    return serve(&server, loop);
}

int whorl_serve(whorl_listener *listener, whorl_handler *handler, void *arg, size_t limit)
{
    whorl_serve_options options = {.limit = limit};
    return whorl_serve_with(listener, handler, arg, &options);
}

int whorl_listener_stop(whorl_listener *listener)
{
    int error = listener_place_error(listener);
    if (error)
        return error;
    bool stopped = listener->stopped;
    listener->stopped = true;
    if (!listener->server)
        return -ESRCH;
    if (stopped || listener->server->ending)
        return -EALREADY;
    accept_dismiss(listener, -ESHUTDOWN);
    return 0;
}

size_t whorl_listener_live(const whorl_listener *listener)
{
    return listener && listener->server ? listener->server->live : 0;
}
