# shellcheck shell=bats disable=SC2016,SC2030,SC2031,SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# The book (docs/book): what it shows is there, and what it says the guest prints is what the
# guest prints. LKMPG_GUEST is the guest to use.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL
	check=$PWD/tests/host/book.py
}

# guest() - makes the guest ready, once for all tests
guest() {
	LKMPG_GUEST=${LKMPG_GUEST:-$(scripts/prepare.sh)}
	export LKMPG_GUEST
}

@test "make book builds it, without a message" {
	make book
	[ -e build/book/index.html ]
}

@test "make book fails where mdBook only complains" {
	cp -r --parents Makefile scripts docs/book ./*.rs ./*_rs abstractions tests/faulty/*.rs "$BATS_TEST_TMPDIR"
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

@test "each command of the host that it names is there" {
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
	cp -r --parents Kbuild Makefile docs/book scripts ./*.rs ./*_rs abstractions tests/faulty/*.rs build/book "$BATS_TEST_TMPDIR/book"
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
	faults commands 'docs/book/src/index.md: there is no `make rustdocs`' \
		'docs/book/src/index.md: there is no scripts/shel.sh'

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

@test "a browser shows each page, on a desk and on a phone, with nothing out of place" {
	make book
	# print.html prints itself; mdBook has made the two others for itself.
	find build/book -maxdepth 1 -name '*.html' ! -name print.html ! -name 404.html ! -name toc.html \
		-exec scripts/browser.sh {} +
}

@test "the browser tells what is out of place" {
	cd "$BATS_TEST_TMPDIR"
	cat >page.html <<-'END'
		<meta name="viewport" content="width=device-width"><main style="width: 600px">
		<p>This paragraph is as wide as its frame.</p>
		<div style="overflow-x: auto"><p style="width: 3000px">This scrolls.</p></div>
		<img src="absent.png" alt="none" width="200" height="200">
		<svg class="picture" aria-label="small" width="50" height="50"></svg>
		<svg class="picture" width="200" height="200"><text x="150" y="50">beyond the picture</text></svg>
		</main><script>console.error("said")</script>
	END
	run -1 "$OLDPWD/scripts/browser.sh" page.html
	for screen in desk phone; do
		[[ $output == *"page.html, $screen: a picture without a size: file://"*"/absent.png"* ]]
		[[ $output == *"page.html, $screen: a picture without a size: small"* ]]
		[[ $output == *"page.html, $screen: text beyond its picture: beyond the picture"* ]]
		[[ $output == *"page.html, $screen: console: "*"said"* ]]
	done
	[[ $output == *'page.html, phone: beyond the edge: P This paragraph'* && $output == *'page.html, phone: is 6'* ]]
	[[ $output != *'desk: beyond the edge'* && $output != *'This scrolls'* ]]
}

@test "each console session is what the guest prints" {
	guest
	scripts/book-sessions.py --check
}

@test "a session that the guest does not print is told, and one that leaves a module" {
	guest
	copy=$BATS_TEST_TMPDIR/copy
	mkdir -p "$copy/docs/book/src"
	cp -r scripts qemu Makefile "$copy"
	echo '[Made up](made.md)' >"$copy/docs/book/src/SUMMARY.md"
	printf '```console\nguest# uname -s\nLinux\nguest# echo 1 >&2; false\n2\n```\nText\n' >"$copy/docs/book/src/made.md"
	run -1 "$copy/scripts/book-sessions.py" --check
	[[ $output == *$'\n-2\n+1\n'* ]]
	"$copy/scripts/book-sessions.py"
	[ "$(tail -n 3 "$copy/docs/book/src/made.md")" = $'1\n```\nText' ]
	printf '```console\nguest# insmod hello_rs.ko\n```\n' >"$copy/docs/book/src/made.md"
	run -1 "$copy/scripts/book-sessions.py" --check
	[[ $output == *'made.md: leaves hello_rs'* ]]
}

@test "the solution of each exercise passes its test, and the exercise itself does not" {
	guest
	for folder in docs/book/exercises/[0-9]*/; do
		number=$(basename "$folder")
		run -0 scripts/exercise.sh "$number" solution.rs
		[ "${lines[-1]}" = "Exercise $number is solved." ]
		run -2 make exercise "$number"
		[[ $output == *"  not yet: "*"lkmpg-rs: exercise $number is not solved yet"* ]]
		grep -q "^| $number |" docs/book/src/exercises.md
	done
}

@test "make exercise tells which ones there are" {
	run -2 make exercise 99
	[[ ${lines[0]} == "lkmpg-rs: there is no exercise 99; take one of: 1 2 3 4"* ]]
	run -2 make exercise
	[[ ${lines[0]} == "lkmpg-rs: there is no exercise without a number; take one of: 1 2 3 4"* ]]
}
