/*
 * The helpers of support.h. Checks are counted with atomics, so that threads may fail too; all the
 * rest is called from one thread at a time. Failures of these helpers themselves end the program:
 * a test that cannot be set up must not pass.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WATCHDOG_SECONDS = 600 };

static atomic_uint failures;
static unsigned reported_failures;
static int descriptors_before;
static char directory[128];

/* Ends the program: the test's surroundings failed, not the code under test. */
static void __attribute__((noreturn)) give_up(const char *what)
{
    fprintf(stderr, "cannot set up the test: %s: %s\n", what, strerror(errno));
    abort();
}

/* --- Programs and tests --- */

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        give_up("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        give_up("setrlimit");
}

int run_behaviours_of(const char *name, const struct CMUnitTest *tests, size_t count)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, SIG_DFL); /* a shell has what it runs in the background ignore it */
    raise_descriptor_limit();
    printf("%s: WHORL_TEST_SEED=%" PRIu64 "\n", name, test_seed());
    if (UNDER_THREAD_SANITIZER)
        puts("with the thread sanitizer: every fifth of what begins a run or a program");
    alarm((unsigned)test_rounds(WATCHDOG_SECONDS));
    const char *only = getenv("WHORL_TEST_ONLY");
    if (only != NULL)
        cmocka_set_test_filter(only);
    return _cmocka_run_group_tests(name, tests, count, NULL, NULL) == 0 ? 0 : 1;
}

int behaviour_begin(void **state)
{
    (void)state;
    atomic_store(&failures, 0);
    reported_failures = 0;
    directory[0] = '\0';
    descriptors_before = open_descriptors();
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void fail_for_checks(const char *where)
{
    unsigned fresh = atomic_load(&failures) - reported_failures;
    reported_failures += fresh;
    if (fresh > 0)
        fail_msg("%u checks failed %s", fresh, where);
}

static void remove_directory(void)
{
    if (directory[0] != '\0' && nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
        check_failed("cannot remove %s: %s", directory, strerror(errno));
    directory[0] = '\0';
}

/* Fails for what a test left behind, and for checks that no run has reported. */
static void settle(void)
{
    remove_directory();
    int after = open_descriptors();
    if (after != descriptors_before)
        check_failed("descriptors leaked: %d were open before the test, %d are after it",
                     descriptors_before, after);
    fail_for_checks("outside any run");
}

void behaviour_body(void **state)
{
    CMUnitTestFunction function = (CMUnitTestFunction)*state;
    *state = NULL;
    function(state);
    settle();
}

/* After a failure the directory is still there. */
int behaviour_end(void **state)
{
    (void)state;
    remove_directory();
    return 0;
}

int task_behaviour_end(void **state)
{
    (void)state;
    remove_directory();
    fail_for_checks("in the test's tasks and threads");
    return 0;
}

void print_skip(const char *name, const char *format, ...)
{
    char reason[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    settle(); /* skipping leaves the test's body */
    printf("skipped: %s: %s\n", name, reason);
}

void tell_crowd(int count)
{
    if (UNDER_THREAD_SANITIZER)
        printf("a crowd of %d: the thread sanitizer is slow with more\n", count);
}

/* --- Running a main task --- */

intptr_t run_with(const whorl_config *config, whorl_fn *fn, void *arg)
{
    intptr_t result = whorl_run_with(config, fn, arg);
    fail_for_checks("inside the loop");
    return result;
}

void run_checks_with(const whorl_config *config, whorl_fn *fn, void *arg)
{
    intptr_t result = run_with(config, fn, arg);
    if (result != 0)
        fail_msg("the main task ended with %" PRIdPTR ", not 0", result);
}

/* --- Checks --- */

bool check_failed_at(const char *file, int line, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, text);
    atomic_fetch_add(&failures, 1);
    return false;
}

bool check_at(bool holds, const char *text, const char *file, int line)
{
    return holds || check_failed_at(file, line, "%s", text);
}

/* " (ECANCELED)" for a value that may be -errno, or "". */
static const char *errno_name(intmax_t value, char room[32])
{
    room[0] = '\0';
    const char *name = value < 0 && value > -4096 ? strerrorname_np((int)-value) : NULL;
    if (name != NULL)
        snprintf(room, 32, " (%s)", name);
    return room;
}

bool check_equal_at(intmax_t actual, intmax_t expected, const char *actual_text,
                    const char *expected_text, const char *file, int line)
{
    if (actual == expected)
        return true;
    char actual_name[32], expected_name[32];
    return check_failed_at(file, line, "%s is %" PRIdMAX "%s, not %s, %" PRIdMAX "%s", actual_text,
                           actual, errno_name(actual, actual_name), expected_text, expected,
                           errno_name(expected, expected_name));
}

bool check_text_at(const char *actual, const char *expected, const char *actual_text,
                   const char *file, int line)
{
    if (actual != NULL && strcmp(actual, expected) == 0)
        return true;
    return check_failed_at(file, line, "%s is \"%s\", not \"%s\"", actual_text,
                           actual != NULL ? actual : "(null)", expected);
}

unsigned failed_checks(void)
{
    return atomic_load(&failures);
}

/* --- Memory --- */

long status_figure(const char *field)
{
    char text[4096] = "";
    read_whole("/proc/self/status", text, sizeof text - 1);
    const char *line = strstr(text, field);
    return line ? strtol(line + strlen(field), NULL, 10) : -1;
}

/* --- Descriptors and files --- */

int open_descriptors(void)
{
    DIR *entries = opendir("/proc/self/fd");
    if (entries == NULL)
        give_up("/proc/self/fd");
    int count = 0;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        count += entry->d_name[0] != '.';
    closedir(entries);
    return count - 1; /* without the directory's own */
}

bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) != -1;
}

