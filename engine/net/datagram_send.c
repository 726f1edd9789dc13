/*
 * Sending datagrams, alone and many at once. See datagram.h.
 *
 * Many go one after the other, and none goes after one that has failed: that is what sendmmsg(2)
 * promises. They are a chain of ops, one submission, in which the order holds also while the socket
 * has no room. From a socket of unix each goes by a call of its own, since one that had to wait
 * would arrive empty: see message.c.
 */
#include <limits.h>
#include <net/datagram.h>
#include <net/message.h>
#include <stdlib.h>
#include <op/op.h>
#include <whorl/net.h>

#define CHAIN_MOST 128

/* No room in an interface's queue, or in the kernel's memory: the same to the program. */
static ssize_t told(ssize_t result)
{
    return result == -ENOBUFS ? -EAGAIN : result;
}

static struct msghdr message_of(struct iovec *data, const void *name, socklen_t name_len)
{
    return (struct msghdr){.msg_name = name_len > 0 ? (void *)name : NULL,
                           .msg_namelen = name_len,
                           .msg_iov = data,
                           .msg_iovlen = 1};
}

static ssize_t send_message(const whorl_datagram *datagram, const struct msghdr *message)
{
    if (datagram->family == AF_UNIX)
        return message_send_unix(datagram->fd, message, 0);
    whorl_op op = whorl_op_sendmsg(datagram->fd, message, 0);
    return whorl_op_await(&op);
}

static ssize_t send_one(whorl_datagram *datagram, const void *buf, size_t len, const void *addr,
                        socklen_t addr_len)
{
    struct datagram_call call;
    int error = datagram_begin(datagram, &call);
    if (error)
        return error;
    struct iovec data = {(void *)buf, len};
    struct msghdr message = message_of(&data, addr, addr_len);
    bool goes = !datagram->error || datagram->loop->current->interrupted;
    ssize_t result = goes ? told(send_message(datagram, &message)) : datagram_take_error(datagram);
    return datagram_end(datagram, &call, result);
}

ssize_t whorl_datagram_send_to(whorl_datagram *datagram, const void *buf, size_t len,
                               const struct sockaddr *addr, socklen_t addr_len)
{
    if ((!buf && len > 0) || (!addr && addr_len > 0))
        return -EINVAL;
    return send_one(datagram, buf, len, addr, addr_len);
}

ssize_t whorl_datagram_send(whorl_datagram *datagram, const void *buf, size_t len)
{
    return whorl_datagram_send_to(datagram, buf, len, NULL, 0);
}

/* --- Many --- */

/* One of a chain. The ops stand apart, as a chain is an array of them. */
struct parcel {
    struct iovec data;
    struct msghdr message;
};

struct chain {
    whorl_op *ops;
    struct parcel *parcels;
};

/* Whether a send met what became of an earlier one, which the kernel tells once: trying it again
 * would not tell. */
static bool is_of_network(const whorl_message *message, int error)
{
    return error == -ECONNREFUSED || (error == -EHOSTUNREACH && message->peer_len == 0);
}

/* Sends up to n in one chain. Returns how many; of none, the first one's error. */
static ssize_t send_chain(whorl_datagram *datagram, const struct chain *chain,
                          const whorl_message *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const whorl_message *from = &messages[i];
        struct parcel *parcel = &chain->parcels[i];
        parcel->data = (struct iovec){(void *)from->data, from->len};
        parcel->message = message_of(&parcel->data, from->peer, from->peer_len);
        chain->ops[i] = whorl_op_sendmsg(datagram->fd, &parcel->message, 0);
    }
    int error = whorl_link_ops(chain->ops, n);
    size_t sent = 0;
    while (sent < n && (chain->ops[sent].state & OP_ENDED) && chain->ops[sent].result >= 0)
        sent++;
    if (sent == 0)
        return told(error);
    if (sent < n && is_of_network(&messages[sent], chain->ops[sent].result))
        datagram->error = chain->ops[sent].result;
    return (ssize_t)sent;
}

static ssize_t send_chains(whorl_datagram *datagram, const struct chain *chain, size_t most,
                           const whorl_message *messages, size_t n)
{
    if (datagram->error && !datagram->loop->current->interrupted)
        return datagram_take_error(datagram);
    size_t sent = 0;
    while (sent < n && !datagram->closing) {
        size_t want = n - sent < most ? n - sent : most;
        ssize_t done = send_chain(datagram, chain, messages + sent, want);
        if (done < 0)
            return sent > 0 ? (ssize_t)sent : done;
        sent += (size_t)done;
        if ((size_t)done < want)
            break;
    }
    return (ssize_t)sent;
}

/* One after the other. How many, or of none what kept the first. */
static ssize_t send_each(whorl_datagram *datagram, const whorl_message *messages, size_t n)
{
    size_t sent = 0;
    ssize_t result = 0;
    while (sent < n && result >= 0 && !datagram->closing) {
        const whorl_message *from = &messages[sent];
        struct iovec data = {(void *)from->data, from->len};
        struct msghdr message = message_of(&data, from->peer, from->peer_len);
        result = send_message(datagram, &message);
        sent += result >= 0;
    }
    return sent > 0 ? (ssize_t)sent : told(result);
}

static int messages_check(const whorl_message *messages, size_t n)
{
    if (!messages || n == 0 || n > INT_MAX)
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if ((!messages[i].data && messages[i].len > 0) ||
            (!messages[i].peer && messages[i].peer_len > 0))
            return -EINVAL;
    return 0;
}

ssize_t whorl_datagram_send_many(whorl_datagram *datagram, const whorl_message *messages, size_t n)
{
    int error = messages_check(messages, n);
    if (error)
        return error;
    struct datagram_call call;
    error = datagram_begin(datagram, &call);
    if (error)
        return error;
    if (datagram->family == AF_UNIX)
        return datagram_end(datagram, &call, send_each(datagram, messages, n));
    size_t most =
        datagram->loop->ring.entries < CHAIN_MOST ? datagram->loop->ring.entries : CHAIN_MOST;
    if (n < most)
        most = n;
    struct chain chain = {.ops = malloc(most * (sizeof *chain.ops + sizeof *chain.parcels))};
    if (!chain.ops)
        return datagram_end(datagram, &call, -ENOMEM);
    chain.parcels = (struct parcel *)(chain.ops + most);
    ssize_t result = send_chains(datagram, &chain, most, messages, n);
    free(chain.ops);
    return datagram_end(datagram, &call, result);
}
