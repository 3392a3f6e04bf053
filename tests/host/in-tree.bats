# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# The modules in a kernel's own tree: put there, and taken out again.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL TREE
	kdir=$(scripts/kernel.sh)
	src=$(realpath -e "$kdir/source")
}

# tree - makes $tree, a source with hard links to $original, in git
tree() {
	tree=$BATS_TEST_TMPDIR/tree original=$BATS_TEST_TMPDIR/original
	mkdir -p "$original/samples"
	cp -pr "$src"/{Makefile,Kconfig} "$original"
	cp -pr "$src/samples/rust" "$original/samples"
	cp -pr "$original" "$BATS_TEST_TMPDIR/untouched"
	cp -al "$original" "$tree"
	git -C "$tree" init -q
	git -C "$tree" add .
	git -C "$tree" -c user.name=bats -c user.email=bats@localhost commit -q -m base
}

# untouched - the tree, and what it has hard links to, are what they were
untouched() {
	diff -r "$BATS_TEST_TMPDIR/untouched" "$original"
	diff -r --exclude=.git "$original" "$tree"
	[ -z "$(git -C "$tree" status --porcelain --ignored)" ]
}

# refused(action, text) - in-tree.sh fails, with one line that has this text
refused() {
	TREE=${TREE-$tree} run scripts/in-tree.sh "$1"
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == "lkmpg-rs: "*"$2"* ]]
}

@test "in-tree adds a folder and a line to two files, in-tree-remove leaves no trace" {
	tree
	make in-tree TREE="$tree"
	run -1 diff -r --exclude=.git "$original" "$tree"
	[ "$(grep -c '^[<>]' <<<"$output")" -eq 2 ]
	[[ $output == *'> source "samples/rust/lkmpg/Kconfig"'* ]]
	[[ $output == *$'> obj-$(CONFIG_SAMPLES_RUST_LKMPG)\t\t+= lkmpg/'* ]]
	[[ $output == *"Only in $tree/samples/rust: lkmpg"* ]]
	diff -r "$BATS_TEST_TMPDIR/untouched" "$original"
	# Without the marks by which the book finds its listings, and else the same.
	run -1 grep -r ANCHOR "$tree/samples/rust/lkmpg"
	grep -q ANCHOR hello_rs.rs
	cmp <(grep -v '^// ANCHOR' hello_rs.rs) "$tree/samples/rust/lkmpg/hello_rs.rs"
	cmp <(grep -v '^ *// ANCHOR' procfs_rw_rs.rs) "$tree/samples/rust/lkmpg/procfs_rw_rs.rs"
	cmp hello_multi_rs/stop.rs "$tree/samples/rust/lkmpg/hello_multi_rs/stop.rs"

	# Whatever a build in place leaves goes, too.
	touch "$tree/samples/rust/lkmpg/hello_rs.o"
	make in-tree-remove TREE="$tree"
	untouched
}

@test "lines that others have added in the meantime stay" {
	tree
	make in-tree TREE="$tree"
	sed -i '$a # the end' "$tree/samples/rust/Kconfig"
	sed -i 's/rust_minimal.o/& rust_other.o/' "$tree/samples/rust/Makefile"
	make in-tree-remove TREE="$tree"
	run git -C "$tree" diff --numstat
	[ "$output" = "$(printf '1\t0\tsamples/rust/Kconfig\n1\t1\tsamples/rust/Makefile')" ]
}

@test "what is in already is not overwritten" {
	tree
	make in-tree TREE="$tree"
	echo '// mine' >>"$tree/samples/rust/lkmpg/hello_rs.rs"
	refused put "has samples/rust/lkmpg already; to replace it, run 'make in-tree-remove' first"
	tail -n 1 "$tree/samples/rust/lkmpg/hello_rs.rs" | grep -qx '// mine'
	# The rest of one that was taken back by hand is removed as well.
	git -C "$tree" checkout -q samples/rust/Kconfig
	refused put "already"
	make in-tree-remove TREE="$tree"
	untouched
	refused remove "has no samples/rust/lkmpg: nothing to remove"
}

@test "a folder lkmpg that is somebody else's stays" {
	tree
	mkdir "$tree/samples/rust/lkmpg"
	refused put "already"
	refused remove "is not what 'make in-tree' makes; it stays"
	rmdir "$tree/samples/rust/lkmpg"
	untouched
}

@test "no TREE, and one that is no kernel source" {
	run make in-tree
	[ "$status" -eq 2 ]
	[[ ${lines[0]} == "lkmpg-rs: give TREE=DIR, the kernel source"* ]]
	for action in put remove; do
		TREE='' refused "$action" "give TREE=DIR"
		TREE=/no/such/folder refused "$action" "TREE=/no/such/folder is no folder"
		TREE=$BATS_TEST_TMPDIR refused "$action" "is no kernel source"
		TREE=$kdir/include refused "$action" "is no kernel source"
	done
}

