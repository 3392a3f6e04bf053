# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# `make sign`, in a guest whose kernel loads signed modules only. VARIANT=gcc is such a
# kernel's configuration; its build has made a key, which the kernel trusts.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	export VARIANT=gcc DEBUG=''
	guest=$(scripts/prepare.sh)
	kdir=$(scripts/kernel.sh)
	export guest kdir
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL
	# On a copy: other guests get the modules as they were built.
	mkdir "$BATS_TEST_TMPDIR/modules"
	cp -t "$BATS_TEST_TMPDIR/modules" ./*.ko
}

# sign(key, cert) - signs the modules of the checkout, keeps them in $signed, and takes the
# unsigned ones back
sign() {
	signed=$BATS_TEST_TMPDIR/signed
	run make sign KEY="$1" CERT="$2"
	mkdir "$signed"
	mv -t "$signed" ./*.ko
	cp -p "$BATS_TEST_TMPDIR"/modules/*.ko .
}

# enforced(commands) - runs shell commands in the guest, with the signed modules in /job
enforced() {
	printf '#!/bin/sh\n%s\n' "$1" >"$BATS_TEST_TMPDIR/job"
	APPEND=module.sig_enforce=1 run qemu/boot.sh "$guest" "$BATS_TEST_TMPDIR/job" "$signed"/*.ko
}

@test "all modules, signed by a key that the kernel trusts, load; an unsigned one does not" {
	sign "$kdir/certs/signing_key.pem" "$kdir/certs/signing_key.x509"
	[ "$status" -eq 0 ]
	[[ $output == "Signed: "*hello_rs.ko* ]]
	enforced 'insmod /root/hello_rs.ko
		for module in $(ls /job/*.ko | grep -v client); do insmod "$module" && echo "$module"; done
		insmod /job/export_client_rs.ko && echo /job/export_client_rs.ko
		wc -l </proc/modules; grep -c "(.*E.*)" /proc/modules'
	[[ ${lines[0]} == *"/root/hello_rs.ko"*"Key was rejected by service" ]]
	modules=(*.ko)
	[ "$(grep -c '^/job/' <<<"$output")" -eq ${#modules[@]} ]
	[ "${lines[-1]}" = 0 ]
}

@test "a key that the kernel does not trust" {
	openssl req -new -x509 -newkey rsa:2048 -nodes -subj /CN=ours/ -days 2 \
		-keyout "$BATS_TEST_TMPDIR/key.pem" -out "$BATS_TEST_TMPDIR/cert.pem" 2>/dev/null
	sign "$BATS_TEST_TMPDIR/key.pem" "$BATS_TEST_TMPDIR/cert.pem"
	[ "$status" -eq 0 ]
	modinfo "$signed/hello_rs.ko" | grep -q '^signer: *ours$'
	enforced 'insmod /job/hello_rs.ko'
	[ "$status" -ne 0 ]
	[[ $output == *"Key was rejected by service" ]]
}

@test "no key, one that is not there" {
	run make sign
	[[ $output == *"lkmpg-rs: give KEY=, a private key, and CERT=, its certificate: "* ]]
	sign /no/such/key "$kdir/certs/signing_key.x509"
	[[ $output == *"lkmpg-rs: cannot read /no/such/key"* ]]
}

@test "a key that is none" {
	sign Kbuild "$kdir/certs/signing_key.x509"
	[[ $output == *"lkmpg-rs: cannot sign "*".ko with Kbuild and $kdir/certs/signing_key.x509"* ]]
}
