/*
 * Select: the first of several cases to happen.
 *
 *     looked at --> happened
 *         '-------> entered --> happened
 *                       '-----> withdrawn
 *
 * All cases are looked at first. If some can happen, one of those is drawn. Otherwise the task
 * enters every queue that a case stands for, at once, and parks; whoever serves one of its waiters
 * takes the others out before anybody else can meet them. So no more than one case happens, and
 * since no other task runs between the look and the park, a select never meets itself. What a case
 * needs for that lies in the caller's array.
 */
#include <sync/channel.h>
#include <sync/future.h>
#include <whorl/select.h>

struct selection;

struct choice {
    enum whorl_case_kind kind;
    void *object;
    void *element;
    intptr_t result; /* up to here as in the public struct */
    union {
        struct channel_waiter at_channel;
        struct future_waiter at_future;
        struct watcher at_task;
    };
    struct selection *selection;
    struct task *task;
} __attribute__((may_alias));

_Static_assert(sizeof(struct choice) == sizeof(whorl_case), "an array of one is one of the other");
_Static_assert(offsetof(struct choice, at_channel) == offsetof(whorl_case, engine),
               "the engine's part is where the public struct has it");

struct selection {
    struct task *self;
    struct choice *cases;
    size_t count;
    struct choice *chosen;
};

/* What can be done with a case that is on. */
struct conduct {
    int (*check)(const struct loop *loop, struct choice *choice); /* 0, or why it makes no sense */
    bool (*is_ready)(const struct choice *choice);
    void (*happen)(struct choice *choice); /* of one that is ready */
    void (*enter)(struct choice *choice);
    void (*withdraw)(struct choice *choice);
};

static const struct conduct conducts[WHORL_CASE_TASK + 1];

static bool is_on(const struct choice *choice)
{
    return choice->kind != WHORL_CASE_OFF && choice->object;
}

/* Ends the wait: takes the task out of every queue in which it still stands. */
static void decide(struct selection *selection, int result)
{
    for (size_t i = 0; i < selection->count; i++) {
        struct choice *choice = &selection->cases[i];
        if (is_on(choice))
            conducts[choice->kind].withdraw(choice);
    }
    struct task *self = selection->self;
    if (timer_is_armed(&self->timer))
        timer_disarm(&self->loop->timers, &self->timer);
    task_wake(self, result);
}

static void has_happened(struct choice *choice, intptr_t result)
{
    choice->result = result;
    choice->selection->chosen = choice;
    decide(choice->selection, 0);
}

/* --- Channels --- */

static void channel_served(struct waiter *waiter, int result)
{
    has_happened((struct choice *)((char *)waiter - offsetof(struct choice, at_channel)), result);
}

static int check_channel(const struct loop *loop, struct choice *choice)
{
    return choice->element ? channel_error(loop, choice->object) : -EINVAL;
}

static bool recv_is_ready(const struct choice *choice)
{
    return channel_gives(choice->object);
}

static bool send_is_ready(const struct choice *choice)
{
    return channel_takes(choice->object);
}

static void recv_happen(struct choice *choice)
{
    choice->result = channel_recv(choice->object, choice->element);
}

static void send_happen(struct choice *choice)
{
    choice->result = channel_send(choice->object, choice->element);
}

static void enter_channel(struct choice *choice, struct waiters *queue)
{
    choice->at_channel = (struct channel_waiter){
        .waiter = {.task = choice->selection->self, .served = channel_served},
        .element = choice->element};
    waiters_add(queue, &choice->at_channel.waiter);
}

static void recv_enter(struct choice *choice)
{
    enter_channel(choice, &((struct channel *)choice->object)->receivers);
}

static void send_enter(struct choice *choice)
{
    enter_channel(choice, &((struct channel *)choice->object)->senders);
}

static void withdraw_from_channel(struct choice *choice)
{
    if (choice->at_channel.waiter.queue)
        waiter_remove(&choice->at_channel.waiter);
}

/* --- Futures --- */

static void future_served(struct waiter *waiter, int result)
{
    struct choice *choice = (struct choice *)((char *)waiter - offsetof(struct choice, at_future));
    (void)result;
    has_happened(choice, choice->at_future.result);
}

static int check_future(const struct loop *loop, struct choice *choice)
{
    return future_error(loop, choice->object);
}

static bool future_is_ready(const struct choice *choice)
{
    return ((const struct future *)choice->object)->set;
}

static void future_happen(struct choice *choice)
{
    choice->result = ((const struct future *)choice->object)->result;
}

static void future_enter(struct choice *choice)
{
    choice->at_future = (struct future_waiter){
        .waiter = {.task = choice->selection->self, .served = future_served}};
    waiters_add(&((struct future *)choice->object)->waiters, &choice->at_future.waiter);
}

static void withdraw_from_future(struct choice *choice)
{
    if (choice->at_future.waiter.queue)
        waiter_remove(&choice->at_future.waiter);
}

/* --- Tasks --- */

static void task_ended(struct watcher *watcher, struct task *target)
{
    has_happened((struct choice *)((char *)watcher - offsetof(struct choice, at_task)),
                 target->result);
}

static int check_task(const struct loop *loop, struct choice *choice)
{
    int error;
    choice->task = task_of_handle(loop, choice->object, &error);
    return choice->task && choice->task == loop->current ? -EDEADLK : error;
}

