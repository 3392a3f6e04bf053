# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# scripts/stock.sh: each refusal, and what it makes, on a made-up Debian 13 whose kernel
# was built by made-up tools, from a made-up source.

bats_require_minimum_version 1.5.0
load settings

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	no_settings
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	made=$BATS_TEST_TMPDIR/made
	src=$made/src
	release=7.3.4+deb13-amd64 version='7.3.4-1~bpo13+1'
	headers=$src/linux-headers-$release
	mkdir -p "$made/bin" "$made/sys" "$headers" "$made/linux-source-7.3"
	printf 'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n' >"$made/os-release"
	echo "Linux version $release (x) #1 SMP Debian $version (2026-11-15)" >"$made/version"
	cat >"$headers/.config" <<-END
		CONFIG_CC_VERSION_TEXT="x86_64-linux-gnu-gcc-49 (Debian 14.2.0-19) 14.2.0"
		CONFIG_GCC_VERSION=140200
		CONFIG_RUSTC_VERSION_TEXT="rustc 1.85.1 (made up)"
		CONFIG_PAHOLE_VERSION=130
	END
	touch "$headers/.kernelvariables" "$headers/vmlinux"
	printf '0x0\t%s\tvmlinux\tEXPORT_SYMBOL_GPL\t\n' printk _RNvCsMade_6kernel3one _RNvCsMade_6kernel3two \
		>"$headers/Module.symvers"
	tool uname "echo $release"
	tool rustc '[ "$1" = --version ] && echo "rustc 1.85.1 (made up)" || echo _RNvCsMade_6kernel1f'
	tool x86_64-linux-gnu-gcc-49 'echo 14.2.0'
	tool pahole 'echo 130'
	tool dpkg ''
	tool dpkg-query 'case $3 in
		*Status*) shift 3; printf "installed %s\n" "$@" | grep -vxF "installed $missing" ;;
		*) echo "'"$version"'" ;;
		esac'
	cat >"$made/linux-source-7.3/Makefile" <<-'END'
		olddefconfig: ; ln -s $(CURDIR) $(O)/source
		modules_prepare: ; mkdir $(O)/rust && printf 'EXPORT_SYMBOL_RUST_GPL(%s);\n' \
			_RNvCsMade_6kernel3two _RNvCsMade_6kernel3one >$(O)/rust/exports_kernel_generated.h
	END
	source_package
}

# tool(name, script) - makes a tool of the made-up machine
tool() {
	printf '#!/bin/sh\n%s\n' "$2" >"$made/bin/$1"
	chmod +x "$made/bin/$1"
}

# source_package() - packs the made-up source as Debian's package has it
source_package() {
	tar -cJf "$src/linux-source-7.3.tar.xz" -C "$made" linux-source-7.3
}

# stock() - runs the script on the made-up machine
stock() {
	run unshare --map-root-user --mount bash -c '
		mount --bind "$0/os-release" "$(realpath /etc/os-release)" && mount --bind "$0/version" /proc/version &&
			mount --bind "$0/src" /usr/src && mount --bind "$0/sys" /sys && mount -t overlay overlay -o lowerdir="$0/bin":/usr/bin /usr/bin &&
			exec scripts/stock.sh' "$made"
}

# refused(text) - the script says one line, which has this text, and has built nothing
refused() {
	stock
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == "lkmpg-rs: "*"$1"* ]]
	[ "$(grep -c '^lkmpg-rs: ' <<<"$output")" -eq 1 ]
	[ ! -e "$XDG_CACHE_HOME/lkmpg-rs/stock/$release/.complete" ]
}

# refused_early(text) - the same, and no step has begun
refused_early() {
	refused "$1"
	[ "${#lines[@]}" -eq 1 ]
	[ ! -e "$XDG_CACHE_HOME/lkmpg-rs/stock/$release" ]
}

@test "a tree for the running kernel: once, then at once" {
	stock
	[ "$status" -eq 0 ]
	kdir=$XDG_CACHE_HOME/lkmpg-rs/stock/$release
	[ "${lines[-1]}" = "$kdir" ]
	for file in Module.symvers vmlinux .config .kernelvariables; do
		cmp "$kdir/$file" "/$headers/$file"
	done
	stock
	[ "$output" = "$kdir" ]
}

@test "a running kernel that wants signatures: said before anything is built" {
	# asks() - the script says so
	asks() {
		stock
		[ "$status" -eq 0 ]
		[ "${lines[0]}" = "  the running kernel loads signed modules only: make sign, see README.md" ]
	}
	mkdir -p "$made/sys/kernel/security" "$made/sys/module/module/parameters"
	echo 'none [integrity] confidentiality' >"$made/sys/kernel/security/lockdown"
	asks
	echo '[none] integrity confidentiality' >"$made/sys/kernel/security/lockdown"
	echo Y >"$made/sys/module/module/parameters/sig_enforce"
	asks
	echo N >"$made/sys/module/module/parameters/sig_enforce"
	stock
	[ "$status" -eq 0 ] && [[ $output != *signed* ]]
}

@test "another distribution, an older Debian" {
	echo 'ID=fedora' >"$made/os-release"
	refused_early "stock kernels need Debian 13 or later; elsewhere take a container: scripts/container.sh make stock"
	printf 'ID=debian\nVERSION_ID="12"\n' >"$made/os-release"
	refused_early "stock kernels need Debian 13 or later"
}

@test "a kernel that is none of Debian's, or too old to have Rust" {
	tool uname 'echo 7.3.4-custom'
	refused_early "Linux 7.3.4-custom is no kernel of Debian's with Rust; take RELEASE="
	export RELEASE=6.12.57+deb13-amd64
	refused_early "Linux 6.12.57+deb13-amd64 is no kernel of Debian's with Rust"
}

