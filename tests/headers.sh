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

headers=$(cd "$top_srcdir/include" && echo whorl.h whorl/*.h)
read -ra c_compiler <<<"$CC"
read -ra cxx_compiler <<<"$CXX"
for header in $headers; do
    behaviour "$header is C11" compiles c c11 "$header" "${c_compiler[@]}"
    behaviour "$header is C++17" compiles c++ c++17 "$header" ${cxx_compiler[@]+"${cxx_compiler[@]}"}
done
end_of_tests
