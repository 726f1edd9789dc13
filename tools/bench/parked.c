/* See parked.h. The sleepers wait for one condition, the starter for another, so that a thread
 * falling asleep wakes nobody but the starter. */
#include "parked.h"

#include <stdlib.h>

#include "fail.h"

void parked_cap(options *own)
{
    own->tasks = own->tasks < PARKED_MAX ? own->tasks : PARKED_MAX;
}

static void *sleep_until_released(void *arg)
{
    parked *in = arg;
    pthread_mutex_lock(&in->mutex);
    if (++in->asleep == in->wanted)
        pthread_cond_signal(&in->all_asleep);
    while (!in->is_released)
        pthread_cond_wait(&in->release, &in->mutex);
    pthread_mutex_unlock(&in->mutex);
    return NULL;
}

static void wait_until_asleep(parked *in)
{
    pthread_mutex_lock(&in->mutex);
    in->wanted = in->count;
    while (in->asleep < in->wanted)
        pthread_cond_wait(&in->all_asleep, &in->mutex);
    pthread_mutex_unlock(&in->mutex);
}

int parked_start(parked *out, uint64_t count)
{
    *out = (parked){.wanted = UINT64_MAX};
    pthread_mutex_init(&out->mutex, NULL);
    pthread_cond_init(&out->release, NULL);
    pthread_cond_init(&out->all_asleep, NULL);
    pthread_attr_init(&out->attributes);
    pthread_attr_setstacksize(&out->attributes, PARKED_STACK);
    out->threads = calloc(count, sizeof *out->threads);
    int error = 0;
    for (; out->threads != NULL && error == 0 && out->count < count; out->count += error == 0)
        error =
            pthread_create(&out->threads[out->count], &out->attributes, sleep_until_released, out);
    if (out->count == count) {
        wait_until_asleep(out);
        return 0;
    }
    parked_end(out);
    return fail("cannot start %llu threads: raise the limits of processes and memory, or ask for "
                "fewer --tasks",
                (unsigned long long)count);
}

void parked_end(parked *in)
{
    pthread_mutex_lock(&in->mutex);
    in->is_released = true;
    pthread_cond_broadcast(&in->release);
    pthread_mutex_unlock(&in->mutex);
    for (uint64_t i = 0; i < in->count; i++)
        pthread_join(in->threads[i], NULL);
    free(in->threads);
}
