package kubetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
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
func (c *Cluster) writeFiles(network int, cniBin string) error {
	c.token = rand.Text()
	fill := strings.NewReplacer("DIR", c.dir, "NET", fmt.Sprint(network), "TOKEN", c.token, "CNIBIN", cniBin)
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
	return c.writeKeys(network)
}

// writeKeys makes the pair that service account tokens are signed with, and the
// certificate of the API server: one that it made itself could be another after
// a bad start, and whoever had read the first would never get in.
func (c *Cluster) writeKeys(network int) error {
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
	certificate, err := certificateFor(key, network)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"apiserver.crt": {Type: "CERTIFICATE", Bytes: certificate},
		"apiserver.key": {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		"sa.key":        {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		"sa.pub":        {Type: "PUBLIC KEY", Bytes: public},
	} {
		if err := os.WriteFile(filepath.Join(c.dir, "pki", name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// certificateFor is signed by itself, for all names that the API server has.
func certificateFor(key *rsa.PrivateKey, network int) ([]byte, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "slipway test cluster"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, byte(network), 0, 2), net.IPv4(10, byte(network), 128, 1)},
	}
	return x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
}
