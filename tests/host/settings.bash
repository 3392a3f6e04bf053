# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For tests whose scripts run on made-up machines. To be loaded.

# no_settings() - unsets what the caller of the tests may have set for the scripts
no_settings() {
	# shellcheck disable=SC2046 # several names
	unset $(sed -n 's/^export //p' Makefile)
	unset MAKEFLAGS MAKELEVEL lkmpg_clean given_jobs LIMIT ASSUME_YES CI CONTAINER_ENGINE CONTAINER_BASE INSTALL_MOD_PATH
}
