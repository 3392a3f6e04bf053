# shellcheck shell=bats disable=SC2016,SC2164 # bats is errexit; for the guest's shell
# SPDX-License-Identifier: GPL-2.0
#
# What takes both series: a module that is built against the one and loaded into the
# other. Not part of `make test`, which has one kernel and does not build a second;
# its stand-in is load_of_a_module_built_for_another_kernel_is_refused in
# tests/loading.rs, with a vermagic that is patched. Run by CI, or:
#
#   bats tests/cross     (the first time it builds what is missing of either series)
#
# Without CONFIG_MODVERSIONS, which has no checksums for Rust as we build it, the
# vermagic string alone keeps such a module out; it is compared before any symbol.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset KDIR DEBUG VARIANT MAKEFLAGS MAKELEVEL
}

# refused_by(series, other) - loads a module built against `other` into a guest of
# `series`, beside one of its own
refused_by() {
	local kdir other guest release
	kdir=$(SERIES=$1 scripts/kernel.sh)
	release=$(cat "$kdir/include/config/kernel.release")
	guest=build/guest-$release
	[ -e "$guest/initramfs.cpio" ] || SERIES=$1 scripts/prepare.sh
	other=$(SERIES=$2 scripts/kernel.sh)
	cp hello_rs.rs "$BATS_TEST_TMPDIR"
	echo 'obj-m += hello_rs.o' >"$BATS_TEST_TMPDIR/Kbuild"
	make -C "$other" LLVM=1 M="$BATS_TEST_TMPDIR"

	printf '%s\n' '#!/bin/sh' 'insmod /job/hello_rs.ko' 'echo "status $?"' \
		'lsmod | grep hello_rs' 'dmesg | tail -n 1' 'insmod /root/hello_rs.ko' \
		>"$BATS_TEST_TMPDIR/job"
	run -0 qemu/boot.sh "$guest" "$BATS_TEST_TMPDIR/job" "$BATS_TEST_TMPDIR/hello_rs.ko"
	echo "$output"
	# Its exit status is the errno, ENOEXEC.
	[ "${lines[0]}" = "insmod: can't insert '/job/hello_rs.ko': invalid module format" ]
	[ "${lines[1]}" = "status 8" ]
	[[ ${lines[2]} == *"hello_rs: version magic '$(cat "$other/include/config/kernel.release") "* ]]
	[[ ${lines[2]} == *"' should be '$release "* ]]
	[ ${#lines[@]} -eq 3 ]
}

@test "7.3 refuses a module built against 7.2" {
	refused_by 7.3 7.2
}

@test "7.2 refuses a module built against 7.3" {
	refused_by 7.2 7.3
}
