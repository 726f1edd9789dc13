/*
 * Names: the addresses of a host and a service, as getaddrinfo(3) finds them.
 *
 *     whorl_address addresses[WHORL_ADDRESSES_MAX];
 *     int count = whorl_resolve("example.org", "https", NULL, addresses, WHORL_ADDRESSES_MAX);
 *     if (count < 0)
 *         fprintf(stderr, "example.org: %s\n", whorl_resolve_explain(count));
 *
 * A name is looked up on a thread of the loop's (see whorl_to_thread), in the order of RFC 6724,
 * by all that nsswitch.conf(5) names: /etc/hosts, DNS and others. What needs no looking up (an
 * address as host, or no host, and a port) is answered at once. Tasks that ask for the same name at
 * the same time share one lookup, whatever becomes of each; a port is no part of the name. A thread
 * that looks up cannot be interrupted, but nobody has to wait for it: a cancel, or a timeout, ends
 * the call at once. One lookup that nobody waits for any more still has a thread of config.threads,
 * and who asks for the same name meanwhile waits for that one, not for another. At the run's end it
 * is waited for, as all threads of the loop are; resolv.conf(5) says how long it may take (timeout,
 * attempts).
 *
 * What was found is kept for the loop's next calls: the WHORL_RESOLVED_MAX names that were last
 * asked for, of which a call takes what is no older than options.max_age. Failures are not kept.
 */
#ifndef WHORL_RESOLVE_H
#define WHORL_RESOLVE_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An address, with its port. any.sa_family tells which it is. */
typedef struct whorl_address {
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    };
    socklen_t len;
} whorl_address;

/* The most addresses of one name; what it has beyond is dropped. */
#define WHORL_ADDRESSES_MAX 64

/* The most names that a loop keeps. */
#define WHORL_RESOLVED_MAX 256

/* Each 0: the default. */
typedef struct whorl_resolve_options {
    int family;      /* AF_INET or AF_INET6 alone; default: both */
    int socktype;    /* for which the service's name is looked up: SOCK_DGRAM, or the default,
                        SOCK_STREAM */
    int passive;     /* not 0: no host is every address of this machine, to listen at; default: its
                        loopback addresses */
    int numeric;     /* not 0: host and service are numbers, and nothing is looked up */
    int64_t timeout; /* ns for the call; default: none */
    int64_t max_age; /* ns since when the answer may be known; default 30 s; < 0: ask anew */
} whorl_resolve_options;

/* Puts the addresses of `host`, at most `room` and each once, into `addresses`, the best first, and
 * returns how many: at least 1. `host` is a name, an address of IPv4, or one of IPv6, with a scope
 * or without ("fe80::1%eth0"), which for AF_INET may stand for an address of IPv4
 * ("::ffff:192.0.2.1"); NULL: see options.passive, IPv6 comes first. `service` is a port or a name
 * of services(5); NULL: port 0. With a name as service even an address may be looked up.
 *   -ENOENT           there is no such name, or with options.numeric: host is no address
 *   -ENODATA          it has no address, or none of this family
 *   -EAGAIN           no name server has answered, for now
 *   -EREMOTEIO        name servers have answered, but with a failure
 *   -ETIMEDOUT        options.timeout has run out
 *   -EPROTONOSUPPORT  there is no such service, of this socktype, or with options.numeric: service
 *                     is no port
 *   -ERANGE           the port is above 65535
 *   -ENAMETOOLONG     host is longer than 255 bytes, or service than 32
 *   -EILSEQ           host is no text in a form that can be asked for
 *   -EAFNOSUPPORT, -ESOCKTNOSUPPORT  of options.family, options.socktype
 *   -EINVAL           addresses is NULL, room is 0, or the timeout is negative
 *   -EMFILE, -ENFILE, -ENOMEM  no descriptor, memory or thread is left
 *   -EOVERFLOW        the answer is larger than the C library takes
 *   -EIO              any other failure of the system
 *   -ECANCELED, -EPERM */
WHORL_API int whorl_resolve(const char *host, const char *service,
                            const whorl_resolve_options *options, whorl_address *addresses,
                            size_t room);

/* What an error of whorl_resolve means, such as "no such host": a static string, also for errors
 * that it does not give. From: any thread. */
WHORL_API const char *whorl_resolve_explain(int error);

/* Forgets what was found for `host`, or (NULL) for all; for one who knows that it has changed. What
 * is being looked up goes to who waits for it, and to nobody after. Does not wait, and works in a
 * cancelled task too. Returns 0.
 *   -EPERM */
WHORL_API int whorl_resolve_forget(const char *host);

#ifdef __cplusplus
}
#endif

#endif
