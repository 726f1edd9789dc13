/*
 * Resets that nobody sees. The kernel tells of a reset once, to who asks first. Where that is a
 * send, which may have sent a part and keep it to itself, the next one gives EPIPE, and receiving
 * gives 0, as after the peer's end of sending. What TCP has counted tells the two apart: that end
 * counts as a byte, which nobody receives (tcpi_bytes_received, RFC 4898; seen on Linux 6.18). So
 * does a byte out of band; then there is but what a send was told that met the reset itself: behind
 * the peer's end that is EPIPE.
 */
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/stream.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Of tcpi_state: as in <netinet/tcp.h>. */
enum { CLOSE = 7, CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 };

/* MPTCP answers for one of its connections of TCP, of which its end is none. */
static bool look_at(int fd, struct tcp_info *info)
{
    int protocol = 0;
    socklen_t len = sizeof protocol;
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) != 0 || protocol != IPPROTO_TCP)
        return false;
    len = sizeof *info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0 &&
           len >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info->tcpi_bytes_received;
}

/* Bytes that were taken out of the socket, and the peer's end if there was one. */
static uint32_t taken(int fd, const struct tcp_info *info)
{
    int waiting = 0;
    (void)ioctl(fd, SIOCINQ, &waiting);
    return (uint32_t)info->tcpi_bytes_received - (uint32_t)waiting;
}

/* One that is closed already is taken for one that the peer had ended. */
uint32_t reset_received(int fd)
{
    struct tcp_info info;
    if (!look_at(fd, &info))
        return 0;
    bool has_ended = info.tcpi_state == CLOSE || info.tcpi_state == CLOSE_WAIT ||
                     info.tcpi_state == LAST_ACK || info.tcpi_state == CLOSING;
    return taken(fd, &info) - has_ended;
}

/* Closed by TCP, and not because the peer had ended. */
static bool is_cut_off(const whorl_stream *stream)
{
    struct tcp_info info;
    return stream->is_socket && look_at(stream->fd, &info) && info.tcpi_state == CLOSE &&
           (stream->out_error == -ECONNRESET || taken(stream->fd, &info) == stream->received);
}

int reset_before(const whorl_stream *stream)
{
    if (stream->in_error)
        return stream->is_told ? -EPIPE : stream->in_error;
    return is_cut_off(stream) ? -ECONNRESET : -EPIPE;
}

int reset_behind(const whorl_stream *stream)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (!is_cut_off(stream))
        return 0;
    (void)getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error == 0 && stream->out_error != -EPIPE)
        error = -stream->out_error;
    return error ? -error : -ECONNRESET;
}
