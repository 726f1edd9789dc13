/* What to tell a person when there is no ring to be had: the cause, and how to mend it. */
#include <core/ring.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The sysctl that forbids io_uring, Linux 6.6; -1 where there is none. */
static int disabled_setting(void)
{
    FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
    if (!file)
        return -1;
    int setting = -1;
    if (fscanf(file, "%d", &setting) != 1)
        setting = -1;
    fclose(file);
    return setting;
}

static void explain_forbidden(void)
{
    int setting = disabled_setting();
    if (setting == 2)
        fprintf(
            stderr,
            "whorl: io_uring is forbidden to everyone here: the sysctl kernel.io_uring_disabled is "
            "2. Set it to 0 (sysctl -w kernel.io_uring_disabled=0).\n");
    else if (setting == 1 && geteuid() != 0)
        fprintf(stderr,
                "whorl: io_uring is forbidden to unprivileged users here: the sysctl "
                "kernel.io_uring_disabled is 1. Set it to 0, or add the user to the group that "
                "kernel.io_uring_group names, or give the program CAP_SYS_ADMIN.\n");
    else
        fprintf(stderr,
                "whorl: io_uring is forbidden to this process, most likely by a seccomp filter, as "
                "containers have by default. Allow io_uring_setup, io_uring_enter and "
                "io_uring_register in its profile.\n");
}

static void explain_missing(void)
{
    fprintf(
        stderr,
        "whorl: this kernel has no io_uring that whorl can use: it is older than Linux 5.19, was "
        "built without CONFIG_IO_URING, or a seccomp filter hides it. Use a newer kernel (6.1 or "
        "later is best), or allow io_uring in the filter.\n");
}

static void explain_memory(unsigned entries)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        fprintf(
            stderr,
            "whorl: no memory for a ring of %u entries, nor for any smaller one: RLIMIT_MEMLOCK is "
            "%llu KiB. Raise it (ulimit -l, or LimitMEMLOCK= in a systemd unit), or free memory.\n",
            entries, (unsigned long long)(limit.rlim_cur >> 10));
    else
        fprintf(
            stderr,
            "whorl: no memory for a ring of %u entries, nor for any smaller one. Free memory.\n",
            entries);
}

static void explain_descriptors(int error)
{
    fprintf(stderr,
            "whorl: no descriptor is left for the ring: %s. Close some, or raise the limit (%s).\n",
            error == -EMFILE ? "RLIMIT_NOFILE is reached" : "the system's table of files is full",
            error == -EMFILE ? "ulimit -n" : "sysctl fs.file-max");
}

void ring_explain(int error, unsigned entries)
{
    if (error == -EPERM)
        explain_forbidden();
    else if (error == -ENOSYS)
        explain_missing();
    else if (error == -ENOMEM)
        explain_memory(entries);
    else if (error == -EMFILE || error == -ENFILE)
        explain_descriptors(error);
    else
        fprintf(stderr, "whorl: io_uring could not be set up: %s.\n", strerror(-error));
}
