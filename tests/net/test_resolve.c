/* Names: what is asked, what comes of it, and what each error of the C library becomes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "net/lookups.h"

#include <errno.h>
#include <limits.h>
#include <sys/resource.h>

static int resolve_one(const char *host, const char *service, const whorl_resolve_options *options)
{
    whorl_address address;
    return whorl_resolve(host, service, options, &address, 1);
}

/* --- Numbers --- */

static int never_asked(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    (void)hints, (void)list;
    check_failed("%s and %s were looked up", host, service);
    return EAI_FAIL;
}

static void an_address_is_answered_without_a_lookup(void **state)
{
    (void)state;
    answer_lookups_by(never_asked);
    check_resolves("127.0.0.1", "80", NULL, "127.0.0.1:80");
    check_resolves("::1", "65535", NULL, "[::1]:65535");
    check_resolves("2001:DB8::0:1", "0", NULL, "[2001:db8::1]:0");
    check_resolves("::ffff:1.2.3.4", NULL, NULL, "[::ffff:1.2.3.4]:0");
    check_resolves("127.1", "0080", NULL, "127.0.0.1:80");
    check_resolves("0x7f000001", NULL, NULL, "127.0.0.1:0");
}

static void a_scope_is_an_interface_or_its_number(void **state)
{
    (void)state;
    answer_lookups_by(never_asked);
    check_resolves("fe80::1%lo", "80", NULL, "[fe80::1%1]:80");
    check_resolves("ffe1::1%lo", "80", NULL, "[ffe1::1%1]:80");
    check_resolves("fe80::1%1", "80", NULL, "[fe80::1%1]:80");
    check_resolves("fe80::1%4000000000", NULL, NULL, "[fe80::1%4000000000]:0");
    check_resolves("fe80::1%0", "80", NULL, "[fe80::1]:80");
    check_resolves("2001:db8::1%7", "80", NULL, "[2001:db8::1%7]:80");
    assert_int_equal(resolve_one("2001:db8::1%lo", "80", NULL), -ENOENT);
    assert_int_equal(resolve_one("fe80::1%", "80", NULL), -ENOENT);
    assert_int_equal(resolve_one("fe80::1%no-such", "80", NULL), -ENOENT);
    assert_int_equal(resolve_one("fe80::1%1x", "80", NULL), -ENOENT);
    assert_int_equal(resolve_one("fe80::1%5000000000", "80", NULL), -ENOENT);
    assert_int_equal(resolve_one("fe80::1%99999999999999999999999", "80", NULL), -ENOENT);
}

/* Looking for an interface takes a descriptor. */
static void a_scope_that_cannot_be_looked_for_is_told_as_that(void **state)
{
    (void)state;
    struct rlimit files, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = files.rlim_max};
    whorl_datagram *datagram;
    assert_int_equal(whorl_datagram_open("127.0.0.1", "0", NULL, &datagram), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int by_name = resolve_one("fe80::1%lo", "80", NULL);
    int by_number = resolve_one("fe80::1%1", "80", NULL);
    int joined = whorl_datagram_join(datagram, "224.0.0.251", "lo");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    assert_int_equal(by_name, -EMFILE);
    assert_int_equal(by_number, 1);
    assert_int_equal(joined, -EMFILE);
    assert_int_equal(whorl_datagram_close(datagram), 0);
}

static void what_has_a_colon_and_is_no_address_is_no_name_either(void **state)
{
    (void)state;
    answer_lookups_by(never_asked);
    assert_int_equal(resolve_one("::1::", "80", NULL), -ENOENT);
    assert_int_equal(resolve_one("host:80", NULL, NULL), -ENOENT);
    assert_int_equal(
        resolve_one("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", NULL, NULL), -ENOENT);
}

static void only_the_family_that_was_asked_for_is_given(void **state)
{
    (void)state;
    const whorl_resolve_options in4 = {.family = AF_INET}, in6 = {.family = AF_INET6};
    answer_lookups_by(never_asked);
    check_resolves("127.0.0.1", "80", &in4, "127.0.0.1:80");
    check_resolves("::1", "80", &in6, "[::1]:80");
    assert_int_equal(resolve_one("127.0.0.1", "80", &in6), -ENODATA);
    assert_int_equal(resolve_one("::1", "80", &in4), -ENODATA);
    check_resolves("::ffff:1.2.3.4", "80", &in4, "1.2.3.4:80");
    check_resolves("::ffff:1.2.3.4", "80", &in6, "[::ffff:1.2.3.4]:80");
}

