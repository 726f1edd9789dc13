/*
 * The names of a loop, by what is asked: see resolve.h.
 *
 * Those that are known also stand in a list by when they were last asked for; when there are too
 * many, the first of it is dropped.
 */
#include <core/leftover.h>
#include <net/resolve.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS WHORL_RESOLVED_MAX

struct resolver {
    struct leftover leftover;
    unsigned known;
    struct name *first; /* of those known, the one not asked for for longest */
    struct name *last;
    struct name *buckets[BUCKETS];
};

/* FNV-1a, of the host alone. */
static unsigned bucket_of(const char *host)
{
    uint32_t hash = 2166136261u;
    for (; *host; host++)
        hash = (hash ^ (unsigned char)*host) * 16777619u;
    return hash % BUCKETS;
}

/* --- In and out --- */

static void table_add(struct resolver *resolver, struct name *name)
{
    struct name **bucket = &resolver->buckets[bucket_of(name->question.host)];
    name->next = *bucket;
    name->link = bucket;
    if (name->next)
        name->next->link = &name->next;
    *bucket = name;
}

static void table_remove(struct name *name)
{
    *name->link = name->next;
    if (name->next)
        name->next->link = name->link;
    name->link = NULL;
}

static void known_add(struct resolver *resolver, struct name *name)
{
    name->later = NULL;
    name->earlier = resolver->last;
    if (resolver->last)
        resolver->last->later = name;
    else
        resolver->first = name;
    resolver->last = name;
    resolver->known++;
}

static void known_remove(struct resolver *resolver, struct name *name)
{
    if (name->later)
        name->later->earlier = name->earlier;
    else
        resolver->last = name->earlier;
    if (name->earlier)
        name->earlier->later = name->later;
    else
        resolver->first = name->later;
    resolver->known--;
}

static void drop(struct name *name)
{
    assert(!name->waiters.first && !name->job.link);
    if (name->link)
        table_remove(name);
    if (name->known)
        known_remove(name->loop->resolver, name);
    free(name->found);
    free(name);
}

static struct name *find(const struct resolver *resolver, const struct question *question,
                         bool known)
{
    struct name *name = resolver->buckets[bucket_of(question->host)];
    while (name &&
           (name->known != known || memcmp(&name->question, question, sizeof *question) != 0))
        name = name->next;
    return name;
}

/* --- A loop's table --- */

static void resolver_stop(struct leftover *self)
{
    (void)self;
}

/* Threads have returned all names by now: so those that are left are known. */
static void resolver_end(struct leftover *self)
{
    struct resolver *resolver = (struct resolver *)self;
    while (resolver->first)
        drop(resolver->first);
    free(resolver);
}

/* NULL: no memory. */
static struct resolver *resolver_of(struct loop *loop)
{
    if (loop->resolver)
        return loop->resolver;
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        return NULL;
    resolver->leftover = (struct leftover){.stop = resolver_stop, .end = resolver_end};
    leftover_add(loop, &resolver->leftover);
    loop->resolver = resolver;
    return resolver;
}

struct name *names_find_known(struct loop *loop, const struct question *question, int64_t max_age)
{
    struct resolver *resolver = loop->resolver;
    struct name *name = resolver ? find(resolver, question, true) : NULL;
    if (!name || whorl_now() - name->since > max_age)
        return NULL;
    known_remove(resolver, name);
    known_add(resolver, name);
    return name;
}

int whorl_resolve_forget(const char *host)
{
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    struct resolver *resolver = loop->resolver;
    for (unsigned bucket = 0; resolver && bucket < BUCKETS; bucket++) {
        for (struct name *name = resolver->buckets[bucket], *next; name; name = next) {
            next = name->next;
            if (host && strcmp(name->question.host, host) != 0)
                continue;
            if (name->known)
                drop(name);
            else
                table_remove(name);
        }
    }
    return 0;
}

/* --- Asking --- */

int asker_take(const struct asker *asker, const whorl_address *addresses, size_t count)
{
    count = count < asker->room ? count : asker->room;
    for (size_t i = 0; i < count; i++) {
        whorl_address *address = &asker->addresses[i];
        *address = addresses[i];
        if (asker->port && address->any.sa_family == AF_INET)
            address->in4.sin_port = asker->port;
        else if (asker->port)
            address->in6.sin6_port = asker->port;
    }
    return (int)count;
}

/* It takes the place of what was known before. */
static void become_known(struct resolver *resolver, struct name *name)
{
    struct name *former = find(resolver, &name->question, true);
    if (former)
        drop(former);
    name->known = true;
    name->since = whorl_now();
    known_add(resolver, name);
    if (resolver->known > WHORL_RESOLVED_MAX)
        drop(resolver->first);
}

static bool take(struct loop *loop, struct inbox_node *node)
{
    struct name *name = (struct name *)node;
    int result = (int)name->job.result;
    loop->jobs--;
    while (name->waiters.first) {
        struct asker *first = (struct asker *)name->waiters.first;
        const struct found *found = name->found;
        waiter_serve(&first->waiter,
                     result > 0 ? asker_take(first, found->addresses, found->count) : result);
    }
    if (result >= 0 && name->link)
        become_known(loop->resolver, name);
    else
        drop(name);
    return true;
}

/* On a thread. */
static intptr_t run(void *arg)
{
    struct name *name = arg;
    return lookup_run(&name->question, &name->found);
}

struct name *names_ask(struct loop *loop, const struct question *question, int *error)
{
    *error = -ENOMEM;
    struct resolver *resolver = resolver_of(loop);
    if (!resolver)
        return NULL;
    struct name *name = find(resolver, question, false);
    if (name)
        return name;
    name = calloc(1, sizeof *name);
    if (!name)
        return NULL;
    name->loop = loop;
    memcpy(&name->question, question, sizeof *question);
    name->job = (struct job){.node.take = take, .fn = run, .arg = name};
    int given = pool_give(loop, &name->job);
    if (given) {
        *error = given == -EAGAIN ? -ENOMEM : given;
        free(name);
        return NULL;
    }
    loop->jobs++;
    table_add(resolver, name);
    return name;
}

void names_leave(struct name *name)
{
    if (name->waiters.first || !pool_withdraw(name->loop->pool, &name->job))
        return;
    name->loop->jobs--;
    drop(name);
}
