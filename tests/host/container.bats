# shellcheck shell=bats disable=SC2016,SC2030,SC2031,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# scripts/container.sh, with a made-up engine that tells what it is asked for.

bats_require_minimum_version 1.5.0
load settings

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	no_settings
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	bin=$BATS_TEST_TMPDIR/bin
	mkdir "$bin"
	for tool in bash env dirname basename sed awk sort head sha256sum cat id mkdir nproc realpath mktemp \
		chmod rm grep kill sleep tail cut uname df sh touch unshare; do
		ln -s "$(type -P $tool)" "$bin"
	done
}

# engine(name) - makes an engine that knows an image once it was built
engine() {
	cat >"$bin/$1" <<-END
		#!/bin/sh
		echo "$1 \$*" >>"$BATS_TEST_TMPDIR/asked"
		case \$1 in
		image) [ -e "$BATS_TEST_TMPDIR/built" ] ;;
		build) touch "$BATS_TEST_TMPDIR/built" ;;
		esac
	END
	chmod +x "$bin/$1"
}

@test "the image is built once, and the command run in the checkout" {
	engine podman
	engine docker
	SERIES=7.2 PATH=$bin run -0 scripts/container.sh make demo
	PATH=$bin run -0 scripts/container.sh make test
	[ "$(grep -c '^podman build ' "$BATS_TEST_TMPDIR/asked")" -eq 1 ]
	[ "$(grep -c '^docker ' "$BATS_TEST_TMPDIR/asked")" -eq 0 ]
	grep -q "^podman run .*--workdir $PWD --volume $PWD:$PWD --volume $XDG_CACHE_HOME/lkmpg-rs:.* --env SERIES .*lkmpg-rs:[0-9a-f]* make demo$" \
		"$BATS_TEST_TMPDIR/asked"
	run ! grep -q -- '--env SERIES .*make test$' "$BATS_TEST_TMPDIR/asked"
}

@test "docker where there is no podman; files stay the caller's" {
	engine docker
	PATH=$bin run -0 unshare --map-user=1000 scripts/container.sh make demo
	grep -q "^docker run .*--user 1000:" "$BATS_TEST_TMPDIR/asked"
	engine podman
	PATH=$bin run -0 unshare --map-user=1000 scripts/container.sh make demo
	grep -q "^podman run .*--userns keep-id" "$BATS_TEST_TMPDIR/asked"
}

@test "the network is reached as from the machine" {
	engine podman
	echo certificates >"$BATS_TEST_TMPDIR/ca.crt"
	SSL_CERT_FILE=$BATS_TEST_TMPDIR/ca.crt https_proxy=proxy:3128 PATH=$bin run -0 scripts/container.sh make demo
	grep -q "^podman run .*--volume $BATS_TEST_TMPDIR/ca.crt:/etc/ssl/certs/ca-certificates.crt:ro .*--env https_proxy .*make demo$" \
		"$BATS_TEST_TMPDIR/asked"
}

@test "no engine, no command" {
	PATH=$bin run -1 scripts/container.sh make demo
	[ "$output" = "lkmpg-rs: install podman or docker" ]
	engine podman
	PATH=$bin run -1 scripts/container.sh
	[[ $output == "lkmpg-rs: usage: "* ]]
}

@test "the image has each package that a script installs by its name" {
	mapfile -t packages < <(grep -hoE '\b(install_packages|apt_install)( [a-z0-9.+-]+)+' scripts/*.sh | cut -d ' ' -f 2- | tr ' ' '\n')
	[ ${#packages[@]} -ge 6 ]
	for package in "${packages[@]}"; do
		grep -q " $package " scripts/Containerfile
	done
}

@test "editors take the same image" {
	run -0 python3 -c 'if True:
	import json, os
	build = json.load(open(".devcontainer/devcontainer.json"))["build"]
	assert os.path.samefile(os.path.join(".devcontainer", build["dockerfile"]), "scripts/Containerfile")
	assert os.path.exists(os.path.join(".devcontainer", build["context"], "packages.txt"))'
}
