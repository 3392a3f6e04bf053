#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints a KDIR for one of Debian's own kernels. Its header packages lack the metadata of
# the Rust crates; that is built here, from Debian's source of the same version, with the
# compilers that built the kernel. Without MODVERSIONS the kernel itself would notice no
# difference, so each is looked for: the first one ends the script.
#
# Usage: [RELEASE=7.3.4+deb13-amd64] scripts/stock.sh
# RELEASE is that of the running kernel by default; amd64, cloud-amd64 or rt-amd64 is the
# newest one of that flavour. With STOCK=1 it is for a guest: what is missing is installed,
# and the tree has the kernel's image (scripts/stock-guest.sh).

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/packages.sh
. "$top/scripts/packages.sh"
# shellcheck source=scripts/stock-archive.sh
. "$top/scripts/stock-archive.sh"

# gcc is the kernel's: find_headers tells its name.
needed=(make rustc rust-src bindgen dwarves bc flex bison libelf-dev libssl-dev kmod cpio xz-utils python3 perl)

# config(option) - prints an option's value in the kernel's configuration, if it has one
config() {
	config_value "$headers/.config" "$1"
}

# need(package...) - has these packages installed
need() {
	local missing
	mapfile -t missing < <(comm -23 <(printf '%s\n' "$@" | sort) <(
		dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort))
	[ ${#missing[@]} -gt 0 ] || return 0
	[ -n "${STOCK:-}" ] || die "install first: sudo apt-get install --no-install-recommends ${missing[*]}"
	install_packages "${missing[@]}"
}

# crates() - prints the hash in the names of the kernel crate's symbols
crates() {
	grep -aoE 'Cs[0-9A-Za-z]+_6kernel' | sort -u
}

# check_tools() - the compilers must be those that built the kernel
check_tools() {
	local cc built found
	found=$(rustc --version 2>/dev/null || true)
	[ "$found" = "$(config RUSTC_VERSION_TEXT)" ] ||
		die "Linux $release was built by $(config RUSTC_VERSION_TEXT), /usr/bin/rustc is ${found:-not there}; install Debian's rustc of the kernel's release"
	built=$(crates <"$headers/Module.symvers") || die "$headers/Module.symvers has no Rust symbols; install linux-headers-$release again"
	# Names tell the compiler as well, should two of them call themselves the same.
	found=$(printf '#![crate_type="lib"]\n#[inline(never)] pub fn f() {}\n' |
		rustc --crate-name kernel --emit=obj=- -Csymbol-mangling-version=v0 - 2>/dev/null | crates || true)
	[ "$found" = "$built" ] ||
		die "rustc gives the kernel crate the hash $found, Linux $release has $built: it was built by another rustc"
	read -r cc _ <<<"$(config CC_VERSION_TEXT)"
	command -v "$cc" >/dev/null || need "${cc#x86_64-linux-gnu-}"
	found=$("$cc" -dumpfullversion 2>/dev/null | awk -F . '{ print $1 * 10000 + $2 * 100 + $3 }' || true)
	[ "$found" = "$(config GCC_VERSION)" ] ||
		die "Linux $release was built by $(config CC_VERSION_TEXT), $cc here has the version ${found:-none}; install that of the kernel's release"
	found=$(pahole --numeric_version 2>/dev/null || true)
	[ "$found" = "$(config PAHOLE_VERSION)" ] ||
		die "Linux $release was built with pahole $(config PAHOLE_VERSION), here it has the version ${found:-none}; install dwarves of the kernel's release"
}

# check_running() - a kernel that runs must be of the headers' version
check_running() {
	[ "$release" = "$(uname -r)" ] || return 0
	grep -qF "Debian $version " /proc/version ||
		die "the running kernel is not of the version of linux-headers-$release, $version: upgrade both, and boot again"
}

# configure(source) - configures the tree as the kernel was; where the tools differ, so
# does the result. Debian changes its compiler's text in updates that change nothing else.
configure() {
	local differ
	cp "$headers"/{.config,.kernelvariables} "$kdir"
	step "Configuring Linux $release" "$cache/log/stock-config.log" "${make[@]}" olddefconfig
	differ=$(diff <(grep -v '^CONFIG_CC_VERSION_TEXT=' "$headers/.config") \
		<(grep -v '^CONFIG_CC_VERSION_TEXT=' "$kdir/.config") | sed -n 's/^> //p' | head -n 3 | paste -sd ' ' || true)
	[ -z "$differ" ] ||
		die "with the tools of this machine the configuration of Linux $release differs: $differ; take those of the kernel's release"
}

# check_exports() - what the crates export here must be what the kernel exports
check_exports() {
	local first
	first=$(diff <(cat "$kdir"/rust/exports_*_generated.h | sed -n 's/^EXPORT_SYMBOL_RUST_GPL(\(.*\));/\1/p' | sort -u) \
		<(awk '$3 == "vmlinux" { print $2 }' "$headers/Module.symvers" | grep -E '^(_R|rust_)' | sort -u) |
		grep -m 1 '^[<>]' || true)
	[ -z "$first" ] ||
		die "the Rust symbols built here (<) are not those of Linux $release (>), the first one being $first; install linux-headers-$release again"
}

# said_beforehand() - tells when the running kernel will refuse modules without a
# signature; with Secure Boot it is locked down
said_beforehand() {
	[ "$release" = "$(uname -r)" ] || return 0
	if grep -qsE '\[(integrity|confidentiality)\]' /sys/kernel/security/lockdown ||
		grep -qsx Y /sys/module/module/parameters/sig_enforce; then
		echo "  the running kernel loads signed modules only: make sign, see README.md" >&2
	fi
}

# build() - makes the tree
build() {
	local src make
	src=$(find_source)
	make=(make -C "$src" O="$kdir" -j"$jobs" KERNELRELEASE="$release" ARCH=x86
		CROSS_COMPILE=x86_64-linux-gnu- CC="$(config CC_VERSION_TEXT | cut -d ' ' -f 1)")
	rm -rf "$kdir" && mkdir -p "$kdir"
	configure
	step "Building the metadata of Linux $release" "$cache/log/stock-build.log" \
		with_cpu_time "${make[@]}" modules_prepare
	check_exports
	# vmlinux has types only, from which the modules get theirs.
	cp "$headers"/{Module.symvers,vmlinux} "$kdir"
	keep_tools "$kdir" /usr/bin
	echo "$version" >"$kdir/.complete"
}

if [ "$(os_release ID)" != debian ] || ! at_least "$(os_release VERSION_ID)" 13; then
	die "stock kernels need Debian 13 or later; elsewhere take a container: scripts/container.sh make stock RELEASE=amd64"
fi
# Debian's own tools, whatever else there is.
export PATH="/usr/bin:/usr/sbin:$PATH"
unset MAKEFLAGS
find_release
said_beforehand
kdir=$stock/$release
lock "$kdir.lock"
if [ -e "$kdir/.complete" ] && [ -e "$kdir/source/Makefile" ]; then
	headers=$kdir version=$(cat "$kdir/.complete")
	check_running
	check_tools
else
	need_space 2
	need "${needed[@]}"
	find_headers
	check_running
	check_tools
	build
fi
rm -rf "$apt"
[ -z "${STOCK:-}" ] || "$top/scripts/stock-guest.sh" "$release" "$version"
echo "$kdir"
