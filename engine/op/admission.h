/*
 * Admission: how many operations on files are with the kernel at once.
 *
 * An operation on a file may occupy a kernel worker, or the loop itself, where the kernel tries it
 * in the submission: ten thousand at once would hold up everything else. So each needs one of the
 * loop's places (file_ops_most of them), and where none is free it waits for its turn, in the order
 * of starting.
 *
 * What may wait for a peer must not wait for a place, since those who hold them may be waiting for
 * what it would bring; and it should hold none for ever. Of a read or write only the descriptor
 * tells, and looking costs a system call. So nobody looks while less than half of the places are
 * taken, and idle pipes hold half of them at most. From there on each descriptor is looked at, as
 * it may stand for another file by now; but one that was seen since the loop turned is not looked
 * at again. (If the program has put a pipe in the place of a file within the round, the read of
 * that one may wait, for files, and hold a place.)
 *
 * The members of a chain run one after the other: it takes one place, which its last member holds.
 * A chain of which a member may wait for a peer takes none. A close takes none either; what waits
 * for its turn on its descriptor goes to the kernel before it.
 *
 * In flight, an op is placed (OP_PLACED: it gives the place back when it ends), or queued
 * (OP_QUEUED: in the loop's list of turns, and owed nothing), or neither. The members of a chain
 * are queued together, and the first stands in the list.
 */
#ifndef OP_ADMISSION_H
#define OP_ADMISSION_H

#include <op/op.h>

/* Ops that may need a place: bit n for RING_OP n. */
#define ROW(opcode, name, kernel, release, awaits, ...)                                            \
    | (uint64_t)(AWAITS_##awaits >= AWAITS_disk) << RING_OP_##opcode
static const uint64_t ops_of_files = 0 RING_OPS(ROW);
#undef ROW

/* Takes a place: OP_PLACED. OP_QUEUED if it is to wait for its turn; 0 if it needs none. */
unsigned admission_judge(struct loop *loop, const whorl_op *ops, size_t n);

/* Hands what is queued on the descriptor or slot that `op` closes to the kernel. */
void admission_make_way(struct loop *loop, const whorl_op *op);

/* The same for an op that is about to start. */
static inline unsigned admission_ask(struct loop *loop, const whorl_op *op)
{
    if (!(ops_of_files >> op->code & 1)) {
        if (__builtin_expect(loop->turns != NULL, 0))
            admission_make_way(loop, op);
        return 0;
    }
    if (__builtin_expect(loop->file_ops < loop->file_ops_unseen && !loop->turns, 1)) {
        loop->file_ops++;
        return OP_PLACED;
    }
    return admission_judge(loop, op, 1);
}

/* The same for a chain. */
unsigned admission_ask_chain(struct loop *loop, const whorl_op *ops, size_t n);

/* Puts an op, or the first of a chain, last in the list. */
void admission_queue(struct loop *loop, whorl_op *op);

/* Takes it out. */
void admission_leave(struct loop *loop, whorl_op *op);

/* Sees to it that those whose turn it is start, before the loop waits. */
void admission_go_on(struct loop *loop);

static inline void admission_give_back(struct loop *loop)
{
    assert(loop->file_ops > 0);
    loop->file_ops--;
    if (__builtin_expect(loop->turns != NULL, 0))
        admission_go_on(loop);
}

/* Remembers which of the registered files may wait for a peer. 0 or -ENOMEM. */
int admission_see_slots(struct loop *loop, const int *fds, unsigned n);
void admission_forget_slots(struct loop *loop);

#endif
