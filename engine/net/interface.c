/* See interface.h. if_nametoindex(3) does the same, and does not tell why it could not look. */
#include <errno.h>
#include <net/if.h>
#include <net/interface.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int interface_find(const char *name, unsigned *number)
{
    struct ifreq request = {0};
    *number = 0;
    if (strlen(name) >= sizeof request.ifr_name)
        return -ENODEV;
    strcpy(request.ifr_name, name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = ioctl(fd, SIOCGIFINDEX, &request) < 0 ? -errno : 0;
    close(fd);
    if (!error)
        *number = (unsigned)request.ifr_ifindex;
    return error;
}
