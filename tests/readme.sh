#!/bin/bash
# The programs that README.md shows are compiled by the commands that it shows, against an installed
# library, and do what README.md says.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/stage.sh
. "$top_srcdir/tests/stage.sh"

# The first block of a language below a heading.
block() { # LANGUAGE [HEADING]
    awk -v fence="\`\`\`$1" -v heading="## ${2:-A program}" '
        /^## / { inside = ($0 == heading) }
        inside && block && /^```$/ { exit }
        inside && block { print }
        inside && $0 == fence { block = 1 }
    ' "$top_srcdir/README.md"
}

program_does_what_it_says() {
    stage_install
    use_stage
    cd "$scratch"
    block c >first.c
    block sh >commands
    block text >expected
    [[ -s first.c && -s commands && -s expected ]] || fail 'README.md lacks a block'
    bash -eu commands >printed
    diff expected printed || fail 'README.md (<) and the program (>) differ'
}

test_does_what_it_says() {
    pkg-config --exists cmocka || skip 'cmocka is not installed'
    stage_install
    use_stage
    cd "$scratch"
    block c 'Testing your program' >naps.c
    block sh 'Testing your program' >commands
    [[ -s naps.c && -s commands ]] || fail 'README.md lacks a block'
    bash -eu commands >printed 2>&1 || fail "it prints: $(cat printed)"
    grep -q 'OK ] naps_are_taken_together' printed || fail "it prints: $(cat printed)"
}

files_are_counted() {
    stage_install
    use_stage
    cd "$scratch"
    block c Files >count_lines.c
    block sh Files >commands
    block text Files >expected
    [[ -s count_lines.c && -s commands && -s expected ]] || fail 'README.md lacks a block'
    bash -eu commands >printed
    diff expected printed || fail 'README.md (<) and the program (>) differ'
}

# A port on which nobody listens, and that the system gives to nobody who asks for any.
free_port() {
    local port tries
    for ((tries = 0; tries < 100; tries++)); do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/localhost/$port") 2>/dev/null || {
            printf '%s\n' "$port"
            return
        }
    done
    fail 'no port is free between 20000 and 31999' >&2
}

lines_are_echoed() {
    local port
    stage_install
    use_stage
    cd "$scratch"
    block c 'An echo server' >echo_server.c
    block sh 'An echo server' >commands
    block text 'An echo server' >expected
    [[ -s echo_server.c && -s commands && -s expected ]] || fail 'README.md lacks a block'
    port=$(free_port)
    sed -i "s/7777/$port/g" commands
    timeout 120 bash -eu commands >printed
    diff expected printed || fail 'README.md (<) and the program (>) differ'
}

# Its port may be taken here: another one stands in for it.
server_does_what_it_says() {
    local httpd=$top_builddir/examples/httpd/httpd port
    [[ -x $httpd ]] || skip 'httpd was not built: configure found no llhttp (Debian: node-llhttp)'
    command -v curl >/dev/null || skip 'curl is missing (Debian: curl)'
    cd "$scratch"
    port=$(free_port)
    block sh 'An HTTP server' | sed "s|build/examples/httpd/httpd|$httpd|; s|8080|$port|" >commands
    block text 'An HTTP server' | sed "s|8080|$port|" >expected
    [[ -s commands && -s expected ]] || fail 'README.md lacks a block'
    timeout 120 bash -eu commands >printed
    diff expected printed || fail 'README.md (<) and the program (>) differ'
}

# Blank lines and lone braces are no lines.
ten_lines() {
    expect 'the number of lines' "$(block c | grep -c '[^{}[:space:]]')" 10
}

both_commands() {
    local command
    for command in tools/quickstart tools/check; do
        grep -qF "$command" "$top_srcdir/README.md" || fail "README.md does not name $command"
        [[ -x $top_srcdir/$command ]] || fail "$command cannot be run"
        bash -n "$top_srcdir/$command"
        "$top_srcdir/$command" --help >"$scratch/help"
        grep -qF "$command" "$scratch/help" || fail "$command --help does not say what it is"
    done
}

behaviour "README.md's program prints what README.md says" program_does_what_it_says
behaviour "README.md's test passes" test_does_what_it_says
behaviour "README.md's program with files counts lines" files_are_counted
behaviour "README.md's echo server echoes" lines_are_echoed
behaviour "README.md's HTTP server answers as README.md says" server_does_what_it_says
behaviour "README.md's program has ten lines" ten_lines
behaviour "README.md's commands are there and tell what they do" both_commands
end_of_tests
