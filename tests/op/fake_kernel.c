/* See fake_kernel.h. Scripts, and the ends of what is in flight. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/fake_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_kernel fake;

static const char *const kind_names[] = {"free", "op", "cancel", "deadline"};
static const char *const stage_names[] = {"filled", "held", "running", "posted"};

_Noreturn void fake_give_up(const char *why)
{
    fprintf(stderr, "the ring's fake, in turn %llu: %s. In flight:\n",
            (unsigned long long)fake.turn, why);
    for (const struct entry *entry = fake.table; entry < fake.table + TABLE; entry++)
        if (entry->kind != FREE)
            fprintf(stderr, "  %s of descriptor %d, %s, token %llx\n", kind_names[entry->kind],
                    entry->fd, stage_names[entry->stage], (unsigned long long)entry->token);
    abort();
}

/* --- Scripts --- */

void fake_reset(void)
{
    memset(&fake, 0, sizeof fake);
}

static unsigned script_add(struct script *script, unsigned times)
{
    if (script->count == STEPS || times == 0)
        fake_give_up("a script is too long, or a step is for nothing");
    script->times[script->count] = times;
    return script->count++;
}

/* The step for the next time; -1 if nothing is scripted. */
static int script_next(struct script *script)
{
    unsigned index = script->used++, step = 0;
    while (step + 1 < script->count && index >= script->times[step])
        index -= script->times[step++];
    return script->count ? (int)step : -1;
}

void fake_op(int fd, unsigned times, struct fake_end end)
{
    struct descriptor *descriptor = descriptor_of(fd);
    descriptor->ends[script_add(&descriptor->ops, times)] = end;
}

void fake_cancel(int fd, unsigned times, struct fake_answer answer)
{
    struct descriptor *descriptor = descriptor_of(fd);
    descriptor->answers[script_add(&descriptor->cancels, times)] = answer;
}

void fake_deadline(int fd, unsigned times, enum fake_fate fate, int turns)
{
    struct descriptor *descriptor = descriptor_of(fd);
    unsigned step = script_add(&descriptor->deadlines, times);
    descriptor->fates[step].fate = fate;
    descriptor->fates[step].turns = turns;
}

void fake_refuse(unsigned turns)
{
    fake.refuse = turns;
}

void fake_take(unsigned most)
{
    fake.most = most;
}

void fake_interrupt(unsigned turns)
{
    fake.interrupt = turns;
}

/* --- Ends --- */

static void schedule(struct entry *entry, int turns, int32_t result)
{
    entry->due = turns != FAKE_NEVER;
    entry->due_turn = fake.turn + (uint64_t)(turns == FAKE_NEVER ? 0 : turns);
    entry->due_order = fake.order++;
    entry->result = result;
    if (entry->due)
        fake.flags = 1;
}

static void post(struct entry *entry, int32_t result)
{
    entry->due = false;
    entry->stage = POSTED;
    entry->result = result;
    if (entry->buf && result > 0)
        memset(entry->buf, 'x', (size_t)result);
    fake.posted[fake.posted_tail++ % TABLE] = entry;
}

/* Parts a deadline from its op; what is not to be reported is gone. */
static void deadline_end(struct entry *deadline, int32_t result)
{
    deadline->owner->deadline = NULL;
    deadline->owner = NULL;
    if (deadline->fate == FAKE_REFUSED)
        return;
    if (deadline->report == RING_REPORT_ALWAYS)
        post(deadline, result);
    else
        deadline->kind = FREE;
}

void fake_start_op(struct entry *op)
{
    struct descriptor *descriptor = descriptor_of(op->fd);
    op->stage = RUNNING;
    int step = script_next(&descriptor->ops);
    bool prompt =
        op->code == RING_OP_NOP || op->code == RING_OP_CLOSE || op->code == RING_OP_SHUTDOWN;
    if (step >= 0)
        schedule(op, descriptor->ends[step].turns, descriptor->ends[step].result);
    else
        schedule(op, prompt ? 0 : FAKE_NEVER, 0);
    if (!op->deadline)
        return;
    op->deadline->stage = RUNNING;
    step = script_next(&descriptor->deadlines);
    op->deadline->fate = step < 0 ? FAKE_HITS : descriptor->fates[step].fate;
    if (op->deadline->fate == FAKE_REFUSED) {
        schedule(op, 0, -ECANCELED);
        schedule(op->deadline, descriptor->fates[step].turns, -EINVAL);
    }
}

