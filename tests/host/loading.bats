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
	ln -s "$(realpath "$LKMPG_GUEST/kernel")" "$guest/kernel"
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

@test "modules-load.d is honoured at boot, with arguments from modprobe.d; nothing else is loaded" {
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

@test "modules_install honours INSTALL_MOD_PATH and runs depmod" {
	installed
	for module in *_rs.ko; do
		cmp "$module" "$tree/updates/$module"
	done
	grep -qx 'updates/export_client_rs.ko: updates/export_server_rs.ko' "$tree/modules.dep"
	grep -qx 'alias char-major-100-\* chardev_ioctl_rs' "$tree/modules.alias"
}

# squeezed(name) - prints a module's source on one line
squeezed() {
	tr -s '[:space:]' ' ' <"$1.rs"
	echo
}

# declared(name) - prints what modinfo has to say of a module, by its source
declared() {
	squeezed "$1" | sed -En 's/.* authors: \["([^"]*)"\], description: "([^"]*)", license: "([^"]*)",.*/author:\1\ndescription:\2\nlicense:\3/p'
	squeezed "$1" | sed -En 's/.* alias: \["([^"]*)"\],.*/alias:\1/p'
	squeezed "$1" | sed -En 's/.* pci_device_table!\(.*device_id\(0x(\w+), 0x(\w+)\).*/alias:pci:v0000\U\1\Ed0000\U\2\Esv*sd*bc*sc*i*/p'
	squeezed "$1" | sed 's/live_parameters! {[^}]*}[^}]*}//' |
		grep -oP '\w+: \w+ \{ default: \S+, description: "[^"]*"' |
		sed -E 's/^(\w+): (\w+) .* description: "(.*)"$/parm:\1:\3 (\2)/'
	squeezed "$1" | grep -oP 'live_parameters! \{[^}]*' |
		sed -E 's/.* (\w+): \w+ \{ .* description: "(.*)".*$/parm:\1:\2 (int)/'
	squeezed "$1" | grep -oP '\w+: \[i32; \d+\] \{ description: "[^"]*"' |
		sed -E 's/^(\w+): .* description: "(.*)"$/parm:\1:\2 (array of int)/'
	squeezed "$1" | grep -oP 'string_parameters! \{.*?\}' | grep -oP '\w+: "[^"]*"' |
		sed -E '/^module:/d; s/^(\w+): "(.*)"$/parm:\1:\2 (charp)/'
	echo "name:$1"
	case $1 in
	export_client_rs) echo 'depends:export_server_rs' ;;
	*) echo 'depends:' ;;
	esac
}

@test "modinfo shows author, licence, description, parameters, alias, dependencies of each module" {
	for module in *_rs.rs; do
		module=${module%.rs}
		# Helpers that are inlined bring their own line along (docs/performance.md).
		diff <(declared "$module" | sort) \
			<(modinfo "$module.ko" | sed -E '/^(filename|vermagic|retpoline|srcversion):|^import_ns: +PWM$/d; s/: +/:/' | sort)
	done
	# The declarations were found at all.
	[ "$(declared param_rs | grep -c ^parm:)" -eq 5 ]
	[ "$(declared param_watch_rs | grep -c ^parm:)" -eq 1 ]
	declared chardev_ioctl_rs | grep -qxF 'alias:char-major-100-*'
}

@test "the README's table, Kbuild and the tour have each module" {
	modules=$(printf '%s\n' *_rs.rs | sed 's/\.rs$//')
	[ "$(sed -n 's/^obj-m += \(.*\)\.o$/\1/p' Kbuild | sort)" = "$modules" ]
	[ "$(grep -oP '^\|.*' README.md | grep -oP '\[`\K\w+_rs(?=`\]\(\w+_rs\.rs\))' | sort)" = "$modules" ]
	for module in $modules; do
		grep -rqE "(insmod $module\.ko|name=$module)" qemu/tour
		grep -q "\[\`$module\`\]($module.rs)" README.md
	done
}

@test "modpost refuses a module without GPL licence that uses our GPL-only symbols" {
	other=$BATS_TEST_TMPDIR/other
	mkdir "$other"
	# The declarations of what the server exports are all that it needs of ours.
	cp abstractions/export_server.rs "$other"
	sed 's/^mod abstractions;/mod export_server;/; s/^use abstractions::/use /
		s/license: "GPL"/license: "Proprietary"/' export_client_rs.rs >"$other/export_client_rs.rs"
	echo 'obj-m += export_client_rs.o' >"$other/Kbuild"
	kdir=$(scripts/kernel.sh)
	run -2 make -C "$kdir" LLVM=1 M="$other" KBUILD_EXTRA_SYMBOLS="$PWD/Module.symvers"
	echo "$output"
	for symbol in yohda yohda_add; do
		# 7.3 names the module before the message, 7.2 in it.
		grep -E "export_client_rs.ko.* uses GPL-only symbol '$symbol'" <<<"$output" |
			grep -q 'GPL-incompatible module'
	done
	[ ! -e "$other/export_client_rs.ko" ]
}
