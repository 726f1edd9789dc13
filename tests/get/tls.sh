#!/bin/bash
# HTTPS, from an nginx with a certificate of an authority that is made here.
# shellcheck source=tests/report.sh
. "${top_srcdir:?is set by make check}/tests/report.sh"
# shellcheck source=tests/get/common.sh
. "$top_srcdir/tests/get/common.sh"

need_program openssl openssl
tls=$scratch/tls
mkdir -p "$tls"

# The server's is for localhost, and for no address.
make_certificates() {
    cd "$tls" || return
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Test Authority' \
        -keyout authority.key -out authority.pem &&
        openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout server.key \
            -out server.csr &&
        echo 'subjectAltName=DNS:localhost' >names &&
        openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial \
            -days 2 -extfile names -out server.pem
}
(make_certificates) >"$scratch/openssl.out" 2>&1 || cat "$scratch/openssl.out"
cat >"$tls/template" <<'END'
server {
    listen 127.0.0.1:TLS_PORT ssl;
    ssl_certificate TLS/server.pem;
    ssl_certificate_key TLS/server.key;
    location /down {
        return 302 http://localhost:PORT/file;
    }
}
END
start_nginx
head -c 5000000 /dev/urandom >"$files/file"

trusted() {
    in_new_folder
    gets 0 --cacert "$tls/authority.pem" "$tls_url/file"
    cmp file "$files/file"
}

many() {
    local i
    in_new_folder
    for ((i = 0; i < 40; i++)); do
        echo "$tls_url/file file$i"
    done >"$scratch/list"
    gets 0 --cacert "$tls/authority.pem" -i "$scratch/list"
    for ((i = 0; i < 40; i++)); do
        cmp "file$i" "$files/file"
    done
}

unknown_authority() {
    in_new_folder
    gets 1 "$tls_url/file"
    complains "^whorl-get: $tls_url/file: the server's certificate is not to be trusted: "
    complains '--cacert names the authority'
    expect 'what is there' "$(listing)" ''
}

wrong_name() {
    in_new_folder
    gets 1 --cacert "$tls/authority.pem" "${tls_url/localhost/127.0.0.1}/file"
    complains 'certificate is not to be trusted: .*127\.0\.0\.1.*; see that the host'
    expect 'what is there' "$(listing)" ''
}

insecure() {
    in_new_folder
    gets 0 --insecure "${tls_url/localhost/127.0.0.1}/file"
    cmp file "$files/file"
}

bad_authority() {
    in_new_folder
    echo nonsense >"$scratch/nonsense.pem"
    gets 1 --cacert "$scratch/nonsense.pem" "$tls_url/file"
    complains 'the file of --cacert cannot be used: '
    gets 1 --cacert "$scratch/missing.pem" "$tls_url/file"
    complains 'the file of --cacert cannot be used: '
}

redirects() {
    in_new_folder
    gets 0 --cacert "$tls/authority.pem" "$nginx_url/up"
    cmp up "$files/file"
    gets 1 --cacert "$tls/authority.pem" "$tls_url/down"
    complains 'from https to http, where anybody could change it; --insecure allows that'
    gets 0 --insecure "$tls_url/down"
    cmp down "$files/file"
}

plain_server() {
    in_new_folder
    gets 1 --retries 0 "https://localhost:${nginx_url##*:}/file"
    complains 'TLS could not be set up: .*; see that the server speaks https on this port'
}

behaviour 'a server whose authority is trusted is' trusted
behaviour 'forty files come over https' many
behaviour 'a server whose authority is not known is not trusted' unknown_authority
behaviour 'a server with another name is not trusted' wrong_name
behaviour 'any server is trusted if asked to' insecure
behaviour 'a file of authorities that is none is told' bad_authority
behaviour 'redirects go from http to https, and not back' redirects
behaviour 'a server that speaks no https is told' plain_server
end_of_tests
