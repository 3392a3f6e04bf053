# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# What the caller has set, for other work, in variables, files and limits: all at once, and
# the result is byte for byte the one without them.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL lkmpg_clean given_jobs KDIR
	dir=$BATS_TEST_TMPDIR
}

# hostile(command...) - runs a command as the worst of callers
hostile() {
	mkdir -p "$dir"/{home,cargo/registry,real,include,scripts}
	echo '#error hostile' | tee "$dir"/include/{stddef,stdint,stdio,stdlib}.h >/dev/null
	echo 'echo hostile; cd /; exit 3' >"$dir/bash_env"
	echo 'CC = false' >"$dir/makefiles"
	printf '[core]\n\texcludesFile = %s\n' "$dir/ignore" >"$dir/home/.gitconfig"
	echo '*' >"$dir/ignore"
	cat >"$dir/cargo/config.toml" <<-'END'
		[build]
		rustc-wrapper = "false"
		target-dir = "elsewhere"
		rustflags = ["-Cno-such-option"]
		[target.x86_64-unknown-linux-gnu]
		linker = "false"
		runner = "false"
		rustflags = ["-Ctarget-cpu=native"]
	END
	local cargo=${CARGO_HOME:-$HOME/.cargo} variables
	variables=(
		"HOME=$dir/home" "XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}" "XDG_CONFIG_HOME=$dir/home/.config"
		"CDPATH=.:$dir" "BASH_ENV=$dir/bash_env" "ENV=$dir/bash_env" SHELLOPTS=noclobber:xtrace:noglob
		BASHOPTS=failglob:nocasematch POSIXLY_CORRECT=1 'BASH_FUNC_dirname%%=() { echo /; }'
		'BASH_FUNC_cd%%=() { :; }' IFS=/ PS4=hostile 'TMPDIR=/no/such folder' DEBUG='app:*' STOCK=ACME RELEASE=none KEY=x CERT=x CI=
		LC_ALL=tr_TR.UTF-8 LANG=de_DE.UTF-8 LANGUAGE=de TZ=Pacific/Chatham TERM=dumb COLUMNS=7
		GREP_OPTIONS=-v GREP_COLORS=bad TAR_OPTIONS=--no-such XZ_OPT=--no-such XZ_DEFAULTS=--no-such
		GZIP=--no-such BLOCK_SIZE=1 QUOTING_STYLE=c CLICOLOR_FORCE=1 AWKPATH=/no AWKLIBPATH=/no
		SOURCE_DATE_EPOCH=1 OMP_NUM_THREADS=1 OMP_THREAD_LIMIT=1
		CC=gcc CXX=false LD=false AR=false NM=false OBJCOPY=false STRIP=false CPP=false CFLAGS=-bad
		CPPFLAGS=-bad LDFLAGS=-bad HOSTCC=false HOSTCFLAGS=-bad HOSTLDFLAGS=-bad HOSTRUSTFLAGS=-bad
		KCFLAGS=-bad KCPPFLAGS=-bad KAFLAGS=-bad KRUSTFLAGS=-bad CFLAGS_MODULE=-bad LDFLAGS_MODULE=-bad
		CFLAGS_KERNEL=-bad RUSTFLAGS_MODULE=-bad LLVM=-99 LLVM_IAS=0 ARCH=arm64 SUBARCH=arm CROSS_COMPILE=arm-
		O=/no M=/no MO=/no V=2 W=1e C=2 CHECK=false KBUILD_OUTPUT=/no KBUILD_EXTMOD=/no KBUILD_EXTMOD_OUTPUT=/no
		KBUILD_VERBOSE=2 KBUILD_EXTRA_WARN=1e KBUILD_EXTRA_SYMBOLS=/no KBUILD_BUILD_USER=me KBUILD_NOPEDANTIC=1
		KBUILD_MODPOST_WARN=1 KBUILD_CFLAGS=-bad KBUILD_RUSTFLAGS=-bad KCONFIG_CONFIG=/no KCONFIG_ALLCONFIG=/no
		INSTALL_MOD_DIR=elsewhere INSTALL_MOD_STRIP=1 LOCALVERSION=-hostile DEPMOD=false srctree=/no objtree=/no
		RUSTC=false RUSTDOC=false RUSTFMT=false CLIPPY=1 RUSTFLAGS=-bad RUSTDOCFLAGS=-bad RUSTC_WRAPPER=false
		RUSTC_WORKSPACE_WRAPPER=false RUSTC_BOOTSTRAP=0 RUSTC_LOG=trace RUST_LOG=trace RUST_MIN_STACK=1
		RUST_TARGET_PATH=/no RUSTUP_TOOLCHAIN=none CARGO=false "CARGO_HOME=$cargo" "RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}" CARGO_TARGET_DIR=/no/such
		CARGO_BUILD_TARGET=wasm32-unknown-unknown CARGO_BUILD_RUSTFLAGS=-bad CARGO_ENCODED_RUSTFLAGS=-bad
		CARGO_BUILD_RUSTC=false CARGO_BUILD_DEP_INFO_BASEDIR=/no CARGO_PROFILE_RELEASE_STRIP=false
		CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=false CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=false
		CARGO_TERM_COLOR=always CARGO_TERM_VERBOSE=true CARGO_INCREMENTAL=1
		BINDGEN=false BINDGEN_EXTRA_CLANG_ARGS=-bad LIBCLANG_PATH=/no CLANG_PATH=/no LLVM_CONFIG_PATH=/no
		'CCC_OVERRIDE_OPTIONS=+-bad' CCC_ADD_ARGS=-bad "CPATH=$dir/include" "C_INCLUDE_PATH=$dir/include"
		LIBRARY_PATH=/no COMPILER_PATH=/no GCC_EXEC_PREFIX=/no/ LD_LIBRARY_PATH=/no LD_RUN_PATH=/no
		PYTHONHOME=/no PYTHONPATH=/no PYTHONSTARTUP=/no PERL5OPT=-Mno::such
		GIT_DIR=/no GIT_WORK_TREE=/no GIT_INDEX_FILE=/no GIT_CEILING_DIRECTORIES=/
		APT_CONFIG=/no DPKG_ROOT=/no QEMU_AUDIO_DRV=no QEMU_MODULE_DIR=/no BISON_PKGDATADIR=/no M4=false
		"MAKEFILES=$dir/makefiles" 'MAKEFLAGS=-e -j3 --no-builtin-variables'
	)
	(
		trap '' PIPE
		umask 077
		ulimit -S -n 64 -s 512 -f 1000 -c 0
		# cargo's registry has another settings file beside it.
		exec unshare --map-root-user --mount bash -c '
			mount --bind "$1" "$0/real" && mount --bind "$0/cargo" "$1" &&
				mount --bind "$0/real/registry" "$1/registry" && exec env "${@:2}"' \
			"$dir" "$cargo" "${variables[@]}" "$@"
	)
}

