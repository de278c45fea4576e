#!/usr/bin/env bash
# Dynamic volumes and VolumeSnapshots: mini-csi and the real sidecars, as processes beside the node, not Pods.
source "$(dirname "$(readlink -f "$0")")/../common.sh"
socket=$kubelet_root/plugins/mini-csi/csi.sock
mkdir -p "$(dirname "$socket")" "$kubelet_root/plugins_registry" "$csi_data"

kubectl apply -f "$crds" >/dev/null
kubectl wait --for=condition=Established -f "$crds" --timeout=30s >/dev/null
kubectl apply -f "$here/yaml/volumes.yaml" >/dev/null
runs mini-csi || rm -f "$socket"
start mini-csi "$bin/mini-csi" --endpoint "$socket" --registry "$kubelet_root/plugins_registry" --state "$csi_data" --node "$node"
wait_for 20 "the CSI driver's start" test -S "$socket"
# Their pauses after faults, and before finalizers that nobody needs any more are looked for, are of minutes otherwise:
# longer than a test, and its namespace's end, should wait for what it made fail.
options=(--kubeconfig="$KUBECONFIG" --leader-election=false --retry-interval-max=4s)
start csi-provisioner "$bin/csi-provisioner" "${options[@]}" --csi-address="$socket" --extra-create-metadata \
    --snapshot-orphan-sweep-interval=5s
# What is deleted while it is made may be forgotten by the sidecar once it is made, until it looks at all of them again: its
# event of the one mark that still forbade the deletion is one that it does not wake up for.
start csi-snapshotter "$bin/csi-snapshotter" "${options[@]}" --csi-address="$socket" --resync-period=10s
start snapshot-controller "$bin/snapshot-controller" "${options[@]}"
is_registered() { kubectl get csinode "$node" -o jsonpath='{.spec.drivers[*].name}' | grep --quiet hostpath.csi.k8s.io; }
wait_for 60 "the CSI driver's registration" is_registered
