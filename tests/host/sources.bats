# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# Where the kernel's source comes from: the suites of Debian, of which some fail, and a
# mirror of kernel.org, with a made-up release, which release/ has with a key of its own.

bats_require_minimum_version 1.5.0
load settings

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	no_settings
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	cache=$XDG_CACHE_HOME/lkmpg-rs

	# The scripts, with that key instead of those of the kernel's developers.
	cp -r scripts Makefile "$BATS_TEST_TMPDIR"
	cp tests/host/release/key.asc "$BATS_TEST_TMPDIR/scripts/kernel-keys/signing-key.asc"
	printf '# made up\n7.3 7.3.1\n7.2 7.2.1\n' >"$BATS_TEST_TMPDIR/scripts/series.txt"

	mirror=$BATS_TEST_TMPDIR/mirror
	mkdir -p "$mirror/v7.x"
	cp tests/host/release/linux-* "$mirror/v7.x"
	cd "$BATS_TEST_TMPDIR"
	tar -xf "$mirror/v7.x/linux-7.3.1.tar.xz"
	export KERNEL_MIRROR=file://$mirror
}

# refused(text) - there is no source, with this reason, and nothing is left of it
refused() {
	run -1 scripts/kernel-source.sh
	[[ $output == *"lkmpg-rs: cannot get the source of Linux; give KERNEL_SRC=DIR or TARBALL" ]]
	[[ $output == *"  Linux 7.3, $KERNEL_MIRROR: $1"* ]]
	[ -z "$(ls "$cache/src" 2>/dev/null)" ]
	[ ! -e "$cache/release" ]
}

@test "a release with a good signature" {
	run -0 scripts/kernel-source.sh
	[ "${lines[-1]}" = "$cache/src/linux-7.3" ]
	grep -qx 'SUBLEVEL = 1' "$cache/src/linux-7.3/Makefile"
	[ ! -e "$cache/release" ]
	# It is there now.
	KERNEL_MIRROR=file:///no/such/folder run -0 scripts/kernel-source.sh
	[ "$output" = "$cache/src/linux-7.3" ]
}

@test "a release with other bytes than those that were signed" {
	echo 'more' >>linux-7.3.1/Kconfig
	tar -cJf "$mirror/v7.x/linux-7.3.1.tar.xz" linux-7.3.1
	SERIES=7.3 refused "lkmpg-rs: $KERNEL_MIRROR/v7.x/linux-7.3.1.tar.xz is damaged, or not signed by the kernel's developers"
}

@test "a release that is signed by a key that we do not have" {
	cp "$BATS_TEST_DIRNAME/../../scripts/kernel-keys/signing-key.asc" scripts/kernel-keys
	SERIES=7.3 refused "lkmpg-rs: $KERNEL_MIRROR/v7.x/linux-7.3.1.tar.xz is damaged, or not signed"
}

@test "a release that is truncated" {
	truncate -s -20 "$mirror/v7.x/linux-7.3.1.tar.xz"
	SERIES=7.3 refused "lkmpg-rs: $KERNEL_MIRROR/v7.x/linux-7.3.1.tar.xz is damaged"
}

