# shellcheck shell=bats disable=SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# A kernel that was built without some option: the modules that need it are left out, and
# said so; the others compile, without a warning. The kernel is the default one, whose
# configuration is covered by another one where the modules are built.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset DEBUG VARIANT MAKEFLAGS MAKELEVEL
	kdir=$(scripts/kernel.sh)
	copy=$BATS_FILE_TMPDIR/lkmpg-rs
	mkdir -p "$copy"
	rm -f "$copy"/*.ko # of the test before
	git ls-files -z --cached --others --exclude-standard | xargs -0 cp -P --parents -t "$copy"
}

# lacking(option, module) - builds the modules for a kernel without an option, by which one
# is left out
lacking() {
	# shellcheck disable=SC2016 # the arguments of bash
	KDIR=$kdir run -0 --separate-stderr unshare --map-root-user --mount bash -c '
		mount -t tmpfs tmpfs "$0" && mkdir "$0/upper" "$0/work" &&
			mount -t overlay overlay -o "lowerdir=$KDIR,upperdir=$0/upper,workdir=$0/work" "$KDIR" && cd "$KDIR" &&
			sed -i "/CONFIG_$2\(=\| \|$\)/d" .config include/config/auto.conf include/generated/{autoconf.h,rustc_cfg} &&
			exec "$1/scripts/modules.sh" modules' "$BATS_TEST_TMPDIR" "$copy" "$1"
	# shellcheck disable=SC2154 # bats sets it
	[[ $stderr =~ ^\ *"left out: $2, for this kernel has no CONFIG_$1"$ ]]
	[[ ${output,,} != *warning* ]]
	cd "$copy"
	diff <(sed -n 's/^obj-m += \(.*\)\.o$/\1.ko/p' Kbuild | grep -vx "$2.ko" | sort) <(ls -- *.ko)
}

@test "without KPROBES" {
	lacking KPROBES syscall_rs
}

@test "without SERIO_I8042" {
	lacking SERIO_I8042 irq_kbd_rs
}

@test "without TTY" {
	lacking TTY print_string_rs
}

@test "without PCI_MSI" {
	lacking PCI_MSI edu_rs
}

@test "without BLOCK" {
	lacking BLOCK ramdisk_rs
}

@test "without NET" {
	lacking NET netloop_rs
}

@test "without VT" {
	lacking VT kbleds_rs
}

@test "without CONFIGFS_FS" {
	lacking CONFIGFS_FS vinput_rs
}
