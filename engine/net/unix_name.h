/*
 * Names that sockets of unix are bound and connected to: a path, or an abstract name, written
 * "@name".
 *
 * bind(2) makes a path's file, and refuses one that is there: also one that a program which has
 * ended has left behind. Whether a socket is bound there is told by a connect. Between that, the
 * removal of a stale file, and the bind of the new one, another program may do the same: so all of
 * it is done with the directory locked (flock(2)), which those do who use this code. Where the
 * directory cannot be locked it is done all the same.
 *
 * The file that was made is removed only if it is that one still.
 */
#ifndef NET_UNIX_NAME_H
#define NET_UNIX_NAME_H

#include <net/which_file.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Characters of the longest. */
#define UNIX_NAME_MOST 107

struct unix_name {
    struct sockaddr_un address;
    socklen_t len;
    struct which_file file; /* that unix_name_bind has made */
};

/* Sets the name; NULL: an abstract name that the kernel makes up. 0; -EINVAL: it is
 * empty, or "@"; -ENAMETOOLONG. */
int unix_name_set(struct unix_name *name, const char *text);

/* Binds a socket to it. A file has the mode that is given, or (0) what the umask leaves; it waits
 * for that. 0; -EADDRINUSE: somebody is there, or what is there is no socket; -ECANCELED; or what
 * bind(2), unlink(2) and chmod(2) say. */
int unix_name_bind(struct unix_name *name, int fd, mode_t mode);

/* Removes the file, if it is still the one that unix_name_bind has made. */
void unix_name_remove(struct unix_name *name);

#endif
