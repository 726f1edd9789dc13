#!/bin/bash
# Each public header, alone, is good C11 and good C++17 to a compiler that is asked to be strict.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"

compiles() { # LANGUAGE STANDARD HEADER COMPILER...
    local language=$1 standard=$2 header=$3
    shift 3
    (($# > 0)) || skip "there is no $language compiler"
    if [[ $header == whorl/test.h ]]; then
        pkg-config --exists cmocka || skip 'cmocka is not installed'
    fi
    printf '#include <%s>\n#include <%s>\n' "$header" "$header" >"$scratch/alone.source"
    "$@" -x "$language" "-std=$standard" -Wall -Wextra -Werror -pedantic -fsyntax-only \
        "-I$top_srcdir/include" "$scratch/alone.source"
}

# What is made of macros and inline functions, as a program uses it.
uses_compile() { # LANGUAGE STANDARD COMPILER...
    local language=$1 standard=$2
    shift 2
    (($# > 0)) || skip "there is no $language compiler"
    cat >"$scratch/uses.source" <<'END'
#include <whorl.h>
static int numbers[4];
static whorl_channel buffered = WHORL_CHANNEL_INIT(numbers);
static whorl_channel rendezvous = WHORL_CHANNEL_INIT_RENDEZVOUS(int);
static whorl_future future = WHORL_FUTURE_INIT;
intptr_t use(whorl_generator *one, whorl_generator *other);
intptr_t use(whorl_generator *one, whorl_generator *other)
{
    const int sent = 1;
    int got = 0;
    whorl_for_each (int, number, one)
        whorl_for_each (const char *, text, other) {
            if (number == 3)
                continue;
            if (!text)
                return number;
        }
    whorl_for_each (short, unused, one)
        break;
    whorl_case cases[] = {whorl_case_recv(&buffered, &got), whorl_case_send(&rendezvous, &sent),
                          whorl_case_future(&future), whorl_case_task(whorl_self())};
    return whorl_select(cases, 4, WHORL_FOREVER);
}
END
    "$@" -x "$language" "-std=$standard" -Wall -Wextra -Wshadow -Werror -pedantic -fsyntax-only \
        "-I$top_srcdir/include" "$scratch/uses.source"
}

headers=$(cd "$top_srcdir/include" && echo whorl.h whorl/*.h)
read -ra c_compiler <<<"$CC"
read -ra cxx_compiler <<<"$CXX"
for header in $headers; do
    behaviour "$header is C11" compiles c c11 "$header" "${c_compiler[@]}"
    behaviour "$header is C++17" compiles c++ c++17 "$header" ${cxx_compiler[@]+"${cxx_compiler[@]}"}
done
behaviour 'initialisers, cases and loops are C11' uses_compile c c11 "${c_compiler[@]}"
behaviour 'initialisers, cases and loops are C++17' uses_compile c++ c++17 \
    ${cxx_compiler[@]+"${cxx_compiler[@]}"}
end_of_tests
