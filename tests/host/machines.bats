# shellcheck shell=bats disable=SC2016,SC2030,SC2031,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# Machines and habits other than ours: a checkout with a strange path or another owner, a
# tool that is replaced, a lock that is held, caches that somebody has touched. Made-up
# tools stand for the real ones where those would take minutes.

bats_require_minimum_version 1.5.0
load settings

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	real_cache=${XDG_CACHE_HOME:-$HOME/.cache}/lkmpg-rs
	cache=$BATS_TEST_TMPDIR/cache/lkmpg-rs
	unset MAKEFLAGS MAKELEVEL lkmpg_clean given_jobs
}

# own_cache - has the scripts use a cache of this test's own, with the real tools in it
own_cache() {
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	mkdir -p "$cache"
	cp -a "$real_cache/toolchain" "$cache"
	ln -s "$real_cache"/{busybox,bindgen-*} "$cache"
}

# program(path, commands) - makes a shell script
program() {
	mkdir -p "$(dirname "$1")"
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# checkout(dir) - copies this checkout, with two modules in its Kbuild
checkout() {
	mkdir -p "$1"
	git ls-files -z --cached --others --exclude-standard | xargs -0 cp -P --parents -t "$1"
	sed -i '/^obj-m/{/hello_rs\|param_rs/!d}' "$1/Kbuild"
}

# The kernel is one that is there; these are about the modules.
@test "a checkout whose path kbuild does not take" {
	kdir=$(scripts/kernel.sh)
	for name in "my projects" '%&$'"'"'#,;(é)'; do
		there=$BATS_TEST_TMPDIR/$name/lkmpg-rs
		checkout "$there"
		KDIR=$kdir run -0 make -C "$there"
		[ -s "$there/hello_rs.ko" ]
		[ -s "$there/param_rs.ko" ]

		# On its command line, make would take the $ for its own.
		run -0 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$BATS_TEST_TMPDIR/root" \
			INSTALL_MOD_PATH="$BATS_TEST_TMPDIR/$name/to" make -C "$there" modules_install
		cmp "$there/hello_rs.ko" "$BATS_TEST_TMPDIR/$name/to/lib/modules"/*/updates/hello_rs.ko
		[ ! -e "$BATS_TEST_TMPDIR/root/.cache/lkmpg-rs/toolchain" ]

		KDIR=$kdir run -0 make -C "$there" clean
		[ ! -e "$there/hello_rs.ko" ]
		KDIR=$kdir run -2 make -C "$there" modules_install
		[[ $output == *"lkmpg-rs: nothing is built here: run 'make' first"* ]]
	done
}

@test "a path with which nothing works is refused at once" {
	checkout "$BATS_TEST_TMPDIR/a:b"
	run -2 make -C "$BATS_TEST_TMPDIR/a:b" help demo
	[[ $output == *"lkmpg-rs: cargo does not work in $BATS_TEST_TMPDIR/a:b, which has a ':' in it"* ]]
	XDG_CACHE_HOME="$BATS_TEST_TMPDIR/my cache" run -2 make demo
	[[ $output == *"lkmpg-rs: kbuild does not work in $BATS_TEST_TMPDIR/my cache/lkmpg-rs, which has a ' ' in it"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/my cache" ]
}

@test "sudo make modules_install sets nothing up; INSTALL_MOD_PATH may be relative, or have a tilde" {
	there=$BATS_TEST_TMPDIR/checkout
	checkout "$there"
	KDIR=$(scripts/kernel.sh) run -0 make -C "$there"
	# Root has no cache, and no other tools than the machine's own.
	run -0 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$BATS_TEST_TMPDIR/root" \
		make -C "$there" modules_install INSTALL_MOD_PATH="$BATS_TEST_TMPDIR/to"
	cmp "$there/hello_rs.ko" "$BATS_TEST_TMPDIR/to/lib/modules"/*/updates/hello_rs.ko
	[ ! -e "$BATS_TEST_TMPDIR/root" ]
	run -0 make -C "$there" modules_install INSTALL_MOD_PATH=stage
	cmp "$there/hello_rs.ko" "$there"/stage/lib/modules/*/updates/hello_rs.ko
	HOME=$BATS_TEST_TMPDIR run -0 dash -c 'make -C "$0" modules_install INSTALL_MOD_PATH=~/home' "$there"
	cmp "$there/hello_rs.ko" "$BATS_TEST_TMPDIR"/home/lib/modules/*/updates/hello_rs.ko
}

@test "the files of a checkout: of another user, without git, within another repository" {
	there=$BATS_TEST_TMPDIR/outer/checkout
	checkout "$there"
	files='. scripts/common.sh; project_files ":(glob)*_rs.rs" | tr "\0" "\n"'
	expected=$(printf '%s\n' *_rs.rs)
	cd "$there"
	[ "$(bash -c "$files")" = "$expected" ]
	git -C .. init --quiet
	echo '*' >../.gitignore
	[ "$(bash -c "$files")" = "$expected" ]
	git init --quiet
	[ "$(bash -c "$files")" = "$expected" ]
	program files "$files"
	sed -i '1s/sh$/bash/' files
	[ "$(GIT_TEST_ASSUME_DIFFERENT_OWNER=1 unshare --map-user=1000 ./files)" = "$expected" ]
	touch new_rs.rs
	[[ "$(bash -c "$files")" == *new_rs.rs* ]]
}

@test "a clone by a git that makes CRLF of each line" {
	git -c safe.directory='*' -c core.autocrlf=true clone --quiet --no-hardlinks . "$BATS_TEST_TMPDIR/clone"
	cp .gitattributes "$BATS_TEST_TMPDIR/clone"
	cd "$BATS_TEST_TMPDIR/clone"
	rm -f scripts/*.sh Makefile
	git -c core.autocrlf=true checkout --quiet -- scripts Makefile
	run -1 grep -rlI $'\r' scripts Makefile
}

# sysroot(version) - makes a Rust of a version, with all that is looked for
sysroot() {
	local dir=$BATS_TEST_TMPDIR/rust tool
	mkdir -p "$dir/lib/rustlib/src/rust/library/core/src"
	touch "$dir/lib/rustlib/src/rust/library/core/src/lib.rs"
	for tool in rustdoc rustfmt clippy-driver cargo cargo-clippy cargo-fmt; do
		program "$dir/bin/$tool" ''
	done
	# A new file, as rustup and dpkg make one.
	program "$dir/bin/rustc.new" "[ \"\$2\" = sysroot ] && echo $dir || echo 'rustc $1 (made up)'"
	mv "$dir/bin/rustc.new" "$dir/bin/rustc"
}

@test "a rustc that is replaced in place is noticed" {
	own_cache
	rm "$cache/toolchain/bin/rustc"
	sysroot 1.96.7
	PATH=$BATS_TEST_TMPDIR/rust/bin:$PATH
	run -0 scripts/toolchain.sh
	grep -qx 'rustc 1.96.7 (made up)' "$cache/toolchain/versions"
	sysroot 1.97.3
	run -0 scripts/toolchain.sh
	grep -qx 'rustc 1.97.3 (made up)' "$cache/toolchain/versions"
}

# made_up_kernel - has kernel.sh build a made-up kernel, in a moment
made_up_kernel() {
	no_settings
	own_cache
	source=$cache/src/linux-7.3
	mkdir -p "$source"
	printf 'VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 9\nEXTRAVERSION =\n' >"$source/Makefile"
	touch "$source/Kconfig"
	program "$BATS_TEST_TMPDIR/bin/make" '
		echo "$* [$(env | grep -c "^CC=\|^KCFLAGS=")]" >>"'"$BATS_TEST_TMPDIR"'/made"
		while [ $# -gt 0 ]; do
			case $1 in
			-C) dir=$2 ;;
			O=*) dir=${1#O=} ;;
			PAHOLE=none) pahole=0 ;;
			mrproper) rm -rf "$dir/.config" "$dir/include/config" ;;
			allnoconfig) cp "$dir/fragment" "$dir/.config" && echo "CONFIG_PAHOLE_VERSION=${pahole:-199}" >>"$dir/.config" ;;
			vmlinux) echo image >"$dir/vmlinux" ;;
			esac
			shift
		done'
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# builds(count) - the kernel was built so many times
builds() {
	[ "$(grep -c vmlinux "$BATS_TEST_TMPDIR/made")" -eq "$1" ]
}

@test "a cached kernel that somebody has configured or cleaned is built again" {
	made_up_kernel
	run -0 scripts/kernel.sh
	tree=${lines[-1]}
	builds 1
	run -0 scripts/kernel.sh
	builds 1
	touch -d '1 hour' "$tree/.config"
	run -0 scripts/kernel.sh
	builds 2
	rm "$tree/vmlinux"
	run -0 scripts/kernel.sh
	builds 3
	# An earlier version of the scripts left it to a pahole that was there.
	sed 's/^CONFIG_PAHOLE_VERSION=0$/CONFIG_PAHOLE_VERSION=124/' "$tree/.config" >"$tree/.config.old"
	touch -d '-1 hour' "$tree/.config.old" && mv "$tree/.config.old" "$tree/.config"
	run -0 scripts/kernel.sh
	builds 4
	run -0 scripts/kernel.sh
	builds 4
	[ "${lines[-1]}" = "$tree" ]
}

@test "a cached source in which somebody has configured a kernel is cleaned" {
	made_up_kernel
	touch "$source/.config"
	mkdir -p "$source/include/config"
	run -0 scripts/kernel-source.sh
	[ "${lines[-1]}" = "$source" ]
	[ ! -e "$source/.config" ]
	mkdir -p "$source/arch/x86/include/generated"
	run -1 scripts/kernel-source.sh
	[ "${lines[-1]}" = "lkmpg-rs: the kernel's source in $source is not clean; delete that folder" ]
	KERNEL_SRC=$source run -1 scripts/kernel-source.sh
	[[ ${lines[-1]} == *"was configured in place: run 'make mrproper' there"* ]]
}

@test "all processors without -j, the number with it" {
	made_up_kernel
	for given in "=$(nproc)" -j3=3 -j1=1 "-j=$(nproc)"; do
		rm -rf "$cache/kernel"
		# shellcheck disable=SC2086 # it may be no argument
		run -0 /usr/bin/make ${given%%=*} kdir
		[[ $output != *jobserver* ]]
		[[ $(tail -n 1 "$BATS_TEST_TMPDIR/made") == *" -j${given#*=} vmlinux"* ]]
	done
	rm -rf "$cache/kernel"
	MAKEFLAGS=-j5 run -0 /usr/bin/make kdir
	[[ $(tail -n 1 "$BATS_TEST_TMPDIR/made") == *" -j5 vmlinux"* ]]
}

@test "apt's lock, held by another program, is waited for" {
	mkdir -p "$BATS_TEST_TMPDIR"/apt/{lists/partial,cache/archives/partial}
	touch "$BATS_TEST_TMPDIR/apt/status"
	cat >"$BATS_TEST_TMPDIR/apt.conf" <<-END
		Dir::Etc "$BATS_TEST_TMPDIR/apt"; Dir::State "$BATS_TEST_TMPDIR/apt"; Dir::Cache "$BATS_TEST_TMPDIR/apt/cache";
		Dir::State::status "$BATS_TEST_TMPDIR/apt/status"; APT::Sandbox::User "root";
	END
	export APT_CONFIG=$BATS_TEST_TMPDIR/apt.conf
	python3 - "$BATS_TEST_TMPDIR/apt/lists/lock" 3>&- <<-'END' &
		import fcntl, sys, time
		file = open(sys.argv[1], "w")
		fcntl.lockf(file, fcntl.LOCK_EX)
		time.sleep(4)
	END
	holder=$!
	until [ -e "$BATS_TEST_TMPDIR/apt/lists/lock" ]; do sleep 0.1; done
	sleep 0.3
	run -0 unshare --map-root-user bash -c '. scripts/common.sh && . scripts/apt.sh &&
		patience=1 step Updating "$0/log" patient apt-get update' "$BATS_TEST_TMPDIR"
	wait "$holder"
	[ "$(grep -c "waiting for apt's lock, which is held by process $holder" <<<"$output")" -eq 1 ]

	# Any other failure is one at once.
	SECONDS=0
	run ! unshare --map-root-user bash -c '. scripts/common.sh && . scripts/apt.sh &&
		step Installing "$0/log" patient apt-get install -y no-such-package' "$BATS_TEST_TMPDIR"
	[ $SECONDS -lt 10 ]
	[[ $output == *"Unable to locate package"* ]]
}

@test "a folder for temporary files in which no program can run, or that is not there" {
	cp -r Makefile scripts "$BATS_TEST_TMPDIR"
	program "$BATS_TEST_TMPDIR/scripts/tell.sh" '. "$(dirname "$0")/common.sh"; echo "$TMPDIR"'
	sed -i '1s/sh$/bash/' "$BATS_TEST_TMPDIR/scripts/tell.sh"
	export tell=$BATS_TEST_TMPDIR/scripts/tell.sh
	unset TMPDIR
	[ "$("$tell")" = /tmp ]
	[ "$(TMPDIR=/no/such/folder "$tell")" = /tmp ]
	[ "$(TMPDIR=$BATS_TEST_TMPDIR/$(printf 'long%.0s' {1..20}) "$tell")" = /tmp ]
	mkdir "$BATS_TEST_TMPDIR/ok"
	[ "$(TMPDIR=$BATS_TEST_TMPDIR/ok "$tell")" = "$BATS_TEST_TMPDIR/ok" ] || [ ${#BATS_TEST_TMPDIR} -gt 57 ]
	run -0 unshare --map-root-user --mount bash -c '
		cp -r "$(dirname "$tell")/.." /var/tmp/lkmpg.$$ && trap "rm -rf /var/tmp/lkmpg.$$" EXIT
		mount -t tmpfs -o noexec tmpfs /tmp && /var/tmp/lkmpg.$$/scripts/tell.sh'
	[ "$output" = /var/tmp ]
}

@test "a pahole that was installed after the kernel was built" {
	program "$BATS_TEST_TMPDIR/bin/pahole" 'echo v1.99'
	kdir=$(scripts/kernel.sh)
	copy=$BATS_TEST_TMPDIR/copy
	mkdir "$copy" && cp hello_rs.rs "$copy" && echo 'obj-m += hello_rs.o' >"$copy/Kbuild"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 make -C "$kdir" LLVM=1 M="$copy"
	[[ ${output,,} != *pahole* ]]
}
