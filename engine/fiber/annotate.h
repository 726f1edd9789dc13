/*
 * What the sanitizers and Valgrind are told of stacks and switches.
 *
 * Each of them follows the stack pointer and takes a jump to another stack for damage unless it is
 * told. In a build without them every function here is empty.
 */
#ifndef FIBER_ANNOTATE_H
#define FIBER_ANNOTATE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#endif

#if FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if WHORL_VALGRIND
#include <valgrind/valgrind.h>
#endif

/* For functions that a fiber enters and never returns from: ThreadSanitizer counts entries and
 * returns on a shadow stack that it keeps for each fiber, and that is used again by the next. They
 * do nothing with shared memory. */
#if defined(__clang__) && FIBER_TSAN
#define ANNOTATE_NO_RETURN __attribute__((disable_sanitizer_instrumentation))
#else
#define ANNOTATE_NO_RETURN __attribute__((no_sanitize("thread")))
#endif

/* A statement, during which the stack pointer of the calling function stands far down, close to
 * `bottom`, so that what the statement calls leaves the memory just below its frame alone. Just the
 * statement where no tool makes it call. An array of variable length, as alloca(3) would give the
 * memory back only when the function returns. */
#if FIBER_ASAN || FIBER_TSAN
#define ANNOTATE_ASIDE(bottom, statement)                                                          \
    do {                                                                                           \
        _Pragma("GCC diagnostic push");                                                            \
        _Pragma("GCC diagnostic ignored \"-Wvla\"");                                               \
        size_t left_ = (size_t)((char *)__builtin_frame_address(0) - (char *)(bottom));            \
        volatile char skipped_[left_ / 8 * 7];                                                     \
        __asm__ volatile("" : : "r"(skipped_) : "memory");                                         \
        statement;                                                                                 \
        _Pragma("GCC diagnostic pop");                                                             \
    } while (0)
#else
#define ANNOTATE_ASIDE(bottom, statement)                                                          \
    do {                                                                                           \
        (void)(bottom);                                                                            \
        statement;                                                                                 \
    } while (0)
#endif

/* What a fiber keeps for the tools between its switches. */
struct annotation {
#if FIBER_ASAN
    const void *bottom; /* lowest address of its stack, as the tool counts it */
    size_t size;
    void *fake_stack;
#endif
#if FIBER_TSAN
    void *context;
#endif
    char none[0]; /* in a plain build the struct is empty */
};

/* How the fiber that is left goes: it will be resumed, or never again. */
enum departure { DEPART_FOR_NOW, DEPART_FOR_GOOD };

/* Just before the jump from one fiber to another, on the old stack. Always inline: a call would be
 * counted on the one fiber's shadow stack, and its return on the other's. */
static inline __attribute__((always_inline)) void
annotate_leave(struct annotation *from, struct annotation *to, enum departure departure)
{
#if FIBER_ASAN
    __sanitizer_start_switch_fiber(departure == DEPART_FOR_GOOD ? NULL : &from->fake_stack,
                                   to->bottom, to->size);
#endif
#if FIBER_TSAN
    if (!to->context)
        to->context = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(to->context, 0);
#endif
    (void)from;
    (void)to;
    (void)departure;
}

/* Just after the jump, on the new stack. `self` is the fiber that now runs; `host`, where not NULL,
 * is the fiber of the thread's own stack that was just left for the first time, whose bounds only
 * the tool knows. */
static inline void annotate_arrive(struct annotation *self, struct annotation *host)
{
#if FIBER_ASAN
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(self->fake_stack, &bottom, &size);
    if (host) {
        host->bottom = bottom;
        host->size = size;
    }
#endif
    (void)self;
    (void)host;
}

/* The running fiber's frames have gone without a return, on the way to one that is still there.
 * What ThreadSanitizer counts for the fiber begins anew. */
static inline void annotate_landing(struct annotation *self)
{
#if FIBER_TSAN
    void *former = self->context;
    self->context = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(self->context, 0);
    __tsan_destroy_fiber(former);
#endif
    (void)self;
}

/* Memory that stacks have lain in is plain memory again: fibers end without unwinding, and leave
 * what AddressSanitizer marked of their frames behind, even beyond munmap. */
static inline void annotate_memory(void *start, size_t size)
{
#if FIBER_ASAN
    __asan_unpoison_memory_region(start, size);
#endif
    (void)start;
    (void)size;
}

/* The thread's own stack becomes a fiber, or a stack is made ready for a new one. */
static inline void annotate_host(struct annotation *self)
{
#if FIBER_TSAN
    self->context = __tsan_get_current_fiber();
#endif
    (void)self;
}

/* The frames of the thread's own stack may have gone without a return. */
static inline void annotate_host_memory(struct annotation *self)
{
#if FIBER_ASAN
    annotate_memory((void *)(uintptr_t)self->bottom, self->size);
#endif
    (void)self;
}

static inline void annotate_fiber(struct annotation *self, const void *bottom, size_t size)
{
#if FIBER_ASAN
    self->bottom = bottom;
    self->size = size;
    self->fake_stack = NULL;
#endif
    annotate_memory((void *)(uintptr_t)bottom, size);
    (void)self;
    (void)bottom;
    (void)size;
}

/* A fiber's stack goes back to the system, and what the tools hold for it with it. */
static inline void annotate_forget(struct annotation *self)
{
#if FIBER_TSAN
    if (self->context)
        __tsan_destroy_fiber(self->context);
    self->context = NULL;
#endif
    (void)self;
}

/* Memory for stacks comes and goes: LeakSanitizer looks there for what the tasks own. */
static inline void annotate_slab(void *start, size_t size)
{
#if FIBER_ASAN
    __lsan_register_root_region(start, size);
#endif
    (void)start;
    (void)size;
}

static inline void annotate_no_slab(void *start, size_t size)
{
#if FIBER_ASAN
    __lsan_unregister_root_region(start, size);
#endif
    (void)start;
    (void)size;
}

/* A stack appears in memory, and disappears. */
static inline unsigned annotate_stack(void *bottom, void *top)
{
#if WHORL_VALGRIND
    return VALGRIND_STACK_REGISTER(bottom, top);
#else
    (void)bottom;
    (void)top;
    return 0;
#endif
}

static inline void annotate_no_stack(unsigned id)
{
#if WHORL_VALGRIND
    VALGRIND_STACK_DEREGISTER(id);
#endif
    (void)id;
}

#endif
