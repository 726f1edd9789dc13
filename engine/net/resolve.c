/*
 * The addresses of a host and a service: those that need no looking up at once, else those that are
 * known, else by waiting for a lookup. See resolve.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/resolve.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX_AGE WHORL_SECONDS(30)
#define PORT_MOST 65535

/* --- What is asked --- */

static int options_check(const whorl_resolve_options *options)
{
    if (options->timeout < 0)
        return -EINVAL;
    if (options->family != AF_UNSPEC && options->family != AF_INET && options->family != AF_INET6)
        return -EAFNOSUPPORT;
    if (options->socktype != 0 && options->socktype != SOCK_STREAM &&
        options->socktype != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    return 0;
}

/* A port, where the service is a number; else -1. -ERANGE: there is none so high. */
static int port_of(const char *service)
{
    int port = 0;
    for (; *service; service++) {
        if (*service < '0' || *service > '9')
            return -1;
        port = port * 10 + (*service - '0');
        if (port > PORT_MOST)
            return strspn(service, "0123456789") == strlen(service) ? -ERANGE : -1;
    }
    return port;
}

/* With a sign or spaces before it: getaddrinfo(3) would take it, and cut it to 16 bits. */
static bool is_odd_number(const char *service)
{
    char *end;
    strtoul(service, &end, 10);
    return end != service && !*end;
}

static int set_service(struct question *question, const char *service, in_port_t *port)
{
    int number = service && service[0] ? port_of(service) : service ? -1 : 0;
    if (number == -ERANGE)
        return -ERANGE;
    if (number >= 0) {
        *port = htons((in_port_t)number);
        return 0;
    }
    size_t length = strlen(service);
    if (length > SERVICE_MOST)
        return -ENAMETOOLONG;
    memcpy(question->service, service, length);
    return length > 0 && !is_odd_number(service) ? 0 : -EPROTONOSUPPORT;
}

static int set_host(struct question *question, const char *host)
{
    size_t length = host ? strlen(host) : 0;
    if (length > HOST_MOST)
        return -ENAMETOOLONG;
    question->has_host = host != NULL;
    if (host)
        memcpy(question->host, host, length);
    return host && length == 0 ? -ENOENT : 0;
}

static int question_make(struct question *question, const char *host, const char *service,
                         const whorl_resolve_options *options, in_port_t *port)
{
    memset(question, 0, sizeof *question);
    question->family = options->family;
    question->socktype = options->socktype ? options->socktype : SOCK_STREAM;
    question->passive = !host && options->passive;
    *port = 0;
    int error = set_host(question, host);
    return error ? error : set_service(question, service, port);
}

/* --- Answers without a lookup --- */

/* Puts this machine's own addresses into `own`, and returns how many. */
static unsigned read_own(const struct question *question, whorl_address own[2])
{
    unsigned count = 0;
    static const struct in6_addr any = IN6ADDR_ANY_INIT;
    static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    if (question->family != AF_INET)
        own[count++] = (whorl_address){
            .in6 = {.sin6_family = AF_INET6, .sin6_addr = question->passive ? any : loopback},
            .len = sizeof(struct sockaddr_in6)};
    if (question->family != AF_INET6)
        own[count++] = (whorl_address){
            .in4 = {.sin_family = AF_INET,
                    .sin_addr.s_addr = htonl(question->passive ? INADDR_ANY : INADDR_LOOPBACK)},
            .len = sizeof(struct sockaddr_in)};
    return count;
}

/* The number of addresses; 0: it is to be looked up. Or -errno. */
static int answer_at_once(const struct question *question, const whorl_resolve_options *options,
                          const struct asker *asker)
{
    if (question->service[0])
        return options->numeric ? -EPROTONOSUPPORT : 0;
    whorl_address own[2];
    if (!question->has_host)
        return asker_take(asker, own, read_own(question, own));
    int count = number_read(question->host, question->family, own);
    if (count > 0)
        return asker_take(asker, own, 1);
    /* Names have no colon. */
    bool may_be_name = count == -ENOENT && !options->numeric && !strchr(question->host, ':');
    return may_be_name ? 0 : count;
}

/* --- Waiting for one --- */

static void give_up(struct task *self, int result)
{
    struct asker *asker = self->wait_object;
    waiter_serve(&asker->waiter, result);
    names_leave(asker->name);
}

static void name_cancel(struct task *self)
{
    give_up(self, -ECANCELED);
}

static const struct wait_kind name_wait = {.name = "a name", .cancel = name_cancel};

static void time_is_up(struct timer *timer)
{
    struct task *self = (struct task *)((char *)timer - offsetof(struct task, timer));
    /* It may have its answer, and not have run yet. */
    if (self->wait)
        give_up(self, -ETIMEDOUT);
}

static int wait_for(struct loop *loop, struct asker *asker, int64_t timeout)
{
    struct task *self = loop->current;
    if (timeout > 0) {
        self->timer.fire = time_is_up;
        timer_arm(&loop->timers, &self->timer, loop_deadline_after(loop, timeout));
    }
    int result = waiters_wait(loop, &asker->name->waiters, &asker->waiter, &name_wait);
    if (timer_is_armed(&self->timer))
        timer_disarm(&loop->timers, &self->timer);
    return result;
}

static int look_up(struct loop *loop, const struct question *question,
                   const whorl_resolve_options *options, struct asker *asker)
{
    int64_t max_age = options->max_age ? options->max_age : DEFAULT_MAX_AGE;
    const struct name *known = names_find_known(loop, question, max_age);
    if (known)
        return asker_take(asker, known->found->addresses, known->found->count);
    int error;
    asker->name = names_ask(loop, question, &error);
    return asker->name ? wait_for(loop, asker, options->timeout) : error;
}

int whorl_resolve(const char *host, const char *service, const whorl_resolve_options *options,
                  whorl_address *addresses, size_t room)
{
    static const whorl_resolve_options defaults;
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!addresses || room == 0)
        return -EINVAL;
    if (!options)
        options = &defaults;
    int error = options_check(options);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    struct asker asker = {.addresses = addresses, .room = room};
    struct question question;
    error = question_make(&question, host, service, options, &asker.port);
    if (error)
        return error;
    int count = answer_at_once(&question, options, &asker);
    return count != 0 ? count : look_up(loop, &question, options, &asker);
}
