/*
 * The baseline `ucontext` of switch: the same circle with swapcontext(3), which keeps the signal
 * mask too and so asks the kernel at each switch.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "clock.h"
#include "fail.h"
#include "switch.h"

static struct {
    ucontext_t *contexts;
    ucontext_t back;
    uint64_t tasks;
    uint64_t entered;
    uint64_t each;
    int failed;
} circle;

static void circle_body(void)
{
    uint64_t index = circle.entered++;
    ucontext_t *mine = &circle.contexts[index];
    ucontext_t *next = &circle.contexts[(index + 1) % circle.tasks];
    for (uint64_t i = 0; i < circle.each && circle.failed == 0; i++)
        circle.failed |= swapcontext(mine, next);
    setcontext(&circle.back);
}

static int circle_trial(uint64_t tasks, uint64_t count, switch_times *took)
{
    char *stacks = switch_stacks(tasks);
    circle.contexts = calloc(tasks, sizeof *circle.contexts);
    if (stacks == NULL || circle.contexts == NULL)
        return fail("no memory for %llu contexts", (unsigned long long)tasks);
    circle.tasks = tasks;
    circle.entered = 0;
    circle.each = count / tasks;
    for (uint64_t i = 0; i < tasks; i++) {
        if (getcontext(&circle.contexts[i]) != 0)
            return fail("getcontext failed");
        circle.contexts[i].uc_stack.ss_sp = stacks + i * SWITCH_STACK;
        circle.contexts[i].uc_stack.ss_size = SWITCH_STACK - (1 + i % COLOURS) * CACHE_LINE;
        makecontext(&circle.contexts[i], circle_body, 0);
    }
    int64_t cpu = clock_cpu(), start = clock_now();
    if (swapcontext(&circle.back, &circle.contexts[0]) != 0 || circle.failed != 0)
        return fail("swapcontext failed");
    *took = (switch_times){clock_now() - start, clock_cpu() - cpu};
    munmap(stacks, tasks * SWITCH_STACK);
    free(circle.contexts);
    return 0;
}

int switch_run_ucontext(const options *given, sample *out)
{
    return switch_measure(given, out, circle_trial);
}
