/*
 * The spare descriptor of a server: where no other is left it makes room for a client, which is
 * accepted and closed at once, and so need not wait for a timeout of its own.
 */
#include <fcntl.h>
#include <net/listener.h>
#include <unistd.h>

bool spare_take(whorl_listener *listener)
{
    if (listener->spare < 0)
        listener->spare = fcntl((int)listener->sockets[0].accepting.op.fd, F_DUPFD_CLOEXEC, 0);
    return listener->spare >= 0;
}

bool spare_give(whorl_listener *listener)
{
    if (listener->spare < 0)
        return false;
    close(listener->spare);
    listener->spare = -1;
    return true;
}
