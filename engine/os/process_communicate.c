/*
 * Talking to a child: its input is written while its output and error are read, each by a task of a
 * group, so that neither side ever waits for the other in vain. What was written and read is kept
 * in the process: an exchange that was cut short goes on with the next call.
 */
#include <errno.h>
#include <os/process.h>
#include <stdlib.h>
#include <whorl/fs.h>
#include <whorl/group.h>
#include <whorl/scope.h>

#define FIRST_ROOM ((size_t)4096)

struct exchange {
    whorl_process *process;
    const char *input;
    size_t len;
};

/* --- The tasks of an exchange --- */

/* Writes what is left of the input, as far as the child wants it and nobody closes its pipe. */
static intptr_t feed(void *arg)
{
    const struct exchange *exchange = arg;
    whorl_process *process = exchange->process;
    while (process->fed < exchange->len && process->streams[STREAM_IN] >= 0) {
        ssize_t written = whorl_write(process->streams[STREAM_IN], exchange->input + process->fed,
                                      exchange->len - process->fed);
        if (written == -EPIPE)
            break;
        if (written < 0)
            return written;
        process->fed += (size_t)written;
    }
    process_close_stream(process, STREAM_IN);
    return 0;
}

/* Sees to it that at least one byte can be added, but not more than one beyond `max`, which tells
 * that there is too much. */
static int make_room(struct collected *collected, size_t max)
{
    if (collected->len > max)
        return -EMSGSIZE;
    if (collected->room > collected->len + 1)
        return 0;
    size_t room = collected->room ? 2 * collected->room : FIRST_ROOM;
    if (room - 2 > max)
        room = max + 2;
    char *data = realloc(collected->data, room);
    if (!data)
        return -ENOMEM;
    collected->data = data;
    collected->room = room;
    return 0;
}

/* Reads one of the pipes to its end. Only who frees the process closes it before. */
static intptr_t collect(whorl_process *process, int stream)
{
    struct collected *collected = &process->outputs[stream];
    for (;;) {
        if (process->freed)
            return -ECANCELED;
        int error = make_room(collected, process->output_max);
        if (error)
            return error;
        ssize_t got = whorl_read(process->streams[stream], collected->data + collected->len,
                                 collected->room - collected->len - 1);
        if (got < 0)
            return got;
        if (got == 0) {
            process_close_stream(process, stream);
            return 0;
        }
        collected->len += (size_t)got;
    }
}

static intptr_t collect_out(void *arg)
{
    return collect(((const struct exchange *)arg)->process, STREAM_OUT);
}

static intptr_t collect_err(void *arg)
{
    return collect(((const struct exchange *)arg)->process, STREAM_ERR);
}

/* --- The exchange --- */

static int exchange_all(struct exchange *exchange)
{
    static const struct {
        whorl_spawn_options options;
        whorl_fn *fn;
    } parts[STREAMS] = {
        {{.name = "a child's input"}, feed},
        {{.name = "a child's output"}, collect_out},
        {{.name = "a child's errors"}, collect_err},
    };
    whorl_group group;
    int error = whorl_group_init(&group);
    for (int i = 0; i < STREAMS && !error; i++)
        if (exchange->process->streams[i] >= 0)
            error = whorl_group_spawn_with(&group, &parts[i].options, parts[i].fn, exchange, NULL);
    error = whorl_group_wait(&group, error);
    if (!error && exchange->process->freed)
        error = -ECANCELED; /* the parts were, as the pipes were closed */
    return error ? error : whorl_process_wait(exchange->process);
}

static void hand_over(struct collected *collected, char **data, size_t *len)
{
    *data = collected->data;
    *len = collected->len;
    if (*data)
        (*data)[*len] = '\0';
    *collected = (struct collected){0};
}

static int communicate(struct exchange *exchange, whorl_process_output *output, int64_t ns)
{
    whorl_process *process = exchange->process;
    whorl_timeout scope;
    process->communicating = true;
    whorl_timeout_begin(&scope, ns);
    int code = (int)whorl_timeout_end(&scope, exchange_all(exchange));
    process->communicating = false;
    if (output && (code >= 0 || code == -ECHILD)) {
        hand_over(&process->outputs[STREAM_OUT], &output->out, &output->out_len);
        hand_over(&process->outputs[STREAM_ERR], &output->err, &output->err_len);
    }
    return code;
}

int whorl_process_communicate(whorl_process *process, const void *input, size_t len,
                              whorl_process_output *output, int64_t ns)
{
    struct loop *loop = loop_here;
    if (output)
        *output = (whorl_process_output){0};
    int error = process_check(loop, process);
    if (error)
        return error;
    if (len > 0 && (!input || !process->had_input))
        return -EINVAL;
    if (process->communicating)
        return -EBUSY;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    struct exchange exchange = {process, input, len};
    process_ref(process);
    int code = communicate(&exchange, output, ns);
    process_unref(process);
    return code;
}

int whorl_process_run(const whorl_process_options *options, const void *input, size_t len,
                      whorl_process_output *output, int64_t ns)
{
    whorl_process *process;
    if (output)
        *output = (whorl_process_output){0};
    int code = whorl_process_spawn(options, &process);
    if (code < 0)
        return code;
    code = whorl_process_communicate(process, input, len, output, ns);
    whorl_process_free(process);
    return code;
}
