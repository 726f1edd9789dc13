#!/bin/bash
# Files from a real nginx: large, many, missing, cut short; their names, and what is there already.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/get/common.sh
. "$top_srcdir/tests/get/common.sh"

start_nginx
truncate -s 200M "$files/large"
printf 'the end' >>"$files/large"
: >"$files/empty"
for ((i = 1; i <= 500; i++)); do
    echo "this is number $i" >"$files/small$i"
done
mkdir "$files/folder"
echo 'an index' >"$files/folder/index.html"

large_file() {
    in_new_folder
    gets 0 "$nginx_url/large"
    cmp large "$files/large"
    expect 'what is there' "$(listing)" large
    complains '^whorl-get: large: saved, 210 MB in '
    complains '^whorl-get: 1 of 1 files saved, 210 MB in '
}

many_files() {
    local i
    in_new_folder
    for ((i = 1; i <= 500; i++)); do
        echo "$nginx_url/small$i"
    done >"$scratch/list"
    gets 0 --quiet --input-file "$scratch/list"
    for ((i = 1; i <= 500; i++)); do
        cmp "small$i" "$files/small$i"
    done
    expect 'the number of files' "$(ls -A | wc -l)" 500
    expect 'what it says' "$(cat "$scratch/out" "$scratch/err")" ''
}

list_on_stdin() {
    in_new_folder
    printf '# some files\n\n  %s/small1\n%s/small2 other name \r\n' "$nginx_url" "$nginx_url" \
        >"$scratch/list"
    gets 0 -i - "$nginx_url/small3" <"$scratch/list"
    expect 'what is there' "$(listing)" 'other name small1 small3'
}

some_missing() {
    in_new_folder
    gets 1 "$nginx_url"/{small1,missing,small2}
    expect 'what is there' "$(listing)" 'small1 small2'
    complains "^whorl-get: $nginx_url/missing: the server answered 404 (not found): see that"
    complains '^whorl-get: 2 of 3 files saved, .*; 1 failed$'
}

empty_file() {
    in_new_folder
    gets 0 "$nginx_url/empty"
    expect 'what is there' "$(listing)" empty
    expect 'its size' "$(stat -c %s empty)" 0
}

# nginx finds the file shorter than it has said, and can only break off.
cut_while_sent() {
    local pid status=0
    in_new_folder
    head -c 4000000 /dev/urandom >"$files/shrinking"
    "$get" --retries 0 "$nginx_url/slow/shrinking" >"$scratch/out" 2>"$scratch/err" &
    pid=$!
    await holds_bytes shrinking.part 300000
    truncate -s 200000 "$files/shrinking"
    wait "$pid" || status=$?
    expect 'the status' "$status" 1
    complains 'the server broke off in the middle: .*; run this again'
    expect 'what is there' "$(listing)" 'shrinking.part shrinking.part.from'
    gets 0 "$nginx_url/slow/shrinking"
    cmp shrinking "$files/shrinking"
    expect 'what is there then' "$(listing)" shrinking
}

redirected() {
    in_new_folder
    gets 0 "$nginx_url/moved"
    cmp moved "$files/large"
}

names_of_urls() {
    in_new_folder
    gets 0 "$nginx_url/folder/"
    expect 'what is there' "$(listing)" index.html
    gets 0 "$nginx_url/small1?query=a/b#part"
    expect 'what is there' "$(listing)" 'index.html small1'
}

# The bad server serves every path that begins with /whole.
wild_names() {
    local long
    in_new_folder
    long=$(printf 'x%.0s' {1..300})
    gets 0 "$bad_url"/whole/{a%2Fb,..%2f..%2fescape,.hidden,a%00b%1bc%7f,%C3%A9%c2%9bx,%ff%e9,%zz%4}
    gets 0 "$bad_url/whole/$long" "$bad_url/whole/-rf" "$bad_url/whole/%2e%2e"
    printf '%s\n' "${long:0:245}" %zz%4 -rf _. _._.._escape __ _hidden a_b a_b_c_ é__x |
        LC_ALL=C sort >"$scratch/expected"
    ls -A | LC_ALL=C sort | diff "$scratch/expected" -
    expect 'what is above' "$(ls .. | grep -c escape || :)" 0
}

chosen_name() {
    in_new_folder
    mkdir there
    gets 0 -o there/mine "$nginx_url/small1"
    cmp there/mine "$files/small1"
    gets 0 -d there --output=yours "$nginx_url/small1"
    gets 0 --directory there "$nginx_url/small2"
    expect 'what is there' "$(listing there)" 'mine small2 yours'
    gets 0 -o "$PWD/there/absolute" "$nginx_url/small1"
    cmp there/absolute "$files/small1"
}

same_names() {
    in_new_folder
    gets 2 "$nginx_url/small1" "$nginx_url/folder/small1"
    complains 'would both write "small1": give one'
    gets 2 "$nginx_url/x" "$nginx_url/x.part"
    complains 'would both write "x.part"'
    expect 'what is there' "$(listing)" ''
}

there_already() {
    in_new_folder
    echo precious >small1
    gets 1 "$nginx_url/small1"
    complains '"small1" is there already: remove it, or replace it with --force'
    expect 'the file' "$(cat small1)" precious
    gets 0 --force "$nginx_url/small1"
    cmp small1 "$files/small1"
    expect 'what is there' "$(listing)" small1
    ln -s nowhere small2
    gets 1 "$nginx_url/small2"
    [[ -L small2 && ! -e nowhere ]]
}

# A device, above all: as root, --force would have taken /dev/null from the machine.
no_plain_file() {
    in_new_folder
    mkdir small1
    mkfifo small2
    ln -s /dev/null small3
    gets 1 "$nginx_url"/small{1,2,3}
    gets 1 --force "$nginx_url"/small{1,2,3}
    complains '"small1" is there already, and no plain file: choose another name'
    complains '"small2" is there already, and no plain file'
    complains '"small3" is there already, and no plain file'
    [[ -d small1 && -p small2 && -c small3 ]]
    expect 'what is there' "$(listing)" 'small1 small2 small3'
}

# Names that others have put in the way of the temporary file.
traps_for_the_temporary_file() {
    in_new_folder
    echo precious >"$scratch/target"
    ln -s "$scratch/target" small1.part
    mkfifo small2.part
    gets 1 "$nginx_url"/small{1,2}
    expect 'the target' "$(cat "$scratch/target")" precious
    complains '"small2.part" is no plain file'
    expect 'what is there' "$(listing)" 'small1.part small2.part'
}

start_bad_server
behaviour 'a large file comes whole' large_file
behaviour '500 files come whole, and quietly' many_files
behaviour 'a list is read from stdin, with names' list_on_stdin
behaviour 'what is missing fails, and nothing else' some_missing
behaviour 'an empty file is one' empty_file
behaviour 'a file that is cut short while it is sent gets no name' cut_while_sent
behaviour 'a redirect is followed' redirected
behaviour 'a file is called as the last part of its path' names_of_urls
behaviour 'no URL makes a name that harms' wild_names
behaviour 'a name and a directory can be chosen' chosen_name
behaviour 'what is no plain file is never replaced' no_plain_file
behaviour 'two URLs for one name are refused' same_names
behaviour 'a file that is there is kept, or replaced if asked to' there_already
behaviour 'links and pipes in place of the temporary file are not followed' \
    traps_for_the_temporary_file
end_of_tests
