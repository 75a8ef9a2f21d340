#!/usr/bin/env bash
# One Kubernetes: etcd, API server, controllers (those of Argo Rollouts as well),
# scheduler, containerd, kubelet and kube-proxy, in namespaces of their own (network, mounts, processes). It
# runs until its standard input ends, which is at the end of the test binary:
# well, by panic or by kill -9. With the first process of the namespaces the
# kernel ends all others, containers included, and takes mounts, the bridge and
# the rules of iptables with it.
#
#   cluster.sh outside DIR KUBERNETES NET ROLLOUTS     makes the namespaces, cleans up after
#   cluster.sh inside  DIR KUBERNETES NET ROLLOUTS     is their first process
#
# NET is the first two numbers of the cluster's addresses: 10.NET.0.0/16.
set -uo pipefail
part=$1 dir=$2 kubernetes=$3 net=$4 rollouts=$5

if [ "$part" = outside ]; then
  name=slipway-k8s-$net
  ip netns del "$name" 2>/dev/null # what a killed run left behind
  ip netns add "$name" || exit 1
  ip link add "slipk8s$net" type veth peer name eth0 netns "$name" &&
    ip address add "10.$net.0.1/24" dev "slipk8s$net" &&
    ip link set "slipk8s$net" up &&
    ip route add "10.$net.0.0/16" via "10.$net.0.2" &&
    nsenter --net="/run/netns/$name" unshare --mount --pid --fork --kill-child=KILL --mount-proc \
      "$0" inside "$dir" "$kubernetes" "$net" "$rollouts"
  ip netns del "$name"
  # What ran until the end has left its control group, which the kernel needs a
  # moment to let go of.
  for id in "$dir"/containerd/state/io.containerd.runtime.v2.task/k8s.io/*; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      find /sys/fs/cgroup -depth -type d -name "${id##*/}" -exec rmdir {} + 2>/dev/null && break
      sleep 0.2
    done
  done
  rm -rf "$dir"
  exit 0
fi

# The names of the pods' networks would outlive their mounts.
mount -t tmpfs tmpfs /run/netns
ip link set lo up
ip address add "10.$net.0.2/24" dev eth0
ip link set eth0 up
ip route add default via "10.$net.0.1"
echo 1 >/proc/sys/net/ipv4/ip_forward

# keep NAME COMMAND...: runs it again when it ends, as an init system would; some
# of these give up when they come before the API server.
keep() {
  local name=$1
  shift
  while :; do
    "$@" >>"$dir/$name.log" 2>&1 </dev/null
    sleep 0.3
  done &
}

keep etcd etcd --data-dir "$dir/etcd" --unsafe-no-fsync \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
keep containerd containerd --config "$dir/containerd.toml"
keep kube-apiserver "$kubernetes" kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
  --bind-address=0.0.0.0 --advertise-address="10.$net.0.2" --secure-port=6443 --cert-dir="$dir/pki" \
  --service-cluster-ip-range="10.$net.128.0/20" --authorization-mode=RBAC --token-auth-file="$dir/tokens.csv" \
  --kubelet-preferred-address-types=InternalIP --service-account-issuer=https://kubernetes.default.svc \
  --service-account-key-file="$dir/pki/sa.pub" --service-account-signing-key-file="$dir/pki/sa.key"
keep kube-controller-manager "$kubernetes" kube-controller-manager --kubeconfig="$dir/inside.kubeconfig" --leader-elect=false \
  --service-account-private-key-file="$dir/pki/sa.key" --root-ca-file="$dir/pki/apiserver.crt" --use-service-account-credentials=false \
  --concurrent-gc-syncs=5 --kube-api-qps=200 --kube-api-burst=300
keep kube-scheduler "$kubernetes" kube-scheduler --kubeconfig="$dir/inside.kubeconfig" --leader-elect=false
keep kubelet "$kubernetes" kubelet --kubeconfig="$dir/inside.kubeconfig" --config="$dir/kubelet.yaml" --root-dir="$dir/kubelet" \
  --hostname-override=node --node-ip="10.$net.0.2" --cert-dir="$dir/pki/kubelet"
keep rollouts "$rollouts" --kubeconfig="$dir/inside.kubeconfig" --namespace=argo-rollouts --leader-elect=false --qps=200 --burst=300
keep kube-proxy "$kubernetes" kube-proxy --config="$dir/proxy.yaml"

read -r _
