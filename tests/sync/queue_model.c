/* The model of a queue: see queue_model.h. */
#include "queue_model.h"

/* Items are numbered as they are drawn; many numbers are of the same urgency. */
int model_compare(const void *a, const void *b)
{
    return (int)((intptr_t)a % 5) - (int)((intptr_t)b % 5);
}

static void decide(struct model_call *call, int result)
{
    call->is_decided = true;
    call->result = result;
}

static void append(struct model_list *list, struct model_call *call)
{
    if (check(list->count < MODEL_CALLS))
        list->calls[list->count++] = call;
}

static void take_call(struct model_list *list, size_t index)
{
    for (list->count--; index < list->count; index++)
        list->calls[index] = list->calls[index + 1];
}

static struct model_call *take_first(struct model_list *list)
{
    struct model_call *first = list->calls[0];
    take_call(list, 0);
    return first;
}

static void decide_all(struct model_list *list, int result)
{
    while (list->count > 0)
        decide(take_first(list), result);
}

/* Not below none, as an item may be said to be done before it is got, and dropped then. */
static void forget_unfinished(struct model *model, size_t count)
{
    while (count-- > 0 && model->unfinished > 0)
        model->unfinished--;
    if (model->unfinished == 0)
        decide_all(&model->joiners, 0);
}

/* Where the next item lies. */
static size_t next_item(const struct model *model)
{
    size_t next = 0;
    if (model->kind == WHORL_QUEUE_LIFO)
        return model->count - 1;
    for (size_t i = 1; i < model->count && model->kind == WHORL_QUEUE_PRIORITY; i++)
        if (model_compare(item_of(model->items[i]), item_of(model->items[next])) < 0)
            next = i;
    return next;
}

static intptr_t take_item(struct model *model)
{
    size_t index = next_item(model);
    intptr_t item = model->items[index];
    for (model->count--; index < model->count; index++)
        model->items[index] = model->items[index + 1];
    return item;
}

static int add_item(struct model *model, intptr_t item)
{
    if (model->capacity > 0 && model->count == model->capacity)
        return -EAGAIN;
    if (check(model->count < MODEL_ITEMS))
        model->items[model->count++] = item;
    return 0;
}

int model_try_put(struct model *model, intptr_t item)
{
    bool is_handed = model->kind == WHORL_QUEUE_FIFO && model->getters.count > 0;
    if (model->shut)
        return -EPIPE;
    int error = is_handed ? 0 : add_item(model, item);
    if (error)
        return error;
    model->unfinished++;
    if (model->getters.count == 0)
        return 0;
    struct model_call *getter = take_first(&model->getters);
    getter->is_promised = !is_handed;
    if (is_handed) {
        getter->item = item;
        decide(getter, 0);
    } else {
        append(&model->promised, getter);
    }
    return 0;
}

static intptr_t get_item(struct model *model)
{
    intptr_t item = take_item(model);
    if (model->putters.count > 0) {
        struct model_call *putter = take_first(&model->putters);
        check_equal(model_try_put(model, putter->item), 0);
        decide(putter, 0);
    }
    return item;
}

int model_try_get(struct model *model, intptr_t *item)
{
    if (model->count <= model->promised.count)
        return model->shut ? -EPIPE : -EAGAIN;
    *item = get_item(model);
    return 0;
}

void model_run_promised(struct model *model, struct model_call *call)
{
    check(take_first(&model->promised) == call);
    if (model->count == 0) {
        decide(call, -EPIPE);
    } else {
        call->item = get_item(model);
        decide(call, 0);
    }
}

int model_task_done(struct model *model)
{
    if (model->unfinished == 0)
        return -EINVAL;
    forget_unfinished(model, 1);
    return 0;
}

void model_put(struct model *model, struct model_call *call)
{
    int result = model_try_put(model, call->item);
    if (result == -EAGAIN)
        append(&model->putters, call);
    else
        decide(call, result);
}

void model_get(struct model *model, struct model_call *call)
{
    int result = model_try_get(model, &call->item);
    if (result == -EAGAIN)
        append(&model->getters, call);
    else
        decide(call, result);
}

void model_join(struct model *model, struct model_call *call)
{
    if (model->unfinished > 0)
        append(&model->joiners, call);
    else
        decide(call, 0);
}

void model_shutdown(struct model *model, enum whorl_queue_ending ending)
{
    model->shut = true;
    decide_all(&model->getters, -EPIPE);
    decide_all(&model->putters, -EPIPE);
    if (ending == WHORL_QUEUE_IMMEDIATE) {
        size_t dropped = model->count;
        model->count = 0;
        forget_unfinished(model, dropped);
    }
}

static void interrupt_in(struct model_list *list, const struct model_call *call, int error)
{
    for (size_t i = list->count; i-- > 0;) {
        struct model_call *that = list->calls[i];
        if (that != call)
            continue;
        decide(that, error);
        take_call(list, i);
    }
}

void model_interrupt(struct model *model, struct model_call *call, int error)
{
    interrupt_in(&model->getters, call, error);
    interrupt_in(&model->putters, call, error);
    interrupt_in(&model->joiners, call, error);
}

static void pass_time_in(struct model_list *list, int64_t now)
{
    for (size_t i = list->count; i-- > 0;) {
        struct model_call *call = list->calls[i];
        if (call->deadline > now)
            continue;
        decide(call, -ETIMEDOUT);
        take_call(list, i);
    }
}

void model_pass_time(struct model *model, int64_t now)
{
    pass_time_in(&model->getters, now);
    pass_time_in(&model->putters, now);
    pass_time_in(&model->joiners, now);
}
