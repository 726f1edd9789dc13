/*
 * Task-local values: what a task and those that it spawns know, without passing it on.
 *
 *     static const whorl_local user = WHORL_LOCAL_INIT("user", "nobody");
 *
 *     whorl_local_set(&user, "ada");
 *     whorl_spawn(serve, NULL);              there whorl_local_get(&user) gives "ada"
 *
 * A task starts with the values that its spawner has at that moment, in whichever way it is
 * spawned: by whorl_spawn, in a group, by whorl_call_later. From then on what either sets is not
 * seen by the other. Handlers of whorl_defer see the values of their task as it ends.
 *
 * A value is a pointer, and what it leads to is the program's: it must stay as long as a task may
 * ask for it, which a child that was spawned meanwhile may do after its spawner has ended.
 */
#ifndef WHORL_LOCAL_H
#define WHORL_LOCAL_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A key: which value. Known by its address, so it is defined once, and as a rule static; it must
 * stay as long as a task has a value for it. */
typedef struct whorl_local {
    const char *name; /* for people */
    void *otherwise;  /* the value where none was set */
} whorl_local;

#define WHORL_LOCAL_INIT(name, otherwise)                                                          \
    {                                                                                              \
        (name), (void *)(otherwise)                                                                \
    }

/* The calling task's value; where it has none, and outside of tasks, the key's own. NULL if `key`
 * is. Takes a look at each value of the task, so it is quick where those are few. */
WHORL_API void *whorl_local_get(const whorl_local *key);

/* Sets the calling task's value. Does not wait. Returns 0.
 *   -EINVAL  key is NULL
 *   -ENOMEM  no memory for the task's values, and nothing has changed. A task whose value for this
 *            key was set since it was spawned, and since it last spawned, needs none
 *   -EPERM   not inside a task */
WHORL_API int whorl_local_set(const whorl_local *key, void *value);

/* Takes the calling task's value away, so that the key's own is seen again. Returns 0, also if
 * there was none.
 *   -EINVAL, -ENOMEM, -EPERM  as for whorl_local_set */
WHORL_API int whorl_local_unset(const whorl_local *key);

#ifdef __cplusplus
}
#endif

#endif
