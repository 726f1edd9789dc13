/*
 * The part `hand` of sync without whorl: a bounded queue with a mutex and two conditions, between
 * two threads. They share a processor, as whorl's two tasks do: across two, most of the time would
 * be wake-ups from one to the other. Who makes the queue no longer empty, or no longer full, wakes
 * the other after it has let go of the mutex: so no thread is woken to wait for that.
 */
#include <errno.h>
#include <pthread.h>

#include "clock.h"
#include "fail.h"
#include "sync_hand.h"

typedef struct bounded {
    pthread_mutex_t mutex;
    pthread_cond_t filled; /* it was empty */
    pthread_cond_t freed;  /* it was full */
    uint64_t capacity;
    uint64_t first; /* slot of the oldest item */
    uint64_t held;
    uint64_t items[HAND_CAPACITY];
    uint64_t count; /* to be handed over */
} bounded;

static void put(bounded *in, uint64_t item)
{
    pthread_mutex_lock(&in->mutex);
    while (in->held == in->capacity)
        pthread_cond_wait(&in->freed, &in->mutex);
    uint64_t slot = in->first + in->held;
    in->items[slot < in->capacity ? slot : slot - in->capacity] = item;
    bool was_empty = in->held++ == 0;
    pthread_mutex_unlock(&in->mutex);
    if (was_empty)
        pthread_cond_signal(&in->filled);
}

static uint64_t get(bounded *in)
{
    pthread_mutex_lock(&in->mutex);
    while (in->held == 0)
        pthread_cond_wait(&in->filled, &in->mutex);
    uint64_t item = in->items[in->first];
    if (++in->first == in->capacity)
        in->first = 0;
    bool was_full = in->held-- == in->capacity;
    pthread_mutex_unlock(&in->mutex);
    if (was_full)
        pthread_cond_signal(&in->freed);
    return item;
}

static void *give_all(void *arg)
{
    bounded *in = arg;
    for (uint64_t i = 0; i < in->count; i++)
        put(in, i);
    return NULL;
}

static intptr_t pass(void *context, uint64_t count)
{
    bounded *in = context;
    pthread_t giver;
    in->count = count;
    int error = pthread_create(&giver, NULL, give_all, in);
    if (error != 0)
        return -error;
    for (uint64_t i = 0; i < count; i++)
        if (get(in) != i)
            error = EIO;
    pthread_join(giver, NULL);
    return -error;
}

static int run(const options *given, sample *out, uint64_t capacity)
{
    bounded in = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                  .filled = PTHREAD_COND_INITIALIZER,
                  .freed = PTHREAD_COND_INITIALIZER,
                  .capacity = capacity};
    cpu_pin(0);
    intptr_t result = hand_measure(given, out, pass, &in);
    return result < 0 ? fail_call("the run of threads", (long)result) : 0;
}

int hand_run_threads(const options *given, sample *out)
{
    return run(given, out, HAND_CAPACITY);
}

int hand_run_threads_one(const options *given, sample *out)
{
    return run(given, out, 1);
}
