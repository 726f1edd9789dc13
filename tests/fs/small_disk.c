/* See small_disk.h. What cannot be set up for want of rights or tools ends the child as a skip; its
 * last words are the reason. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"

#include "core/child.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { CHILD_SKIPS = 77 };

extern char **environ;

struct disk {
    enum disk_kind kind;
    size_t bytes;
    int (*body)(const char *root);
    whorl_fn *fn;
    test_path root; /* where it is mounted */
};

static void __attribute__((noreturn, format(printf, 1, 2))) skip_child(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    _exit(CHILD_SKIPS);
}

static void mount_tmpfs(const char *where, size_t bytes)
{
    char options[64];
    snprintf(options, sizeof options, "size=%zu,mode=1777", bytes);
    if (mount("none", where, "tmpfs", 0, options) != 0)
        skip_child("no tmpfs can be mounted: %s", strerror(errno));
}

/* Ends the child as a skip unless the command succeeds. */
static void run_command(char **command)
{
    pid_t pid;
    int status;
    setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
    int error = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);
    if (error)
        skip_child("%s cannot be run: %s", command[0], strerror(error));
    if (waitpid(pid, &status, 0) != pid || status != 0)
        skip_child("%s failed", command[0]);
}

/* Gives the image's descriptor. It lies in memory, and goes with the last who has it open. */
static int make_image(enum disk_kind kind, size_t bytes)
{
    char name[32];
    int fd = memfd_create("disk", MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
        skip_child("no image can be made: %s", strerror(errno));
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    char *ext4[] = {"mkfs.ext4", "-q", "-F", "-b", "1024", "-m", "0", name, NULL};
    char *xfs[] = {"mkfs.xfs", "-q", "-f", "-m", "reflink=1", name, NULL};
    run_command(kind == DISK_XFS ? xfs : ext4);
    return fd;
}

/* Puts the image behind a free loop device, which lets go of it by itself once it is no longer
 * mounted. Somebody else may take the device first. Gives its descriptor. */
static int take_loop_device(int image, char name[32])
{
    struct loop_config config = {.fd = (uint32_t)image, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        skip_child("there is no loop device: %s", strerror(errno));
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(name, 32, "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
        int device = open(name, O_RDWR | O_CLOEXEC);
        if (device < 0)
            skip_child("%s cannot be opened: %s", name, strerror(errno));
        if (ioctl(device, LOOP_CONFIGURE, &config) == 0) {
            close(control);
            return device;
        }
        if (errno != EBUSY)
            skip_child("%s takes no image: %s", name, strerror(errno));
        close(device);
    }
    skip_child("others take every loop device");
}

/* For as long as the child lives, so that disk_break finds it. */
static int image;

static void mount_image(const struct disk *disk)
{
    char name[32];
    const char *type = disk->kind == DISK_XFS ? "xfs" : "ext4";
    const char *options = disk->kind == DISK_XFS ? NULL : "errors=continue";
    image = make_image(disk->kind, disk->bytes);
    int device = take_loop_device(image, name);
    if (mount(name, disk->root.text, type, 0, options) != 0)
        skip_child("no %s can be mounted: %s", type, strerror(errno));
    close(device);
    if (chmod(disk->root.text, 01777) != 0)
        skip_child("the disk's root cannot be opened to all: %s", strerror(errno));
}

void disk_break(void)
{
    check_equal(fcntl(image, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

static int body_on_disk(void *arg)
{
    const struct disk *disk = arg;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip_child("no mount namespace can be made: %s", strerror(errno));
    if (disk->kind == DISK_TMPFS)
        mount_tmpfs(disk->root.text, disk->bytes);
    else
        mount_image(disk);
    if (chdir(disk->root.text) != 0)
        skip_child("the disk's root cannot be entered: %s", strerror(errno));
    if (disk->body)
        return disk->body(disk->root.text);
    return (int)whorl_run(disk->fn, (void *)disk->root.text);
}

/* Fails or skips the test as the child ended. */
static void judge(const struct child *child)
{
    if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == CHILD_SKIPS) {
        print_skip("child", "%s", child->text);
        skip();
    }
    assert_true(child_exited(child, 0));
}

static void play_on(struct disk *disk)
{
    struct child child;
    disk->root = path_of("disk");
    assert_int_equal(mkdir(disk->root.text, 0700), 0);
    assert_int_equal(child_run(body_on_disk, disk, &child), 0);
    rmdir(disk->root.text); /* so that a test may have several disks, one after the other */
    judge(&child);
}

void on_small_disk(enum disk_kind kind, size_t bytes, int (*body)(const char *root))
{
    play_on(&(struct disk){.kind = kind, .bytes = bytes, .body = body});
}

void run_on_small_disk(enum disk_kind kind, size_t bytes, whorl_fn *fn)
{
    play_on(&(struct disk){.kind = kind, .bytes = bytes, .fn = fn});
}

/* --- Another user --- */

struct errand {
    whorl_fn *fn;
    void *arg;
};

bool become_nobody(void)
{
    enum { NOBODY = 65534 };
    return geteuid() == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
           setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

static int body_as_nobody(void *arg)
{
    const struct errand *errand = arg;
    test_path here = path_of("");
    if (chmod(here.text, 01777) != 0 || chdir(here.text) != 0)
        skip_child("%s cannot be entered: %s", here.text, strerror(errno));
    if (!become_nobody())
        skip_child("only root can become another user");
    return (int)whorl_run(errand->fn, errand->arg);
}

void run_checks_as_nobody(whorl_fn *fn, void *arg)
{
    struct errand errand = {fn, arg};
    struct child child;
    path_of("");
    assert_int_equal(child_run(body_as_nobody, &errand, &child), 0);
    judge(&child);
}

void limit_file_size(size_t bytes)
{
    struct rlimit limit = {bytes, bytes};
    check_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    check(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
}
