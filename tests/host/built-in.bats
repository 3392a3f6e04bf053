# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# The modules built in a kernel's own tree: built in (=y) and booted, built as modules
# (=m).
#
# Not the whole kernel is built for that: copies of the built tree lie in the cache,
# one for =y and one for =m, and a copy of its source, with the modules in it. Inside
# a mount namespace they take the places of the originals, so that every path is the
# one that the kernel was built with, and kbuild finds nothing to do but the modules
# and the links. A second run compiles only what has changed. A KDIR has to be a tree
# that was built with O=, apart from its source.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL
	LKMPG_GUEST=${LKMPG_GUEST:-$(scripts/prepare.sh)}
	kdir=$(scripts/kernel.sh)
	src=$(realpath -e "$kdir/source")
	work=${XDG_CACHE_HOME:-$HOME/.cache}/lkmpg-rs/in-tree/$(stat -c '%n %Y' "$kdir/vmlinux" | sha256sum | head -c 12)
	out=$BATS_FILE_TMPDIR
	export LKMPG_GUEST kdir src work out

	mkdir -p "$work"
	exec {in_use}>"$work/lock"
	flock "$in_use"
	# A copy of a source in which somebody had built is of no use.
	[ ! -e "$work/source/.config" ] || rm -rf "$work/source"
	# Of the source, hard links will do.
	copied "$src" "$work/source" -l || copied "$src" "$work/source"
	in_source
	for kind in y m; do
		copied "$kdir" "$work/$kind"
		built "$kind"
	done
	cp "$work/y/arch/x86/boot/bzImage" "$work"/y/modules.builtin* "$out"
	exec {in_use}>&-
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	# Where Debian has modinfo, which not everybody has in PATH.
	PATH=$PATH:/usr/sbin:/sbin
}

# copied(from, to, [option]) - copies a folder, unless that was done before
copied() {
	[ -d "$2" ] || { rm -rf "$2.part" && cp -a "${@:3}" "$1" "$2.part" && mv "$2.part" "$2"; }
}

# in_source - puts the modules into the copy of the source; files that are the same
# as before keep their time, so that kbuild keeps their objects
in_source() {
	local folder=$work/source/samples/rust/lkmpg file
	export TREE=$work/source
	rm -rf "$work/before"
	[ ! -e "$folder" ] || cp -a "$folder" "$work/before"
	[ ! -e "$folder" ] || scripts/in-tree.sh remove
	scripts/in-tree.sh put
	unset TREE
	while read -r file; do
		! cmp -s "$work/before/$file" "$folder/$file" || touch -r "$work/before/$file" "$folder/$file"
	done < <(cd "$folder" && find . -type f)
}

# built(kind) - builds a kernel with all modules =y or =m; leaves the log in $out, and
# the modules in a folder there
built() {
	{
		grep '^CONFIG_' "$kdir/.config" | grep -v '^CONFIG_SAMPLES\?[_=]'
		printf 'CONFIG_%s=y\n' SAMPLES SAMPLES_RUST SAMPLES_RUST_LKMPG
		sed -n "s/^config \(.*\)/CONFIG_\1=$1/p" Kconfig
	} >"$out/fragment"
	# shellcheck disable=SC2016 # expanded in the namespace
	work=$work kind=$1 unshare --map-root-user --mount bash -c '
		. scripts/common.sh && use_tools "$kdir"
		mount --bind "$work/source" "$src"
		mount --bind "$work/$kind" "$kdir"
		[ "$kind" = m ] && image= || image=bzImage
		make -C "$kdir" LLVM=1 KCONFIG_ALLCONFIG="$out/fragment" allnoconfig
		make -C "$kdir" LLVM=1 -j"$(nproc)" $image modules' >"$out/log.$1" 2>&1 ||
		{ tail -n 20 "$out/log.$1" >&2 && return 1; }
	mkdir "$out/$1"
	# Not by *.ko: what is built no longer may still lie there.
	sed -n 's,^\(samples/rust/lkmpg/.*\)\.o$,\1.ko,p' "$work/$1/modules.order" |
		(cd "$work/$1" && xargs cp -t "$out/$1")
}

