/*
 * Addresses as the kernel gives them, written as text.
 *
 * Input: a byte, the family; two, the room for the text; the rest is the address behind its family.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fuzz/fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <whorl.h>

static const sa_family_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_UNSPEC, AF_NETLINK};

/* The text is the address: it is read back as the bytes that it was made of. */
static void hold_read_back(const struct sockaddr *addr, const char *text)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
    char host[WHORL_ADDRESS_TEXT_MAX];
    struct in6_addr back;
    if (addr->sa_family == AF_INET6 && in6->sin6_scope_id == 0) {
        hold(sscanf(text, "[%[^]]]", host) == 1);
        hold(inet_pton(AF_INET6, host, &back) == 1);
        hold(memcmp(&back, &in6->sin6_addr, sizeof back) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input rest = {data, size};
    sa_family_t family = families[take_byte(&rest) % (sizeof families / sizeof families[0])];
    size_t room = (size_t)take_number(&rest, 2) % (2 * WHORL_ADDRESS_TEXT_MAX);
    if (rest.left > sizeof(struct sockaddr_storage) - sizeof family)
        rest.left = sizeof(struct sockaddr_storage) - sizeof family;
    size_t len = rest.left > 0 ? sizeof family + rest.left : 0;
    struct sockaddr *addr = malloc(len > 0 ? len : 1);
    char *text = malloc(room > 0 ? room : 1);
    hold(addr && text);
    if (len > 0) {
        memcpy(addr, &family, sizeof family);
        memcpy((char *)addr + sizeof family, rest.at, rest.left);
    }
    char whole[WHORL_ADDRESS_TEXT_MAX];
    int count = whorl_address_text(addr, (socklen_t)len, whole, sizeof whole);
    int again = whorl_address_text(addr, (socklen_t)len, text, room);
    hold(count == -EAFNOSUPPORT || (count > 0 && (size_t)count == strlen(whole)));
    if (count > 0) {
        for (const unsigned char *at = (const unsigned char *)whole; *at; at++)
            hold(*at >= ' ' && *at != 0x7f);
        hold(again == ((size_t)count < room ? count : -ENOSPC));
        hold(again < 0 || strcmp(text, whole) == 0);
        if (len > 0)
            hold_read_back(addr, whole);
    } else {
        hold(again == count && whole[0] == '\0');
    }
    free(text);
    free(addr);
    return 0;
}
