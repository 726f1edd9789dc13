/* Moving through a node's steps, what is recorded of that, and printing both; see scope_tree.h. */
#include "scope_tree.h"

#include <inttypes.h>

/* --- Moving --- */

/* Arrives at the step after one that went well. */
static bool cursor_arrive(struct cursor *cursor, const struct node *node)
{
    if (cursor->step == node->step_count) {
        cursor->value = node->value;
        return false;
    }
    if (node->steps[cursor->step].kind == STEP_END)
        cursor->value = node->steps[cursor->step].value;
    return true;
}

bool cursor_begin(struct cursor *cursor, const struct node *node)
{
    *cursor = (struct cursor){0};
    return cursor_arrive(cursor, node);
}

bool cursor_advance(struct cursor *cursor, const struct node *node, intptr_t result)
{
    const struct step *step = &node->steps[cursor->step];

    if (step->kind == STEP_LEAVE) {
        cursor->value = step->value;
        return false;
    }
    if (step->kind == STEP_END) {
        cursor->depth--;
        if (node->steps[step->other].kind == STEP_TASKS && cursor->value < 0)
            result = cursor->value;
    }
    if (step_opens(step))
        cursor->open[cursor->depth++] = cursor->step;
    if (result < 0 && !step->goes_on) {
        cursor->value = result;
        if (cursor->depth == 0)
            return false;
        cursor->step = node->steps[cursor->open[cursor->depth - 1]].other;
        return true;
    }
    cursor->step++;
    return cursor_arrive(cursor, node);
}

/* --- Traces --- */

void trace_clear(struct trace *trace)
{
    trace->count = 0;
    trace->begun = false;
    trace->ended = false;
    trace->result = 0;
    trace->ended_at = 0;
}

void trace_record(struct trace *trace, int step, int part, intptr_t result, int64_t time)
{
    if (check(trace->count < NODE_RECORDS))
        trace->records[trace->count++] = (struct record){step, part, result, time};
}

bool trace_equal(const struct trace *one, const struct trace *other)
{
    if (one->count != other->count || one->begun != other->begun || one->ended != other->ended ||
        one->result != other->result || one->ended_at != other->ended_at)
        return false;
    for (int i = 0; i < one->count; i++) {
        const struct record *a = &one->records[i];
        const struct record *b = &other->records[i];

        if (a->step != b->step || a->part != b->part || a->result != b->result ||
            a->time != b->time)
            return false;
    }
    return true;
}

void trace_print(const struct trace *trace, const char *title, FILE *out)
{
    fprintf(out, "  %s: %s", title, trace->begun ? "began" : "never began");
    if (trace->ended)
        fprintf(out, ", gave %" PRIdPTR " at %" PRId64, trace->result, trace->ended_at);
    for (int i = 0; i < trace->count; i++) {
        const struct record *record = &trace->records[i];

        fprintf(out, "%s[%d.%d] %" PRIdPTR " at %" PRId64, i % 5 == 0 ? "\n    " : "  ",
                record->step, record->part, record->result, record->time);
    }
    fprintf(out, "\n");
}

/* --- Programs --- */

static const char *const kind_names[] = {
    [STEP_SLEEP] = "sleep",
    [STEP_YIELD] = "yield",
    [STEP_FAIL] = "fail",
    [STEP_LEAVE] = "return",
    [STEP_DEFER] = "defer a sleep",
    [STEP_CANCEL] = "cancel",
    [STEP_UNCANCEL] = "uncancel",
    [STEP_CANCELLING] = "ask whether cancelled:",
    [STEP_IS_DONE] = "ask whether done:",
    [STEP_MOVE] = "move timeout",
    [STEP_SPAWN] = "spawn",
    [STEP_LIMITED] = "spawn limited",
    [STEP_GROUP_CANCEL] = "cancel group",
    [STEP_LIVE] = "count group",
    [STEP_CALLS] = "calls",
    [STEP_WAIT] = "wait",
    [STEP_END] = "end",
    [STEP_TIMEOUT] = "timeout",
    [STEP_SHIELD] = "shield",
    [STEP_GROUP] = "group",
    [STEP_TASKS] = "tasks",
};

static const char *const finish_names[] = {
    [FINISH_GATHER] = "gather",     [FINISH_COLLECT] = "collect", [FINISH_RACE] = "race",
    [FINISH_WAIT_FOR] = "wait_for", [FINISH_JOIN] = "join",
};

static const char *const when_names[] = {
    [WHORL_FIRST_COMPLETED] = "first completed",
    [WHORL_FIRST_EXCEPTION] = "first exception",
    [WHORL_ALL_COMPLETED] = "all completed",
};

static void print_nodes(const struct step *step, FILE *out)
{
    for (int i = 0; i < step->count; i++)
        fprintf(out, " node %d", step->node + i);
    fprintf(out, ", %s%s", finish_names[step->finish], step->twice ? " the first twice" : "");
}

static void print_ns(int64_t ns, FILE *out)
{
    if (ns == WHORL_FOREVER)
        fprintf(out, " forever");
    else
        fprintf(out, " %" PRId64, ns);
}

static void print_group(int block, FILE *out)
{
    if (block == FAMILY)
        fprintf(out, " in the family");
    else
        fprintf(out, " in block %d", block);
}

static void print_arguments(const struct step *step, FILE *out)
{
    switch (step->kind) {
    case STEP_SLEEP:
    case STEP_DEFER:
    case STEP_TIMEOUT:
    case STEP_SHIELD:
        print_ns(step->ns, out);
        break;
    case STEP_MOVE:
        fprintf(out, " %d to now +", step->block);
        print_ns(step->ns, out);
        break;
    case STEP_FAIL:
    case STEP_LEAVE:
    case STEP_END:
        fprintf(out, " %" PRIdPTR, step->value);
        break;
    case STEP_LIMITED:
        fprintf(out, " to %d", step->count);
        /* fall through */
    case STEP_SPAWN:
        fprintf(out, " node %d", step->node);
        print_group(step->block, out);
        break;
    case STEP_GROUP_CANCEL:
    case STEP_LIVE:
        print_group(step->block, out);
        break;
    case STEP_CANCEL:
    case STEP_CANCELLING:
    case STEP_IS_DONE:
        fprintf(out, " node %d", step->node);
        break;
    case STEP_TASKS:
        print_nodes(step, out);
        print_ns(step->ns, out);
        break;
    case STEP_CALLS:
        print_nodes(step, out);
        break;
    case STEP_WAIT:
        fprintf(out, " for %s", when_names[step->when]);
        print_ns(step->ns, out);
        break;
    default:
        break;
    }
}

static void print_step(const struct step *step, int index, int depth, FILE *out)
{
    fprintf(out, "  %2d %*s%s", index, 2 * depth, "", kind_names[step->kind]);
    print_arguments(step, out);
    fprintf(out, "%s%s%s\n", step->eager ? ", eagerly" : "", step->keeps ? ", keep the handle" : "",
            step->goes_on ? "; go on whatever comes" : "");
}

void tree_print(const struct tree *tree, FILE *out)
{
    for (int i = 0; i < tree->node_count; i++) {
        const struct node *node = &tree->nodes[i];
        int depth = 0;

        fprintf(out, "node %d:\n", i);
        for (int j = 0; j < node->step_count; j++) {
            depth -= node->steps[j].kind == STEP_END;
            print_step(&node->steps[j], j, depth, out);
            depth += step_opens(&node->steps[j]);
        }
        fprintf(out, "  return %" PRIdPTR "\n", node->value);
    }
}
