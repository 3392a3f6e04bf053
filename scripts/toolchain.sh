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
# shellcheck source=scripts/apt.sh
. "$top/scripts/apt.sh"

bindgen_version=0.73.2 # built from crates.io where no packaged one is new enough
bin=$cache/toolchain/bin
versions=$cache/toolchain/versions

llvm_tools=(clang ld.lld llvm-ar llvm-link llvm-nm llvm-objcopy llvm-objdump llvm-readelf llvm-strip)
rust_tools=(rustc rustdoc rustfmt clippy-driver cargo cargo-clippy cargo-fmt)

# find_rust() - prints the bin folder of the first rustc that is new enough and
# has the library's source and all tools beside it. The first one in PATH is
# often rustup's without `rust-src`, with which no kernel builds.
find_rust() {
	local rustc sysroot tool
	for rustc in $(type -aP rustc) /usr/bin/rustc; do
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
		compgen -G "$dir/../lib/libclang*.so*" >/dev/null || continue
		echo "$dir"
		return
	done
	return 1
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

# packages() - sets the names of this distribution's packages, a list a role
packages() {
	local id version
	id=$(os_release ID) version=$(os_release VERSION_ID)
	case "$id $version" in
	"debian 12")
		rust="rustc-web rust-web-src rust-web-clippy rustfmt-web cargo-web"
		llvm="clang-22 lld-22 llvm-22 libclang1-22"
		bindgen= # too old there
		;;
	"debian 13" | "debian 14" | "debian ")
		rust="rustc rust-src rust-clippy rustfmt cargo"
		llvm="clang lld llvm libclang1"
		bindgen=bindgen
		;;
	*)
		rust="rustc>=$min_rustc with its source, rustfmt, clippy, cargo;"
		llvm="clang, lld, llvm, libclang >=$min_llvm;"
		bindgen="bindgen>=$min_bindgen;"
		unsupported="$id $version"
		;;
	esac
}

# missing() - prints the packages for what this machine lacks
missing() {
	local pair
	find_rust >/dev/null || echo "$rust"
	find_llvm >/dev/null || echo "$llvm"
	[ -z "$bindgen" ] || find_bindgen >/dev/null || echo "$bindgen"
	for pair in flex:flex bison:bison bc:bc cpio:cpio depmod:kmod xz:xz-utils make:make \
		gcc:gcc qemu-system-x86_64:qemu-system-x86 shellcheck:shellcheck bats:bats \
		python3:python3 pgrep:procps; do
		PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
	done
	[ -e /usr/include/gelf.h ] || echo libelf-dev
	[ -e /usr/include/openssl/ssl.h ] || echo libssl-dev
	compgen -G '/usr/lib/*/libc.a' >/dev/null || echo libc6-dev
	[ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
}

# settled() - whether nothing was installed or removed since the last look
settled() {
	local tool
	for tool in "${llvm_tools[@]}" "${rust_tools[@]}" bindgen busybox; do
		[ -x "$bin/$tool" ] || return 1
	done
	[ "$versions" -nt /var/lib/dpkg/status ] && [ "$versions" -nt "$0" ]
}

settled && echo "$bin" && exit
lock "$cache/toolchain.lock"
packages
read -r -d '' -a wanted < <(missing) || true
if [ ${#wanted[@]} -gt 0 ]; then
	[ -z "${unsupported:-}" ] ||
		die "cannot install packages on $unsupported (only on Debian 12 and 13); missing: ${wanted[*]}"
	apt_install "${wanted[@]}"
fi
rust=$(find_rust) || die "no usable Rust: rustc >= $min_rustc with its library's source, rustfmt, clippy and cargo"
llvm=$(find_llvm) || die "no usable LLVM: clang, lld, llvm and libclang >= $min_llvm"
if ! bindgen=$(find_bindgen); then
	root=$cache/bindgen-$bindgen_version
	rm -rf "$root.part"
	step "Building bindgen $bindgen_version" "$cache/log/bindgen.log" with_cpu_time env PATH="$rust:$PATH" \
		cargo install --locked --root "$root.part" --version "$bindgen_version" bindgen-cli
	tail -n 1 "$cache/log/bindgen.log" >"$root.part/.complete"
	rm -rf "$root" && mv "$root.part" "$root"
	bindgen=$root/bin/bindgen
fi

mkdir -p "$bin"
for tool in "${llvm_tools[@]}"; do ln -sfn "$llvm/$tool" "$bin/$tool"; done
for tool in "${rust_tools[@]}"; do ln -sfn "$rust/$tool" "$bin/$tool"; done
box=$("$top/scripts/busybox.sh")
ln -sfn "$box" "$bin/busybox"
# bindgen parses with the libclang of the clang that compiles.
printf '#!/bin/sh\nLIBCLANG_PATH=%q exec %q "$@"\n' "${llvm%/bin}/lib" "$bindgen" >"$bin/bindgen.new"
chmod +x "$bin/bindgen.new" && mv "$bin/bindgen.new" "$bin/bindgen"
# What a kernel build depends on; part of its key in the cache.
for tool in rustc clang ld.lld bindgen; do "$bin/$tool" --version; done >"$versions"
echo "$bin"
