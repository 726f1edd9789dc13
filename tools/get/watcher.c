/*
 * See watcher.h. Polls of the ring are told once: each is for one event, and is made anew for the
 * next, with the interest of then. When curl's interest changes meanwhile, and when curl lets go of
 * the socket, the poll in flight is cancelled; the watcher then looks again at what is wanted.
 *
 * A socket that curl has closed is closed in truth by its watcher, once its poll has ended: until
 * then its descriptor can be no other's. But when a transfer is taken from curl 7.88 while its
 * connection is being made, curl takes its interest back, closes the socket itself, and calls
 * nobody. That shows when the descriptor comes again, or when curl is gone.
 */
#include "watcher.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct watcher {
    struct driver *driver;
    curl_socket_t fd;
    unsigned interest;   /* events of poll(2); 0: none for now */
    bool is_let_go;      /* by curl: nobody but the watcher knows it any more */
    bool is_closed;      /* by curl itself; then it is let go too */
    whorl_op poll;       /* in flight while it waits for one of them */
    whorl_event changed; /* the interest, or is_let_go; awaited while there is nothing to poll */
};

/* poll(2)'s words in curl's. An error or a hang-up shows in the call that meets it, so that curl
 * learns its errno: all that curl waits for is ready then. */
static int in_curls_words(unsigned ready, unsigned interest)
{
    unsigned ended = POLLERR | POLLHUP;
    bool is_readable = (ready & (POLLIN | POLLRDHUP | ended)) != 0 && (interest & POLLIN) != 0;
    bool is_writable = (ready & (POLLOUT | ended)) != 0 && (interest & POLLOUT) != 0;
    return (is_readable ? CURL_CSELECT_IN : 0) | (is_writable ? CURL_CSELECT_OUT : 0);
}

/* Waits for an event and passes it on. It may have come just before curl changed its mind. */
static void watch_once(struct watcher *self)
{
    self->poll = whorl_op_poll(self->fd, self->interest);
    int ready = whorl_op_await(&self->poll);
    if (self->is_let_go || ready == -ECANCELED)
        return;
    int events = ready < 0 ? CURL_CSELECT_ERR : in_curls_words((unsigned)ready, self->interest);
    driver_act(self->driver, self->fd, events);
}

static intptr_t watch(void *arg)
{
    struct watcher *self = arg;
    while (!self->is_let_go && whorl_cancelling(whorl_self()) == 0) {
        whorl_event_clear(&self->changed);
        if (self->interest != 0)
            watch_once(self);
        else
            whorl_event_wait(&self->changed);
    }
    if (!self->is_let_go)
        self->driver->watchers[self->fd] = NULL;
    else if (!self->is_closed)
        whorl_close(self->fd);
    free(self);
    return 0;
}

/* Has the watcher look at itself again. */
static void stir(struct watcher *self)
{
    whorl_event_set(&self->changed);
    whorl_op_cancel(&self->poll);
}

static void let_go(struct watcher *self, bool is_closed)
{
    self->driver->watchers[self->fd] = NULL;
    self->is_let_go = true;
    self->is_closed = is_closed;
    stir(self);
}

/* A place for the watcher of `fd`. 0, or -ENOMEM. */
static int make_place(struct driver *driver, curl_socket_t fd)
{
    size_t wanted = (size_t)fd + 1;
    if (wanted <= driver->room)
        return 0;
    struct watcher **more = realloc(driver->watchers, 2 * wanted * sizeof *more);
    if (more == NULL)
        return -ENOMEM;
    for (size_t i = driver->room; i < 2 * wanted; i++)
        more[i] = NULL;
    driver->watchers = more;
    driver->room = 2 * wanted;
    return 0;
}

static int begin_watching(struct driver *driver, curl_socket_t fd)
{
    int error = make_place(driver, fd);
    struct watcher *self = error == 0 ? calloc(1, sizeof *self) : NULL;
    if (self == NULL)
        return -ENOMEM;
    *self = (struct watcher){.driver = driver, .fd = fd};
    if (driver->watchers[fd] != NULL)
        let_go(driver->watchers[fd], true);
    error = whorl_group_spawn_with(&driver->sockets, &(whorl_spawn_options){.name = "socket"},
                                   watch, self, NULL);
    if (error == 0)
        driver->watchers[fd] = self;
    else
        free(self);
    return error;
}

curl_socket_t watcher_open_socket(void *driver, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0 || begin_watching(driver, fd) == 0)
        return fd;
    close(fd);
    return CURL_SOCKET_BAD;
}

int watcher_set_interest(CURL *easy, curl_socket_t fd, int what, void *data, void *unused)
{
    struct driver *driver = data;
    struct watcher *self = (size_t)fd < driver->room ? driver->watchers[fd] : NULL;
    (void)easy, (void)unused;
    if (self == NULL)
        return 0;
    self->interest = (what == CURL_POLL_IN || what == CURL_POLL_INOUT ? POLLIN : 0) |
                     (what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? POLLOUT : 0);
    stir(self);
    return 0;
}

int watcher_close_socket(void *data, curl_socket_t fd)
{
    struct driver *driver = data;
    struct watcher *self = (size_t)fd < driver->room ? driver->watchers[fd] : NULL;
    if (self == NULL)
        return close(fd);
    let_go(self, false);
    return 0;
}

void watcher_end_all(struct driver *driver)
{
    for (size_t fd = 0; fd < driver->room; fd++)
        if (driver->watchers[fd] != NULL)
            let_go(driver->watchers[fd], true);
}