static void no_host_is_this_machine(void **state)
{
    (void)state;
    const whorl_resolve_options passive = {.passive = 1};
    const whorl_resolve_options in4 = {.passive = 1, .family = AF_INET};
    const whorl_resolve_options in6 = {.family = AF_INET6};
    answer_lookups_by(never_asked);
    check_resolves(NULL, "80", NULL, "[::1]:80 127.0.0.1:80");
    check_resolves(NULL, "80", &passive, "[::]:80 0.0.0.0:80");
    check_resolves(NULL, NULL, &in4, "0.0.0.0:0");
    check_resolves(NULL, "80", &in6, "[::1]:80");
    /* Of a host it means nothing. */
    check_resolves("127.0.0.1", "80", &passive, "127.0.0.1:80");
}

static void numeric_has_nothing_looked_up(void **state)
{
    (void)state;
    const whorl_resolve_options numeric = {.numeric = 1};
    answer_lookups_by(never_asked);
    check_resolves("10.0.0.1", "80", &numeric, "10.0.0.1:80");
    assert_int_equal(resolve_one("localhost", "80", &numeric), -ENOENT);
    assert_int_equal(resolve_one("10.0.0.1", "http", &numeric), -EPROTONOSUPPORT);
    assert_int_equal(resolve_one("10.0.0.1 and more", "80", &numeric), -ENOENT);
}

/* --- Arguments --- */

static void bad_ports_and_services_are_told_apart(void **state)
{
    (void)state;
    answer_lookups_by(never_asked);
    assert_int_equal(resolve_one("10.0.0.1", "65536", NULL), -ERANGE);
    assert_int_equal(resolve_one("10.0.0.1", "99999999999999999999", NULL), -ERANGE);
    assert_int_equal(resolve_one("10.0.0.1", "", NULL), -EPROTONOSUPPORT);
    assert_int_equal(resolve_one("10.0.0.1", "a-service-with-a-name-of-33-bytes", NULL),
                     -ENAMETOOLONG);
    answer_lookups_by(NULL);
    assert_int_equal(resolve_one("10.0.0.1", "no-such-service", NULL), -EPROTONOSUPPORT);
    assert_int_equal(resolve_one("10.0.0.1", "-1", NULL), -EPROTONOSUPPORT);
    assert_int_equal(resolve_one("10.0.0.1", "+80", NULL), -EPROTONOSUPPORT);
    assert_int_equal(resolve_one("10.0.0.1", " 80", NULL), -EPROTONOSUPPORT);
    assert_int_equal(resolve_one("10.0.0.1", "+70000", NULL), -EPROTONOSUPPORT);
    assert_int_equal(resolve_one("10.0.0.1", "-4294967216", NULL), -EPROTONOSUPPORT);
    assert_int_equal(resolve_one("10.0.0.1", "80x", NULL), -EPROTONOSUPPORT);
    assert_int_equal(resolve_one("10.0.0.1", "99999x", NULL), -EPROTONOSUPPORT);
}

static void bad_hosts_are_told_apart(void **state)
{
    (void)state;
    char host[257];
    memset(host, 'h', 256);
    host[256] = '\0';
    answer_lookups_by(never_asked);
    assert_int_equal(resolve_one("", "80", NULL), -ENOENT);
    assert_int_equal(resolve_one(host, "80", NULL), -ENAMETOOLONG);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    whorl_address address;
    answer_lookups_by(never_asked);
    assert_int_equal(whorl_resolve("::1", "80", NULL, NULL, 1), -EINVAL);
    assert_int_equal(whorl_resolve("::1", "80", NULL, &address, 0), -EINVAL);
    const whorl_resolve_options family = {.family = AF_UNIX}, type = {.socktype = SOCK_RAW};
    const whorl_resolve_options negative = {.timeout = -1};
    assert_int_equal(resolve_one("::1", "80", &family), -EAFNOSUPPORT);
    assert_int_equal(resolve_one("::1", "80", &type), -ESOCKTNOSUPPORT);
    assert_int_equal(resolve_one("::1", "80", &negative), -EINVAL);
    assert_int_equal(whorl_cancel(whorl_self()), 0);
    assert_int_equal(resolve_one("::1", "80", NULL), -ECANCELED);
    assert_int_equal(resolve_one("name.test", "80", NULL), -ECANCELED);
    assert_int_equal(whorl_resolve_forget(NULL), 0);
    assert_int_equal(whorl_uncancel(), 1);
}

