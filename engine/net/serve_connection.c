/* One connection of a server, from its descriptor to its task's end. See serve.h. */
#include <assert.h>
#include <core/defer.h>
#include <net/listener.h>
#include <net/serve.h>
#include <net/stream.h>
#include <stdlib.h>
#include <unistd.h>
#include <whorl/scope.h>

/* --- In its task --- */

/* A cancelled task sends no more than the kernel takes at once, and so does one whose handler has
 * failed, or has outlived the grace: a peer that takes slowly would hold its place. After a handler
 * that was cut off in the middle the peer is to know. */
static int give_back(struct connection *connection, const struct task *self)
{
    if (!connection->returned)
        return whorl_stream_abort(connection->stream);
    struct scope closing;
    bool is_over = self->cancelled || connection->server->hurried || connection->result < 0;
    scope_open_for(self->loop, &closing, SCOPE_TIMEOUT, is_over ? 0 : WHORL_FOREVER);
    SCOPE_NOTE_PLACE(&closing);
    connection->closing = &closing;
    int error = whorl_stream_close(connection->stream);
    connection->closing = NULL;
    scope_close(self->loop, &closing);
    return error;
}

/* Closes the stream, if that is left to the server. Another task may be about to give it back, and
 * take longer than the connection lives. */
static int close_stream(struct connection *connection, const struct task *self)
{
    if (connection->stream_ended)
        return 0;
    int error = give_back(connection, self);
    if (error == -EBUSY && !connection->stream_ended) {
        stream_tell_end(connection->stream, NULL);
        return 0;
    }
    return error;
}

static intptr_t finish(void *arg)
{
    struct connection *connection = arg;
    const struct task *self = loop_here->current;
    int error = close_stream(connection, self);
    intptr_t result = connection->result < 0 ? connection->result : error;
    if (result < 0 && !(result == -ECANCELED && self->cancelled))
        serve_tell(connection->server, &connection->peer, result);
    return 0;
}

/* Whether nothing is left that must end before the stream is closed. */
static bool is_alone(const struct task *self)
{
    return self->in_flight == 0 && !self->scopes && self->deferred && self->deferred->fn == finish;
}

static intptr_t serve_one(void *arg)
{
    struct connection *connection = arg;
    const struct server *server = connection->server;
    struct task *self = loop_here->current;
    connection->result = whorl_defer(finish, connection);
    if (connection->result < 0) {
        finish(connection);
        return 0;
    }
    connection->result = -EOVERFLOW; /* until it returns */
    connection->result =
        self->cancelled ? -ECANCELED : server->handler(connection->stream, server->arg);
    connection->returned = true;
    if (is_alone(self)) {
        deferred_take_back(self, finish, connection);
        finish(connection);
    }
    return 0;
}

/* --- Around it --- */

static void drop(struct connection *connection)
{
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    connection->server->live--;
    free(connection);
}

static void task_ended(struct watcher *watcher, struct task *task)
{
    struct connection *connection =
        (struct connection *)((char *)watcher - offsetof(struct connection, watcher));
    struct server *server = connection->server;
    (void)task;
    drop(connection);
    if (!server->ending) {
        server->listener->wanted++;
        accept_resume(server->listener);
    } else if (server->live == 0 && server->task->wait_object == server && server->task->wait) {
        task_wake(server->task, 0);
    }
}

void connections_drop(struct server *server)
{
    while (server->connections) {
        struct connection *connection = server->connections;
        if (connection->task) {
            task_unwatch(connection->task, &connection->watcher);
            deferred_take_back(connection->task, finish, connection);
        }
        drop(connection);
    }
}

static int spawn(struct server *server, struct connection *connection)
{
    struct loop *loop = loop_here;
    whorl_spawn_options options = {
        .name = server->options.name ? server->options.name : "connection",
        .stack_size = server->options.stack_size,
        .contain_overflow = 1,
    };
    struct task *task;
    int error = task_spawn(loop, &options, serve_one, connection, &task);
    if (error)
        return error;
    connection->task = task;
    task->runs_anyway = true;
    connection->watcher = (struct watcher){
        .ended = task_ended, .waiter = server->task, .object = server, .binds = true};
    task_watch(task, &connection->watcher);
    task_take_handle(task);
    task_begin(loop, &options, task);
    return 0;
}

static int connection_open(struct server *server, int fd, struct connection **result)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return -ENOMEM;
    int error = stream_open_socket(loop_here, fd, &server->options.stream, &connection->stream);
    if (error) {
        free(connection);
        return error;
    }
    stream_tell_end(connection->stream, &connection->stream_ended);
    connection->server = server;
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    server->connections = connection;
    server->live++;
    *result = connection;
    return 0;
}

void connection_begin(struct server *server, int fd)
{
    struct peer peer;
    peer_note(&peer, fd);
    struct connection *connection;
    int error = connection_open(server, fd, &connection);
    if (error) {
        close(fd);
    } else {
        connection->peer = peer;
        error = spawn(server, connection);
        if (error) {
            whorl_stream_abort(connection->stream);
            drop(connection);
        }
    }
    if (error) {
        server->listener->wanted++;
        serve_tell(server, &peer, error);
    }
}
