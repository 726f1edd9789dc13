/* What the kernel offers, as a program asks for it. */
#include <core/loop.h>
#include <whorl/run.h>

#define PROBE_ENTRIES 8

static const struct {
    uint64_t feature;
    const char *name;
} names[] = {
    {WHORL_FEATURE_SINGLE_ISSUER, "single_issuer"},
    {WHORL_FEATURE_DEFER_TASKRUN, "defer_taskrun"},
    {WHORL_FEATURE_NO_SQARRAY, "no_sqarray"},
    {WHORL_FEATURE_RING_FD, "ring_fd"},
    {WHORL_FEATURE_ABS_TIMER, "abs_timer"},
    {WHORL_FEATURE_NO_IOWAIT, "no_iowait"},
    {WHORL_FEATURE_GUARD_INSTALL, "guard_install"},
    {WHORL_FEATURE_OP_BIND, "op_bind"},
    {WHORL_FEATURE_OP_LISTEN, "op_listen"},
    {WHORL_FEATURE_OP_FTRUNCATE, "op_ftruncate"},
    {WHORL_FEATURE_OP_WAITID, "op_waitid"},
    {WHORL_FEATURE_OP_READV_FIXED, "op_readv_fixed"},
};

static void forget_nothing(struct stack *stack)
{
    (void)stack;
}

int64_t whorl_features(void)
{
    if (loop_here)
        return (int64_t)loop_here->ring.features;
    struct ring ring;
    int error = ring_open(&ring, PROBE_ENTRIES, PROBE_ENTRIES, 0);
    if (error)
        return error;
    uint64_t features = ring.features;
    ring_close(&ring);
    struct stack_pool stacks;
    stack_pool_open(&stacks, sizeof(struct stack), 0, true, forget_nothing);
    if (stacks.guard == GUARD_INSTALL)
        features |= WHORL_FEATURE_GUARD_INSTALL;
    stack_pool_close(&stacks);
    return (int64_t)features;
}

const char *whorl_feature_name(uint64_t feature)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].feature == feature)
            return names[i].name;
    return NULL;
}