@test "a source without Rust samples, or whose files are unknown" {
	tree
	mv "$tree/samples/rust" "$BATS_TEST_TMPDIR/rust"
	refused put "has no samples/rust"
	refused remove "has no samples/rust"
	mv "$BATS_TEST_TMPDIR/rust" "$tree/samples"
	sed -i '/^endif/d' "$tree/samples/rust/Kconfig"
	refused put "Kconfig is unknown: not one line 'endif # SAMPLES_RUST'"
	git -C "$tree" checkout -q .
	sed -i '/^obj-/d' "$tree/samples/rust/Makefile"
	refused put 'Makefile is unknown: no line obj-$(CONFIG_SAMPLE_RUST_...)'
	git -C "$tree" checkout -q .
	untouched
}

@test "a source of a series that is not supported" {
	tree
	sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 30/' "$tree/Makefile"
	refused put "is Linux 7.30."
	git -C "$tree" checkout -q .
	untouched
}

@test "a source that cannot be written to" {
	tree
	export tree
	run unshare --map-root-user --mount bash -c 'mount --bind "$tree" "$tree" &&
		mount -o remount,bind,ro "$tree" && TREE=$tree scripts/in-tree.sh put'
	[ "$status" -eq 1 ]
	[ "$output" = "lkmpg-rs: cannot write to $tree/samples/rust" ]
	untouched
}

@test "a full disk leaves the tree as it was" {
	tree
	export original
	run unshare --map-root-user --mount bash -c '
		mkdir "$0" && mount -t tmpfs -o size=1m tmpfs "$0" && cp -r "$original"/* "$0" &&
			head -c 1m /dev/zero >"$0/full" 2>/dev/null
		truncate -s -16k "$0/full"
		TREE=$0 scripts/in-tree.sh put
		diff -r --exclude=full "$original" "$0" && ls -A "$0/samples/rust" && exit 7' "$BATS_TEST_TMPDIR/small"
	[ "$status" -eq 7 ]
	[[ ${lines[0]} == "lkmpg-rs: cannot copy the modules to "*" (is the disk full?)" ]]
	[[ $output != *.in-tree* ]]
}

@test "Kconfig has an entry with a help text for each module of Kbuild" {
	run diff <(sed -n 's/^obj-m += \(.*\)_rs\.o$/SAMPLE_RUST_LKMPG_\U\1/p' Kbuild | sort) \
		<(sed -n 's/^config //p' Kconfig | sort)
	[ -z "$output" ]
	while read -r module; do
		awk -v module="$module" '
			/^config/ { entry = $2; help = 0 } /^\thelp$/ { help = 1 }
			help && "SAMPLE_RUST_LKMPG_" toupper(module) == entry "_RS" { text = text " " $0 }
			END { exit text !~ "called[ \t]+" module "\\." }' Kconfig || { echo "$module" && return 1; }
	done < <(sed -n 's/^obj-m += \(.*\)\.o$/\1/p' Kbuild)
}

# conditional - prints the wrappers that a kernel can lack: `OPTION wrapper`, as in mod.rs, a line
# an option
conditional() {
	awk '/^#\[cfg\(CONFIG_/ { sub(/.*CONFIG_/, ""); sub(/\).*/, ""); options = options " " $0; next }
		/mod [a-z_0-9]*;$/ { sub(/.*mod /, ""); sub(/;/, ""); n = split(options, option, " ")
			for (i = 1; i <= n; i++) print option[i], $0 }
		{ options = "" }' abstractions/mod.rs
}

# wanted(path, file...) - prints the options of the wrappers that the files take from `path`
wanted() {
	local option wrapper
	while read -r option wrapper; do
		! sed -n "/^use $1::/,/;\$/p" "${@:2}" | grep -qE "^(use $1::|    )$wrapper\b" || echo "$option"
	done < <(conditional) | sort -u
}

@test "Kconfig has a module depend on what its wrappers want, and on nothing else" {
	shopt -s nullglob
	while read -r module; do
		entry=$(tr '[:lower:]' '[:upper:]' <<<"SAMPLE_RUST_LKMPG_${module%_rs}")
		diff <(wanted abstractions "$module".rs "$module"/*.rs) \
			<(sed -n "/^config $entry\$/,/^\thelp\$/ { / SAMPLE_/d; s/^\tdepends on \([A-Z0-9_]*\)\$/\1/p }" Kconfig | sort) ||
			{ echo "$module" && return 1; }
	done < <(sed -n 's/^obj-m += \(.*\)\.o$/\1/p' Kbuild)
}

@test "a wrapper that uses others is there on their conditions" {
	for file in abstractions/*.rs; do
		run comm -23 <(wanted super "$file") <(conditional | sed -n "s/ $(basename "$file" .rs)\$//p")
		[ -z "$output" ] || { echo "$file lacks $output" && return 1; }
	done
}

@test "Kbuild leaves a module out where Kconfig does" {
	diff <(awk '$1 == "ifdef" { option[++depth] = $2 } $1 == "endif" { depth-- }
			/^obj-m/ { sub("_rs[.]o", "", $3); for (i = 1; i <= depth; i++) print toupper($3), option[i] }' Kbuild | sort) \
		<(awk '/^config / { sub("SAMPLE_RUST_LKMPG_", ""); module = $2 }
			/^\tdepends on / && module && $3 ~ /^[A-Z0-9_]*$/ && $3 !~ /^SAMPLE_/ { print module, "CONFIG_" $3 }' Kconfig | sort)
}