@test "packages missing" {
	export missing=dwarves
	sed -i "s/\$missing/dwarves/" "$made/bin/dpkg-query"
	refused_early "install first: sudo apt-get install --no-install-recommends dwarves"
	sed -i "s/dwarves/gcc-49/" "$made/bin/dpkg-query"
	rm "$made/bin/x86_64-linux-gnu-gcc-49"
	refused_early "install first: sudo apt-get install --no-install-recommends gcc-49"
}

@test "another rustc than the kernel's, by its text" {
	tool rustc 'echo "rustc 1.96.1 (backports)"'
	refused_early "Linux $release was built by rustc 1.85.1 (made up), /usr/bin/rustc is rustc 1.96.1 (backports)"
}

@test "another rustc than the kernel's, by the hash of what it compiles" {
	tool rustc '[ "$1" = --version ] && echo "rustc 1.85.1 (made up)" || echo _RNvCsOther_6kernel1f'
	refused_early "rustc gives the kernel crate the hash CsOther_6kernel, Linux $release has CsMade_6kernel"
}

@test "another GCC than the kernel's" {
	tool x86_64-linux-gnu-gcc-49 'echo 14.3.0'
	refused_early "was built by x86_64-linux-gnu-gcc-49 (Debian 14.2.0-19) 14.2.0, x86_64-linux-gnu-gcc-49 here has the version 140300"
}

@test "a pahole that is another, or broken" {
	tool pahole 'echo 131'
	refused_early "was built with pahole 130, here it has the version 131"
	tool pahole 'exit 127'
	refused_early "was built with pahole 130, here it has the version none"
}

@test "headers of another version than the running kernel" {
	echo "Linux version $release (x) #1 SMP Debian 7.3.4-2~bpo13+1 (2026-11-20)" >"$made/version"
	refused_early "the running kernel is not of the version of linux-headers-$release, $version: upgrade both"
}

@test "no source of the headers' version" {
	tool apt-get 'case $1 in indextargets) echo https://archive trixie ;; esac'
	tool apt-cache 'case $1 in pkgnames) echo linux-headers-'"$release"' ;; *) echo "Version: 7.3.5-1~bpo13+1" ;; esac'
	tool dpkg-query 'case $3 in
		*Status*) shift 3; printf "installed %s\n" "$@" ;;
		*) [ "$4" = linux-headers-'"$release"' ] && echo "'"$version"'" ;;
		esac'
	refused "linux-headers-$release is of version $version, the archive has linux-source-7.3 7.3.5-1~bpo13+1: upgrade the kernel"
}

@test "headers that are damaged, as dpkg sees it" {
	tool dpkg "echo '??5??????   /usr/src/linux-headers-$release/Module.symvers'"
	refused_early "/usr/src/linux-headers-$release/Module.symvers is not as linux-headers-$release has it: sudo apt-get install --reinstall"
}

@test "a truncated Module.symvers: no Rust symbol left, or one fewer" {
	sed -i '/_RNv/d' "$headers/Module.symvers"
	refused_early "Module.symvers has no Rust symbols; install linux-headers-$release again"
	printf '0x0\t_RNvCsMade_6kernel3one\tvmlinux\tEXPORT_SYMBOL_GPL\t\n' >>"$headers/Module.symvers"
	refused "the first one being < _RNvCsMade_6kernel3two; install linux-headers-$release again"
}

@test "tools with which the configuration is another" {
	sed -i '/^olddefconfig/s/$/ \&\& echo CONFIG_AS_VERSION=24000 >>$(O)\/.config/' "$made/linux-source-7.3/Makefile"
	source_package
	refused "the configuration of Linux $release differs: CONFIG_AS_VERSION=24000"
}

@test "a compiler whose text alone has changed is the same one" {
	sed -i '/^olddefconfig/s/$/ \&\& sed -i s,14.2.0-19,14.2.0-20, $(O)\/.config/' "$made/linux-source-7.3/Makefile"
	source_package
	stock
	[ "$status" -eq 0 ]
}

@test "modules_install: no signing without the tree's key, depmod by us without its System.map" {
	copy=$BATS_TEST_TMPDIR/copy tree=$BATS_TEST_TMPDIR/tree to=$BATS_TEST_TMPDIR/to
	mkdir -p "$copy/build" "$tree/include/config" "$tree/certs" "$to/lib/modules/$release/updates"
	cp -r Makefile scripts "$copy"
	echo "$tree" >"$copy/build/kdir"
	printf 'CONFIG_MODULE_SIG_KEY="certs/signing_key.pem"\nCONFIG_MODULE_SIG_ALL=y\n' >"$tree/include/config/auto.conf"
	echo "$release" >"$tree/include/config/kernel.release"
	cat >"$tree/Makefile" <<-'END'
		include include/config/auto.conf
		cmd_depmod = kbuild
		modules_install: ; @echo 'sign: $(CONFIG_MODULE_SIG_ALL), depmod: $(cmd_depmod), to: $(INSTALL_MOD_PATH)'
	END
	run -0 make -C "$copy" modules_install INSTALL_MOD_PATH="$to"
	[[ $output == *"sign: , depmod: :, to: $to"* ]]
	[ -e "$to/lib/modules/$release/modules.dep" ]
	touch "$tree/certs/signing_key.pem" "$tree/System.map"
	rm "$to/lib/modules/$release"/modules.*
	run -0 make -C "$copy" modules_install INSTALL_MOD_PATH="$to"
	[[ $output == *"sign: y, depmod: kbuild, to: $to"* ]]
	[ ! -e "$to/lib/modules/$release/modules.dep" ]
}
