/*
 * Generators: tasks that yield values, one each time somebody asks for the next.
 *
 *     static intptr_t count(whorl_generator *self, void *limit)
 *     {
 *         int yielded = 0;
 *         for (intptr_t i = 0; i < (intptr_t)limit && yielded == 0; i++)
 *             yielded = whorl_generator_yield(self, i);
 *         return yielded;
 *     }
 *
 *     whorl_generator numbers;
 *     whorl_generator_begin(&numbers, count, (void *)10);
 *     whorl_for_each (int, number, &numbers)
 *         use(number);
 *     intptr_t result = whorl_generator_end(&numbers);
 *
 * The function runs on a task of its own, and may wait like any; but it goes on from one yield only
 * when the next value is asked for. A generator belongs to the task that began it, its owner, and
 * does not outlive it: if the owner's function returns without whorl_generator_end, the generator
 * is cancelled and awaited before the owner ends. So the owner ends after it: a generator that
 * joins its owner gets -EDEADLK.
 *
 * An owner may have many generators open, and end them in any order. Whoever learns the handle of a
 * generator's task, by whorl_self, may join, cancel or release it as any other.
 */
#ifndef WHORL_GENERATOR_H
#define WHORL_GENERATOR_H

#include <whorl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whorl_generator {
    void *engine[2]; /* the engine's */
} whorl_generator;

/* A generator's body. `self` is the generator, for whorl_generator_yield; `arg` is what was given
 * at the begin. The result is >= 0, or -errno. */
typedef intptr_t whorl_generator_fn(whorl_generator *self, void *arg);

/* Begins a generator of the calling task. fn(self, arg) first runs when a value is asked for. Takes
 * memory, until the end. Does not wait. Returns 0; or an error, which whorl_generator_next and
 * whorl_generator_end then give as well.
 *   -EINVAL  generator or fn is NULL
 *   -ENOMEM
 *   -EPERM   not inside a task */
WHORL_API int whorl_generator_begin(whorl_generator *generator, whorl_generator_fn *fn, void *arg);

/* Hands a value (a pointer fits) to who asks for it, and waits to be asked for the next. From: the
 * generator's function, and what it calls. Returns 0.
 *   -ECANCELED  the generator's task is cancelled, as by whorl_generator_end, or a timeout of it
 *   has run out: it is to stop; a value that nobody has taken yet is taken back
 *   -EINVAL     self is NULL
 *   -EPERM      not inside the generator's own task */
WHORL_API int whorl_generator_yield(whorl_generator *self, intptr_t value);

/* Asks for the next value, waits for it and puts it into *value. Any task of the loop may ask, one
 * at a time. Returns 1 with a value; 0 when the generator's function has returned a result >= 0, or
 * else that error; again at each later call.
 *   -ECANCELED  the caller is cancelled; the generator goes on to its next value, which is kept for
 *   who asks next
 *   -EBUSY      another task waits for the next value
 *   -EDEADLK    the caller is the generator's own task
 *   -EINVAL     generator or value is NULL, or the generator has ended with its owner
 *   -EPERM      not inside a task of the same loop; or an earlier run's owner has left it open */
WHORL_API int whorl_generator_next(whorl_generator *generator, intptr_t *value);

/* Ends the generator: if its function has not returned, its task is cancelled, and awaited until it
 * has ended, be the caller cancelled or not; from then on each yield gives -ECANCELED. A generator
 * that was never asked never runs its function. Returns the function's result, or -ECANCELED where
 * it never ran; again at each later call.
 *   -EINVAL  generator is NULL, or has ended with its owner
 *   -EPERM   not inside the task that began it; or an earlier run's owner has left it open */
WHORL_API intptr_t whorl_generator_end(whorl_generator *generator);

/* What a loop over a generator consists of. */
typedef struct whorl_each {
    whorl_generator *generator;
    intptr_t value;
    int more;
} whorl_each;

static inline void whorl_each_end(whorl_each *each)
{
    whorl_generator_end(each->generator);
}

/* A loop over the values that are left in a generator, each converted to `type` and assigned to
 * `variable`. The generator has ended when the loop is left, in whichever way: at the end of its
 * values, by an error, or early by break, return, goto or an exception; whorl_generator_end tells
 * its result after. In the task that began it. */
#define whorl_for_each(type, variable, source)                                                     \
    for (whorl_each whorl_each_##variable                                                          \
         __attribute__((cleanup(whorl_each_end))) = {(source), 0, 1};                              \
         whorl_each_##variable.more; whorl_each_##variable.more = 0)                               \
        for (__attribute__((unused)) type variable;                                                \
             whorl_generator_next(whorl_each_##variable.generator,                                 \
                                  &whorl_each_##variable.value) == 1 &&                            \
             ((variable = (type)whorl_each_##variable.value), 1);)

#ifdef __cplusplus
}
#endif

#endif
