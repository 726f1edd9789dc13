/* Stack overflow: see overflow.h. */
#include <errno.h>
#include <fiber/overflow.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIGNAL_STACK_BYTES ((size_t)64 << 10)

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

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    char text[256];
    bool sent = info->si_code <= 0;
    size_t length = sent ? 0 : describe_address(info->si_addr, text, sizeof text);
    if (length > 0) {
        if (write(STDERR_FILENO, text, length) < 0) {
            /* Nobody to tell; the signal still says it. */
        }
        die_of_it(info);
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

static void install_handler(overflow_describe *describe)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    describe_address = describe;
    sigaction(SIGSEGV, NULL, &former); /* first, so that the handler never finds it unset */
    sigaction(SIGSEGV, &action, NULL);
}

/* Puts the former handler back, unless the program has set one of its own in the meantime. */
static void remove_handler(void)
{
    struct sigaction current;
    sigaction(SIGSEGV, NULL, &current);
    if ((current.sa_flags & SA_SIGINFO) && current.sa_sigaction == on_fault)
        sigaction(SIGSEGV, &former, NULL);
}

int overflow_watch_start(struct overflow_watch *watch, overflow_describe *describe)
{
    watch->stack = NULL;
    stack_t current;
    sigaltstack(NULL, &current);
    if (current.ss_flags & SS_DISABLE) {
        void *memory = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (memory == MAP_FAILED)
            return -ENOMEM;
        stack_t own = {.ss_sp = memory, .ss_size = SIGNAL_STACK_BYTES};
        sigaltstack(&own, NULL);
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
        if (current.ss_sp == watch->stack) {
            stack_t none = {.ss_flags = SS_DISABLE};
            sigaltstack(&none, NULL);
        }
        munmap(watch->stack, SIGNAL_STACK_BYTES);
    }
}
