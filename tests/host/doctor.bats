# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# scripts/doctor.sh: each finding, on a made-up kernel tree with made-up tools.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	tree=$BATS_TEST_TMPDIR/tree
	sysroot=$BATS_TEST_TMPDIR/sysroot
	tools=$BATS_TEST_TMPDIR/tools

	mkdir -p "$tree/include/config" "$tree/rust" "$tools" "$sysroot/lib/rustlib/src/rust/library/core/src"
	echo '0x0 printk vmlinux EXPORT_SYMBOL' >"$tree/Module.symvers"
	touch "$tree"/{Makefile,rust/libcore.rmeta,rust/Makefile,rust/bindgen_parameters} "$sysroot/lib/rustlib/src/rust/library/core/src/lib.rs"
	echo 7.3.4 >"$tree/include/config/kernel.release"
	cat >"$tree/include/config/auto.conf" <<-END
		CONFIG_MODULES=y
		CONFIG_RUST=y
		CONFIG_RUSTC_VERSION_TEXT="rustc 1.96.0 (made up)"
		CONFIG_CC_IS_CLANG=y
		CONFIG_CC_VERSION_TEXT="Made-up clang version 22.1.8"
	END
	tool rustc "rustc 1.96.0 (made up)"
	tool bindgen "bindgen 0.73.2"
	tool clang "Made-up clang version 22.1.8"
	PATH=$tools:$PATH
	unset MAKEFLAGS MAKELEVEL
}

# tool(name, version) - makes a tool that tells its version and sysroot
tool() {
	printf '#!/bin/sh\n[ "$*" = "--print sysroot" ] && echo "%s" || echo "%s"\n' "$sysroot" "$2" >"$tools/$1"
	chmod +x "$tools/$1"
}

# finds(text) - the doctor has exactly one finding, two lines long
finds() {
	run -1 scripts/doctor.sh "$tree"
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == "doctor: "*"$1"* ]]
	[[ ${lines[1]} == "        "?* ]]
}

# A test makes files read-only, which only root can remove then.
teardown() {
	chmod -R u+w "$BATS_TEST_TMPDIR"
}

@test "nothing wrong: silent and successful" {
	run -0 scripts/doctor.sh "$tree"
	[ -z "$output" ]
}

@test "not a kernel tree" {
	rm "$tree/Makefile"
	finds "is not a kernel build tree"
}

@test "a source that was never configured" {
	rm -r "$tree/include"
	finds "is not a kernel build tree"
}

@test "CONFIG_RUST unset" {
	sed -i '/CONFIG_RUST=/d' "$tree/include/config/auto.conf"
	finds "CONFIG_RUST is not set"
}