/* Posts the op's end, and goes on in its chain: to the next, or to the end of all the rest. */
static void op_end(struct entry *op, int32_t result)
{
    post(op, result);
    if (op->deadline)
        deadline_end(op->deadline, -ECANCELED);
    struct entry *next = op->next;
    if (next && (result >= 0 || op->link == RING_LINK_HARD)) {
        fake_start_op(next);
        return;
    }
    for (; next; next = next->next) {
        post(next, -ECANCELED);
        if (next->deadline)
            deadline_end(next->deadline, -ECANCELED);
    }
}

static void deadline_fire(struct entry *deadline)
{
    struct entry *op = deadline->owner;
    bool hits = deadline->fate == FAKE_HITS;
    deadline_end(deadline, hits ? -ETIME : -ENOENT);
    if (hits)
        op_end(op, -ECANCELED);
}

struct entry *fake_find_op(uint64_t token)
{
    for (struct entry *entry = fake.table; entry < fake.table + TABLE; entry++)
        if (entry->kind == OP && entry->token == token)
            return entry;
    return NULL;
}

void fake_start_cancel(struct entry *cancel)
{
    struct descriptor *descriptor = descriptor_of(cancel->fd);
    struct entry *op = fake_find_op(cancel->target);
    struct fake_answer answer = {.effect = FAKE_OP_FIRST, .op.result = -ECANCELED};
    cancel->stage = RUNNING;
    int step = script_next(&descriptor->cancels);
    if (!op || op->stage != RUNNING)
        answer = (struct fake_answer){.result = -ENOENT};
    else if (step >= 0)
        answer = descriptor->answers[step];
    if (answer.effect == FAKE_OP_FIRST)
        schedule(op, answer.op.turns, answer.op.result);
    schedule(cancel, answer.turns, answer.result);
    if (answer.effect == FAKE_CANCEL_FIRST)
        schedule(op, answer.op.turns, answer.op.result);
}

void fake_complete(int fd, int32_t result)
{
    struct entry *found = NULL;
    for (struct entry *entry = fake.table; entry < fake.table + TABLE; entry++) {
        if (entry->kind == OP && entry->fd == fd && entry->stage == RUNNING) {
            if (found)
                fake_give_up("the op to complete is not the only one of its descriptor");
            found = entry;
        }
    }
    if (!found)
        fake_give_up("the op to complete is not in flight");
    schedule(found, 1, result);
}

struct entry *fake_first_due(void)
{
    struct entry *first = NULL;
    for (struct entry *entry = fake.table; entry < fake.table + TABLE; entry++)
        if (entry->kind != FREE && entry->due &&
            (!first || entry->due_turn < first->due_turn ||
             (entry->due_turn == first->due_turn && entry->due_order < first->due_order)))
            first = entry;
    return first;
}

struct entry *fake_first_deadline(void)
{
    struct entry *first = NULL;
    for (struct entry *entry = fake.table; entry < fake.table + TABLE; entry++)
        if (entry->kind == DEADLINE && entry->stage == RUNNING && entry->owner &&
            entry->fate != FAKE_REFUSED && (!first || entry->time < first->time))
            first = entry;
    return first;
}

void fake_deliver(void)
{
    for (;;) {
        struct entry *due = fake_first_due();
        struct entry *deadline = fake_first_deadline();
        if (due && due->due_turn <= fake.turn && due->kind == OP)
            op_end(due, due->result);
        else if (due && due->due_turn <= fake.turn)
            post(due, due->result);
        else if (deadline && deadline->time <= whorl_now())
            deadline_fire(deadline);
        else
            return;
    }
}

/* --- Counts --- */

unsigned fake_submissions(int fd)
{
    return descriptor_of(fd)->ops.used;
}

unsigned fake_cancels(int fd)
{
    return descriptor_of(fd)->cancels.used;
}

unsigned fake_owed(int fd)
{
    unsigned owed = 0;
    for (const struct entry *entry = fake.table; entry < fake.table + TABLE; entry++)
        owed += entry->kind != FREE && entry->fd == fd &&
                !(entry->kind == DEADLINE && entry->report == RING_REPORT_REFUSAL);
    return owed;
}

int64_t fake_deadline_time(int fd)
{
    return descriptor_of(fd)->deadline_time;
}

unsigned fake_deadlines_reaped(int fd)
{
    return descriptor_of(fd)->deadlines_reaped;
}

unsigned fake_early_closes(int fd)
{
    return descriptor_of(fd)->early_closes;
}

unsigned fake_refusals(void)
{
    return fake.refusals;
}

unsigned fake_interruptions(void)
{
    return fake.interruptions;
}
