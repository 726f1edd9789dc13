/* What the table of operations says of each, by its code. */
#ifndef OP_TABLE_H
#define OP_TABLE_H

#include <core/opcodes.h>
#include <op/fallback.h>
#include <stdbool.h>

struct op_kind {
    const char *name;
    bool release;
    enum awaited awaits;
    op_fallback *fallback; /* NULL: none */
};

extern const struct op_kind op_kinds[];

#endif
