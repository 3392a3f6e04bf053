# shellcheck shell=bats disable=SC2016,SC2030,SC2031,SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# The book (docs/book): what it shows, and names, is there. `make check` runs this as well; what
# needs a guest or a browser is in book-guest.bats and book-browser.bats.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL
	check=$PWD/tests/host/book.py
}

@test "make book builds it, without a message" {
	make book
	[ -e build/book/index.html ]
}

@test "make book fails where mdBook only complains" {
	cp -r --parents Makefile scripts docs/book ./*.rs ./*_rs abstractions tests/{faulty,misuse}/*.rs "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	make book
	rm hello_rs.rs
	run -2 make book
	[[ $output == *'lkmpg-rs: mdBook complains: '*hello_rs.rs* ]]
}

@test "make book-open opens the first page, or says where it is" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	export PATH=$BATS_TEST_TMPDIR/bin:$PATH
	printf '#!/bin/sh\necho opened "$1"\n' >"$BATS_TEST_TMPDIR/bin/xdg-open"
	chmod +x "$BATS_TEST_TMPDIR/bin/xdg-open"
	run -0 make book-open
	[ "${lines[-1]}" = "opened $PWD/build/book/index.html" ]
	printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/bin/xdg-open"
	run -0 make book-open
	[ "${lines[-1]}" = "$PWD/build/book/index.html" ]
}

@test "each listing is there, and each anchor of the sources is used" {
	"$check" listings
}

@test "each module has a listing" {
	"$check" modules
}

@test "each chapter is listed, and has all parts" {
	"$check" chapters
}

@test "each link of README.md, and of the texts of docs, leads to a file" {
	"$check" texts
}

@test "each command of the host that it names is there, and that README.md names" {
	"$check" commands
}

@test "each link leads somewhere" {
	make book
	"$check" links "$(realpath -e "$(make -s kdir)/source")"
}

# faults(check, line...) - a check finds these faults, in any order, and no others
faults() {
	local kernel=()
	[ "$1" != links ] || kernel=("$BATS_TEST_TMPDIR/kernel")
	run -1 "$check" "$1" "${kernel[@]}"
	diff <(printf '%s\n' "${@:2}" | sort) <(printf '%s\n' "$output" | sort)
}

@test "the checks find what is wrong" {
	make book
	mkdir -p "$BATS_TEST_TMPDIR"/{book,kernel}
	cp -r --parents Kbuild Makefile README.md docs/book scripts ./*.rs ./*_rs abstractions tests/{faulty,misuse}/*.rs build/book "$BATS_TEST_TMPDIR/book"
	cd "$BATS_TEST_TMPDIR/book"

	sed -i 's/ANCHOR: callback/ANCHOR: called_back/' sched_rs.rs
	sed -i '/ANCHOR_END: module/d' hello_rs.rs
	sed -i 's,procfs_rs.rs:,procfs_1_rs.rs:,' docs/book/src/files.md
	faults listings \
		'docs/book/src/files.md: there is no procfs_1_rs.rs' \
		'docs/book/src/hello.md: the anchor module of hello_rs.rs has no end' \
		'docs/book/src/time.md: sched_rs.rs has no anchor callback, or more than one' \
		'procfs_rs.rs: no chapter uses the anchor operations' \
		'sched_rs.rs: no chapter uses the anchor called_back'

	echo 'obj-m += new_rs.o' >>Kbuild
	advice='give NAME.rs an anchor, and include it where it is told of'
	faults modules \
		"no chapter has a listing of procfs_rs: ${advice/NAME/procfs_rs}" \
		"no chapter has a listing of new_rs: ${advice/NAME/new_rs}"

	sed -i '/glossary/d' docs/book/src/SUMMARY.md
	sed -i 's/^## What goes wrong/## What goes well/' docs/book/src/waiting.md
	faults chapters 'docs/book/src/glossary.md: is not in SUMMARY.md' \
		"docs/book/src/waiting.md: has the parts ['What you will build', 'Try it first', 'How it works', 'What goes well', 'Exercises', 'What to read next']"

	sed -i 's/^make rustdoc/A=b make rustdocs/; s,^make shell,scripts/shel.sh,' docs/book/src/index.md
	sed -i 's/make cycles/make circles/' README.md
	faults commands 'README.md: there is no `make circles`' \
		'docs/book/src/index.md: there is no `make rustdocs`' \
		'docs/book/src/index.md: there is no scripts/shel.sh'

	echo '[right](Kbuild) [right](docs/book) [wrong](wrong.rs) [built](build/book)' >README.md
	echo '[right](../README.md) [right](https://wrong) [wrong](README.md)' >docs/text.md
	faults texts 'README.md: there is no wrong.rs' 'README.md: there is no build/book' \
		'docs/text.md: there is no README.md'

	cat >build/book/life.html <<-'END'
		<p id="here"><a href="#here">right</a> <a href="hello.html#how-it-works">right</a>
		<a href="#there">1</a> <a href="hello.html#there">2</a> <img src="picture.png">
		<a href="../rustdoc/abstractions/index.html#registrations">right</a>
		<a href="../rustdoc/abstractions/file/trait.Operations.html">right</a>
		<a href="../rustdoc/abstractions/file/trait.Operation.html">4</a>
		<a href="../rustdoc/abstractions/files/index.html">5</a>
		<a href="../rustdoc/abstractions/index.html#wrong">6</a>
	END
	truncate -s 0 docs/book/src/*.md
	sed -i 's,^.*book/chardev.html.*,//! [right](../../../book/life.html) [8](../../../book/lives.html),' abstractions/file.rs
	mkdir -p ../kernel/Documentation && touch ../kernel/Documentation/right
	echo '[right](srctree/Documentation/right) [7](srctree/Documentation/wrong)' >docs/book/src/life.md
	faults links \
		'build/book/life.html: dead link #there' \
		'build/book/life.html: dead link hello.html#there' \
		'build/book/life.html: dead link picture.png' \
		'build/book/life.html: `make rustdoc` does not make ../rustdoc/abstractions/file/trait.Operation.html' \
		'build/book/life.html: `make rustdoc` does not make ../rustdoc/abstractions/files/index.html' \
		'build/book/life.html: `make rustdoc` does not make ../rustdoc/abstractions/index.html#wrong' \
		'abstractions/file.rs: there is no chapter lives' \
		"docs/book/src/life.md: the kernel's source has no Documentation/wrong"
}

@test "make exercise tells which ones there are" {
	run -2 make exercise 99
	[[ ${lines[0]} == "lkmpg-rs: there is no exercise 99; take one of: 1 2 3 4 "*" 9 10 "* ]]
	run -2 make exercise
	[[ ${lines[0]} == "lkmpg-rs: there is no exercise without a number; take one of: 1 2 3 4"* ]]
}
