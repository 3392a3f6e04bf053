# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# Building the modules with kbuild, as the README says it, in a copy of the
# sources and with nothing of ours in PATH.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	# Two modules stand for all, to save time: one with abstractions/, one without.
	# (`make check` builds every one of them with warnings as errors.)
	sources=$BATS_FILE_TMPDIR/sources
	mkdir "$sources"
	cp -r Kbuild abstractions hello_rs.rs param_rs.rs "$sources"
	sed -i '/^obj-m/{/hello_rs\|param_rs/!d}' "$sources/Kbuild"
	kdir=$(scripts/kernel.sh)
	export kdir sources
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

@test "make -C KDIR LLVM=1 M=... builds the modules, without a warning" {
	run -0 make -C "$kdir" LLVM=1 M="$sources"
	[[ ${output,,} != *warning* ]]
	[ -s "$sources/hello_rs.ko" ]
	[ -s "$sources/param_rs.ko" ]
}

@test "make LLVM=1 M=... works from within the tree" {
	rm -f "$sources/hello_rs.ko"
	cd "$kdir"
	run -0 make LLVM=1 M="$sources"
	[ -s "$sources/hello_rs.ko" ]
}

@test "a tree whose bindings have a wrong layout is refused by name" {
	# Claim what an empty, aligned struct in the middle of task_struct does.
	sed -i 's/offsetof(struct type, field)/offsetof(struct type, field) + 48/' \
		"$sources/abstractions/layout.c"
	run -2 make -C "$kdir" LLVM=1 M="$sources" param_rs.ko
	[[ $output == *"the Rust bindings of this kernel tree are wrong about \`struct task_struct\`"* ]]
	[[ $output == *"set CONFIG_SCHEDSTATS=y"* ]]
}

@test "kdir and kernel-image print what they say" {
	[ -d "$(make -s kdir)/include/config" ]
	[ -s "$(make -s kernel-image)" ]
}

@test "the image is bzImage, or else a vmlinux that QEMU starts as it is" {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/arch/x86/boot" "$tree/include/config"
	image=$tree/arch/x86/boot/bzImage
	run -1 scripts/kernel-image.sh "$tree"
	[ "$output" = "lkmpg-rs: $tree has no bzImage: build it there with 'make LLVM=1 bzImage'" ]
	# Which a distribution's headers have for its types.
	touch "$tree/vmlinux"
	run -1 scripts/kernel-image.sh "$tree"
	[[ $output == *"has no bzImage"* ]]
	echo CONFIG_PVH=y >"$tree/include/config/auto.conf"
	run -0 scripts/kernel-image.sh "$tree"
	[ "$output" = "$tree/vmlinux" ]
	touch "$image"
	run -0 scripts/kernel-image.sh "$tree"
	[ "$output" = "$image" ]
}

@test "rust-project.json has each module, with what is generated for it" {
	touch hello_rs.rs # What is built first is not in the way.
	run -0 --separate-stderr make -s rust-analyzer
	run -0 python3 - "$output" <<-'END'
		import json, os, re, sys
		top = os.path.dirname(sys.argv[1])
		os.chdir(top)
		crates = json.load(open(sys.argv[1]))["crates"]
		for crate in crates:
		    assert os.path.exists(crate["root_module"]), crate["root_module"]
		ours = [c for c in crates if c["env"].get("LKMPG_OBJ") == top]
		modules = re.findall(r"^obj-m \+= (.*)\.o$", open("Kbuild").read(), re.M)
		assert sorted(c["display_name"] for c in ours) == sorted(modules), ours
		for name in ["bindings_generated.rs", "layout_generated.rs"]:
		    assert os.path.exists(f"{top}/{name}"), name
	END
}
