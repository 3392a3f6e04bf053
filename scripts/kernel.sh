#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the guest's Rust-enabled kernel, once, in the cache, and prints its
# build tree: the KDIR that modules are built against. KDIR= takes a tree that
# is built already, STOCK=1 one for Debian's own kernel (scripts/stock.sh).
#
# Usage: [SERIES=7.3] [DEBUG=1] [VARIANT=cfi] scripts/kernel.sh
# SERIES=rc: the release candidate in Debian's experimental. It and a newer series than
# those of series.txt are tried, and need not work.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/packages.sh
. "$top/scripts/packages.sh"

[ -z "${KDIR:-}" ] || { [ -d "$KDIR" ] || die "KDIR=$KDIR is no folder"; realpath "$KDIR"; exit; }
[ -z "${STOCK:-}" ] || exec "$top/scripts/stock.sh"
series=${SERIES:-${known_series[0]}}
if ! [[ $series =~ ^([0-9]+\.[0-9]+|rc)$ ]] || { [ "$series" != rc ] && ! knows "$series" && ! is_newer "$series"; }; then
	die "SERIES=$series is not supported; take one of: ${known_series[*]}"
fi
if ! knows "$series"; then
	echo "  SERIES=$series is untested; the newest that is supported is ${known_series[0]}" >&2
	trap '[ $? -eq 0 ] || echo "lkmpg-rs: SERIES=$series failed, and is untested; take ${known_series[0]}" >&2' EXIT
fi

# The -s of `make -s kdir` is not for the kernel's build: its lines are counted.
unset MAKEFLAGS
bin=$("$top/scripts/toolchain.sh")
src=$("$top/scripts/kernel-source.sh")
export PATH="$bin:$PATH"

version=$(source_version "$src")
# The fragments: the common one, one of this series where it has its own, a variant's, and
# the debug guest's, or what Kconfig may refuse.
fragments=("$top/qemu/kernel.config")
own=$top/qemu/kernel-$(grep -oE '^[0-9]+\.[0-9]+' <<<"$version").config
[ ! -e "$own" ] || fragments+=("$own")
if [ -n "${VARIANT:-}" ]; then
	fragments+=("$top/qemu/kernel-$VARIANT.config")
	[ -e "${fragments[-1]}" ] || die "VARIANT=$VARIANT is unknown: there is no ${fragments[-1]}"
fi
if [ -n "${DEBUG:-}" ]; then
	fragments+=("$top/qemu/kernel-debug.config")
	optional=()
else
	optional=("$top/qemu/kernel-optional.config")
fi
# One of the fragments may want GCC.
cc=LLVM=1 gcc=''
! grep -qx CONFIG_CC_IS_GCC=y "${fragments[@]}" || { cc=CC=gcc && gcc=$(gcc --version); }
key=$({ echo "$src$gcc"; cat "${fragments[@]}" "${optional[@]}" "$cache/toolchain/versions"; } |
	sha256sum | head -c 12)
out=$cache/kernel/$version${DEBUG:+-debug}${VARIANT:+-$VARIANT}-$key

# Our kernels have no types for BPF. A pahole that somebody installs later is not another one
# than there was.
pahole=PAHOLE=none
# Nobody reads the C code's warnings, and looking for them takes 7 per cent of its time.
warnings=KCFLAGS=-w

# wanted() - prints the options that the fragments ask for; a later one may take back what an
# earlier one wants
wanted() {
	awk -F '[= ]' '/^CONFIG_/ { wanted[$1] = $0 }
		/^# CONFIG_[A-Z0-9_]* is not set$/ { delete wanted[$2] }
		END { for (name in wanted) print wanted[name] }' "${fragments[@]}"
}

# configure() - writes the tree's .config; each requested option must be in it
configure() {
	local option lost=()
	mkdir -p "$out"
	cat "${fragments[@]}" "${optional[@]}" >"$out/fragment"
	# Which no other kernel needs.
	! grep -qx CONFIG_GENDWARFKSYMS=y "$out/fragment" || [ -e /usr/include/elfutils/libdw.h ] ||
		install_packages libdw-dev
	step "Configuring Linux $version" "$cache/log/config-$version.log" \
		make -C "$src" O="$out" "$cc" "$pahole" KCONFIG_ALLCONFIG="$out/fragment" allnoconfig
	while read -r option; do
		grep -qxF "$option" "$out/.config" || lost+=("$option")
	done < <(wanted)
	[ ${#lost[@]} -eq 0 ] || die "requested, but not in the final .config: ${lost[*]}"
}

# complete() - whether the kernel is built, without pahole, and nobody has since configured
# or cleaned its tree by hand
complete() {
	[ -e "$out/.complete" ] && [ ! "$out/.config" -nt "$out/.complete" ] && [ -s "$out/vmlinux" ] &&
		grep -qx CONFIG_PAHOLE_VERSION=0 "$out/.config"
}

# An interrupted build has no .complete: it goes on where kbuild left off.
complete || lock "$out.lock"
if ! complete; then
	rm -f "$out/.complete"
	need_space 3
	configure
	log=$cache/log/build-$version${DEBUG:+-debug}.log
	# As many files as the last one of its kind had; the first may have about these.
	files=$cache/files${DEBUG:+-debug}
	expected=$(cat "$files" 2>/dev/null || echo 1400) step "Building Linux $version" "$log" with_cpu_time \
		make -C "$out" -f Makefile "$cc" "$pahole" "$warnings" -j"$jobs" vmlinux modules
	keep_tools "$out" "$bin" "$pahole"
	# One that goes on has fewer.
	built=$(files_built "$log")
	[ "$built" -lt 1000 ] || echo "$built" >"$files"
	tail -n 1 "$log" >"$out/.complete"
fi
echo "$out"
