/*
 * A network of a child's own: loopback, and a device that swallows all that is sent to 10.9.8.7.
 * What cannot be set up for want of rights or tools ends the child as a skip; its last words are
 * the reason.
 */
#ifndef TESTS_NET_OWN_NETWORK_H
#define TESTS_NET_OWN_NETWORK_H

#include "core/child.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>

#define HOLE_DEVICE "hole"

enum { CHILD_SKIPS = 77 };

static inline void __attribute__((noreturn)) skip_child(const char *what)
{
    fprintf(stderr, "%s: %s", what, strerror(errno));
    _exit(CHILD_SKIPS);
}

static inline void put_into(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        skip_child(path);
    close(fd);
}

/* Network and mounts of its own; one who is not root becomes it, in a user namespace. */
static inline void leave_for_own_namespaces(void)
{
    char map[64];
    snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
    int flags = CLONE_NEWNET | CLONE_NEWNS;
    if (geteuid() != 0)
        flags |= CLONE_NEWUSER;
    if (unshare(flags) != 0)
        skip_child("namespaces are forbidden");
    if (flags & CLONE_NEWUSER)
        put_into("/proc/self/uid_map", map);
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip_child("mounts cannot be made private");
}

static inline bool can_run_ip(const char *arguments)
{
    char command[200];
    snprintf(command, sizeof command, "PATH=/usr/sbin:/sbin:/usr/bin:/bin ip %s >/dev/null 2>&1",
             arguments);
    return system(command) == 0;
}

static inline void run_ip(const char *arguments)
{
    if (can_run_ip(arguments))
        return;
    fprintf(stderr, "ip %s failed, or is not there", arguments);
    _exit(CHILD_SKIPS);
}

/* Has the child see a file of these contents at `path`. */
static inline void stand_before(const char *path, const char *own, const char *contents)
{
    write_whole(own, contents, strlen(contents));
    if (mount(own, path, NULL, MS_BIND, NULL) != 0)
        skip_child(path);
}

struct own_network {
    whorl_fn *fn;
    test_path hosts;
    test_path order;
};

static inline int enter_own_network(void *arg)
{
    const struct own_network *network = arg;
    leave_for_own_namespaces();
    run_ip("link set lo up");
    /* A bridge that leads nowhere swallows as well as a dummy does, if it need not ask for whom. */
    if (!can_run_ip("link add " HOLE_DEVICE " type dummy"))
        run_ip("link add " HOLE_DEVICE " type bridge");
    run_ip("addr add 10.9.0.1/16 dev " HOLE_DEVICE);
    run_ip("link set " HOLE_DEVICE " up");
    run_ip("neigh add 10.9.8.7 lladdr 02:00:00:00:00:01 nud permanent dev " HOLE_DEVICE);
    stand_before("/etc/hosts", network->hosts.text,
                 "127.0.0.1 alive.test\n10.9.8.7 dead.test\n10.9.8.7 mixed.test\n"
                 "127.0.0.1 mixed.test\n");
    stand_before("/etc/nsswitch.conf", network->order.text, "hosts: files\nservices: files\n");
    return (int)whorl_run(network->fn, NULL);
}

/* Runs fn as the main task of a run in a child with such a network; its result must be 0. */
static inline void run_in_own_network(const char *test, whorl_fn *fn)
{
    struct own_network network = {fn, path_of("hosts"), path_of("nsswitch.conf")};
    struct child child;
    assert_int_equal(child_run(enter_own_network, &network, &child), 0);
    if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == CHILD_SKIPS) {
        print_skip(test, "%s", child.text);
        skip();
    }
    assert_true(child_exited(&child, 0));
}

#endif
