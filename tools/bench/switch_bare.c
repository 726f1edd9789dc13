/*
 * The baseline `bare` of switch: as many contexts as tasks stand in a circle and jump each to the
 * next; when the count is reached, the first jumps back to where the trial began.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "bare_switch.h"
#include "clock.h"
#include "fail.h"
#include "switch.h"

#ifdef BARE_SWITCH_EXISTS

/* A function that is entered by a jump has no arguments: what it needs stands here, once for the
 * process, which runs one trial at a time. */
static struct {
    char *stacks;
    bare_context back;
    uint64_t tasks;
    uint64_t entered; /* contexts that have run for the first time */
    uint64_t each;    /* switches of each */
} bare;

/* A context stands at the top of its stack, in the page that is in use anyway, and not at the same
 * place of each page, which would all be one set of the cache. */
static bare_context *bare_at(uint64_t index)
{
    char *top = bare.stacks + (index + 1) * SWITCH_STACK;
    return (bare_context *)(top - (1 + index % COLOURS) * CACHE_LINE);
}

static void bare_body(void)
{
    uint64_t index = bare.entered++;
    bare_context *mine = bare_at(index);
    bare_context *next = bare_at((index + 1) % bare.tasks);
    for (uint64_t i = 0; i < bare.each; i++)
        bare_switch(mine, next);
    bare_switch(mine, &bare.back);
    abort(); /* a trial that is over is not entered again */
}

static int bare_trial(uint64_t tasks, uint64_t count, switch_times *took)
{
    bare.stacks = switch_stacks(tasks);
    if (bare.stacks == NULL)
        return -1;
    bare.tasks = tasks;
    bare.entered = 0;
    bare.each = count / tasks;
    for (uint64_t i = 0; i < tasks; i++) {
        bare_context *made = bare_at(i);
        char *top = (char *)made - BARE_ENTRY_OFFSET;
        *made = (bare_context){.stack = top, .where = (void *)bare_body};
    }
    int64_t cpu = clock_cpu(), start = clock_now();
    bare_switch(&bare.back, bare_at(0));
    *took = (switch_times){clock_now() - start, clock_cpu() - cpu};
    munmap(bare.stacks, tasks * SWITCH_STACK);
    return 0;
}

int switch_run_bare(const options *given, sample *out)
{
    return switch_measure(given, out, bare_trial);
}

#else

int switch_run_bare(const options *given, sample *out)
{
    (void)given;
    (void)out;
    return fail("there is no bare switch for this processor");
}

#endif