static void outside_a_task_it_is_refused(void **state)
{
    (void)state;
    assert_int_equal(resolve_one("::1", "80", NULL), -EPERM);
    assert_int_equal(whorl_resolve_forget(NULL), -EPERM);
}

/* --- Lookups --- */

static const char *last_host, *last_service;
static struct addrinfo last_hints;

static int two_kinds(const char *host, const char *service, const struct addrinfo *hints,
                     struct addrinfo **list)
{
    last_host = host ? "a host" : NULL;
    last_service = service ? "a service" : NULL;
    last_hints = *hints;
    return answer_with("2001:db8::1 10.0.0.1 10.0.0.1 2001:db8::1 10.0.0.2", service ? 123 : 0,
                       list);
}

static void a_name_has_its_addresses_in_order_and_each_once(void **state)
{
    (void)state;
    answer_lookups_by(two_kinds);
    int count = check_resolves("name.test", "80", NULL, "[2001:db8::1]:80 10.0.0.1:80 10.0.0.2:80");
    assert_int_equal(count, 3);
    assert_int_equal(last_hints.ai_family, AF_UNSPEC);
    assert_int_equal(last_hints.ai_socktype, SOCK_STREAM);
    assert_int_equal(last_hints.ai_flags, 0);
    assert_null(last_service);
    whorl_address few[2];
    assert_int_equal(whorl_resolve("name.test", "81", NULL, few, 2), 2);
    assert_string_equal(text_of(&few[1]).text, "10.0.0.1:81");
    assert_int_equal(atomic_load(&lookups_begun), 1);
    assert_int_equal(atomic_load(&answers_held), 0);
}

static void a_service_s_name_is_looked_up_for_its_kind_of_socket(void **state)
{
    (void)state;
    const whorl_resolve_options udp = {.socktype = SOCK_DGRAM, .family = AF_INET, .passive = 1};
    answer_lookups_by(two_kinds);
    check_resolves("127.0.0.1", "ntp", &udp, "[2001:db8::1]:123 10.0.0.1:123 10.0.0.2:123");
    assert_non_null(last_host);
    assert_non_null(last_service);
    assert_int_equal(last_hints.ai_family, AF_INET);
    assert_int_equal(last_hints.ai_socktype, SOCK_DGRAM);
    assert_int_equal(last_hints.ai_flags, 0);
    check_resolves(NULL, "ntp", &udp, "[2001:db8::1]:123 10.0.0.1:123 10.0.0.2:123");
    assert_null(last_host);
    assert_int_equal(last_hints.ai_flags, AI_PASSIVE);
}

static int crowd(const char *host, const char *service, const struct addrinfo *hints,
                 struct addrinfo **list)
{
    (void)host, (void)service, (void)hints;
    *list = NULL;
    for (int i = 200; i > 0; i--) {
        char text[32];
        snprintf(text, sizeof text, "10.0.0.%d", i);
        *list = answer_before(*list, text, 0);
    }
    return 0;
}

static void more_addresses_than_the_most_are_dropped(void **state)
{
    (void)state;
    whorl_address addresses[WHORL_ADDRESSES_MAX + 1];
    answer_lookups_by(crowd);
    assert_int_equal(whorl_resolve("crowd.test", NULL, NULL, addresses, count_of(addresses)),
                     WHORL_ADDRESSES_MAX);
    assert_string_equal(text_of(&addresses[0]).text, "10.0.0.1:0");
    assert_string_equal(text_of(&addresses[WHORL_ADDRESSES_MAX - 1]).text, "10.0.0.64:0");
}

/* One of a family that the engine knows nothing of. */
static int strange(const char *host, const char *service, const struct addrinfo *hints,
                   struct addrinfo **list)
{
    (void)host, (void)service, (void)hints;
    *list = answer_before(NULL, "10.0.0.1", 0);
    (*list)->ai_family = AF_UNIX;
    return 0;
}

static void a_name_without_an_address_of_the_internet_has_none(void **state)
{
    (void)state;
    answer_lookups_by(strange);
    assert_int_equal(resolve_one("strange.test", "80", NULL), -ENODATA);
    assert_int_equal(atomic_load(&answers_held), 0);
}

/* --- Errors --- */

static int error_to_give, errno_to_give;

static int fail_so(const char *host, const char *service, const struct addrinfo *hints,
                   struct addrinfo **list)
{
    (void)host, (void)service, (void)hints, (void)list;
    errno = errno_to_give;
    return error_to_give;
}

