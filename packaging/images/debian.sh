# What images of Debian packages have in common; sourced. The packages come from where this machine gets its own.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2016  # they are read by who sources this, and $1 is mmdebstrap's own
slim_debian=(--variant=essential --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"'
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*')
debian_without_lists='--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*'
