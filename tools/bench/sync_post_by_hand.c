/*
 * The part `post` of sync without whorl: a list with a mutex. The busy thread takes all of it at
 * once, and runs the calls with the mutex let go. It looks whether there is anything without the
 * mutex; or, where each call also writes to an eventfd, as for a thread that might sleep, by
 * reading that one each time, as a loop does that polls its descriptors once a turn.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fail.h"
#include "sync_post.h"

typedef intptr_t call_fn(void *arg);

typedef struct call {
    struct call *next;
    call_fn *fn;
    void *arg;
} call;

typedef struct list {
    pthread_mutex_t mutex;
    call *first;
    call **end;
    int eventfd; /* -1: none */
} list;

static int add(list *to, call_fn *fn, void *arg)
{
    call *made = malloc(sizeof *made);
    if (made == NULL)
        return ENOMEM;
    *made = (call){NULL, fn, arg};
    pthread_mutex_lock(&to->mutex);
    __atomic_store_n(to->end, made, __ATOMIC_RELAXED);
    to->end = &made->next;
    pthread_mutex_unlock(&to->mutex);
    return 0;
}

static int post_to_list(poster *self, uint64_t first)
{
    int error = 0;
    for (uint64_t i = first; i < first + POST_BURST && error == 0; i++)
        error = add(self->context, post_run, (void *)(uintptr_t)i);
    return error;
}

static int post_and_write(poster *self, uint64_t first)
{
    static const uint64_t one = 1;
    list *to = self->context;
    int error = 0;
    for (uint64_t i = first; i < first + POST_BURST && error == 0; i++) {
        error = add(to, post_run, (void *)(uintptr_t)i);
        if (error == 0 && write(to->eventfd, &one, sizeof one) < 0)
            error = errno;
    }
    return error;
}

static bool has_calls(list *from)
{
    uint64_t written;
    if (from->eventfd >= 0)
        return read(from->eventfd, &written, sizeof written) > 0;
    return __atomic_load_n(&from->first, __ATOMIC_RELAXED) != NULL;
}

static void run_calls(list *from)
{
    pthread_mutex_lock(&from->mutex);
    call *next = from->first;
    from->first = NULL;
    from->end = &from->first;
    pthread_mutex_unlock(&from->mutex);
    while (next != NULL) {
        call *now = next;
        next = now->next;
        now->fn(now->arg);
        free(now);
    }
}

static int run(const options *given, sample *out, int fd,
               int (*post)(struct poster *self, uint64_t first))
{
    list calls = {.mutex = PTHREAD_MUTEX_INITIALIZER, .eventfd = fd};
    calls.end = &calls.first;
    poster in = {.given = given, .out = out, .post = post, .context = &calls};
    pthread_t thread;
    int error = post_start(&in, &thread);
    if (error != 0)
        return fail_call("starting a thread", error);
    while (!post_is_over(&in))
        if (has_calls(&calls))
            run_calls(&calls);
    pthread_join(thread, NULL);
    return in.error != 0 ? fail_call("the run of threads", in.error) : 0;
}

int post_run_list(const options *given, sample *out)
{
    return run(given, out, -1, post_to_list);
}

int post_run_eventfd(const options *given, sample *out)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return fail_call("making an eventfd", errno);
    int failed = run(given, out, fd, post_and_write);
    close(fd);
    return failed;
}
