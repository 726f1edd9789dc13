#!/bin/bash
# process_pipeline sorts words by two programs, and tells of those that fail.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/examples/common.sh
. "$top_srcdir/tests/examples/common.sh"

process_pipeline() {
    expect_status 0 timeout 60 "$examples/process_pipeline"
    expect 'the output' "$(cat "$scratch/out")" "1. apple
2. fig
3. medlar
4. pear
5. quince"
    expect_status 0 timeout 60 "$examples/process_pipeline" b 'two words' -a ''
    expect 'the output' "$(cat "$scratch/out")" "1. -a
2. b
3. two words"
    expect 'the complaints' "$(cat "$scratch/err")" ''
}

# Where sort is no good.
pipeline_of_failures() {
    mkdir "$scratch/bin"
    printf '#!/bin/sh\nexit 3\n' >"$scratch/bin/sort"
    chmod +x "$scratch/bin/sort"
    expect_status 1 env PATH="$scratch/bin:$PATH" "$examples/process_pipeline"
    expect 'the sentences' "$(cat "$scratch/err")" 'sort failed with status 3
process_pipeline: Input/output error'
    expect 'the output' "$(cat "$scratch/out")" ''
    printf '#!/bin/sh\nkill -KILL $$\n' >"$scratch/bin/sort"
    expect_status 1 env PATH="$scratch/bin:$PATH" "$examples/process_pipeline"
    expect 'the sentences' "$(cat "$scratch/err")" 'sort was killed by signal 9
process_pipeline: Input/output error'
}

process_pipeline_arguments() {
    # shellcheck disable=SC2046
    expect_status 2 "$examples/process_pipeline" $(seq 101)
    expect 'the sentence' "$(cat "$scratch/err")" 'process_pipeline: takes at most 100 words'
    expect_status 0 "$examples/process_pipeline" --help
    grep -q '^Usage: process_pipeline ' "$scratch/out"
    full_output process_pipeline --help
}

behaviour 'process_pipeline sorts words by two programs' process_pipeline
behaviour 'process_pipeline tells of a program that fails or is killed' pipeline_of_failures
behaviour 'process_pipeline fails when its words cannot be written' full_output process_pipeline
behaviour 'process_pipeline refuses too many words' process_pipeline_arguments
end_of_tests
