/* Datagram sockets: their life from the descriptor to the close. See datagram.h. */
#include <net/datagram.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>
#include <whorl/fs.h>

#define DEFAULT_QUEUE 64
#define QUEUE_MOST 1024
#define LARGEST_MOST ((size_t)16 << 20)

/* --- Calls --- */

int datagram_begin(whorl_datagram *datagram, struct datagram_call *call)
{
    int error = datagram_check(datagram);
    if (error)
        return error;
    datagram->users++;
    call->is_timed = datagram->timeout != WHORL_FOREVER;
    if (call->is_timed)
        whorl_timeout_begin(&call->limit, datagram->timeout);
    return 0;
}

ssize_t datagram_end(whorl_datagram *datagram, struct datagram_call *call, ssize_t result)
{
    if (call->is_timed)
        result = whorl_timeout_end(&call->limit, result);
    if (--datagram->users == 0 && datagram->closer)
        task_wake(datagram->closer, 0);
    return result;
}

/* --- The end --- */

/* But for its own memory. */
static void give_up(whorl_datagram *datagram)
{
    assert(datagram->users == 0 && !multishot_is_armed(&datagram->in));
    datagram_drop(datagram);
}

static whorl_datagram *datagram_of(struct leftover *self)
{
    return (whorl_datagram *)((char *)self - offsetof(whorl_datagram, leftover));
}

static void stop_left(struct leftover *self)
{
    whorl_datagram *datagram = datagram_of(self);
    datagram->closing = true;
    multishot_disarm(datagram->loop, &datagram->in);
}

static void end_left(struct leftover *self)
{
    whorl_datagram *datagram = datagram_of(self);
    unix_name_remove(&datagram->name);
    if (datagram->fd >= 0)
        close(datagram->fd);
    datagram->fd = -1;
    datagram->users = 0; /* tasks that were given up never leave their calls */
    give_up(datagram);
    leftover_bury(datagram->loop, self, datagram);
}

static const struct wait_kind calls_end_wait = {.name = "the end of a socket's calls"};

int whorl_datagram_close(whorl_datagram *datagram)
{
    if (!datagram)
        return -EINVAL;
    struct loop *loop = loop_here;
    if (!loop || loop != datagram->loop)
        return -EPERM;
    if (datagram->closing)
        return -EBUSY;
    datagram->closing = true;
    unix_name_remove(&datagram->name);
    datagram_turn_away(datagram);
    datagram_end_lookups(datagram);
    int fd = datagram->fd;
    datagram->fd = -1;
    int closed = whorl_close(fd);
    if (datagram->users > 0) {
        datagram->closer = loop->current;
        task_park(loop, loop->current, &calls_end_wait, NULL);
    }
    leftover_remove(&datagram->leftover);
    give_up(datagram);
    free(datagram);
    return closed;
}

/* --- The beginning --- */

int datagram_make(int fd, int family, const whorl_datagram_options *options,
                  whorl_datagram **result)
{
    static const whorl_datagram_options defaults;
    if (!options)
        options = &defaults;
    if (options->largest > LARGEST_MOST || options->queue > QUEUE_MOST || options->timeout < 0)
        return -EINVAL;
    whorl_datagram *datagram = calloc(1, sizeof *datagram);
    if (!datagram)
        return -ENOMEM;
    datagram->loop = loop_here;
    datagram->fd = fd;
    datagram->family = family;
    datagram->largest = options->largest > DATAGRAM_LARGEST ? options->largest : DATAGRAM_LARGEST;
    datagram->limit = options->queue > 0 ? options->queue : DEFAULT_QUEUE;
    datagram->timeout = options->timeout > 0 ? options->timeout : WHORL_FOREVER;
    datagram_prepare(datagram);
    datagram->leftover = (struct leftover){.stop = stop_left, .end = end_left};
    leftover_add(datagram->loop, &datagram->leftover);
    *result = datagram;
    return 0;
}

/* --- What it is --- */

int whorl_datagram_fd(const whorl_datagram *datagram)
{
    if (!datagram)
        return -EINVAL;
    return datagram->fd >= 0 ? datagram->fd : -EBADF;
}

int whorl_datagram_port(const whorl_datagram *datagram)
{
    int error = datagram_check(datagram);
    if (error)
        return error;
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    if (getsockname(datagram->fd, (struct sockaddr *)&addr, &len) != 0)
        return -errno;
    if (addr.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&addr)->sin_port);
    if (addr.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&addr)->sin6_port);
    return -ENOTSUP;
}

int whorl_datagram_set_timeout(whorl_datagram *datagram, int64_t ns)
{
    int error = datagram_check(datagram);
    if (error)
        return error;
    if (ns < 0)
        return -EINVAL;
    datagram->timeout = ns > 0 ? ns : WHORL_FOREVER;
    return 0;
}
