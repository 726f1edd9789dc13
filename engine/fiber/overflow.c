/* Stack overflow: see overflow.h. */
#include <errno.h>
#include <fiber/overflow.h>
#include <fiber/own_text.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIGNAL_STACK_BYTES ((size_t)64 << 10)
#define SIGNAL_STACK_LEAST                                                                         \
    ((size_t)16 << 10) /* a thread's own that is smaller is replaced meanwhile */

static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned watch_count;
static struct sigaction former; /* SIGSEGV's disposition before the first watch */
static overflow_describe *describe_address;

/* Ends the program as the default disposition does: a fault happens again when the handler returns,
 * a signal that somebody sent is sent again. */
static void die_of_it(const siginfo_t *info)
{
    signal(SIGSEGV, SIG_DFL);
    if (info->si_code <= 0)
        raise(SIGSEGV);
}

static void on_overflow(const struct overflow *fault, const siginfo_t *info, void *context)
{
    if (write(STDERR_FILENO, fault->text, fault->length) < 0) {
        /* Nobody to tell; the signal, or the result, still says it. */
    }
    if (fault->landing)
        landing_divert(fault->landing, context, fault->result);
    else
        die_of_it(info);
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    bool sent = info->si_code <= 0;
    struct overflow fault = {.address = info->si_addr,
                             .may_land =
                                 LANDING_IS_POSSIBLE && own_text_has(landing_place(context))};
    if (!sent && describe_address(&fault)) {
        on_overflow(&fault, info, context);
    } else if (former.sa_flags & SA_SIGINFO) {
        former.sa_sigaction(signal_number, info, context);
    } else if (former.sa_handler == SIG_IGN && sent) {
        return;
    } else if (former.sa_handler == SIG_DFL || former.sa_handler == SIG_IGN) {
        die_of_it(info);
    } else {
        former.sa_handler(signal_number);
    }
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_fault;
}

static void install_handler(overflow_describe *describe)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    struct sigaction current;
    describe_address = describe;
    own_text_look();
    sigaction(SIGSEGV, NULL, &current);
    if (!is_ours(&current)) /* as it may be in a forked child */
        former = current;   /* before the handler can ask for it */
    sigaction(SIGSEGV, &action, NULL);
}

/* Puts the former handler back, unless the program has set one of its own in the meantime. */
static void remove_handler(void)
{
    struct sigaction current;
    sigaction(SIGSEGV, NULL, &current);
    if (is_ours(&current))
        sigaction(SIGSEGV, &former, NULL);
}

int overflow_watch_start(struct overflow_watch *watch, overflow_describe *describe)
{
    watch->stack = NULL;
    stack_t current;
    sigaltstack(NULL, &current);
    if ((current.ss_flags & SS_DISABLE) || current.ss_size < SIGNAL_STACK_LEAST) {
        void *memory = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (memory == MAP_FAILED) {
            fprintf(stderr, "whorl: no memory for a signal stack. Free some, or raise RLIMIT_AS "
                            "(ulimit -v).\n");
            return -ENOMEM;
        }
        stack_t own = {.ss_sp = memory, .ss_size = SIGNAL_STACK_BYTES};
        sigaltstack(&own, &watch->former);
        watch->stack = memory;
    }
    pthread_mutex_lock(&watch_lock);
    if (watch_count++ == 0)
        install_handler(describe);
    pthread_mutex_unlock(&watch_lock);
    return 0;
}

void overflow_watch_end(struct overflow_watch *watch)
{
    pthread_mutex_lock(&watch_lock);
    if (--watch_count == 0)
        remove_handler();
    pthread_mutex_unlock(&watch_lock);
    if (watch->stack) {
        stack_t current;
        sigaltstack(NULL, &current);
        if (current.ss_sp == watch->stack)
            sigaltstack(&watch->former, NULL);
        munmap(watch->stack, SIGNAL_STACK_BYTES);
    }
}

void overflow_after_fork(void)
{
    watch_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    watch_count = 0;
}
