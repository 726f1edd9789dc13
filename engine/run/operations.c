/* The table of operations (core/opcodes.h), as a program asks for it. */
#include <core/loop.h>
#include <core/opcodes.h>
#include <errno.h>
#include <whorl/operations.h>

#define PROBE_ENTRIES 2

#define inborn NULL

static const whorl_operation_info ring_operations[] = {
#define ROW(opcode, name, kernel, release, awaits, fallback, words, calls)                         \
    [RING_OP_##opcode] = {name, "IORING_OP_" #opcode, kernel, words, calls},
    RING_OPS(ROW)
#undef ROW
};

static const whorl_operation_info thread_operations[] = {
#define ROW(system_call, kernel, calls) {system_call, NULL, kernel, NULL, calls},
    THREAD_OPS(ROW)
#undef ROW
};

#define THREAD_OP_COUNT (sizeof thread_operations / sizeof thread_operations[0])

const whorl_operation_info *whorl_operation(size_t index)
{
    if (index < RING_OP_COUNT)
        return &ring_operations[index];
    index -= RING_OP_COUNT;
    return index < THREAD_OP_COUNT ? &thread_operations[index] : NULL;
}

int whorl_has_operation(size_t index)
{
    if (index >= RING_OP_COUNT)
        return whorl_operation(index) ? 1 : -EINVAL;
    if (loop_here)
        return ring_supports(&loop_here->ring, (unsigned)index);
    struct ring ring;
    int error = ring_open(&ring, PROBE_ENTRIES, PROBE_ENTRIES, 0);
    if (error)
        return error;
    int has = ring_supports(&ring, (unsigned)index);
    ring_close(&ring);
    return has;
}
