/* System calls on a thread: see on_thread.h. */
#include <fs/on_thread.h>
#include <unistd.h>

intptr_t system_call_run(void *arg)
{
    const struct system_call *call = arg;
    const long *with = call->arguments;
    return result_of(syscall(call->number, with[0], with[1], with[2], with[3], with[4], with[5]));
}
