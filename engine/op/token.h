/* Tokens of submissions, which starting ops and completing them share. */
#ifndef OP_TOKEN_H
#define OP_TOKEN_H

#include <stdint.h>
#include <whorl/op.h>

enum token_tag {
    TOKEN_OP,            /* the op's own completion */
    TOKEN_CANCEL,        /* that of a cancel sent for it */
    TOKEN_OWED_DEADLINE, /* a deadline of a chain's member, which always completes */
    TOKEN_DEADLINE,      /* a deadline that was refused: to be ignored, its op may be gone */
    TOKEN_WAKE,          /* somebody wakes the loop: of no op */
    TOKEN_TAGS = 7,
};

#define TOKEN_SHIFT 48

_Static_assert(_Alignof(whorl_op) > TOKEN_TAGS, "a tag fits below an op's address");

static inline uint64_t token_of(const whorl_op *op, enum token_tag tag)
{
    return (uintptr_t)op | tag | (uint64_t)op->generation << TOKEN_SHIFT;
}

static inline whorl_op *token_op(uint64_t token)
{
    return (whorl_op *)(uintptr_t)(token & ((UINT64_C(1) << TOKEN_SHIFT) - 1) &
                                   ~(uint64_t)TOKEN_TAGS);
}

#endif
