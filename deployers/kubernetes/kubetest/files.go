package kubetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const kubeconfig = `apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "https://10.NET.0.2:6443", certificate-authority: "DIR/pki/apiserver.crt"}}]
users: [{name: admin, user: {token: "TOKEN"}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
`

const containerdConfig = `version = 2
root = "DIR/containerd/root"
state = "DIR/containerd/state"
[grpc]
  address = "DIR/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "slipway.test/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "CNIBIN"
    conf_dir = "DIR/cni"
`

const cniConfig = `{"cniVersion": "0.4.0", "name": "test", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.NET.64.0/18"}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "DIR/cni-state"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
`

const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
cgroupRoot: /
failCgroupV1: false
failSwapOn: false
cgroupsPerQOS: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
containerRuntimeEndpoint: unix://DIR/containerd.sock
imageServiceEndpoint: unix://DIR/containerd.sock
evictionHard: {memory.available: 1Mi, nodefs.available: "0.1%", imagefs.available: "0.1%"}
imageGCHighThresholdPercent: 100
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}} # it is alone in its network
authorization: {mode: AlwaysAllow}
maxPods: 250
serializeImagePulls: false
nodeStatusUpdateFrequency: 5s
syncFrequency: 10s
kubeAPIQPS: 100
kubeAPIBurst: 200
resolvConf: ""
staticPodPath: ""
`

const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: node
clientConnection: {kubeconfig: DIR/inside.kubeconfig, qps: 100, burst: 200}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 100ms, syncPeriod: 30s}
clusterCIDR: 10.NET.64.0/18
`

// writeFiles lays out all that the programs read.
func (c *Cluster) writeFiles(net int, cniBin string) error {
	c.token = rand.Text()
	fill := strings.NewReplacer("DIR", c.dir, "NET", fmt.Sprint(net), "TOKEN", c.token, "CNIBIN", cniBin)
	for name, text := range map[string]string{
		"kubeconfig": kubeconfig, "inside.kubeconfig": kubeconfig, "containerd.toml": containerdConfig,
		"cni/10-test.conflist": cniConfig, "kubelet.yaml": kubeletConfig, "proxy.yaml": proxyConfig,
		"tokens.csv": "TOKEN,admin,admin,system:masters\n",
	} {
		path := filepath.Join(c.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(fill.Replace(text)), 0o600); err != nil {
			return err
		}
	}
	return c.writeKeys()
}

// writeKeys makes the pair that service account tokens are signed with.
func (c *Cluster) writeKeys() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(c.dir, "pki"), 0o750); err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"sa.key": {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		"sa.pub": {Type: "PUBLIC KEY", Bytes: public},
	} {
		if err := os.WriteFile(filepath.Join(c.dir, "pki", name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}
