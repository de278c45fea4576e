#!/usr/bin/env bash
# Brings the cluster up; what runs already is left alone, what has ended is started again.
#   tests/cluster/up.sh        a node with DNS, volumes, snapshots and images
#   tests/cluster/up.sh api    etcd and the API server only
# CLUSTER_OWNER=PID ends the cluster when that process ends; CLUSTER_WAIT=SECONDS waits that long for another checkout's;
# FENCEPOST_TEST_CNPG=1 adds CloudNativePG's operator.
# Exit code 77: this machine does not allow it, and says why.
source "$(dirname "$(readlink -f "$0")")/common.sh"

((EUID == 0)) || cannot "needs root: it makes namespaces, mounts and cgroups"
unshare --net --mount --pid --fork true 2>/dev/null || cannot "this machine allows no new namespaces"
[[ -w /sys/fs/cgroup ]] || cannot "/sys/fs/cgroup is not writable"
for program in etcd containerd runc nft iptables conntrack socat jq openssl; do
    [[ -n $(type -P "$program") ]] || cannot "no $program: scripts/install-deps --test installs it"
done

exec 9>>"$busy" # which the cluster's processes must not inherit
give_up=$((SECONDS + ${CLUSTER_WAIT:-0}))
while :; do
    flock 9
    owner=$(held owner)
    if [[ -e $run ]] && { ! is_up || { [[ -n $owner ]] && ! kill -0 "$owner" 2>/dev/null; }; }; then
        flock --unlock 9
        "$here/down.sh" # what one left that was killed
        continue
    fi
    [[ -e $run && $(held checkout) != "$checkout" ]] || break
    flock --unlock 9
    ((SECONDS < give_up)) || fail "$(held checkout) has it up${owner:+ (process $owner)}; CLUSTER_INSTANCE=1 brings up another beside it"
    sleep 1
done

"$here/build.sh"
"$here/step/namespaces.sh"
"$here/step/certificates.sh"
"$here/step/control-plane.sh"
say "the API server is ready"
[[ ${1:-} != api ]] || exit 0
"$here/step/node.sh"
say "the node is ready"
"$here/step/volumes.sh"
say "volumes and snapshots are ready"
[[ -z ${FENCEPOST_TEST_CNPG:-} ]] || { "$here/step/cnpg.sh" && say "CloudNativePG's operator is ready"; }
