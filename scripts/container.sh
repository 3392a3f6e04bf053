#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs a command in a container of Debian 13 that has all packages: on a distribution whose
# packages we do not know, and for who does not want them on the machine. The checkout and
# the cache are the same inside, at the same paths, and their files stay the caller's.
#
# Usage: scripts/container.sh COMMAND...     make demo, make test, bash
# Environment: CONTAINER_ENGINE=podman|docker; CONTAINER_BASE, an image of Debian 13 to start from

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

[ $# -gt 0 ] || die "usage: scripts/container.sh COMMAND..., for example: make demo"
engine=${CONTAINER_ENGINE:-$(command -v podman || command -v docker)} || die "install podman or docker"
base=${CONTAINER_BASE:-debian:13}
image=lkmpg-rs:$({ echo "$base"; cat "$top"/scripts/{Containerfile,packages.txt}; } | sha256sum | head -c 12)

if ! "$engine" image inspect "$image" >/dev/null 2>&1; then
	step "Building the container" "$cache/log/container.log" \
		"$engine" build --build-arg BASE="$base" --tag "$image" --file "$top/scripts/Containerfile" "$top/scripts"
fi

home=$cache/container-home
mkdir -p "$home"
args=(
	--rm --interactive --workdir "$top"
	--volume "$top:$top" --volume "$cache:$cache"
	--env HOME="$home" --env XDG_CACHE_HOME="${cache%/*}"
	# The tests of the scripts use namespaces; and labels are for files of containers only.
	--security-opt seccomp=unconfined --security-opt label=disable
)
[ ! -t 0 ] || args+=(--tty)
[ ! -w /dev/kvm ] || args+=(--device /dev/kvm)
if [ "$(id -u)" -ne 0 ]; then
	# Without root, podman's root is the caller, and any other user is not.
	case $(basename "$engine") in
	podman) args+=(--userns keep-id) ;;
	*) args+=(--user "$(id -u):$(id -g)") ;;
	esac
fi
# The network is reached as from this machine, whose certificates may be those of a proxy.
for file in ${SSL_CERT_FILE:-} /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
	[ -r "$file" ] || continue
	args+=(--volume "$(realpath "$file"):/etc/ssl/certs/ca-certificates.crt:ro")
	break
done
for name in $(sed -n 's/^export //p' "$top/Makefile") ASSUME_YES CI LIMIT $(compgen -e | grep -iE '^[a-z]+_proxy$'); do
	[ -z "${!name:-}" ] || args+=(--env "$name")
done
exec "$engine" run "${args[@]}" "$image" "$@"
