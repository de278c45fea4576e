#!/usr/bin/env bash
# Runs a command in the cluster's namespaces: there Pods and Services have their addresses, and processes their pids.
#   tests/cluster/inside.sh curl http://10.96.0.10/
source "$(dirname "$(readlink -f "$0")")/common.sh"
inside "$@"