test_path path_of(const char *name)
{
    if (directory[0] == '\0') {
        const char *parent = getenv("TMPDIR");
        if (parent == NULL || strlen(parent) > 64)
            parent = "/tmp";
        snprintf(directory, sizeof directory, "%s/whorl-test-XXXXXX", parent);
        if (mkdtemp(directory) == NULL)
            give_up(directory);
    }
    test_path path;
    const char *slash = name[0] != '\0' ? "/" : "";
    int len = snprintf(path.text, sizeof path.text, "%s%s%s", directory, slash, name);
    if (len < 0 || (size_t)len >= sizeof path.text)
        give_up("a path is too long");
    return path;
}

void write_whole(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd) != 0)
        give_up(path);
}

ssize_t read_whole(const char *path, void *data, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t got = read(fd, data, room);
    if (got < 0)
        got = -errno;
    close(fd);
    return got;
}

int digits_file(int flags)
{
    test_path path = path_of("digits");
    write_whole(path.text, "0123456789", 10);
    return open(path.text, flags | O_CLOEXEC);
}

pair pipe_pair(void)
{
    pair both;
    if (pipe2(both.ends, O_CLOEXEC) != 0)
        give_up("pipe");
    return both;
}

pair unix_pair(void)
{
    pair both;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.ends) != 0)
        give_up("socketpair");
    return both;
}

int tcp_listener(struct sockaddr_in *address, int backlog)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof *address;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)address, len) != 0 || listen(fd, backlog) != 0 ||
        getsockname(fd, (struct sockaddr *)address, &len) != 0)
        give_up("a listening socket");
    return fd;
}

/* Signals wait meanwhile: a connect that one interrupts cannot be made again. */
pair tcp_pair(void)
{
    struct sockaddr_in address;
    int listener = tcp_listener(&address, 1);
    pair both;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    both.ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (both.ends[0] < 0 || connect(both.ends[0], (struct sockaddr *)&address, sizeof address) != 0)
        give_up("connect");
    both.ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (both.ends[1] < 0)
        give_up("accept");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(listener);
    return both;
}

void close_pair(pair *both)
{
    for (int i = 0; i < 2; i++) {
        if (both->ends[i] != -1 && close(both->ends[i]) != 0)
            give_up("close");
        both->ends[i] = -1;
    }
}

void leave_mark_in_error_queue(const pair *both, int end)
{
    struct pollfd mark = {.fd = both->ends[end]};
    const int none = 0, marks = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
                                SOF_TIMESTAMPING_OPT_TSONLY;
    check_equal(setsockopt(mark.fd, SOL_SOCKET, SO_TIMESTAMPING, &marks, sizeof marks), 0);
    check_equal(send(mark.fd, "x", 1, 0), 1);
    check_equal(poll(&mark, 1, WATCHDOG_SECONDS * 1000), 1);
    check_equal(mark.revents, POLLERR);
    check_equal(setsockopt(mark.fd, SOL_SOCKET, SO_TIMESTAMPING, &none, sizeof none), 0);
    check_unread(both->ends[1 - end], "x");
}

long unread_in(int fd)
{
    int count = -1;
    check_equal(ioctl(fd, FIONREAD, &count), 0);
    return count;
}

void check_unread(int fd, const char *expected)
{
    char text[64] = {0};
    check_equal(read(fd, text, sizeof text - 1), strlen(expected));
    check_text(text, expected);
}

/* Over TCP some of it may still be sent or acknowledged, and makes room when it is; not where the
 * peer has none, which the kernel finds out with a closed window, or by sending in vain. */
static bool makes_room(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    int unacknowledged;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    check_equal(ioctl(fd, SIOCOUTQ, &unacknowledged), 0);
    bool in_vain = info.tcpi_retransmits || info.tcpi_probes || info.tcpi_backoff;
    return unacknowledged > 0 && (info.tcpi_unacked > 0 || info.tcpi_snd_wnd > 0) && !in_vain;
}

static size_t write_what_fits(int fd)
{
    static const char zeros[4096];
    size_t total = 0;
    for (size_t piece = sizeof zeros; piece > 0;) {
        ssize_t done = write(fd, zeros, piece);
        if (done > 0)
            total += (size_t)done;
        else if (errno == EAGAIN)
            piece /= 2;
        else
            give_up("write");
    }
    return total;
}

size_t fill_descriptor(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        give_up("fcntl");
    size_t total = 0, more;
    do {
        more = write_what_fits(fd);
        total += more;
        while (makes_room(fd))
            usleep(1000);
    } while (more > 0);
    if (fcntl(fd, F_SETFL, flags) != 0)
        give_up("fcntl");
    return total;
}
