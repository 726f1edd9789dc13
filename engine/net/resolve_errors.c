/* What the errors of getaddrinfo(3) are to whorl, and what they mean. */
#include <errno.h>
#include <limits.h>
#include <net/resolve.h>
#include <netdb.h>
#include <string.h>

static const struct {
    int theirs;
    int ours;
} errors[] = {
    {EAI_NONAME, -ENOENT},
    {EAI_NODATA, -ENODATA},
    {EAI_ADDRFAMILY, -ENODATA},
    {EAI_AGAIN, -EAGAIN},
    {EAI_FAIL, -EREMOTEIO},
    {EAI_SERVICE, -EPROTONOSUPPORT},
    {EAI_SOCKTYPE, -ESOCKTNOSUPPORT},
    {EAI_FAMILY, -EAFNOSUPPORT},
    {EAI_MEMORY, -ENOMEM},
    {EAI_OVERFLOW, -EOVERFLOW},
    {EAI_IDN_ENCODE, -EILSEQ},
};

/* Errors of the system that mean themselves here; another could be taken for one of the above. They
 * count also where a file or a socket could not be opened for them, which is told as if nobody knew
 * the service, or the name. */
static const int themselves[] = {ENOMEM, EMFILE, ENFILE};

static const struct {
    int error;
    const char *text;
} meanings[] = {
    {-ENOENT, "no such host"},
    {-ENODATA, "the host has no address of this kind"},
    {-EAGAIN, "no name server answers for now"},
    {-EREMOTEIO, "the name servers answer with a failure"},
    {-ETIMEDOUT, "looking up the name took too long"},
    {-EPROTONOSUPPORT, "no such service"},
    {-ERANGE, "the port is above 65535"},
    {-ENAMETOOLONG, "the name is too long"},
    {-EILSEQ, "the name is no text that can be asked for"},
};

#define count_of(array) (sizeof(array) / sizeof((array)[0]))

int resolve_error(int error, int system)
{
    bool is_of_system = error == EAI_SYSTEM || error == EAI_SERVICE || error == EAI_NONAME;
    for (size_t i = 0; is_of_system && i < count_of(themselves); i++)
        if (themselves[i] == system)
            return -system;
    for (size_t i = 0; i < count_of(errors); i++)
        if (errors[i].theirs == error)
            return errors[i].ours;
    return -EIO;
}

const char *whorl_resolve_explain(int error)
{
    for (size_t i = 0; i < count_of(meanings); i++)
        if (meanings[i].error == error)
            return meanings[i].text;
    const char *text = error < 0 && error != INT_MIN ? strerrordesc_np(-error) : NULL;
    return text ? text : "unknown error";
}
