# Sourced after report.sh by tests that use an installed whorl: stage_install puts one below
# $scratch/stage, and with use_stage the pkg-config, cc and c++ of a user's commands find it.
# shellcheck shell=bash
# shellcheck disable=SC2154  # report.sh and the Makefile set them

stage=$scratch/stage

# Done once for all tests of a script, until one removes $scratch/staged.
stage_install() {
    [[ ${1-install} != install || ! -e $scratch/staged ]] || return 0
    # The variables of the make above (its jobs, its overrides) are not this one's.
    MAKEFLAGS='' MFLAGS='' MAKELEVEL='' "${MAKE:-make}" -C "$top_builddir" "${1:-install}" \
        DESTDIR="$stage" >"$scratch/install.log" 2>&1 || {
        tail -n 20 "$scratch/install.log"
        fail "make ${1:-install} failed"
    }
    touch "$scratch/staged"
}

# With sanitizers the compilers need their flags; a user's command does not name them.
use_stage() {
    mkdir -p "$scratch/bin"
    # shellcheck disable=SC2016  # $@ is the shim's
    printf '#!/bin/sh\nexec %s "$@"\n' "$CC" >"$scratch/bin/cc"
    chmod +x "$scratch/bin/cc"
    export PATH=$scratch/bin:$PATH
    export PKG_CONFIG_PATH=$stage$libdir/pkgconfig
    export PKG_CONFIG_SYSROOT_DIR=$stage
    export LD_LIBRARY_PATH=$stage$libdir
}
