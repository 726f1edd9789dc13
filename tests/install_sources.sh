#!/bin/bash
# Every source of the tree is named in Makefile.am: nothing is left out of the build, of the tests,
# or of the tarball, because somebody forgot.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"

# The names of Makefile.am, one a line; a test program stands there without its .c.
named=$(tr -s '[:space:]\\' '\n' <"$top_srcdir/Makefile.am")

each_is_named() { # SUFFIX-TO-DROP FILES...
    local suffix=$1 file missing=
    shift
    (($# > 0)) || fail 'there are no such files'
    for file; do
        grep -qxF "${file%"$suffix"}" <<<"$named" || missing="$missing $file"
    done
    expect 'the list of files that Makefile.am does not name' "$missing" ''
}

# Word splitting is meant: no source's name holds a space.
# shellcheck disable=SC2046
sources_below() { # SUFFIX FOLDERS-AND-FIND-TESTS...
    local suffix=$1
    shift
    cd "$top_srcdir"
    each_is_named "$suffix" $(find "$@" | sort)
}

behaviour 'every public header is named' sources_below '' include -name '*.h'
behaviour 'every source of the engine is named' sources_below '' engine -name '*.[chS]'
behaviour 'every source of whorl-bench is named' sources_below '' tools/bench -name '*.[ch]'
behaviour 'every source of whorl-get is named' sources_below '' tools/get -name '*.[ch]'
behaviour 'every source that the tools share is named' sources_below '' tools -maxdepth 1 -name '*.[ch]'
behaviour 'every example is named' sources_below .c examples -maxdepth 1 -name '*.[ch]'
behaviour 'every source of an example of many is named' sources_below '' examples -mindepth 2 \
    -name '*.[ch]'
behaviour 'every test program is named' sources_below .c tests -name 'test_*.c'
behaviour 'every helper of the tests is named' sources_below '' tests -name '*.[ch]' ! -name 'test_*.c'
behaviour 'every test script is named' sources_below '' tests -name '*.sh'
end_of_tests
