/*
 * See echo_buffers.h. Called at the server's start only. Nothing is ever freed: the server's
 * process ends with its ring.
 */
#include "echo_buffers.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "fail.h"

static void *pages(size_t length)
{
    void *made = mmap(NULL, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return made == MAP_FAILED ? NULL : made;
}

int echo_buffers_open(echo_buffers *out, struct io_uring *ring, unsigned count, size_t size)
{
    *out = (echo_buffers){.count = count, .size = size};
    out->ring = pages(count * sizeof(struct io_uring_buf));
    out->bytes = pages(count * size);
    out->lengths = calloc(count, sizeof *out->lengths);
    out->next = calloc(count, sizeof *out->next);
    if (out->ring == NULL || out->bytes == NULL || out->lengths == NULL || out->next == NULL)
        return fail("no memory for %u provided buffers of %zu bytes", count, size);
    io_uring_buf_ring_init(out->ring);
    struct io_uring_buf_reg registration = {
        .ring_addr = (unsigned long)out->ring, .ring_entries = count, .bgid = ECHO_BUFFER_GROUP};
    int error = io_uring_register_buf_ring(ring, &registration, 0);
    if (error != 0)
        return fail_call("registering a ring of provided buffers", error);
    for (unsigned i = 0; i < count; i++)
        echo_buffers_give(out, (int)i);
    echo_buffers_publish(out);
    return 0;
}
