#!/usr/bin/env bash
# A certificate authority, the servers' certificates, the service account key, and a kubeconfig with a token for each.
source "$(dirname "$(readlink -f "$0")")/../common.sh"
[[ ! -e $certificates/done ]] || exit 0
mkdir -p "$certificates"
cd "$certificates"

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
key ca.key
openssl req -x509 -new -key ca.key -subj /CN=fencepost-cluster -days 3650 -out ca.crt \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign

certificate() {
    local name=$1 subject=$2
    shift 2
    key "$name.key"
    openssl req -new -key "$name.key" -subj "$subject" |
        openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out "$name.crt" -extfile <(printf '%s\n' "$@") 2>/dev/null
}
certificate apiserver /CN=kube-apiserver extendedKeyUsage=serverAuth \
    "subjectAltName=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$node_address,IP:10.96.0.1"
certificate admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
certificate kubelet "/O=system:nodes/CN=system:node:$node" extendedKeyUsage=serverAuth "subjectAltName=DNS:$node,IP:$node_address"
certificate front-proxy /CN=front-proxy extendedKeyUsage=clientAuth
openssl genrsa -out service-accounts.key 2048 2>/dev/null
openssl rsa -in service-accounts.key -pubout -out service-accounts.pub 2>/dev/null

# user NAME GROUP KUBECONFIG
user() {
    local token
    token=$(openssl rand -hex 16)
    printf '%s,%s,%s,%s\n' "$token" "$1" "$1" "$2" >>tokens.csv
    cat >"$3" <<YAML
apiVersion: v1
kind: Config
current-context: fencepost
clusters: [{name: fencepost, cluster: {server: "https://$node_address:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
contexts: [{name: fencepost, context: {cluster: fencepost, user: user, namespace: default}}]
users: [{name: user, user: {token: $token}}]
YAML
}
rm -f tokens.csv
umask 077
user admin system:masters "$KUBECONFIG"
user system:kube-controller-manager "" "$state/controller-manager.kubeconfig"
user system:kube-scheduler "" "$state/scheduler.kubeconfig"
user "system:node:$node" system:nodes "$state/kubelet.kubeconfig"
user system:kube-proxy "" "$state/proxy.kubeconfig"
touch done