static void each_error_of_the_library_has_its_own(void **state)
{
    (void)state;
    static const struct {
        int theirs, system, ours;
    } errors[] = {
        {EAI_NONAME, 0, -ENOENT},
        {EAI_NONAME, ENOENT, -ENOENT},
        {EAI_NONAME, EMFILE, -EMFILE}, /* no name server could be asked */
        {EAI_NODATA, 0, -ENODATA},
        {EAI_ADDRFAMILY, 0, -ENODATA},
        {EAI_AGAIN, 0, -EAGAIN},
        {EAI_FAIL, 0, -EREMOTEIO},
        {EAI_SERVICE, 0, -EPROTONOSUPPORT},
        {EAI_SERVICE, ENOENT, -EPROTONOSUPPORT},
        {EAI_SERVICE, EMFILE, -EMFILE}, /* /etc/services could not be read */
        {EAI_SOCKTYPE, 0, -ESOCKTNOSUPPORT},
        {EAI_FAMILY, 0, -EAFNOSUPPORT},
        {EAI_MEMORY, ENOENT, -ENOMEM},
        {EAI_OVERFLOW, 0, -EOVERFLOW},
        {EAI_IDN_ENCODE, 0, -EILSEQ},
        {EAI_BADFLAGS, ENOENT, -EIO},
        {EAI_SYSTEM, EMFILE, -EMFILE},
        {EAI_SYSTEM, ENFILE, -ENFILE},
        {EAI_SYSTEM, ENOMEM, -ENOMEM},
        {EAI_SYSTEM, ENOENT, -EIO}, /* of a file, and not of the name */
        {EAI_SYSTEM, ETIMEDOUT, -EIO},
        {EAI_SYSTEM, 0, -EIO},
        {12345, 0, -EIO},
    };
    answer_lookups_by(fail_so);
    for (size_t i = 0; i < count_of(errors); i++) {
        error_to_give = errors[i].theirs;
        errno_to_give = errors[i].system;
        assert_int_equal(resolve_one("name.test", "80", NULL), errors[i].ours);
    }
    assert_int_equal(atomic_load(&lookups_begun), count_of(errors));
}

static void errors_are_explained(void **state)
{
    (void)state;
    assert_string_equal(whorl_resolve_explain(-ENOENT), "no such host");
    assert_string_equal(whorl_resolve_explain(-EPROTONOSUPPORT), "no such service");
    assert_string_equal(whorl_resolve_explain(-ECONNREFUSED), "Connection refused");
    assert_string_equal(whorl_resolve_explain(1), "unknown error");
    assert_string_equal(whorl_resolve_explain(-123456), "unknown error");
    assert_string_equal(whorl_resolve_explain(INT_MIN), "unknown error");
    static const int errors[] = {ENODATA, EAGAIN, EREMOTEIO,    ETIMEDOUT,
                                 ERANGE,  EILSEQ, ENAMETOOLONG, ECANCELED};
    for (size_t i = 0; i < count_of(errors); i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(whorl_resolve_explain(-errors[i]),
                                    whorl_resolve_explain(-errors[j]));
}

/* --- The C library --- */

static void localhost_is_known_to_the_library(void **state)
{
    (void)state;
    const whorl_resolve_options in4 = {.family = AF_INET};
    answer_lookups_by(NULL);
    check_resolves("localhost", "7777", &in4, "127.0.0.1:7777");
    check_resolves("localhost", "7778", &in4, "127.0.0.1:7778");
    assert_int_equal(atomic_load(&lookups_begun), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(an_address_is_answered_without_a_lookup),
        as_task(a_scope_is_an_interface_or_its_number),
        as_task(a_scope_that_cannot_be_looked_for_is_told_as_that),
        as_task(what_has_a_colon_and_is_no_address_is_no_name_either),
        as_task(only_the_family_that_was_asked_for_is_given),
        as_task(no_host_is_this_machine),
        as_task(numeric_has_nothing_looked_up),
        as_task(bad_ports_and_services_are_told_apart),
        as_task(bad_hosts_are_told_apart),
        as_task(misuse_is_refused),
        behaviour(outside_a_task_it_is_refused),
        as_task(a_name_has_its_addresses_in_order_and_each_once),
        as_task(a_service_s_name_is_looked_up_for_its_kind_of_socket),
        as_task(more_addresses_than_the_most_are_dropped),
        as_task(a_name_without_an_address_of_the_internet_has_none),
        as_task(each_error_of_the_library_has_its_own),
        behaviour(errors_are_explained),
        as_task(localhost_is_known_to_the_library),
    };
    return run_behaviours("resolve", tests);
}