# told(file) - prints a tour without what differs between two: addresses, pids, ticks, times,
# interrupts, and what threads count together, or lose
told() {
	sed 's/ffffffff[0-9a-f]*/ADDRESS/; s/pid [0-9]*/pid N/; s/was called [0-9]* times/was called N times/
		s/^\(press [0-9]* after\) [0-9.]*/\1 N/; s,/input/input[0-9]*,/input/inputN,
		/^locks_rs: /s/[0-9][0-9]*/N/g; /i8042, irq_kbd_rs/s/[0-9][0-9]* /N /g; s/at byte [0-9]* of/at byte N of/' "$1"
}

@test "a hostile environment changes no byte: the modules, the guest, the tour" {
	make demo >"$dir/expected"
	guest=build/guest-$(cat "$(make -s kdir)/include/config/kernel.release")
	cp -r ./*.ko "$guest" "$dir"
	# So that some of all kinds are made again.
	touch hello_rs.rs param_rs.rs tests/faulty/faulty.rs tests/src/bin/ioctl.rs
	hostile make demo >"$dir/demo"
	diff <(told "$dir/expected") <(told "$dir/demo")
	for file in *.ko; do
		cmp "$file" "$dir/$file"
	done
	cmp "$guest/initramfs.cpio" "$dir/$(basename "$guest")/initramfs.cpio"
}

@test "a hostile environment changes nothing of what else make says" {
	for goal in kdir kernel-image help doctor; do
		make -s $goal >"$dir/expected"
		hostile make $goal >"$dir/said"
		diff "$dir/expected" "$dir/said"
	done
}

@test "CDPATH does not lead make clean elsewhere" {
	mkdir -p "$dir/checkout" "$dir/else"/{scripts,build}
	cp -r Makefile scripts "$dir/checkout"
	mkdir "$dir/checkout/build"
	cd "$dir/checkout"
	CDPATH="$dir/else" SERIES=0.0 run -0 make clean
	[ -e "$dir/else/build" ]
	[ ! -e "$dir/checkout/build" ]
	mkdir build
	CDPATH="$dir/else" SERIES=0.0 run -0 scripts/clean.sh
	[ -e "$dir/else/build" ]
	[ ! -e "$dir/checkout/build" ]
}

@test "the guest's archive is the same whatever the modes and the umask here" {
	mkdir -p "$dir/files/folder"
	echo program | tee "$dir/files/program" "$dir/files/folder/data" >/dev/null
	printf '#!/bin/sh\necho bin/sh\n' >"$dir/busybox"
	chmod +x "$dir/files/program" "$dir/busybox"
	for mode in 022,go=rX 077,go= 002,g=rwX; do
		chmod -R "${mode#*,}" "$dir/files"
		(umask "${mode%,*}" && qemu/initramfs.sh "$dir/$mode" "$dir/busybox" "$dir/files/program" "$dir/files/folder")
		cmp "$dir/022,go=rX" "$dir/$mode"
	done
}
