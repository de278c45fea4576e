#!/usr/bin/env bash
# Controller manager, scheduler, containerd with the images, kubelet, kube-proxy, and CoreDNS.
source "$(dirname "$(readlink -f "$0")")/../common.sh"
mkdir -p "$state/containerd" "$state/cni"

start kube-controller-manager "$bin/kube-controller-manager" --kubeconfig="$state/controller-manager.kubeconfig" \
    --bind-address=127.0.0.1 --leader-elect=false --cluster-cidr="$pod_network" --allocate-node-cidrs=false \
    --service-account-private-key-file="$certificates/service-accounts.key" --root-ca-file="$certificates/ca.crt" \
    --cluster-signing-cert-file="$certificates/ca.crt" --cluster-signing-key-file="$certificates/ca.key" \
    --use-service-account-credentials=true --profiling=false --v=1
start kube-scheduler "$bin/kube-scheduler" --kubeconfig="$state/scheduler.kubeconfig" --bind-address=127.0.0.1 \
    --leader-elect=false --profiling=false --v=1

put "$state/cni/10-pods.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
     "ipam": {"type": "host-local", "dataDir": "$run/addresses", "ranges": [[{"subnet": "$pod_network"}]],
              "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
put "$state/containerd.toml" <<TOML
version = 2
root = "$state/containerd/root"
state = "$run/containerd"
oom_score = -500
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "$containerd_socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "local.test/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$state/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
TOML
start containerd containerd --config "$state/containerd.toml"
wait_for 60 "containerd's start" in_containerd version
for archive in "$images"/*.tar; do
    name=local.test/$(basename "$archive" .tar):1
    in_containerd images ls -q | grep --quiet --line-regexp "$name" || in_containerd images import "$archive" >/dev/null
done

# Images are never collected: they could not be pulled again. failCgroupV1 is what keeps this at Kubernetes 1.34:
# later ones need cgroup v2.
printf 'nameserver %s\n' "$node_address" | put "$state/resolv.conf"
put "$state/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node_address
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupRoot: $cgroup_root
containerRuntimeEndpoint: unix://$containerd_socket
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $certificates/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $certificates/kubelet.crt
tlsPrivateKeyFile: $certificates/kubelet.key
clusterDNS: [$node_address]
clusterDomain: cluster.local
resolvConf: $state/resolv.conf
podLogsDir: $state/pod-logs
volumePluginDir: $state/flexvolume
maxPods: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
syncFrequency: 10s
registerWithTaints: []
YAML
# kubelet sets these for the whole machine when it starts; the machine's own come back after.
[[ -s $run/sysctl ]] || sysctl kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes \
    vm.overcommit_memory vm.panic_on_oom >"$run/sysctl"
start kubelet "$bin/kubelet" --kubeconfig="$state/kubelet.kubeconfig" --config="$state/kubelet.yaml" \
    --root-dir="$kubelet_root" --cert-dir="$state/kubelet-certificates" --hostname-override="$node" \
    --node-ip="$node_address" --v=2

put "$state/proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $state/proxy.kubeconfig}
clusterCIDR: $pod_network
bindAddress: $node_address
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
hostnameOverride: $node
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {syncPeriod: 30s, minSyncPeriod: 0.5s}
YAML
start kube-proxy "$bin/kube-proxy" --config="$state/proxy.yaml" --v=1

put "$state/Corefile" <<CONF
.:53 {
    bind $node_address
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig $KUBECONFIG fencepost
        pods insecure
        ttl 1
    }
    cache 1
}
CONF
start coredns "$bin/coredns" -conf "$state/Corefile"

wait_for 120 "the node's readiness" kubectl wait "node/$node" --for=condition=Ready --timeout=1s
sysctl --quiet --load="$run/sysctl"
wait_for 60 "the default service account" kubectl --namespace default get serviceaccount default