# boot(kernel, commands, [file...]) - boots it with the guest's files, and runs shell
# commands
boot() {
	local guest=$BATS_TEST_TMPDIR/guest
	mkdir "$guest"
	ln -s "$(realpath "$1")" "$guest/kernel"
	ln -s "$LKMPG_GUEST/initramfs.cpio" "$guest"
	printf '#!/bin/sh\nset -e\n%s\n' "$2" >"$BATS_TEST_TMPDIR/job"
	run qemu/boot.sh "$guest" "$BATS_TEST_TMPDIR/job" "${@:3}"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "all are built in but those that make sense as modules only, without a warning" {
	run grep -ci warning "$out/log.y"
	[ "$output" = 0 ]
	run bash -c 'cd "$out/y" && echo *.ko'
	[ "$output" = "print_string_rs.ko usercopy_test_rs.ko" ]
	run diff <(sed -n 's/^obj-m += \(.*\)\.o$/\1/p' Kbuild | grep -vx 'print_string_rs\|usercopy_test_rs') \
		<(sed -n 's,^kernel/samples/rust/lkmpg/\(.*\)\.ko$,\1,p' "$out/modules.builtin")
	[ -z "$output" ]
	# As modinfo reads it.
	run bash -c 'tr "\0" "\n" <"$out/modules.builtin.modinfo" | grep "^param_rs\.parm" | sort'
	[ "$output" = "$(printf 'param_rs.%s\n' \
		'parm=count:How often to log the strings, 1 to 100' \
		'parm=numbers:Numbers to log, at most four' \
		'parm=str1:The first string to log' 'parm=str2:The second string to log' \
		'parm=title:What is before the numbers' parmtype=count:u32 \
		'parmtype=numbers:array of int' parmtype=str1:charp parmtype=str2:charp parmtype=title:charp)" ]
}

@test "built in, each says its first line and has its interface" {
	APPEND="param_rs.str1=Hello param_rs.str2=boot param_rs.count=2 param_rs.numbers=2,3 param_watch_rs.watched=5 syscall_rs.uid=65534 umh_rs.path=/bin/true" \
		boot "$out/bzImage" '
		! grep _rs /proc/modules
		# What the keyboard sends while its driver starts may or may not come first, and
		# nobody waits for the threads.
		dmesg | grep "^[a-z_]*_rs: " | grep -v "^\(irq_kbd\|completions\|locks\|workqueue\)_rs: " | sed "s/\(number is\|pid\|at byte\) [0-9]*/\1 N/"
		dmesg | grep "^completions_rs: "
		dmesg | grep "^workqueue_rs: "
		dmesg | grep "^platform_rs platform_rs"
		dmesg | grep -o "^locks_rs: [a-z]*:.* counted" | sed "s/[0-9]* of [0-9]*/N of N/"
		echo --- /proc
		cat /proc/test
		echo one >/proc/rw_test; cat /proc/rw_test
		echo two >/proc/sleep; cat /proc/sleep
		echo three four >/proc/iter; cat /proc/iter
		grep -x "Timer was called [0-9]* times so far" /proc/sched >/dev/null
		grep -o "char_dev\|chardev_rs" /proc/devices
		grep -o "i8042, irq_kbd_rs" /proc/interrupts
		grep -o " D yohda$" /proc/kallsyms; grep -o " T yohda_add$" /proc/kallsyms
		echo --- /dev
		echo disk >/dev/ramdisk_rs; head -n 1 /dev/ramdisk_rs
		cat /dev/chardev_rs
		echo message >/dev/char_dev; ioctl get
		misc 5
		echo --- /sys
		cd /sys/module
		for file in *_rs/parameters/*; do echo "$file $(cat $file)"; done
		echo 12 >/sys/kernel/sysfs_rs/value; cat /sys/kernel/sysfs_rs/squared
		cat /sys/class/net/netloop0/mtu
		cd /sys/kernel/debug/debugfs_rs; echo Hello >message; cat message counter enabled
		cd /root
		echo --- log
		dmesg -c >/dev/null
		su -s /bin/sh nobody -c "cat /etc/group" >/dev/null
		dmesg | grep -x "syscall_rs: Opened file by 65534: /etc/group"
		for module in print_string_rs usercopy_test_rs; do insmod /job/$module.ko; rmmod $module; done
		# What is built in exports to what is loaded.
		insmod export_client_rs.ko; rmmod export_client_rs
		dmesg | grep "^[e-u].*_rs: [t-y]"' "$out"/y/*.ko
	diff - <(echo "$output") <<-'END'
		param_watch_rs: watched becomes 5
		chardev_rs: The major device number is N.
		demand_load_rs: Next time, do insmod demand_load_rs.ko name=<module>
		export_server_rs: yohda is 42
		export_client_rs: yohda is 42
		export_client_rs: yohda is 43 now
		gpio_rs: there is no chip gpio_rs
		hello_multi_rs: Hello, world - this is the kernel speaking
		hello_rs: Hello, world - this is the kernel speaking
		param_rs: Strings:Hello and boot
		param_rs: Strings:Hello and boot
		param_rs: Numbers: 2 given, [2, 3]
		param_watch_rs: Loaded, watched is 5
		ramdisk_rs: 8 MiB
		slab_rs: Object 1 begins at byte N of its page
		slab_rs: Object 2 begins at byte N of its page
		umh_rs: init hook, pid N
		umh_rs: cleanup hook
		umh_rs: /bin/true exited with 0
		completions_rs: Turn the crank
		completions_rs: Flywheel spins up
		workqueue_rs: Item 1 runs in a kernel thread
		workqueue_rs: Item 2 runs in a kernel thread
		workqueue_rs: Item 3 runs in a kernel thread
		platform_rs platform_rs.0: label zero, value 0 of 100, enabled
		platform_rs platform_rs.1: label one, value 10 of 50, disabled
		platform_rs platform_rs.2: label two, value 20 of 100, enabled
		locks_rs: none: N of N counted
		locks_rs: atomic: N of N counted
		locks_rs: mutex: N of N counted
		locks_rs: spin: N of N counted
		locks_rs: irq: N of N counted
		locks_rs: rwsem: N of N counted
		--- /proc
		For the 1st time, go away!
		Last input:one
		Last input:two
		three
		four
		char_dev
		chardev_rs
		i8042, irq_kbd_rs
		 D yohda
		 T yohda_add
		--- /dev
		disk
		If I told you once, I told you 0 times Hello, world
		get_msg message:message

		value of this file: 5
		number of all files: 0
		--- /sys
		demand_load_rs/parameters/name (null)
		gpio_rs/parameters/chip gpio_rs
		locks_rs/parameters/lock (null)
		param_rs/parameters/numbers 2,3
		param_rs/parameters/str1 Hello
		param_rs/parameters/str2 boot
		param_rs/parameters/title Numbers
		param_watch_rs/parameters/watched 5
		syscall_rs/parameters/symbol (null)
		umh_rs/parameters/arg (null)
		umh_rs/parameters/path /bin/true
		umh_rs/parameters/wait (null)
		144
		1500
		Hello
		1
		Y
		--- log
		syscall_rs: Opened file by 65534: /etc/group
		usercopy_test_rs: tests passed.
		export_client_rs: yohda is 43
		export_client_rs: yohda is 44 now
	END
}

@test "as modules they are the same modules" {
	run grep -ci warning "$out/log.m"
	[ "$output" = 0 ]
	for module in "$LKMPG_GUEST"/lib/modules/*/updates/*_rs.ko; do
		diff <(modinfo "$module" | grep -v ^filename:) \
			<(modinfo "$out/m/$(basename "$module")" | grep -v '^filename:\|^intree: *Y$')
	done
	run -0 bash -c 'cd "$out/m" && ls *.ko | wc -l'
	[ "$output" -eq "$(grep -c ^obj-m Kbuild)" ]
}

@test "as modules they are loaded into the guest's own kernel, which is not tainted" {
	boot "$LKMPG_GUEST/kernel" '
		for module in hello_rs export_server_rs export_client_rs; do insmod /job/$module.ko; done
		sed "s/ [0-9]* / /; s/ Live 0x[0-9a-f]*//" /proc/modules
		cat /proc/sys/kernel/tainted
		dmesg | grep "^[a-z_]*_rs: "' "$out"/m/{hello,export_server,export_client}_rs.ko
	diff - <(echo "$output") <<-'END'
		export_client_rs 0 -
		export_server_rs 1 export_client_rs,
		hello_rs 0 -
		0
		hello_rs: Hello, world - this is the kernel speaking
		export_server_rs: yohda is 42
		export_client_rs: yohda is 42
		export_client_rs: yohda is 43 now
	END
}