@test "Rust metadata absent, as in distribution headers" {
	rm "$tree"/rust/*.rmeta
	finds "can't find crate for core"
}

@test "headers with metadata, but without what bindgen needs, as in Arch; their source elsewhere" {
	rm "$tree/rust/bindgen_parameters"
	finds "$tree has no rust/Makefile or rust/bindgen_parameters"
	common="$BATS_TEST_TMPDIR/linux-headers-common"
	mkdir -p "$common"
	mv "$tree/rust/Makefile" "$common"
	echo "include ../linux-headers-common/Makefile" >"$tree/Makefile"
	finds "$common has no rust/Makefile or rust/bindgen_parameters"
	mkdir "$common/rust"
	touch "$common"/rust/{Makefile,bindgen_parameters}
	run -0 scripts/doctor.sh "$tree"
}

@test "headers that are read-only, behind links, with a build folder of a distribution" {
	mkdir -p "$BATS_TEST_TMPDIR/lib/modules/7.3.4-arch1-1"
	ln -s "$tree" "$BATS_TEST_TMPDIR/lib/modules/7.3.4-arch1-1/build"
	chmod -R a-w "$tree"
	run -0 scripts/doctor.sh "$BATS_TEST_TMPDIR/lib/modules/7.3.4-arch1-1/build"
	[ -z "$output" ]
}

@test "another rustc than the one that built the tree" {
	tool rustc "rustc 1.95.0 (other)"
	finds "was built by rustc 1.96.0 (made up), this is rustc 1.95.0 (other)"
}

@test "rustc without the library's source" {
	rm -r "$sysroot/lib"
	finds "has no library source"
}

@test "rustc too old" {
	tool rustc "rustc 1.84.1 (old)"
	sed -i 's/rustc 1.96.0 (made up)/rustc 1.84.1 (old)/' "$tree/include/config/auto.conf"
	finds "rustc 1.84.1 is too old"
}

@test "bindgen too old" {
	tool bindgen "bindgen 0.71.0"
	finds "bindgen 0.71.0 is too old"
}

@test "LLVM too old" {
	tool clang "Debian clang version 16.0.6"
	finds "LLVM 16.0.6 is too old"
}

@test "llvm-link older than rustc's LLVM, where the tree inlines helpers by it" {
	tool llvm-link "LLVM version 19.1.7"
	run -0 scripts/doctor.sh "$tree"
	printf 'CONFIG_RUST_INLINE_HELPERS=y\nCONFIG_RUSTC_LLVM_MAJOR_VERSION=22\n' \
		>>"$tree/include/config/auto.conf"
	finds "llvm-link 19.1.7 is too old"
	tool llvm-link "LLVM version 22.1.8"
	run -0 scripts/doctor.sh "$tree"
}

@test "no bindgen at all" {
	run -2 make doctor KDIR="$tree" BINDGEN=no-such-bindgen
	[[ ${lines[0]} == "doctor: no no-such-bindgen in PATH" ]]
}

@test "a tree that was prepared for modules, but not built" {
	rm "$tree/Module.symvers"
	finds "has no Module.symvers"
}

@test "a tree without modules" {
	sed -i '/CONFIG_MODULES=/d' "$tree/include/config/auto.conf"
	finds "CONFIG_MODULES is not set"
}

@test "a tree that exports only what its own modules use" {
	echo CONFIG_TRIM_UNUSED_KSYMS=y >>"$tree/include/config/auto.conf"
	finds "CONFIG_TRIM_UNUSED_KSYMS"
	echo 'CONFIG_UNUSED_KSYMS_WHITELIST="ours"' >>"$tree/include/config/auto.conf"
	run -0 scripts/doctor.sh "$tree"
}

@test "CC, RUSTC and BINDGEN count on make's command line, not in the environment" {
	CC=gcc RUSTC=/bin/false BINDGEN=no-such-bindgen run -0 make doctor KDIR="$tree"
	[ "$output" = "Nothing is wrong with $tree." ]
	CC=gcc RUSTC=/bin/false BINDGEN=no-such-bindgen run -0 scripts/doctor.sh "$tree"
}

@test "CC, RUSTC and BINDGEN of several words" {
	for name in ccache sccache; do
		printf '#!/bin/sh\nexec "$@"\n' >"$tools/$name"
		chmod +x "$tools/$name"
	done
	run -0 make doctor KDIR="$tree" CC='ccache clang' RUSTC='sccache rustc' BINDGEN="env A=b bindgen"
	tool clang "Debian clang version 16.0.6"
	sed -i 's/Made-up clang version 22.1.8/Debian clang version 16.0.6/' "$tree/include/config/auto.conf"
	run -2 make doctor KDIR="$tree" CC='ccache clang'
	[[ ${lines[0]} == "doctor: LLVM 16.0.6 is too old" ]]
}

@test "a tool that tells two versions in a line" {
	tool clang "gcc (Debian 12.2.0-14) 12.2.0"
	finds "LLVM 12.2.0 is too old"
	[[ ${lines[0]} == *"doctor: LLVM 12.2.0 is too old" ]]
}

@test "CC that is GCC, however new, for a tree built with clang" {
	tool gcc "gcc (GCC) 17.1.0 Copyright (C) 2027 Free Software Foundation, Inc."
	run -2 make doctor KDIR="$tree" CC=gcc
	[[ ${lines[0]} == "doctor: CC=gcc is GCC, and the tree was built with clang" ]]
}

@test "KDIR with a tilde that the shell left alone, as dash does" {
	HOME=$BATS_TEST_TMPDIR run -0 dash -c 'make doctor KDIR=~/tree'
	[ "$output" = "Nothing is wrong with $tree." ]
}

# built_with_gcc() - the tree becomes one that a GCC has built, and clang is none
built_with_gcc() {
	sed -i '/CONFIG_CC_/d' "$tree/include/config/auto.conf"
	cat >>"$tree/include/config/auto.conf" <<-END
		CONFIG_CC_IS_GCC=y
		CONFIG_CC_VERSION_TEXT="made-up-gcc-14 (Made up 14.2.0-19) 14.2.0"
		CONFIG_GCC_VERSION=140200
	END
	tool made-up-gcc-14 14.2.0
	tool clang "Debian clang version 16.0.6"
}

@test "a tree built with GCC" {
	built_with_gcc
	run -0 scripts/doctor.sh "$tree"
	[ -z "$output" ]
}

@test "another GCC than the one that built the tree, or none" {
	built_with_gcc
	tool made-up-gcc-14 14.3.0
	finds "was built by GCC 14.2.0, made-up-gcc-14 is 14.3.0"
	rm "$tools/made-up-gcc-14"
	finds "was built by made-up-gcc-14 14.2.0, which is not in PATH"
}

@test "CC for a tree built with GCC" {
	built_with_gcc
	rm "$tools/made-up-gcc-14"
	tool other 14.2.0
	run -0 make doctor KDIR="$tree" CC=other
	run -2 make doctor KDIR="$tree" CC=clang
	[[ ${lines[0]} == "doctor: the tree was built by GCC 14.2.0, clang is "* ]]
}

@test "make takes the compiler that built the tree" {
	printf 'all modules:\n\t@echo "CC is $(CC), LLVM is $(LLVM)."\n' >"$tree/Makefile"
	run -0 bash -c '. scripts/common.sh && kbuild "$0" "" modules' "$tree"
	[[ $output == *"LLVM is 1."* ]]
	built_with_gcc
	run -0 bash -c '. scripts/common.sh && kbuild "$0" "" modules' "$tree"
	[[ $output == *"CC is made-up-gcc-14, LLVM is ."* ]]
	given_CC="ccache gcc" run -0 bash -c '. scripts/common.sh && kbuild "$0" "" modules' "$tree"
	[[ $output == *"CC is ccache gcc, LLVM is ."* ]]
}

@test "a series that is not supported" {
	echo 6.12.48 >"$tree/include/config/kernel.release"
	finds "Linux 6.12.48 is not supported"
	echo 7.1.1 >"$tree/include/config/kernel.release"
	finds "Linux 7.1.1 is not supported"
	rm "$tree/include/config/kernel.release"
	finds "Linux unknown is not supported"
}

@test "a series that is newer than those that are known" {
	echo 7.30.1 >"$tree/include/config/kernel.release"
	run -0 scripts/doctor.sh "$tree"
	[ "$output" = "Linux 7.30.1 is untested; the newest that is supported is $(sed -n 's/^\([0-9.]*\) .*/\1/p' scripts/series.txt | head -n 1)." ]
}

@test "both supported series, with any suffix" {
	for release in 7.2.13 7.2.13-debian 7.3.0-rc7 7.3-rc7 7.3.4+; do
		echo "$release" >"$tree/include/config/kernel.release"
		run -0 scripts/doctor.sh "$tree"
	done
}

@test "several findings are all told" {
	tool bindgen "bindgen 0.60.1"
	rm "$tree/Module.symvers"
	run -1 scripts/doctor.sh "$tree"
	[ "${#lines[@]}" -eq 4 ]
}

@test "make runs the doctor before it builds" {
	rm "$tree"/rust/*.rmeta
	run ! make modules KDIR="$tree"
	[[ $output == *"can't find crate for core"* ]]
}
