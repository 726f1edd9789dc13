/* The table of operations, as the floor of ops sees it. */
#include <core/opcodes.h>
#include <op/table.h>

#define no false
#define yes true
#define none NULL

const struct op_kind op_kinds[] = {
#define ROW(opcode, name, kernel, release, awaits, fallback, ...)                                  \
    [RING_OP_##opcode] = {name, release, AWAITS_##awaits, fallback},
    RING_OPS(ROW)
#undef ROW
};

const char *whorl_op_name(const whorl_op *op)
{
    return op && op->code < RING_OP_COUNT ? op_kinds[op->code].name : "unknown";
}
