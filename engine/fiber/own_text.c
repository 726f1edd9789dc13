/* Whose code an address lies in: see own_text.h. */
#include <fiber/own_text.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RANGES_MOST 64

struct range {
    uintptr_t from;
    uintptr_t to;
};

/* Of the code that is not the program's own. */
static struct range ranges[RANGES_MOST];
static size_t range_count;
static bool found_library; /* the C library is an object for itself */
static bool overflowed;    /* of ranges there are too many, and nothing is known */

/* By the linker, where the build has renamed the engine's sections. */
#define BOUND extern char __attribute__((weak, visibility("hidden")))
BOUND __start_whorl_text[];
BOUND __stop_whorl_text[];
BOUND __start_whorl_cold_text[];
BOUND __stop_whorl_cold_text[];

static const char *const libraries[] = {"libc.so", "libc-", "ld-musl"};
static const char *const others[] = {
    "ld-linux", "ld64",      "ld-",       "ld.so",       "libpthread", "libdl",
    "librt",    "libresolv", "liburing.", "libgcc_s",    "libstdc++",  "libc++",
    "libasan",  "libtsan",   "libubsan",  "libclang_rt", "vgpreload_",
};

static bool starts_with_one_of(const char *name, const char *const *starts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static void range_add(uintptr_t from, uintptr_t to)
{
    if (range_count == RANGES_MOST)
        overflowed = true;
    else
        ranges[range_count++] = (struct range){from, to};
}

static bool object_has(const struct dl_phdr_info *object, uintptr_t place)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t from = object->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && place >= from && place < from + part->p_memsz)
            return true;
    }
    return false;
}

static void add_object(const struct dl_phdr_info *object)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t from = object->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X))
            range_add(from, from + part->p_memsz);
    }
}

static int look_at(struct dl_phdr_info *object, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    const char *slash = strrchr(object->dlpi_name, '/');
    const char *name = slash ? slash + 1 : object->dlpi_name;
    bool is_library = starts_with_one_of(name, libraries, sizeof libraries / sizeof libraries[0]);
    found_library |= is_library;
    if (is_library || starts_with_one_of(name, others, sizeof others / sizeof others[0]) ||
        (!__start_whorl_text && object_has(object, (uintptr_t)own_text_look)))
        add_object(object);
    return 0;
}

void own_text_look(void)
{
    range_count = 0;
    found_library = false;
    overflowed = false;
    if (__start_whorl_text)
        range_add((uintptr_t)__start_whorl_text, (uintptr_t)__stop_whorl_text);
    if (__start_whorl_cold_text)
        range_add((uintptr_t)__start_whorl_cold_text, (uintptr_t)__stop_whorl_cold_text);
    dl_iterate_phdr(look_at, NULL);
}

bool own_text_has(const void *place)
{
    if (!found_library || overflowed || !place)
        return false;
    for (size_t i = 0; i < range_count; i++)
        if ((uintptr_t)place >= ranges[i].from && (uintptr_t)place < ranges[i].to)
            return false;
    return true;
}
