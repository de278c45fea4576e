#!/usr/bin/env bash
# Ends the cluster and forgets its state, however far it got. All of its processes, mounts and interfaces live in
# namespaces that end with its first process; cgroups, kernel settings and files are all that is left then.
# With CLUSTER_OWNER=PID only the cluster that was brought up for that process.
source "$(dirname "$(readlink -f "$0")")/common.sh"

exec 9>>"$busy"
flock 9
[[ -z ${CLUSTER_OWNER:-} || $(held owner) == "$CLUSTER_OWNER" ]] || exit 0
if is_up; then
    wait_for 10 "the first process's note" test -s "$run/holder"
    kill -KILL "$(held keeper)"
    flock --timeout 60 "$lock" true || fail "process $(held keeper) does not end"
fi
ip link delete "$host_link" 2>/dev/null || true # the kernel takes its time to do it
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [[ ! -d $hierarchy$cgroup_root ]] || wait_for 20 "the end of $hierarchy$cgroup_root" \
        find "$hierarchy$cgroup_root" -depth -type d -exec rmdir {} +
done
[[ ! -s $run/sysctl ]] || sysctl --quiet --load="$run/sysctl"
[[ ! -s $run/holder ]] || rm -rf --one-file-system "$(held state)"
rm -rf --one-file-system "$run"
