# shellcheck shell=bats disable=SC2016,SC2030,SC2031,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# What people see of a first run, and what becomes of one that they interrupt. Made-up
# tools stand for those that take minutes.

bats_require_minimum_version 1.5.0
load settings

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	no_settings
	dir=$BATS_TEST_TMPDIR
}

# made_up - has the scripts use a cache of this test's own, a made-up source of Linux in a
# tarball, and a tar and a make that wait where a file says so
made_up() {
	local real=${XDG_CACHE_HOME:-$HOME/.cache}/lkmpg-rs
	export XDG_CACHE_HOME=$dir/cache
	cache=$XDG_CACHE_HOME/lkmpg-rs
	mkdir -p "$cache" "$dir/bin" "$dir/linux"
	cp -a "$real/toolchain" "$cache"
	ln -s "$real"/{busybox,bindgen-*} "$cache"
	printf 'VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 9\nEXTRAVERSION =\n' >"$dir/linux/Makefile"
	touch "$dir/linux/Kconfig"
	tar -cf "$dir/linux.tar" -C "$dir" linux
	export KERNEL_SRC=$dir/linux.tar
	cat >"$dir/bin/at" <<-END
		#!/bin/sh
		if [ -e "$dir/wait-\$1" ]; then touch "$dir/at-\$1"; sleep "\$(cat "$dir/wait-\$1")"; fi
	END
	cat >"$dir/bin/tar" <<-END
		#!/bin/sh
		at unpack && exec /bin/tar "\$@"
	END
	cat >"$dir/bin/make" <<-'END'
		#!/bin/sh
		while [ $# -gt 0 ]; do
			case $1 in
			-C) dir=$2 ;;
			O=*) dir=${1#O=} ;;
			allnoconfig) at configure && cp "$dir/fragment" "$dir/.config" ;;
			vmlinux)
				for i in $(seq 1100); do echo "  CC      $i.o"; done
				at build
				echo image >"$dir/vmlinux" ;;
			esac
			shift
		done
	END
	chmod +x "$dir"/bin/*
	PATH=$dir/bin:$PATH
}

# still_runs(group) - whether a process of the group does; one that has ended stays as a zombie
# where init waits for none that it has not started, as in containers
still_runs() {
	pgrep --runstates D,R,S,T -g "$1" >/dev/null
}

@test "Ctrl-C at three points, and the same command goes on" {
	made_up
	for point in unpack configure build; do
		echo 60 >"$dir/wait-$point"
		setsid env --default-signal=INT scripts/kernel.sh >"$dir/out" 2>&1 3>&- &
		runner=$!
		for _ in {1..300}; do
			[ ! -e "$dir/at-$point" ] || break
			sleep 0.1
		done
		[ -e "$dir/at-$point" ]
		kill -INT -- -"$runner"
		rc=0
		wait "$runner" || rc=$?
		[ $rc -eq 130 ]
		# Nothing of it goes on, or is taken for whole.
		for _ in {1..50}; do
			still_runs "$runner" || break
			sleep 0.1
		done
		run ! still_runs "$runner"
		[ -z "$(compgen -G "$cache/kernel/*/.complete")" ]
		rm "$dir/wait-$point"
	done
	run -0 scripts/kernel.sh
	[ -e "${lines[-1]}/.complete" ]
	[ -s "${lines[-1]}/vmlinux" ]
}

@test "progress: a bar, files of files, and the time that is left" {
	made_up
	echo 4 >"$dir/wait-build"
	echo 2200 >"$cache/files"
	run -0 script -qec 'scripts/kernel.sh' /dev/null </dev/null
	[[ $output == *$'\r'*"Building Linux 7.3.9 [############............] 1100 of about 2200 files, 0:0"[0-9]" left"* ]]
}

@test "the number of files is known from the last build" {
	made_up
	run -0 scripts/kernel.sh
	[ "$(cat "$cache/files")" -eq 1100 ]
}

@test "to a pipe, progress is a line now and then" {
	run -0 bash -c '. scripts/common.sh && TICK=1 expected=10 step Building "$0/log" bash -c "
		for i in 1 2 3 4 5; do echo \"  CC      \$i.o\"; done; sleep 2.5"' "$dir"
	[[ ${lines[0]} == '  0:0'[12]' Building [############............] 5 of about 10 files, 0:0'[123]' left' ]]
	[[ ${lines[-1]} == '  0:0'[23]' Building' ]]
	[[ $output != *$'\r'* ]]
}

# announcer() - makes a program, `announced PACKAGE...`, that says what a first run will
# do, in a cache that is empty
announcer() {
	cat >"$dir/announced" <<-END
		#!/usr/bin/env bash
		export XDG_CACHE_HOME=$dir/cache
		. scripts/common.sh && . scripts/packages.sh
		find_bindgen() { false; }
		announce "\$@" && echo went on
	END
	chmod +x "$dir/announced"
}

@test "a first run says what it will do, and goes on where nobody is asked" {
	announcer
	run -0 "$dir/announced" flex bison
	[[ $output == *"install these packages of "*"flex bison"*"fetch the source of Linux (150 MB)"* ]]
	[[ $output == *"build it in $dir/cache/lkmpg-rs: 4 GB, of "*"went on" ]]
	for yes in ASSUME_YES CI; do
		run -0 env "$yes=1" script -qec "$dir/announced flex" /dev/null
		[[ $output == *"went on"* ]]
		[[ $output != *"Enter to go on"* ]]
	done
	lkmpg_clean=1 BOOK=1 run -0 "$dir/announced" flex # as a script of ours calls another
	[[ $output == *"fetch mdBook, from crates.io"*"build it in $dir/cache/lkmpg-rs: 1 GB, of "*"went on" ]]
	[[ $output != *"source of Linux"* ]]
	# Nothing is said where nothing is done.
	mkdir -p "$dir/cache/lkmpg-rs/kernel/7.3"
	touch "$dir/cache/lkmpg-rs/kernel/7.3/.complete"
	run -0 "$dir/announced"
	[ "$output" = "went on" ]
}

@test "on a terminal, a first run asks" {
	announcer
	run -0 script -qec "$dir/announced flex" /dev/null <<<''
	[[ $output == *"Enter to go on, Ctrl-C to leave: "*"went on"* ]]
	mkfifo "$dir/nobody"
	sleep 3 >"$dir/nobody" 3>&- &
	run timeout -s KILL 2 script -qec "$dir/announced flex" /dev/null <"$dir/nobody"
	[[ $output != *"went on"* ]]
}

@test "make demo ONLY= plays one module's part, and says what to try next" {
	ONLY=sleep_rs run -0 make demo
	[[ $output == *"sleep_rs: only one at a time has the file open"*"guest# insmod sleep_rs.ko"* ]]
	[[ $output != *"insmod chardev_rs.ko"* ]]
	[[ $output == *"What to try next:"*"sleep_rs.rs"*"make shell"* ]]
	ONLY='sleep' run -2 make demo
	[[ $output == *"lkmpg-rs: ONLY=sleep is no module; take one of: "* ]]
}

@test "the tour has a part for each module, for ONLY=" {
	for module in *_rs.rs; do
		grep -hE '^say "[a-z_]+_rs: ' qemu/tour/* | grep -qE "[ \"]${module%.rs}[:. ]"
	done
}
