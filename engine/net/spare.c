/*
 * The spare descriptor of a server: where no other is left it makes room for a client, which is
 * accepted and closed at once, and so need not wait for a timeout of its own.
 */
#include <net/listener.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* No duplicate, which would leave the system's table as full as it was. */
int spare_take(whorl_listener *listener)
{
    if (listener->spare < 0)
        listener->spare = eventfd(0, EFD_CLOEXEC);
    return listener->spare < 0 ? -errno : 0;
}

bool spare_give(whorl_listener *listener)
{
    if (listener->spare < 0)
        return false;
    close(listener->spare);
    listener->spare = -1;
    return true;
}
