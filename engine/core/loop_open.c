/*
 * The loop's beginning and end: all that a run's configuration says, and the defaults of what it
 * leaves open. run.c calls both, on the loop's thread; nothing runs in the loop yet, or any more.
 */
#include <core/inbox.h>
#include <core/leftover.h>
#include <core/loop.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEFAULT_STACK_SIZE ((size_t)64 << 10)
#define DEFAULT_POOLED_STACKS 1024
#define DEFAULT_ENTRIES 256
#define DEFAULT_COMPLETIONS 8192
#define DEFAULT_FILE_OPS 256
#define DEFAULT_WORKERS_PER_PROCESSOR 4
#define DEFAULT_WORKERS_MOST 64
#define DEFAULT_DRAIN_WARNING WHORL_SECONDS(1)
#define DEFAULT_DEFER_LIMIT WHORL_SECONDS(10)

static void stack_forget(struct stack *stack)
{
    annotate_forget(&((struct task *)stack)->fiber.annotation);
}

static unsigned default_workers(void)
{
    long wanted = DEFAULT_WORKERS_PER_PROCESSOR * sysconf(_SC_NPROCESSORS_ONLN);
    return wanted < DEFAULT_WORKERS_MOST ? (unsigned)wanted : DEFAULT_WORKERS_MOST;
}

int loop_open(struct loop **result, const whorl_config *config, const struct loop_hooks *hooks)
{
    struct loop *loop =
        mmap(NULL, sizeof *loop, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (loop == MAP_FAILED) {
        fprintf(
            stderr,
            "whorl: no memory for a loop: %zu bytes. Free some, or raise RLIMIT_AS (ulimit -v).\n",
            sizeof *loop);
        return -ENOMEM;
    }
    unsigned entries = config->entries ? config->entries : DEFAULT_ENTRIES;
    unsigned completions = config->completions ? config->completions : DEFAULT_COMPLETIONS;
    uint64_t without = config->without;
    if (config->clock == WHORL_CLOCK_VIRTUAL)
        without |= WHORL_FEATURE_ABS_TIMER;
    int error = ring_open(&loop->ring, entries, completions, without);
    if (error) {
        ring_explain(error, entries);
        munmap(loop, sizeof *loop);
        return error;
    }
    ring_bound_workers(&loop->ring, config->workers ? config->workers : default_workers(),
                       config->peer_workers);
    loop->rounds = 1;
    loop->hooks = hooks;
    loop->file_ops_most = config->file_ops ? config->file_ops : DEFAULT_FILE_OPS;
    loop->file_ops_unseen = loop->file_ops_most / 2;
    loop->turns_end = &loop->turns;
    loop->cancels_end = &loop->cancels;
    loop->deliveries_end = &loop->deliveries;
    loop->host.next = &loop->host;
    loop->host.previous = &loop->host;
    loop->current = &loop->host;
    loop->stack_class =
        (uint8_t)stack_class_of(config->stack_size ? config->stack_size : DEFAULT_STACK_SIZE);
    loop->drain_warning = config->drain_warning ? config->drain_warning : DEFAULT_DRAIN_WARNING;
    loop->defer_limit = config->defer_limit ? config->defer_limit : DEFAULT_DEFER_LIMIT;
    loop->host.loop = loop;
    loop->threads_most = config->threads;
    loop->thread_idle = config->thread_idle;
    loop->zero_copy = config->zero_copy;
    loop->time_is_virtual = config->clock == WHORL_CLOCK_VIRTUAL;
    loop->ring.clock_is_shifted |= loop->time_is_virtual;
    loop->opened = clock_read();
    loop->virtual_now = loop->opened;
    loop->limit = config->limit ? deadline_after(loop->opened, config->limit) : WHORL_FOREVER;
    stack_pool_open(&loop->stacks, sizeof(struct task),
                    config->pooled_stacks ? config->pooled_stacks : DEFAULT_POOLED_STACKS,
                    !(config->without & WHORL_FEATURE_GUARD_INSTALL), stack_forget);
    if (loop->stacks.guard == GUARD_INSTALL)
        loop->ring.features |= WHORL_FEATURE_GUARD_INSTALL;
    *result = loop;
    return 0;
}

void loop_close(struct loop *loop)
{
    leftovers_free(loop);
    inbox_end(loop);
    stack_pool_close(&loop->stacks);
    ring_close(&loop->ring);
    free(loop->peer_slots);
    free(loop->own_buffers);
    munmap(loop, sizeof *loop);
}
