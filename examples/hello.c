/*
 * The smallest program: a main task that says a word, sleeps for a second, and says another.
 */
#include <stdio.h>
#include <string.h>
#include <whorl.h>

static intptr_t hello(void *arg)
{
    (void)arg;
    puts("Hello ...");
    int slept = whorl_sleep(WHORL_SECONDS(1));
    if (slept < 0)
        return slept;
    puts("... world!");
    return 0;
}

int main(void)
{
    intptr_t result = whorl_run(hello, NULL);
    if (result < 0) {
        fprintf(stderr, "hello: %s\n", strerror((int)-result));
        return 1;
    }
    return 0;
}
