/* SIGINT while a loop runs: see sigint.h. */
#include <core/interrupt.h>
#include <run/sigint.h>
#include <time.h>
#include <unistd.h>

#define HANDLER_PAUSE 20000 /* ns between looks at whether a handler still runs elsewhere */

static struct inbox *watching; /* NULL: nobody */
static unsigned handlers;      /* that run now */
static bool came;              /* and was put into the inbox */

/* Once main has returned everything is cancelled anyway. */
static bool take(struct loop *loop, struct inbox_node *node)
{
    (void)node;
    if (!loop->draining)
        task_cancel(loop->main);
    return true;
}

static struct inbox_node request = {.take = take};

static void on_sigint(int signal_number)
{
    (void)signal_number;
    __atomic_fetch_add(&handlers, 1, __ATOMIC_SEQ_CST);
    struct inbox *inbox = __atomic_load_n(&watching, __ATOMIC_SEQ_CST);
    if (inbox && !__atomic_exchange_n(&came, true, __ATOMIC_SEQ_CST))
        inbox_alarm(inbox, &request);
    __atomic_fetch_sub(&handlers, 1, __ATOMIC_SEQ_CST);
}

/* Whatever the flags say: those of a handler that SA_RESETHAND took away stay behind. */
static bool is_default(const struct sigaction *action)
{
    return action->sa_handler == SIG_DFL;
}

static bool is_ours(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == on_sigint;
}

static bool is_wanted(const struct loop *loop, enum whorl_sigint choice, const sigset_t *mask)
{
    struct sigaction current;
    return choice == WHORL_SIGINT_CANCELS && gettid() == getpid() && !sigismember(mask, SIGINT) &&
           sigaction(SIGINT, NULL, &current) == 0 && is_default(&current) &&
           ring_reads_descriptors(&loop->ring);
}

void sigint_watch_start(struct loop *loop, enum whorl_sigint choice, const sigset_t *mask)
{
    int error;
    struct inbox *inbox = is_wanted(loop, choice, mask) ? inbox_of(loop, &error) : NULL;
    loop->sigint_is_watched = inbox != NULL;
    if (!inbox)
        return;
    __atomic_store_n(&came, false, __ATOMIC_SEQ_CST);
    __atomic_store_n(&watching, inbox, __ATOMIC_SEQ_CST);
    struct sigaction action = {.sa_handler = on_sigint, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

static void restore(void)
{
    struct sigaction current;
    sigaction(SIGINT, NULL, &current);
    if (is_ours(&current))
        signal(SIGINT, SIG_DFL);
}

void sigint_watch_end(struct loop *loop)
{
    if (!loop->sigint_is_watched)
        return;
    restore();
    __atomic_store_n(&watching, NULL, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&handlers, __ATOMIC_SEQ_CST) > 0)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = HANDLER_PAUSE}, NULL);
}

void sigint_after_fork(void)
{
    if (!__atomic_exchange_n(&watching, NULL, __ATOMIC_SEQ_CST))
        return;
    restore();
    __atomic_store_n(&handlers, 0, __ATOMIC_SEQ_CST);
}
