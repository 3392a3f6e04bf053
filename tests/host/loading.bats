# shellcheck shell=bats disable=SC2016,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# Installing modules, and loading them when the guest boots. LKMPG_GUEST is the
# guest to use.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	LKMPG_GUEST=${LKMPG_GUEST:-$(scripts/prepare.sh)}
	export LKMPG_GUEST
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	job=$BATS_TEST_TMPDIR/job
	# Where Debian has modinfo, which not everybody has in PATH.
	PATH=$PATH:/usr/sbin:/sbin
}

# boot_with(commands) - boots a guest whose /etc has in it what is in $etc, and runs
# shell commands
boot_with() {
	local guest=$BATS_TEST_TMPDIR/guest
	mkdir -p "$guest"
	ln -s "$(realpath "$LKMPG_GUEST/bzImage")" "$guest/bzImage"
	(cd "$BATS_TEST_TMPDIR" && find etc | cpio --quiet -o -H newc -R 0:0) |
		cat "$LKMPG_GUEST/initramfs.cpio" - >"$guest/initramfs.cpio"
	printf '#!/bin/sh\n%s\n' "$1" >"$job"
	run qemu/boot.sh "$guest" "$job"
}

# installed - installs the modules below $BATS_TEST_TMPDIR/root
installed() {
	make modules_install INSTALL_MOD_PATH="$BATS_TEST_TMPDIR/root"
	tree=$(echo "$BATS_TEST_TMPDIR"/root/lib/modules/*)
}

@test "modules-load.d is honoured at boot, with arguments from modprobe.d" {
	etc=$BATS_TEST_TMPDIR/etc
	mkdir -p "$etc/modules-load.d" "$etc/modprobe.d"
	printf '# a comment\n\n; another\nparam_rs\n' >"$etc/modules-load.d/one.conf"
	printf 'export_client_rs\nnosuch\nhello_rs\n' >"$etc/modules-load.d/two.conf"
	printf 'options param_rs str1=from str2=modprobe.d\n' >"$etc/modprobe.d/param.conf"
	boot_with 'cut -d " " -f 1 /proc/modules; dmesg | grep Strings'
	[ "$status" -eq 0 ]
	[ "$output" = "$(printf '%s\n' hello_rs export_client_rs export_server_rs param_rs \
		'param_rs: Strings:from and modprobe.d')" ]
}

@test "without modules-load.d no module is loaded at boot" {
	mkdir "$BATS_TEST_TMPDIR/etc"
	boot_with 'cat /proc/modules'
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "modules_install honours INSTALL_MOD_PATH and runs depmod" {
	installed
	for module in *_rs.ko; do
		cmp "$module" "$tree/updates/$module"
	done
	grep -qx 'updates/export_client_rs.ko: updates/export_server_rs.ko' "$tree/modules.dep"
	grep -qx 'alias char-major-100-\* chardev_ioctl_rs' "$tree/modules.alias"
}

@test "modinfo shows author, licence and description of each module" {
	for module in *_rs.ko; do
		[ "$(modinfo -F author "$module")" = "lkmpg-rs authors" ]
		[ "$(modinfo -F license "$module")" = GPL ]
		[ -n "$(modinfo -F description "$module")" ]
		[ "$(modinfo -F name "$module")" = "${module%.ko}" ]
	done
	[ "$(modinfo -F depends export_client_rs.ko)" = export_server_rs ]
	[ "$(modinfo -F alias chardev_ioctl_rs.ko)" = 'char-major-100-*' ]
	modinfo -F parm param_rs.ko | grep -qx 'str1:The first string to log (charp)'
}
