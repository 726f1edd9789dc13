/* The pool: see pool.h. */
#include <assert.h>
#include <errno.h>
#include <os/pool.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_THREADS_MOST 32
#define DEFAULT_THREADS_MORE 4 /* than processors */
#define DEFAULT_IDLE WHORL_SECONDS(5)

struct worker {
    pthread_t thread;
    struct pool *pool;
    pthread_cond_t wake;
    bool idle;
    bool ended;
    struct worker *next_idle;
    struct worker *next;
};

struct pool {
    pthread_mutex_t lock;
    struct inbox *inbox;
    int64_t idle_limit;
    unsigned most;
    /* Under the lock. */
    struct job *jobs;
    struct job **jobs_end;
    struct worker *idle; /* the latest first */
    unsigned count;      /* that have not ended */
    unsigned ended;      /* that wait to be joined */
    bool ending;
    /* The loop's. */
    struct worker *workers;
};

/* --- A thread --- */

static void job_remove(struct pool *pool, struct job *job)
{
    *job->link = job->next;
    if (job->next)
        job->next->link = job->link;
    else
        pool->jobs_end = job->link;
    job->link = NULL;
}

static void idle_add(struct pool *pool, struct worker *worker)
{
    worker->idle = true;
    worker->next_idle = pool->idle;
    pool->idle = worker;
}

static void idle_remove(struct pool *pool, struct worker *worker)
{
    struct worker **link = &pool->idle;
    while (*link != worker)
        link = &(*link)->next_idle;
    *link = worker->next_idle;
    worker->idle = false;
}

/* Waits until there is a job, and takes it out; NULL: the thread is to end. Under the lock. */
static struct job *next_job(struct pool *pool, struct worker *self)
{
    int64_t end = deadline_after(clock_read(), pool->idle_limit);
    struct timespec until = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};
    int waited = 0;
    while (!pool->jobs && !pool->ending && waited != ETIMEDOUT) {
        if (!self->idle)
            idle_add(pool, self);
        waited = pthread_cond_timedwait(&self->wake, &pool->lock, &until);
    }
    if (self->idle)
        idle_remove(pool, self);
    struct job *job = pool->jobs;
    if (job)
        job_remove(pool, job);
    return job;
}

/* The thread is idle before anybody has the result: so who gives one job after another needs but
 * one thread. If it is woken before it waits, it finds the job that it was woken for. */
static void run_job(struct pool *pool, struct worker *self, struct job *job)
{
    job->result = job->fn(job->arg);
    pthread_mutex_lock(&pool->lock);
    if (!pool->jobs)
        idle_add(pool, self);
    pthread_mutex_unlock(&pool->lock);
    inbox_return(pool->inbox, &job->node);
}

static void *work(void *arg)
{
    struct worker *self = arg;
    struct pool *pool = self->pool;
    pthread_setname_np(pthread_self(), "whorl-thread");
    pthread_mutex_lock(&pool->lock);
    for (struct job *job; (job = next_job(pool, self));) {
        pthread_mutex_unlock(&pool->lock);
        run_job(pool, self, job);
        pthread_mutex_lock(&pool->lock);
    }
    pool->count--;
    pool->ended++;
    self->ended = true;
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* --- The loop's side --- */

static int pool_make(struct loop *loop)
{
    int error;
    struct inbox *inbox = inbox_of(loop, &error);
    if (!inbox)
        return error;
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return -ENOMEM;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned most = (unsigned)(processors < 1 ? 1 : processors) + DEFAULT_THREADS_MORE;
    most = most < DEFAULT_THREADS_MOST ? most : DEFAULT_THREADS_MOST;
    pthread_mutex_init(&pool->lock, NULL);
    pool->inbox = inbox;
    pool->jobs_end = &pool->jobs;
    pool->most = loop->threads_most ? loop->threads_most : most;
    pool->idle_limit = loop->thread_idle ? loop->thread_idle : DEFAULT_IDLE;
    loop->pool = pool;
    return 0;
}

static void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->wake);
    free(worker);
}

/* Joins those that have ended, if there are any. */
static void join_ended(struct pool *pool)
{
    struct worker **link = &pool->workers;
    while (*link) {
        struct worker *worker = *link;
        pthread_mutex_lock(&pool->lock);
        bool ended = worker->ended;
        pool->ended -= ended;
        pthread_mutex_unlock(&pool->lock);
        if (!ended) {
            link = &worker->next;
            continue;
        }
        *link = worker->next;
        worker_join(worker);
    }
}

static int start_thread(struct worker *worker)
{
    sigset_t all, former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int error = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    return -error;
}

/* A thread more. It finds its first job in the queue. */
static int worker_make(struct pool *pool)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return -ENOMEM;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    worker->pool = pool;
    int error = start_thread(worker);
    if (error) {
        pthread_cond_destroy(&worker->wake);
        free(worker);
        return error;
    }
    worker->next = pool->workers;
    pool->workers = worker;
    return 0;
}

static void job_add(struct pool *pool, struct job *job)
{
    job->next = NULL;
    job->link = pool->jobs_end;
    *pool->jobs_end = job;
    pool->jobs_end = &job->next;
}

int pool_give(struct loop *loop, struct job *job)
{
    int error = loop->pool ? 0 : pool_make(loop);
    if (error)
        return error;
    struct pool *pool = loop->pool;
    pthread_mutex_lock(&pool->lock);
    job_add(pool, job);
    struct worker *worker = pool->idle;
    if (worker)
        idle_remove(pool, worker);
    bool grows = !worker && pool->count < pool->most;
    pool->count += grows;
    unsigned ended = pool->ended;
    pthread_mutex_unlock(&pool->lock);
    /* A block that was woken stays until this thread joins it. */
    if (worker)
        pthread_cond_signal(&worker->wake);
    if (ended > 0)
        join_ended(pool);
    error = grows ? worker_make(pool) : 0;
    if (!error)
        return 0;
    pthread_mutex_lock(&pool->lock);
    bool is_served = --pool->count > 0 || !job->link;
    if (!is_served)
        job_remove(pool, job);
    pthread_mutex_unlock(&pool->lock);
    return is_served ? 0 : error;
}

bool pool_withdraw(struct pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool is_queued = job->link != NULL;
    if (is_queued)
        job_remove(pool, job);
    pthread_mutex_unlock(&pool->lock);
    return is_queued;
}

void pool_end(struct loop *loop)
{
    struct pool *pool = loop->pool;
    if (!pool)
        return;
    assert(!pool->jobs);
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    for (struct worker *worker = pool->idle; worker; worker = worker->next_idle)
        pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&pool->lock);
    while (pool->workers) {
        struct worker *worker = pool->workers;
        pool->workers = worker->next;
        worker_join(worker);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
    loop->pool = NULL;
}
