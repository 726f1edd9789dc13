/* Types, time and version: what every other header of whorl stands on. */
#ifndef WHORL_BASE_H
#define WHORL_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__GNUC__)
#define WHORL_API __attribute__((visibility("default")))
#else
#define WHORL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define WHORL_VERSION_MAJOR 0
#define WHORL_VERSION_MINOR 1
#define WHORL_VERSION_PATCH 0

/* The version of the library that runs, as "major.minor.patch"; it may be newer than the macros
 * with which the program was compiled. A static string. Any thread. */
WHORL_API const char *whorl_version(void);

/* A task's body. `arg` is what was given at spawn. The result is >= 0 (a pointer fits), or -errno.
 */
typedef intptr_t whorl_fn(void *arg);

/* Time is int64_t nanoseconds; points in time are those of CLOCK_MONOTONIC. A duration that would
 * reach past the end of time counts as WHORL_FOREVER. */
#define WHORL_US(n) ((int64_t)(n)*INT64_C(1000))
#define WHORL_MS(n) ((int64_t)(n)*INT64_C(1000000))
#define WHORL_SECONDS(n) ((int64_t)(n)*INT64_C(1000000000))
#define WHORL_FOREVER INT64_MAX

#ifdef __cplusplus
}
#endif

#endif
