#!/usr/bin/env bash
# etcd and kube-apiserver.
source "$(dirname "$(readlink -f "$0")")/../common.sh"

# It forgets all with the machine, so it need not wait for the disk.
start etcd etcd --name "$node" --data-dir "$state/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster "$node=http://127.0.0.1:2380"
start kube-apiserver "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --bind-address="$node_address" --advertise-address="$node_address" --secure-port=6443 \
    --tls-cert-file="$certificates/apiserver.crt" --tls-private-key-file="$certificates/apiserver.key" \
    --client-ca-file="$certificates/ca.crt" --token-auth-file="$certificates/tokens.csv" \
    --authorization-mode=Node,RBAC --anonymous-auth=true --enable-admission-plugins=NodeRestriction \
    --service-account-key-file="$certificates/service-accounts.pub" \
    --service-account-signing-key-file="$certificates/service-accounts.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-cluster-ip-range="$service_network" --allow-privileged=true \
    --kubelet-client-certificate="$certificates/admin.crt" --kubelet-client-key="$certificates/admin.key" \
    --kubelet-preferred-address-types=InternalIP \
    --requestheader-client-ca-file="$certificates/ca.crt" --requestheader-allowed-names=front-proxy \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$certificates/front-proxy.crt" --proxy-client-key-file="$certificates/front-proxy.key" \
    --profiling=false --v=1
wait_for 120 "the API server's readiness" kubectl get --raw /readyz
