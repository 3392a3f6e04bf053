# shellcheck shell=bash disable=SC2154 # cache is set by common.sh
# SPDX-License-Identifier: GPL-2.0
#
# Installing Debian's packages on this machine. To be sourced after common.sh.

# as_root(command...) - runs a command as root, through sudo where needed
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# fetch_newer_qemu(dir) - fetches QEMU's packages of the release's backports into a folder
fetch_newer_qemu() {
	rm -rf "$1"
	step "Looking for a newer QEMU in backports" "$cache/log/apt-backports.log" \
		"$top/scripts/apt-isolated.sh" "$1" "$(os_release VERSION_CODENAME)-backports"
	step "Fetching QEMU" "$cache/log/fetch-qemu.log" env -C "$1" APT_CONFIG="$1/apt.conf" \
		apt-get download qemu-system-x86 qemu-system-common qemu-system-data seabios
}

# apt_install(package...) - installs packages on the machine; never removes one
apt_install() {
	local packages=("$@") install=(apt-get install -y --no-install-recommends --no-remove)
	local newer=$cache/apt-qemu i
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		die "not root and no sudo here; as root, run: apt-get install --no-install-recommends $*"
	fi
	[ "$(id -u)" -eq 0 ] || sudo -v || die "sudo refused; as root, run: apt-get install --no-install-recommends $*"
	step "Updating the package lists" "$cache/log/apt-update.log" \
		as_root apt-get update -o APT::Update::Error-Mode=any
	# Where qemu-utils came from backports, the release's own QEMU would remove it.
	if [[ " $* " == *" qemu-system-x86 "* ]] && ! "${install[@]}" -s qemu-system-x86 >/dev/null 2>&1; then
		fetch_newer_qemu "$newer"
		for i in "${!packages[@]}"; do
			[ "${packages[i]}" != qemu-system-x86 ] || unset "packages[i]"
		done
		packages+=("$newer"/*.deb)
	fi
	step "Installing ${#packages[@]} packages" "$cache/log/apt-install.log" \
		as_root env DEBIAN_FRONTEND=noninteractive "${install[@]}" "${packages[@]}"
	rm -rf "$newer"
}