@test "a release that is absent, or whose signature is" {
	mv "$mirror/v7.x/linux-7.3.1.tar.xz" .
	SERIES=7.3 refused "lkmpg-rs: cannot fetch $KERNEL_MIRROR/v7.x/linux-7.3.1.tar.xz"
	mv linux-7.3.1.tar.xz "$mirror/v7.x"
	rm "$mirror"/v7.x/*.sign
	SERIES=7.3 refused "lkmpg-rs: cannot fetch $KERNEL_MIRROR/v7.x/linux-7.3.1.tar.sign"
}

@test "a mirror on the network that nobody reaches" {
	KERNEL_MIRROR=https://mirror.invalid/pub SERIES=7.3 refused ""
}

@test "the keys are those of the README beside them" {
	cd "$BATS_TEST_DIRNAME/../../scripts/kernel-keys"
	sed '/^-----/d; /^=/d; /^[A-Za-z]*:/d; /^$/d' signing-key.asc | base64 -d >"$BATS_TEST_TMPDIR/keys.gpg"
	# gpgv has no list of keys; the end of a fingerprint stands in each self-signature.
	while read -r fingerprint; do
		od -An -tx1 -v "$BATS_TEST_TMPDIR/keys.gpg" | tr -d ' \n' | grep -qi "${fingerprint:24}"
	done < <(grep -o '[0-9A-F]\{40\}' README.md)
	[ "$(grep -c BEGIN signing-key.asc)" -eq "$(grep -co '[0-9A-F]\{40\}' README.md)" ]
}

@test "the machine's mirror is known without the lists of its packages, as in a container" {
	mkdir empty
	# Without a network, it comes no further than that.
	run -100 unshare --map-root-user --mount --net bash -c '
		mount --bind empty /var/lib/apt/lists && exec scripts/apt-isolated.sh "$PWD/apt" sid'
	grep -qE '^deb \[signed-by=[^ ]+\] [a-z]+:[^ ]+ sid main$' apt/sources.list
}

# suites(commands) - has these commands stand for apt-isolated.sh DIR SUITE
suites() {
	printf '#!/bin/sh\ndir=$1 suite=$2\n%s\n' "$1" >scripts/apt-isolated.sh
	unset KERNEL_MIRROR
	# Without a network, and so without kernel.org.
	sed -i 's,https://cdn.kernel.org/pub/linux/kernel,file:///nowhere,' scripts/kernel-release.sh
}

@test "a suite that fails does not end the search, and what each said is told" {
	suites 'echo "E: the list of $suite has expired"; exit 100'
	SERIES=7.3 run -1 scripts/kernel-source.sh
	for suite in trixie-backports forky sid experimental; do
		[[ $output == *"  Linux 7.3, $suite: E: the list of $suite has expired"* ]]
	done
	[[ $output == *"  Linux 7.3, kernel.org: lkmpg-rs: cannot fetch file:///nowhere/v7.x/linux-7.3.1.tar.sign"* ]]
}

# package_in(suite) - has that suite have the package, and the others fail
package_in() {
	mkdir -p package/DEBIAN package/usr/src/linux-source-7.3 linux-source-7.3
	cp linux-7.3.1/* linux-source-7.3
	tar -cJf package/usr/src/linux-source-7.3.tar.xz linux-source-7.3
	printf 'Package: linux-source-7.3\nVersion: 7.3.1-1\nArchitecture: all\nMaintainer: nobody\nDescription: made up\n' \
		>package/DEBIAN/control
	dpkg-deb --build --nocheck package linux-source-7.3_7.3.1-1_all.deb >/dev/null
	suites '[ "$suite" = '"$1"' ] || { echo "E: no $suite"; exit 100; }
		mkdir -p "$dir"; : >"$dir/apt.conf"'
	mkdir bin
	printf '#!/bin/sh\necho "Package: linux-source-7.3"; echo "Version: 7.3.1-1"\n' >bin/apt-cache
	printf '#!/bin/sh\ncp %q .\n' "$PWD/linux-source-7.3_7.3.1-1_all.deb" >bin/apt-get
	chmod +x bin/*
	PATH=$PWD/bin:$PATH
}

@test "the second suite has what the first has not" {
	package_in forky
	run -0 scripts/kernel-source.sh
	[ "${lines[-1]}" = "$cache/src/linux-7.3" ]
	[ -r "$cache/src/linux-7.3/Kconfig" ]
}

@test "kernel.org has what Debian has not" {
	suites 'exit 100'
	sed -i "s,file:///nowhere,file://$mirror," scripts/kernel-release.sh
	run -0 scripts/kernel-source.sh
	[ "${lines[-1]}" = "$cache/src/linux-7.3" ]
}

@test "the default series is the newest that is to be had" {
	printf '7.4 7.4.1\n7.3 7.3.1\n7.2 7.2.1\n' >scripts/series.txt
	run -0 scripts/kernel-source.sh
	[ "${lines[-1]}" = "$cache/src/linux-7.3" ]
	run -0 scripts/kernel-source.sh
	[ "$output" = "$cache/src/linux-7.3" ]
	# After a week, the newest is asked for again.
	touch -d '-8 days' "$cache/series"
	run -0 scripts/kernel-source.sh
	[ "$output" = "$cache/src/linux-7.3" ]
	[ -n "$(find "$cache/series" -mmin -1)" ]
	SERIES=7.4 run -1 scripts/kernel-source.sh
}

@test "a series that is newer than those that are known is tried" {
	printf '#!/bin/sh\necho /bin\n' >scripts/toolchain.sh
	SERIES=7.4 run -1 scripts/kernel.sh
	[[ $output == *"  SERIES=7.4 is untested; the newest that is supported is 7.3"* ]]
	[[ $output == *"$KERNEL_MIRROR: lkmpg-rs: series.txt names no release of Linux 7.4"* ]]
	[ "${lines[-1]}" = "lkmpg-rs: SERIES=7.4 failed, and is untested; take 7.3" ]
	for series in 7.1 6.1 7 seven; do
		SERIES=$series run -1 scripts/kernel.sh
		[ "$output" = "lkmpg-rs: SERIES=$series is not supported; take one of: 7.3 7.2" ]
	done
}
