/*
 * Starting a child, by posix_spawn(3).
 *
 * All that the child needs is made first, on the loop's thread: descriptors for its 0, 1 and 2,
 * none of which is itself 0, 1 or 2, so that putting one into place does not hide another; a
 * descriptor that keeps room for the pidfd; and a copy of the environment, which other tasks may
 * change. Then a thread starts it, as that takes half a millisecond in which the loop has better to
 * do. Until the child runs, everything can be taken back; from then on the process has it. All of
 * this is the process's, which ends with its owner, even if the task that waits for the thread
 * never goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <os/process.h>
#include <os/program.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include <whorl/thread.h>

#define KNOWN_FLAGS (WHORL_PROCESS_GROUP | WHORL_PROCESS_SESSION)
#define DEFAULT_OUTPUT_MAX ((size_t)64 << 20)

struct request {
    whorl_process *process;
    const whorl_process_options *options;
    const sigset_t *mask;
    int choices[STREAMS]; /* as options has them */
    int theirs[STREAMS];  /* what becomes the child's, lent or the program's; -1: neither */
};

/* --- Descriptors --- */

/* A copy of a descriptor that is not among 0 to 2; -errno. */
static int copy_above(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return copy < 0 ? -errno : copy;
}

/* Moves a descriptor out of 0 to 2. */
static int lift(int *fd)
{
    if (*fd > STDERR_FILENO)
        return 0;
    int lifted = copy_above(*fd);
    if (lifted < 0)
        return lifted;
    close(*fd);
    *fd = lifted;
    return 0;
}

static int make_pipe(whorl_process *process, struct request *request, int stream)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    bool to_child = stream == STREAM_IN;
    process->streams[stream] = ends[to_child];
    process->lent[stream] = ends[!to_child];
    int error = lift(&process->streams[stream]);
    if (!error)
        error = lift(&process->lent[stream]);
    request->theirs[stream] = process->lent[stream];
    return error;
}

/* The program's descriptor itself, or a copy where another of the child's goes into its place. */
static int take_descriptor(whorl_process *process, struct request *request, int stream)
{
    int fd = request->choices[stream];
    request->theirs[stream] = fd;
    if (fd > STDERR_FILENO || fd == stream)
        return 0;
    int copy = copy_above(fd);
    if (copy < 0)
        return copy;
    request->theirs[stream] = process->lent[stream] = copy;
    return 0;
}

static int prepare(whorl_process *process, struct request *request)
{
    int error = 0;
    for (int i = 0; i < STREAMS && !error; i++) {
        if (request->choices[i] == WHORL_PIPE)
            error = make_pipe(process, request, i);
        else if (request->choices[i] > 0)
            error = take_descriptor(process, request, i);
    }
    if (error)
        return error;
    process->environment = program_copy_environment();
    if (!process->environment)
        return -ENOMEM;
    process->pidfd = pidfd_open(getpid(), 0);
    return process->pidfd < 0 ? -errno : 0;
}

/* --- Starting --- */

/* Like posix_spawn's own functions: 0, or an errno that is positive. */
static int add_stream(posix_spawn_file_actions_t *actions, const struct request *request,
                      int stream)
{
    if (request->choices[stream] == WHORL_NULL)
        return posix_spawn_file_actions_addopen(actions, stream, "/dev/null", O_RDWR, 0);
    if (request->choices[stream] == WHORL_STDOUT)
        return posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
    if (request->theirs[stream] >= 0)
        return posix_spawn_file_actions_adddup2(actions, request->theirs[stream], stream);
    return 0;
}

static int add_actions(posix_spawn_file_actions_t *actions, const struct request *request)
{
    int error = 0;
    for (int i = 0; i < STREAMS && !error; i++)
        error = add_stream(actions, request, i);
    if (!error && request->options->cwd)
        error = posix_spawn_file_actions_addchdir_np(actions, request->options->cwd);
    return error;
}

/* A session's leader leads a group as well, and may not be given another. */
static void set_attributes(posix_spawnattr_t *attributes, const struct request *request)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (request->options->flags & WHORL_PROCESS_SESSION)
        flags |= POSIX_SPAWN_SETSID;
    else if (request->options->flags & WHORL_PROCESS_GROUP)
        flags |= POSIX_SPAWN_SETPGROUP;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(attributes, &defaults);
    posix_spawnattr_setsigmask(attributes, request->mask);
    posix_spawnattr_setflags(attributes, flags);
}

static int start(struct request *request)
{
    const whorl_process_options *options = request->options;
    char *const *environment = request->process->environment;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    set_attributes(&attributes, request);
    int error = add_actions(&actions, request);
    if (!error)
        error = program_start(&request->process->pid, program_variable(environment, "PATH"),
                              &actions, &attributes, (char *const *)options->argv,
                              options->env ? (char *const *)options->env : environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

/* Opens the pidfd in the room that was kept. If another thread took that, the child must go. One
 * that is gone already was reaped by the kernel: SIGCHLD is ignored. */
static int open_pidfd(struct request *request)
{
    whorl_process *process = request->process;
    close(process->pidfd);
    process->pidfd = pidfd_open(process->pid, 0);
    int error = process->pidfd < 0 ? -errno : 0;
    if (!error)
        process->over = process->lost = false;
    if (!error || error == -ESRCH)
        return 0;
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    return error;
}

/* On a thread: what blocks. 0 or -errno; after an error there is no child. */
static intptr_t start_child(void *arg)
{
    int error = start(arg);
    return error ? error : open_pidfd(arg);
}

static bool choice_is_known(int choice)
{
    return choice >= WHORL_NULL;
}

static int options_check(const whorl_process_options *options)
{
    if (!options || !options->argv || !options->argv[0] || options->flags & ~KNOWN_FLAGS)
        return -EINVAL;
    bool known = choice_is_known(options->in) && choice_is_known(options->out) &&
                 (choice_is_known(options->err) || options->err == WHORL_STDOUT);
    return known ? 0 : -EINVAL;
}

static int spawn(whorl_process *process, const whorl_process_options *options)
{
    struct request request = {
        .process = process,
        .options = options,
        .mask = &process->loop->mask_before,
        .choices = {options->in, options->out, options->err},
        .theirs = {-1, -1, -1},
    };
    int error = prepare(process, &request);
    process->had_input = process->streams[STREAM_IN] >= 0;
    process->output_max = options->output_max ? options->output_max : DEFAULT_OUTPUT_MAX;
    if (!error)
        error = (int)whorl_to_thread(start_child, &request);
    process_take_back_lent(process);
    return error;
}

int whorl_process_spawn(const whorl_process_options *options, whorl_process **process)
{
    struct loop *loop = loop_here;
    if (process)
        *process = NULL;
    if (!loop)
        return -EPERM;
    if (!process || options_check(options))
        return -EINVAL;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    whorl_process *made = process_make(loop);
    if (!made)
        return -ENOMEM;
    int error = spawn(made, options);
    if (error)
        process_unmake(made);
    else
        *process = made;
    return error;
}
