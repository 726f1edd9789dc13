/* Seeds, random numbers and rounds: see support.h. What cannot be had ends the program. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    if (text == NULL || text[0] == '\0')
        return otherwise;
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 0);
    if (errno != 0 || *end != '\0') {
        fprintf(stderr, "%s=%s is not a number\n", name, text);
        exit(2);
    }
    return number;
}

uint64_t test_seed(void)
{
    static bool known;
    static uint64_t seed;
    if (!known) {
        uint32_t fresh;
        if (getrandom(&fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh) {
            perror("getrandom");
            exit(2);
        }
        seed = number_from_environment("WHORL_TEST_SEED", fresh);
        known = true;
    }
    return seed;
}

long test_rounds(long standard)
{
    uint64_t factor = number_from_environment("WHORL_TEST_ROUNDS", 1);
    if (factor < 1 || factor > 100000) {
        fprintf(stderr, "WHORL_TEST_ROUNDS must be from 1 to 100000\n");
        exit(2);
    }
    return standard * (long)factor;
}

random_source random_from_seed(uint64_t stream)
{
    random_source source = {stream};
    source.state = random_next(&source) ^ test_seed();
    source.state = random_next(&source);
    return source;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t random_next(random_source *source)
{
    uint64_t mixed = source->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

uint64_t random_below(random_source *source, uint64_t bound)
{
    return random_next(source) % bound;
}
