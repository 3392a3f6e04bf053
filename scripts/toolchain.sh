#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Finds the tool chain, installs what is missing, and prints a folder with
# exactly one of each tool (clang, ld.lld, rustc, bindgen, cargo, ...): put it
# first in PATH and `make LLVM=1` works, whatever else the machine has.
#
# Usage: scripts/toolchain.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/packages.sh
. "$top/scripts/packages.sh"

bindgen_version=0.73.2 # built from crates.io where no packaged one is new enough
bin=$cache/toolchain/bin
versions=$cache/toolchain/versions
stamp=$cache/toolchain/stamp

llvm_tools=(clang ld.lld llvm-ar llvm-link llvm-nm llvm-objcopy llvm-objdump llvm-readelf llvm-strip)
rust_tools=(rustc rustdoc rustfmt clippy-driver cargo cargo-clippy cargo-fmt)

# find_rust() - prints the bin folder of the first rustc that is new enough and
# has the library's source and all tools beside it. The first one in PATH is
# often rustup's without `rust-src`, with which no kernel builds.
find_rust() {
	local rustc sysroot tool
	for rustc in $(type -aP rustc) /usr/bin/rustc /usr/lib/rust-*/bin/rustc; do
		sysroot=$("$rustc" --print sysroot 2>/dev/null) || continue
		at_least "$("$rustc" --version | awk '{ print $2 }')" "$min_rustc" || continue
		[ -r "$sysroot/lib/rustlib/src/rust/library/core/src/lib.rs" ] || continue
		for tool in "${rust_tools[@]}"; do
			[ -x "$sysroot/bin/$tool" ] || continue 2
		done
		echo "$sysroot/bin"
		return
	done
	return 1
}

# find_llvm() - prints the bin folder of the newest complete LLVM
find_llvm() {
	local dir tool
	for dir in $(printf '%s\n' /usr/lib/llvm-*/bin | sort -Vr) /usr/bin; do
		for tool in "${llvm_tools[@]}"; do
			[ -x "$dir/$tool" ] || continue 2
		done
		at_least "$("$dir/clang" -dumpversion)" "$min_llvm" || continue
		libclang "$dir" >/dev/null || continue
		echo "$dir"
		return
	done
	return 1
}

# libclang(bin) - prints the folder of the library that belongs to an LLVM
libclang() {
	local found
	found=$(compgen -G "${1%/bin}/lib*/libclang*.so*") && dirname "${found%%$'\n'*}"
}

# find_bindgen() - prints the path of a bindgen that is new enough
find_bindgen() {
	local bindgen
	for bindgen in "$cache/bindgen-$bindgen_version/bin/bindgen" $(type -aP bindgen); do
		[ -x "$bindgen" ] || continue
		[ "$bindgen" != "$bin/bindgen" ] || continue
		at_least "$("$bindgen" --version | awk '{ print $2 }')" "$min_bindgen" || continue
		echo "$bindgen"
		return
	done
	return 1
}

# present(what) - whether the machine has what a row of packages.txt names
present() {
	case $1 in
	rust | llvm | bindgen) "find_$1" ;;
	libelf) [ -e /usr/include/gelf.h ] ;;
	openssl) [ -e /usr/include/openssl/ssl.h ] ;;
	libc) compgen -G '/usr/lib*/libc.a' || compgen -G '/usr/lib/*/libc.a' ;;
	certificates) [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] ;;
	*) command -v "$1" ;;
	esac >/dev/null
}

# missing() - prints the packages for what this machine lacks
missing() {
	local what package
	while read -r what package; do
		[ "$package" = - ] || present "$what" || echo "$package"
	done < <(packages)
}

# settled() - whether nothing was installed or removed since the last look
settled() {
	local tool
	for tool in "${llvm_tools[@]}" "${rust_tools[@]}" bindgen busybox; do
		[ -x "$bin/$tool" ] || return 1
	done
	[ "$versions" -nt /var/lib/dpkg/status ] && [ "$versions" -nt "$0" ] && [ "$(tools)" = "$(cat "$stamp" 2>/dev/null)" ]
}

# tools() - prints what changes when a tool is replaced in place, as rustup does it
tools() {
	(cd "$bin" && stat -L -c '%n %i %s %.9Z' "${llvm_tools[@]}" "${rust_tools[@]}")
}

[ "$(uname -m)" = x86_64 ] ||
	die "the guest is an x86_64 machine, and so must be this one, which is $(uname -m): it lacks Rust's library and a busybox for x86_64"
settled && echo "$bin" && exit
lock "$cache/toolchain.lock"
read -r -d '' -a wanted < <(missing) || true
announce "${wanted[@]}"
[ ${#wanted[@]} -eq 0 ] || install_packages "${wanted[@]}"
rust=$(find_rust) || die "no usable Rust: rustc >= $min_rustc with its library's source, rustfmt, clippy and cargo"
llvm=$(find_llvm) || die "no usable LLVM: clang, lld, llvm and libclang >= $min_llvm"
if ! bindgen=$(find_bindgen); then
	PATH=$rust:$PATH from_crates_io bindgen bindgen-cli "$bindgen_version"
	bindgen=$(find_bindgen)
fi

mkdir -p "$bin"
for tool in "${llvm_tools[@]}"; do ln -sfn "$llvm/$tool" "$bin/$tool"; done
for tool in "${rust_tools[@]}"; do ln -sfn "$rust/$tool" "$bin/$tool"; done
box=$("$top/scripts/busybox.sh")
ln -sfn "$box" "$bin/busybox"
# bindgen parses with the libclang of the clang that compiles.
printf '#!/bin/sh\nLIBCLANG_PATH=%q exec %q "$@"\n' "$(libclang "$llvm")" "$bindgen" >"$bin/bindgen.new"
chmod +x "$bin/bindgen.new" && mv "$bin/bindgen.new" "$bin/bindgen"
# What a kernel build depends on; part of its key in the cache.
for tool in rustc clang ld.lld bindgen; do "$bin/$tool" --version; done >"$versions"
tools >"$stamp"
echo "$bin"
