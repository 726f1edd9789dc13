/*
 * See sendfile.h. The receiver is a process on the second processor, which throws away what comes
 * and counts it; the sender is on the first. A run of which less arrived than was sent is a failure
 * and not a figure. CPU is that of the sender's process, with its kernel workers.
 */
#include "sendfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "endpoint.h"
#include "fail.h"
#include "file.h"

enum { RECEIVED_AT_ONCE = 1 << 18, COPIED_AT_ONCE = 1 << 16 };

/* --- The receiver --- */

static void receive_all(int listener, int report)
{
    static char sink[RECEIVED_AT_ONCE];
    uint64_t count = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cpu_pin(1);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    for (ssize_t got; (got = recv(fd, sink, sizeof sink, 0)) > 0;)
        count += (uint64_t)got;
    _exit(write(report, &count, sizeof count) == sizeof count ? 0 : 1);
}

static int start_receiver(sendfile_job *in, endpoint *at)
{
    int ends[2];
    if (endpoint_parse("listen", "127.0.0.1:0", 0, at) != 0)
        return -1;
    int listener = endpoint_listen(at);
    if (listener < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_call("opening a pipe", errno);
    in->receiver = fork();
    if (in->receiver == 0) {
        close(ends[0]);
        receive_all(listener, ends[1]);
    }
    close(ends[1]);
    close(listener);
    in->report = ends[0];
    return in->receiver < 0 ? fail_call("starting a process for the receiver", errno) : 0;
}

static int open_job(sendfile_job *out, const options *given)
{
    endpoint at;
    *out = (sendfile_job){.given = given};
    out->file = file_open(given, O_RDONLY);
    if (out->file < 0 || start_receiver(out, &at) != 0)
        return -1;
    out->length = file_size(out->file);
    out->socket = socket(at.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (out->socket < 0 || connect(out->socket, (struct sockaddr *)&at.address, at.length) != 0)
        return fail_call("connecting to the receiver", errno);
    cpu_pin(0);
    return 0;
}

/* --- What is measured --- */

uint64_t sendfile_next(sendfile_job *in)
{
    uint64_t whole = in->length / in->given->size;
    return in->pieces++ % whole * in->given->size;
}

void sendfile_begin(sendfile_job *in)
{
    in->cpu = clock_cpu();
    in->start = clock_now();
    in->end = in->start + (int64_t)in->given->seconds;
}

void sendfile_stop(sendfile_job *in)
{
    in->end = clock_now();
    in->cpu = clock_cpu() - in->cpu;
}

static int close_job(sendfile_job *in, sample *out)
{
    uint64_t came = 0;
    close(in->socket);
    ssize_t got = read(in->report, &came, sizeof came);
    waitpid(in->receiver, NULL, 0);
    if (got != sizeof came || came != in->pieces * in->given->size)
        return fail("%llu bytes were sent and %llu came",
                    (unsigned long long)in->pieces * in->given->size, (unsigned long long)came);
    sample_rate(out, in->pieces, in->end - in->start, in->cpu);
    return 0;
}

static int run(sendfile_way *send_pieces, const options *given, sample *out)
{
    sendfile_job in;
    if (open_job(&in, given) != 0)
        return -1;
    int error = send_pieces(&in);
    if (error != 0)
        return fail_call("sending a piece of the file", error);
    return close_job(&in, out);
}

/* --- By hand --- */

static int send_all(int fd, const char *bytes, size_t count)
{
    for (size_t sent = 0; sent < count;) {
        ssize_t did = send(fd, bytes + sent, count - sent, MSG_NOSIGNAL);
        if (did < 0)
            return -errno;
        sent += (size_t)did;
    }
    return 0;
}

static int copy_piece(const sendfile_job *in, char *buffer, uint64_t at)
{
    for (uint64_t left = in->given->size; left > 0;) {
        size_t part = left < COPIED_AT_ONCE ? left : COPIED_AT_ONCE;
        ssize_t got = pread(in->file, buffer, part, (off_t)(at + in->given->size - left));
        int error = got <= 0 ? -EIO : send_all(in->socket, buffer, (size_t)got);
        if (error != 0)
            return error;
        left -= (uint64_t)got;
    }
    return 0;
}

static int by_copying(sendfile_job *in)
{
    static char buffer[COPIED_AT_ONCE];
    int error = 0;
    sendfile_begin(in);
    while (error == 0 && clock_now() < in->end)
        error = copy_piece(in, buffer, sendfile_next(in));
    sendfile_stop(in);
    return error;
}

static int by_sendfile(sendfile_job *in)
{
    sendfile_begin(in);
    while (clock_now() < in->end) {
        off_t at = (off_t)sendfile_next(in);
        for (uint64_t left = in->given->size; left > 0;) {
            ssize_t did = sendfile(in->socket, in->file, &at, left);
            if (did <= 0)
                return did < 0 ? -errno : -EIO;
            left -= (uint64_t)did;
        }
    }
    sendfile_stop(in);
    return 0;
}

static int run_whorl(const options *given, sample *out)
{
    return run(sendfile_by_whorl, given, out);
}

static int run_thread(const options *given, sample *out)
{
    return run(sendfile_by_thread, given, out);
}

static int run_copying(const options *given, sample *out)
{
    return run(by_copying, given, out);
}

static int run_sendfile(const options *given, sample *out)
{
    return run(by_sendfile, given, out);
}

const workload sendfile_workload = {
    .command = COMMAND_SENDFILE,
    .main = FIGURE_PER_SECOND,
    .ratios_of = {{"MB/s", FIGURE_PER_SECOND}, {"CPU a piece", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"MB/s", FIGURE_PER_SECOND, UNIT_MB_PER_SECOND},
                {"pieces/s", FIGURE_PER_SECOND, UNIT_COUNT},
                {"CPU/piece", FIGURE_CPU_NS_PER_OP, UNIT_NS}},
    .subjects = {{"whorl", run_whorl, NULL, NULL},
                 {"whorl-thread", run_thread, NULL, NULL},
                 {"read-send", run_copying, NULL, NULL},
                 {"sendfile", run_sendfile, NULL, NULL}},
    .ratios = {{"whorl", "whorl-thread"}, {"whorl", "read-send"}, {"whorl", "sendfile"}},
    .notes = {"CPU is the sender's alone, its kernel workers included.",
              "read-send and sendfile block their thread, for the disk and for the receiver."},
};