static bool task_is_ready(const struct choice *choice)
{
    return choice->task->ended;
}

static void task_happen(struct choice *choice)
{
    choice->result = choice->task->result;
}

static void task_enter(struct choice *choice)
{
    choice->at_task = (struct watcher){
        .ended = task_ended, .waiter = choice->selection->self, .object = choice->selection};
    task_watch(choice->task, &choice->at_task);
}

static void withdraw_from_task(struct choice *choice)
{
    task_unwatch(choice->task, &choice->at_task);
}

static const struct conduct conducts[WHORL_CASE_TASK + 1] = {
    [WHORL_CASE_RECV] = {check_channel, recv_is_ready, recv_happen, recv_enter,
                         withdraw_from_channel},
    [WHORL_CASE_SEND] = {check_channel, send_is_ready, send_happen, send_enter,
                         withdraw_from_channel},
    [WHORL_CASE_FUTURE] = {check_future, future_is_ready, future_happen, future_enter,
                           withdraw_from_future},
    [WHORL_CASE_TASK] = {check_task, task_is_ready, task_happen, task_enter, withdraw_from_task},
};

/* --- The look --- */

static int check(const struct loop *loop, struct selection *selection)
{
    for (size_t i = 0; i < selection->count; i++) {
        struct choice *choice = &selection->cases[i];
        if ((unsigned)choice->kind > WHORL_CASE_TASK)
            return -EINVAL;
        int error = is_on(choice) ? conducts[choice->kind].check(loop, choice) : 0;
        if (error)
            return error;
    }
    return 0;
}

/* One of `bound`, each as likely as the others. The same in each run of a program that does the
 * same. (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014.) */
static size_t draw_below(struct loop *loop, size_t bound)
{
    uint64_t bits = loop->draws += 0x9e3779b97f4a7c15;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
    bits ^= bits >> 31;
    return (size_t)((bits >> 32) * bound >> 32);
}

static bool is_ready(const struct choice *choice)
{
    return is_on(choice) && conducts[choice->kind].is_ready(choice);
}

/* Draws one of the cases that can happen now; NULL if none can. */
static struct choice *draw(struct loop *loop, const struct selection *selection)
{
    size_t ready = 0;
    struct choice *choice = selection->cases;
    struct choice *drawn = NULL;
    struct choice *end = choice + selection->count;
    for (; choice < end; choice++)
        if (is_ready(choice) && ready++ == 0)
            drawn = choice;
    if (ready <= 1)
        return drawn;
    for (size_t left = draw_below(loop, ready); left > 0; left--)
        do
            drawn++;
        while (!is_ready(drawn));
    return drawn;
}

/* --- The wait --- */

static void time_is_up(struct timer *timer)
{
    const struct task *self = (struct task *)((char *)timer - offsetof(struct task, timer));
    decide(self->wait_object, -ETIMEDOUT);
}

static void select_cancel(struct task *self)
{
    decide(self->wait_object, -ECANCELED);
}

static struct task *select_awaited(const struct task *self, size_t index)
{
    const struct selection *selection = self->wait_object;
    for (size_t i = 0; i < selection->count; i++) {
        const struct choice *choice = &selection->cases[i];
        if (choice->kind == WHORL_CASE_TASK && choice->object && index-- == 0)
            return choice->task;
    }
    return NULL;
}

static const struct wait_kind any_wait = {.name = "one of the cases of its select",
                                          .cancel = select_cancel};
static const struct wait_kind tasks_wait = {
    .name = "one of the cases of its select, among them the end of",
    .cancel = select_cancel,
    .awaited = select_awaited};

/* Not inline: gcc 12 would take the links into a waiting task's stack for dangling. Returns the
 * kind of wait that it comes to. */
__attribute__((noinline)) static const struct wait_kind *enter(struct selection *selection)
{
    const struct wait_kind *kind = &any_wait;
    for (size_t i = 0; i < selection->count; i++) {
        struct choice *choice = &selection->cases[i];
        if (!is_on(choice))
            continue;
        choice->selection = selection;
        conducts[choice->kind].enter(choice);
        if (choice->kind == WHORL_CASE_TASK)
            kind = &tasks_wait;
    }
    return kind;
}

static ssize_t await_one(struct loop *loop, struct selection *selection, int64_t ns)
{
    struct task *self = loop->current;
    int64_t deadline = loop_deadline_after(loop, ns);
    if (deadline != WHORL_FOREVER) {
        self->timer.fire = time_is_up;
        timer_arm(&loop->timers, &self->timer, deadline);
    }
    const struct wait_kind *kind = enter(selection);
    int error = task_park(loop, self, kind, selection);
    return error ? error : selection->chosen - selection->cases;
}

ssize_t whorl_select(whorl_case *cases, size_t n, int64_t ns)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!cases && n > 0)
        return -EINVAL;
    struct selection selection = {
        .self = loop->current, .cases = (struct choice *)cases, .count = n};
    int error = check(loop, &selection);
    if (error)
        return error;
    if (loop->current->interrupted)
        return task_refuse(loop, loop->current);
    struct choice *drawn = draw(loop, &selection);
    if (drawn) {
        conducts[drawn->kind].happen(drawn);
        return drawn - selection.cases;
    }
    if (ns <= 0) {
        loop_switch(loop, loop->current);
        return -ETIMEDOUT;
    }
    return await_one(loop, &selection, ns);
}
