#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Prepares, in a folder, an apt of its own that sees one suite of the mirror
# which the machine uses, and fetches the signed lists; APT_CONFIG=DIR/apt.conf
# then works with it. The machine's proxy and TLS settings hold; its sources,
# hooks and pins do not, and nothing of it is changed (a hook that `update` runs
# may empty the machine's cache in the middle of an installation).
#
# Usage: scripts/apt-isolated.sh DIR SUITE

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

dir=$1 suite=$2
key=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$key" ] || die "no $key: install debian-archive-keyring, or give KERNEL_SRC="

# The archive that carries the machine's own release, whose lists need not be here: a
# container has none.
# shellcheck disable=SC2016 # apt's own variables
mirror=$(apt-get indextargets --no-release-info --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
	awk -v release="$(os_release VERSION_CODENAME)" \
		'$2 == release || $2 ~ /^((old)?stable|testing|unstable)$/ { print $1; exit }')
[ -n "$mirror" ] || die "apt knows no Debian archive on this machine; give KERNEL_SRC="

mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
: >"$dir/status"
echo "deb [signed-by=$key] $mirror $suite main" >"$dir/sources.list"
# Experimental may stand still for longer than its lists are valid; they stay signed.
[ "$suite" = experimental ] && fresh=false || fresh=true
{
	apt-config dump | grep -E '^Acquire::(https?|Retries|ForceIPv[46])\b' || true
	cat <<-END
		Dir::Etc::main "/dev/null";
		Dir::Etc::parts "/dev/null";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State "$dir";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		Acquire::Check-Valid-Until "$fresh";
	END
} >"$dir/apt.conf"
APT_CONFIG=$dir/apt.conf apt-get update
