/*
 * The lines workload: a cached file of text is read line by line from start to end. Each subject
 * counts the bytes and the newlines, and must come to the file's length. What is counted as an
 * operation is --size bytes of it, 1 MiB, so that MB/s come out; ns/line is beside it.
 */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "file.h"

typedef struct lines_job {
    int fd;
    uint64_t bytes;
    uint64_t lines;
} lines_job;

/* Reads all of it from a descriptor that the reader closes. 0, or -errno. */
typedef int read_lines(lines_job *job);

static int measure(const options *given, sample *out, read_lines *read)
{
    lines_job job = {.fd = file_open(given, O_RDONLY)};
    if (job.fd < 0)
        return -1;
    uint64_t length = file_size(job.fd);
    lseek(job.fd, 0, SEEK_SET);
    int64_t cpu = clock_cpu(), start = clock_now();
    int failed = read(&job);
    int64_t elapsed = clock_now() - start;
    cpu = clock_cpu() - cpu;
    if (failed < 0)
        return fail_call("reading lines", failed);
    if (job.bytes != length || job.lines == 0)
        return fail("%llu bytes in %llu lines were read, and the file has %llu bytes",
                    (unsigned long long)job.bytes, (unsigned long long)job.lines,
                    (unsigned long long)length);
    sample_rate(out, length / given->size, elapsed, cpu);
    out->value[FIGURE_CALL_NS] = (double)elapsed / (double)job.lines;
    return 0;
}

static intptr_t read_with_whorl(void *arg)
{
    lines_job *job = arg;
    whorl_file *file;
    whorl_line line;
    int result = whorl_file_from_fd(job->fd, NULL, &file);
    if (result < 0)
        return result;
    whorl_for_each_line(file, &line, result)
    {
        job->bytes += line.len + (size_t)line.newline;
        job->lines++;
    }
    int closed = whorl_file_close(file);
    return result < 0 ? result : closed;
}

static int whorl_lines(lines_job *job)
{
    return (int)whorl_run(read_with_whorl, job);
}

static int stdio_lines(lines_job *job)
{
    FILE *file = fdopen(job->fd, "r");
    if (file == NULL)
        return -ENOMEM;
    char *line = NULL;
    size_t room = 0;
    for (ssize_t got; (got = getline(&line, &room, file)) > 0; job->lines++)
        job->bytes += (uint64_t)got;
    free(line);
    int failed = ferror(file) ? -EIO : 0;
    fclose(file);
    return failed;
}

static int run_whorl(const options *given, sample *out)
{
    return measure(given, out, whorl_lines);
}

static int run_stdio(const options *given, sample *out)
{
    return measure(given, out, stdio_lines);
}

const workload lines_workload = {
    .command = COMMAND_LINES,
    .main = FIGURE_PER_SECOND,
    .ratios_of = {{"MB/s", FIGURE_PER_SECOND}},
    .columns = {{"MB/s", FIGURE_PER_SECOND, UNIT_MB_PER_SECOND},
                {"ns/line", FIGURE_CALL_NS, UNIT_NS}},
    .subjects = {{"whorl", run_whorl, NULL, NULL}, {"stdio", run_stdio, NULL, NULL}},
    .ratios = {{"whorl", "stdio"}},
    .notes = {"stdio: getline(3)."},
};
