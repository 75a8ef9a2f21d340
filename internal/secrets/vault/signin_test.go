package vault_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/secrets/vault"
	"github.com/slipway-dev/slipway/internal/secrets/vault/vaulttest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// recorder passes calls on to Vault and remembers them.
type recorder struct {
	*httptest.Server
	mu    sync.Mutex
	calls []*http.Request
}

func record(t *testing.T, server *vaulttest.Server) *recorder {
	t.Helper()
	to, err := url.Parse(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.calls = append(r.calls, q.Clone(q.Context()))
		r.mu.Unlock()
		proxy.ServeHTTP(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

// count is how many calls went to a path.
func (r *recorder) count(path string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.calls {
		if q.URL.Path == "/v1/"+path {
			n++
		}
	}
	return n
}

// issuer signs JWTs, as an OpenID provider or a cluster does.
type issuer struct{ key *rsa.PrivateKey }

func newIssuer(t *testing.T) issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{key}
}

func (i issuer) public(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// sign writes a JWT with these claims to a file, as whoever renews it does.
func (i issuer) sign(t *testing.T, file string, claims map[string]any) {
	t.Helper()
	all := map[string]any{"iat": time.Now().Unix(), "nbf": time.Now().Add(-time.Minute).Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text+"."+encode(signature)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mountAuth(t *testing.T, server *vaulttest.Server, kind, mount string, config, role map[string]any) {
	t.Helper()
	admin(t, server, http.MethodPut, "sys/policies/acl/slipway", map[string]any{"policy": vault.Policy("secret", "")}, nil)
	admin(t, server, http.MethodPost, "sys/auth/"+mount, map[string]any{"type": kind}, nil)
	admin(t, server, http.MethodPost, "auth/"+mount+"/config", config, nil)
	role["token_policies"], role["token_ttl"] = "slipway", "20m"
	admin(t, server, http.MethodPost, "auth/"+mount+"/role/slipway", role, nil)
}

// byJWT signs in by a JWT of an issuer that Vault trusts.
func byJWT(t *testing.T, server *vaulttest.Server) (auth vault.Auth, mount string, spoil func()) {
	t.Helper()
	i, file := newIssuer(t), filepath.Join(t.TempDir(), "jwt")
	mountAuth(t, server, "jwt", "jwt-of-ours", map[string]any{"jwt_validation_pubkeys": []string{i.public(t)}, "bound_issuer": "https://id.example"},
		map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_audiences": []string{"vault"}})
	i.sign(t, file, map[string]any{"iss": "https://id.example", "aud": "vault", "sub": "slipway"})
	spoil = func() {
		newIssuer(t).sign(t, file, map[string]any{"iss": "https://id.example", "aud": "vault", "sub": "slipway"})
	}
	return vault.Auth{JWTRole: "slipway", JWTFile: file, JWTMount: "jwt-of-ours"}, "jwt-of-ours", spoil
}

// byKubernetes signs in by a service account. What stands in for the cluster is
// the one call that Vault makes to it, the review of a token.
func byKubernetes(t *testing.T, server *vaulttest.Server) (auth vault.Auth, mount string, spoil func()) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	var refuses atomic.Bool
	cluster := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var review struct {
			Spec struct {
				Token     string   `json:"token"`
				Audiences []string `json:"audiences"`
			} `json:"spec"`
		}
		presented, err := os.ReadFile(file)
		if q.URL.Path != "/apis/authentication.k8s.io/v1/tokenreviews" || q.Header.Get("Authorization") != "Bearer reviewer" || json.NewDecoder(q.Body).Decode(&review) != nil || err != nil {
			http.Error(w, "no review", http.StatusForbidden)
			return
		}
		known := !refuses.Load() && review.Spec.Token == strings.TrimSpace(string(presented))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		audiences, _ := json.Marshal(review.Spec.Audiences)
		fmt.Fprintf(w, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":{"authenticated":%t,"audiences":%s,
			"user":{"username":"system:serviceaccount:release:slipway","uid":"42","groups":["system:serviceaccounts"]}}}`, known, audiences)
	}))
	t.Cleanup(cluster.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cluster.Certificate().Raw})
	mountAuth(t, server, "kubernetes", "kubernetes", map[string]any{"kubernetes_host": cluster.URL, "kubernetes_ca_cert": string(authority), "token_reviewer_jwt": "reviewer", "disable_local_ca_jwt": true},
		map[string]any{"bound_service_account_names": "slipway", "bound_service_account_namespaces": "release", "audience": "vault"})
	newIssuer(t).sign(t, file, map[string]any{"iss": "https://kubernetes.default.svc", "aud": []string{"vault"}, "sub": "system:serviceaccount:release:slipway",
		"kubernetes.io": map[string]any{"namespace": "release", "serviceaccount": map[string]any{"name": "slipway", "uid": "42"}}})
	return vault.Auth{KubernetesRole: "slipway", KubernetesFile: file}, "kubernetes", func() { refuses.Store(true) }
}

// byAppRole signs in by role and secret ID, as the documentation has it.
func byAppRole(t *testing.T, server *vaulttest.Server) (auth vault.Auth, mount string, spoil func()) {
	t.Helper()
	return roleWithPolicy(t, server, nil), "approle", func() { admin(t, server, http.MethodDelete, "auth/approle/role/slipway", nil, nil) }
}

// Each way to sign in is used once, its token renewed while it lives, and used
// again within the call that finds the token revoked. With a credential that is
// no good any more it says that Vault does not let it in.
func TestEveryWayToSignIn(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]func(*testing.T, *vaulttest.Server) (vault.Auth, string, func()){"JWT": byJWT, "Kubernetes": byKubernetes, "AppRole": byAppRole} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := vaulttest.Start(t)
			auth, mount, spoil := way(t, server)
			seen := record(t, server)
			var passed atomic.Int64
			s := open(t, server, auth, func(c *vault.Config) {
				c.Address, c.Clock = seen.URL, func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
			})
			set(t, s, 0, "v")
			if fault := faultOf(t.Context(), s); fault != "" {
				t.Fatalf("signed in, it is %s", fault)
			}
			passed.Store(int64(11 * time.Minute))
			if fault := faultOf(t.Context(), s); fault != "" || seen.count("auth/token/renew-self") != 1 || seen.count("auth/"+mount+"/login") != 1 {
				t.Errorf("after half of its life: %q, renewed %d times, signed in %d times", fault, seen.count("auth/token/renew-self"), seen.count("auth/"+mount+"/login"))
			}
			admin(t, server, http.MethodPost, "sys/leases/revoke-prefix/auth/"+mount, map[string]any{"sync": true}, nil)
			if fault := faultOf(t.Context(), s); fault != "" || seen.count("auth/"+mount+"/login") != 2 {
				t.Errorf("after its token was revoked: %q, signed in %d times", fault, seen.count("auth/"+mount+"/login"))
			}
			spoil()
			admin(t, server, http.MethodPost, "sys/leases/revoke-prefix/auth/"+mount, map[string]any{"sync": true}, nil)
			if fault := faultOf(t.Context(), s); fault != slipway.SecretDenied {
				t.Errorf("with a credential that is no good: %q", fault)
			}
		})
	}
}

// The open Vault has no namespaces and ignores the header; that it is sent with
// every call is seen on the way.
func TestTheNamespaceIsSent(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	auth := roleWithPolicy(t, server, nil)
	seen := record(t, server)
	s := open(t, server, auth, func(c *vault.Config) { c.Address, c.Namespace = seen.URL, "teams/payments" })
	set(t, s, 0, "v")
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for _, q := range seen.calls {
		if got := q.Header.Get("X-Vault-Namespace"); got != "teams/payments" {
			t.Errorf("%s %s goes to namespace %q", q.Method, q.URL.Path, got)
		}
	}
	if len(seen.calls) < 2 {
		t.Errorf("%d calls were seen", len(seen.calls))
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server, files := vaulttest.StartTLS(t)
	whole := vault.TLS{CACert: files.CA, ClientCert: files.ClientCert, ClientKey: files.ClientKey}
	named, elsewhere, alone, unknown := whole, whole, whole, whole
	named.ServerName, elsewhere.ServerName = "vault.test", "other.test"
	alone.ClientCert, alone.ClientKey, unknown.CACert = "", "", ""
	for name, test := range map[string]struct {
		tls  vault.TLS
		want slipway.SecretFault
	}{
		"with all of it": {whole, ""}, "by another of its names": {named, ""}, "by a name that it has not": {elsewhere, slipway.SecretAway},
		"without a certificate of ours": {alone, slipway.SecretAway}, "without its authority": {unknown, slipway.SecretAway},
	} {
		s := open(t, server, vault.Auth{Token: server.Root}, func(c *vault.Config) { c.TLS = test.tls })
		if err := s.Health(t.Context()); slipway.SecretFaultOf(err) != test.want || (err == nil) != (test.want == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := vault.New(vault.Config{Address: server.Address, Auth: vault.Auth{Token: "x"}, TLS: vault.TLS{CACert: "/nowhere.pem"}}); err == nil {
		t.Error("an authority that is not there was taken")
	}
}
