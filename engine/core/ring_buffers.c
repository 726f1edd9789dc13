/* Groups of buffers that the kernel takes from: see ring.h. Linux 5.19 has them. */
#include <assert.h>
#include <core/ring.h>
#include <core/ring_backend.h>
#include <errno.h>
#include <sys/mman.h>

static size_t bytes_of(unsigned count)
{
    return count * sizeof(struct io_uring_buf);
}

int ring_buffers_open(struct ring *ring, struct ring_buffers *buffers, unsigned group,
                      unsigned count)
{
    assert(count > 0 && (count & (count - 1)) == 0 && count <= RING_BUFFERS_MOST);
    void *slots =
        mmap(NULL, bytes_of(count), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED)
        return -ENOMEM;
    struct io_uring_buf_reg wanted = {
        .ring_addr = (uintptr_t)slots, .ring_entries = count, .bgid = (uint16_t)group};
    int error = io_uring_register_buf_ring(&ring->backend->uring, &wanted, 0);
    if (error == 0)
        /* The kernel's pages, and not copies of them, must stay this process's own over a fork. */
        error = madvise(slots, bytes_of(count), MADV_DONTFORK) < 0 ? -errno : 0;
    if (error != 0) {
        munmap(slots, bytes_of(count));
        return error;
    }
    *buffers = (struct ring_buffers){.slots = slots, .count = count, .group = group};
    return 0;
}

void ring_buffers_give(struct ring_buffers *buffers, unsigned index, void *start, size_t len)
{
    struct io_uring_buf_ring *slots = buffers->slots;
    struct io_uring_buf *slot = &slots->bufs[buffers->tail++ & (buffers->count - 1)];
    slot->addr = (uintptr_t)start;
    slot->len = (uint32_t)len;
    slot->bid = (uint16_t)index;
}

void ring_buffers_publish(struct ring_buffers *buffers)
{
    struct io_uring_buf_ring *slots = buffers->slots;
    __atomic_store_n(&slots->tail, (uint16_t)buffers->tail, __ATOMIC_RELEASE);
}

void ring_buffers_close(struct ring *ring, struct ring_buffers *buffers)
{
    io_uring_unregister_buf_ring(&ring->backend->uring, (int)buffers->group);
    munmap(buffers->slots, bytes_of(buffers->count));
    buffers->slots = NULL;
}
