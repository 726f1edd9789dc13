/* What the table of operations says of each, by its code. */
#ifndef OP_TABLE_H
#define OP_TABLE_H

#include <op/fallback.h>
#include <stdbool.h>

struct op_kind {
    const char *name;
    bool release;
    op_fallback *fallback; /* NULL: none */
};

extern const struct op_kind op_kinds[];

#endif
