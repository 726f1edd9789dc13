/* Connecting by name: see connect.h of the public headers. */
#include <core/leftover.h>
#include <errno.h>
#include <fcntl.h>
#include <net/connect.h>
#include <net/unix_name.h>
#include <sys/un.h>
#include <unistd.h>
#include <whorl/connect.h>
#include <whorl/net.h>
#include <whorl/scope.h>

#define DEFAULT_DELAY WHORL_MS(250)
#define LEAST_DELAY WHORL_MS(10) /* RFC 8305, section 5: never less */

static const whorl_connect_options defaults;

/* What is to be done within the options' timeout. */
struct errand {
    const char *place;
    const char *service;
    const whorl_connect_options *options;
};

static int within_timeout(int (*fn)(struct loop *loop, const struct errand *errand),
                          const struct errand *errand)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    int64_t timeout = errand->options->timeout;
    if (timeout < 0)
        return -EINVAL;
    if (timeout == 0)
        return fn(loop, errand);
    whorl_timeout scope;
    whorl_timeout_begin(&scope, timeout);
    return (int)whorl_timeout_end(&scope, fn(loop, errand));
}

/* --- TCP --- */

/* The number of addresses to connect from, the first one of each family; 0: it does not matter. Or
 * -errno. `room` is for WHORL_ADDRESSES_MAX. */
static int find_locals(const whorl_connect_options *options, whorl_address *room,
                       whorl_address locals[LOCALS_MOST])
{
    if (!options->local_host && !options->local_service)
        return 0;
    const whorl_resolve_options how = {.family = options->family, .passive = 1};
    int found =
        whorl_resolve(options->local_host, options->local_service, &how, room, WHORL_ADDRESSES_MAX);
    int count = found < 0 ? found : 0;
    for (int i = 0; i < found && count < LOCALS_MOST; i++)
        if (count == 0 || room[i].any.sa_family != locals[0].any.sa_family)
            locals[count++] = room[i];
    return count;
}

static int connect_by_name(struct loop *loop, const struct errand *errand)
{
    const whorl_connect_options *options = errand->options;
    const whorl_resolve_options how = {.family = options->family};
    whorl_address addresses[WHORL_ADDRESSES_MAX], locals[LOCALS_MOST];
    int local_count = find_locals(options, addresses, locals);
    if (local_count < 0)
        return local_count;
    int count = whorl_resolve(errand->place, errand->service, &how, addresses, WHORL_ADDRESSES_MAX);
    if (count < 0)
        return count;
    const struct connect_plan plan = {
        .addresses = addresses,
        .count = (unsigned)count,
        .locals = locals,
        .local_count = (unsigned)local_count,
        .delay = options->attempt_delay ? options->attempt_delay : DEFAULT_DELAY,
        .nagle = options->nagle != 0,
    };
    return race_run(loop, &plan);
}

int whorl_tcp_connect(const char *host, const char *service, const whorl_connect_options *options)
{
    if (!options)
        options = &defaults;
    if (!service || (options->attempt_delay && options->attempt_delay < LEAST_DELAY))
        return -EINVAL;
    const struct errand errand = {host, service, options};
    return within_timeout(connect_by_name, &errand);
}

/* --- Unix --- */

/* A socket whose connect is waited for; on the stack of its task, should that never go on. While it
 * has O_NONBLOCK a queue that is full is looked at now and then: the kernel would wait in a thread,
 * and one who is woken there and cancelled would keep it from others that their turn has come. */
struct attempt {
    struct leftover leftover; /* first */
    int fd;
};

/* The op belongs to the task, whose waits have ended. */
static void stop_nothing(struct leftover *self)
{
    (void)self;
}

static void end_left(struct leftover *self)
{
    close(((const struct attempt *)self)->fd);
}

static int connect_to(struct loop *loop, const struct sockaddr_un *address, size_t size)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    struct attempt attempt = {.leftover = {.stop = stop_nothing, .end = end_left}, .fd = fd};
    leftover_add(loop, &attempt.leftover);
    int error = whorl_connect(fd, (const struct sockaddr *)address, (socklen_t)size);
    leftover_remove(&attempt.leftover);
    if (!error && fcntl(fd, F_SETFL, O_RDWR) == 0)
        return fd;
    if (!error)
        error = -errno;
    close(fd);
    return error;
}

static int connect_by_path(struct loop *loop, const struct errand *errand)
{
    struct unix_name name;
    if (errand->place[0] == '\0')
        return -ENOENT;
    int error = unix_name_set(&name, errand->place);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    return connect_to(loop, &name.address, name.len);
}

int whorl_unix_connect(const char *path, const whorl_connect_options *options)
{
    if (!path)
        return -EINVAL;
    const struct errand errand = {path, NULL, options ? options : &defaults};
    return within_timeout(connect_by_path, &errand);
}
