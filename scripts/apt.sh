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

# apt_install(package...) - installs packages on the machine; never removes one
apt_install() {
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		die "not root and no sudo here; as root, run: apt-get install --no-install-recommends $*"
	fi
	[ "$(id -u)" -eq 0 ] || sudo -v || die "sudo refused; as root, run: apt-get install --no-install-recommends $*"
	step "Updating the package lists" "$cache/log/apt-update.log" \
		as_root apt-get update -o APT::Update::Error-Mode=any
	step "Installing $# packages" "$cache/log/apt-install.log" \
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends --no-remove "$@"
}
