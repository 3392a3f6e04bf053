# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# Bad input to the set-up: one clear line, a failing status, nothing half-done.
# Where a machine's state is needed (no network, a full disk, another
# distribution), a namespace of its own gives the script one.

bats_require_minimum_version 1.5.0
load settings

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	# An empty cache beside the one in use, whose tools need not be made again; a copy of
	# what toolchain.sh writes to.
	real_cache=${XDG_CACHE_HOME:-$HOME/.cache}/lkmpg-rs
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	mkdir -p "$XDG_CACHE_HOME/lkmpg-rs"
	cp -a "$real_cache/toolchain" "$XDG_CACHE_HOME/lkmpg-rs"
	for entry in busybox bindgen-0.73.2; do
		[ ! -e "$real_cache/$entry" ] || ln -s "$real_cache/$entry" "$XDG_CACHE_HOME/lkmpg-rs/$entry"
	done
	no_settings
}

# says(text) - the last run failed, and its last line is ours and has this text
says() {
	[ "$status" -ne 0 ]
	[[ ${lines[-1]} == "lkmpg-rs: "*"$1"* ]] || [[ $output == *"lkmpg-rs: "*"$1"*"make: "* ]]
}

@test "unknown SERIES" {
	SERIES=6.1 run make modules
	says "SERIES=6.1 is not supported; take one of: 7.3 7.2"
	[ ! -e "$XDG_CACHE_HOME/lkmpg-rs/kernel" ]
}

@test "KCSAN, which cannot watch Rust code" {
	KCSAN=1 run make test
	says "KCSAN=1: neither kbuild nor rustc can have it watch Rust code, see docs/known-issues.md"
}

@test "KDIR that is no folder" {
	run make modules KDIR=/no/such/folder
	says "KDIR=/no/such/folder is no folder"
}

@test "KDIR that is no kernel tree" {
	run ! make modules KDIR="$BATS_TEST_TMPDIR"
	[[ $output == *"doctor: $BATS_TEST_TMPDIR is not a kernel build tree"* ]]
}

@test "KERNEL_SRC that does not exist" {
	KERNEL_SRC=/no/such/source run scripts/kernel.sh
	says "KERNEL_SRC=/no/such/source does not exist"
}

@test "KERNEL_SRC that is no kernel source" {
	KERNEL_SRC=$BATS_TEST_TMPDIR run scripts/kernel.sh
	says "is no kernel source"

	tar -cf "$BATS_TEST_TMPDIR/source.tar" -C "$BATS_TEST_DIRNAME" .
	KERNEL_SRC=$BATS_TEST_TMPDIR/source.tar run scripts/kernel.sh
	[ "$status" -ne 0 ]
	[ -z "$(find "$XDG_CACHE_HOME/lkmpg-rs/src" -mindepth 1 -not -path '*.part*')" ]
}

@test "unknown accelerator" {
	ACCEL=hvf run qemu/accel.sh kernel initramfs
	says "ACCEL=hvf is unknown; take kvm or tcg"
}

@test "no network" {
	run unshare --map-root-user --net scripts/kernel-source.sh
	says "cannot get the source of Linux"
	[[ $output == *"  Linux 7.3, sid: no network"* && $output == *"  Linux 7.2, kernel.org: no network"* ]]
	[ ! -e "$XDG_CACHE_HOME/lkmpg-rs/src/linux-7.3" ]
}

@test "a full disk" {
	run unshare --map-root-user --mount bash -c '
		mount -t tmpfs -o size=16m tmpfs "$XDG_CACHE_HOME" && scripts/kernel-source.sh'
	says "MiB free, this step needs"
}

# without(command...) - makes a folder of links to all programs but these, and
# has the tool chain looked for anew
without() {
	rm -r "$XDG_CACHE_HOME/lkmpg-rs/toolchain"
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s /usr/sbin/* /usr/bin/* "$BATS_TEST_TMPDIR/bin" 2>/dev/null || true
	(cd "$BATS_TEST_TMPDIR/bin" && rm -f "$@")
}

# missing_on(os-release) - packages are missing, on that distribution
missing_on() {
	echo "$1" >"$BATS_TEST_TMPDIR/os-release"
	run unshare --map-root-user --mount bash -c '
		mount --bind "$0/os-release" "$(realpath /etc/os-release)" &&
			PATH=$0/bin scripts/toolchain.sh' "$BATS_TEST_TMPDIR"
}

@test "packages missing on a distribution on which they are not installed" {
	without bison pgrep
	missing_on $'ID=fedora\nVERSION_ID=43'
	says "on fedora, type: sudo dnf install bison procps-ng"
	missing_on $'ID=manjaro\nID_LIKE=arch'
	says "on manjaro, type: sudo pacman -S --needed bison procps-ng"
	missing_on 'ID=void'
	says "on void, take a container: scripts/container.sh make demo; or install yourself: bison pgrep"
}

@test "packages missing on Ubuntu and those like it" {
	without bison
	printf '#!/bin/sh\necho "apt-get $*" >>%q\n' "$BATS_TEST_TMPDIR/said" >"$BATS_TEST_TMPDIR/apt-get"
	chmod +x "$BATS_TEST_TMPDIR/apt-get"
	mv -f "$BATS_TEST_TMPDIR/apt-get" "$BATS_TEST_TMPDIR/bin/apt-get"
	for id in $'ID=ubuntu\nVERSION_ID="24.04"' $'ID=linuxmint\nID_LIKE="ubuntu debian"'; do
		rm -rf "$XDG_CACHE_HOME/lkmpg-rs/toolchain"
		missing_on "$id"
		[ "$status" -eq 0 ]
	done
	[ "$(grep -c 'install -y --no-install-recommends --no-remove bison$' "$BATS_TEST_TMPDIR/said")" -eq 2 ]
}

@test "each row of packages.txt has all columns" {
	run -0 awk -F '|' '!/^#|^$/ || /^# what/ { print NF }' scripts/packages.txt
	[ "$(sort -u <<<"$output")" = 6 ]
}

@test "a machine that is not x86_64" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho aarch64\n' >"$BATS_TEST_TMPDIR/bin/uname"
	chmod +x "$BATS_TEST_TMPDIR/bin/uname"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run scripts/toolchain.sh
	says "the guest is an x86_64 machine, and so must be this one, which is aarch64"
}

@test "packages missing, not root and no sudo" {
	without bison sudo
	PATH=$BATS_TEST_TMPDIR/bin run unshare --map-user=1000 scripts/toolchain.sh
	says "not root and no sudo here; as root, run: apt-get install --no-install-recommends bison"
}
