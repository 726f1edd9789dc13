/* What the kernel offers, as a program asks for it. */
#include <core/loop.h>
#include <whorl/run.h>

#define PROBE_ENTRIES 8

/* A row for each bit, from 1 << 0 on. */
static const whorl_feature_info features[] = {
    {"single_issuer", "6.0", "the kernel is not told that one thread submits"},
    {"defer_taskrun", "6.1", "COOP_TASKRUN: completions run at any system call"},
    {"no_sqarray", "6.6", "an index array, filled once"},
    {"ring_fd", "5.18", "the ring's plain descriptor"},
    {"abs_timer", "6.12", "waits for a duration"},
    {"no_iowait", "6.15", "waiting is shown as iowait"},
    {"guard_install", "6.13", "mprotect(2), for about 32,000 stacks"},
    {"op_bind", "6.11", "bind(2) on the loop's thread"},
    {"op_listen", "6.11", "listen(2) on the loop's thread"},
    {"op_ftruncate", "6.9", "ftruncate(2) on the loop's thread"},
    {"op_waitid", "6.7", "a poll of the process's pidfd"},
    {"op_readv_fixed", "6.15", "none: -EOPNOTSUPP"},
    {"recv_multishot", "6.0", "a request for each piece received"},
    {"send_zc", "6.3", "what is sent is copied"},
};

#define FEATURE_COUNT (sizeof features / sizeof features[0])

_Static_assert(WHORL_FEATURE_SEND_ZC == 1 << (FEATURE_COUNT - 1), "the last row's bit");

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
    uint64_t offered = ring.features;
    ring_close(&ring);
    struct stack_pool stacks;
    stack_pool_open(&stacks, sizeof(struct stack), 0, true, forget_nothing);
    if (stacks.guard == GUARD_INSTALL)
        offered |= WHORL_FEATURE_GUARD_INSTALL;
    stack_pool_close(&stacks);
    return (int64_t)offered;
}

const whorl_feature_info *whorl_feature(uint64_t feature)
{
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        if (feature == UINT64_C(1) << i)
            return &features[i];
    return NULL;
}

const char *whorl_feature_name(uint64_t feature)
{
    const whorl_feature_info *info = whorl_feature(feature);
    return info ? info->name : NULL;
}
