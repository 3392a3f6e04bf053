# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# dkms.conf and scripts/dkms.sh, by Debian's dkms, in folders of its own. Where it is not
# installed, it is unpacked from its package.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	dkms=$(type -P dkms) || {
		scripts/apt-isolated.sh "$BATS_FILE_TMPDIR/apt" "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)"
		(cd "$BATS_FILE_TMPDIR" && APT_CONFIG=$PWD/apt/apt.conf apt-get download dkms && dpkg-deb -x dkms_*.deb .)
		dkms=$BATS_FILE_TMPDIR/usr/sbin/dkms
	}
	kdir=$(scripts/kernel.sh)
	release=$(cat "$kdir/include/config/kernel.release")
	# The project as it is or will be in git, with two modules, to save time.
	sources=$BATS_FILE_TMPDIR/lkmpg-rs
	mkdir "$sources"
	bash -c '. scripts/common.sh && project_files ":!bench" ":!docs" ":!tests"' |
		xargs -0 cp --parents -t "$sources"
	sed -i '/^obj-m/{/hello_rs\|param_rs/!d}' "$sources/Kbuild"
	sed -i '/^modules=/,/"$/c modules="hello_rs param_rs"' "$sources/dkms.conf"
	# The tools that built the tree.
	export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
	export dkms kdir release sources
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL KDIR
	tree=$BATS_TEST_TMPDIR/dkms
	mkdir -p "$tree" "$BATS_TEST_TMPDIR"/{src,modules,empty}
}

# dkms(action, argument...) - runs dkms as root of a namespace, in which the machine's own
# settings of it are not there
dkms() {
	local bind=$BATS_TEST_TMPDIR/empty
	unshare --map-root-user --mount bash -c 'for dir in /etc/dkms /var/lib/dkms; do
			[ ! -d "$dir" ] || mount --bind "$0" "$dir"
		done
		exec "$@"' "$bind" "$dkms" "$@" --dkmstree "$tree" \
		--sourcetree "$BATS_TEST_TMPDIR/src" --installtree "$BATS_TEST_TMPDIR/modules"
}

@test "dkms.conf names the modules of Kbuild" {
	run -0 bash -c 'kernelver=7.3 kernel_source_dir=/x; . ./dkms.conf
		[ ${#BUILT_MODULE_NAME[@]} -eq ${#DEST_MODULE_LOCATION[@]} ] && printf "%s\n" "${BUILT_MODULE_NAME[@]}" | sort'
	[ "$output" = "$(sed -n 's/^obj-m += \(.*\)\.o$/\1/p' Kbuild | sort)" ]
}

@test "dkms add, build: the modules, for a kernel's release" {
	run -0 dkms add "$sources"
	run dkms build lkmpg-rs/1.0 -k "$release" --kernelsourcedir "$kdir"
	[ "$status" -eq 0 ] || { cat "$tree/lkmpg-rs/1.0/build/make.log" && false; }
	built=("$tree/lkmpg-rs/1.0/$release"/*/module)
	[ "$(cd "${built[0]}" && echo ./*.ko)" = "./hello_rs.ko ./param_rs.ko" ]
	[[ $(modinfo -F vermagic "${built[0]}/hello_rs.ko") == "$release "* ]]
}

@test "dkms build tells in its log why it failed" {
	headers=$BATS_TEST_TMPDIR/headers
	mkdir -p "$headers/rust" "$headers/include"
	touch "$headers/rust/libcore.rmeta"
	run -0 dkms add "$sources"
	run ! dkms build lkmpg-rs/1.0 -k 7.3.4-made-up --kernelsourcedir "$headers"
	grep -qF "doctor: $headers is not a kernel build tree" "$tree/lkmpg-rs/1.0/build/make.log"
}
