/* What a multishot recvmsg leaves in its buffer: see ring.h. Linux 6.0 has it. */
#include <assert.h>
#include <core/ring.h>
#include <core/ring_backend.h>

_Static_assert(RING_MESSAGE_HEAD == sizeof(struct io_uring_recvmsg_out), "the kernel's head");

/* The head, room for the name, room for what accompanies, the bytes. */
void ring_read_message(const struct msghdr *asked, void *buffer, size_t len,
                       struct ring_message *message)
{
    const struct io_uring_recvmsg_out *head = buffer;
    char *name = (char *)buffer + sizeof *head;
    char *data = name + asked->msg_namelen + asked->msg_controllen;
    size_t before = (size_t)(data - (char *)buffer);
    assert(len >= before);
    *message = (struct ring_message){
        .name = name,
        .name_len = head->namelen < asked->msg_namelen ? head->namelen : asked->msg_namelen,
        .data = data,
        .len = len - before,
        .size = head->payloadlen,
    };
}
