// Command vault is a real Vault for tests: the core and the HTTP API of the server
// with KV version 2, tokens, AppRole, JWT and Kubernetes, an audit log in a file, and
// everything else in memory.
// Its command line, its plugins for clouds and its other storage are left out,
// which halves the time to build it.
//
//	vault ADDRESS [CERT KEY [CA]]
//
// With CERT and KEY it speaks TLS, and with CA demands a certificate of its
// clients.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"

	log "github.com/hashicorp/go-hclog"
	jwt "github.com/hashicorp/vault-plugin-auth-jwt"
	kubernetes "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	if err := serve(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(address string, files []string) error {
	logger := log.New(&log.LoggerOptions{Output: os.Stderr, Level: log.Warn})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical: storage, Logger: logger, DisableMlock: true, RedirectAddr: "http://" + address, BuiltinRegistry: builtin{},
		LogicalBackends: secrets(), CredentialBackends: credentials(), AuditBackends: map[string]audit.Factory{"file": audit.NewFileBackend},
	})
	if err != nil {
		return err
	}
	listener, err := listen(address, files)
	if err != nil {
		return err
	}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{Type: "tcp", Address: address}})
	return http.Serve(listener, handler) //nolint:gosec // for tests on loopback
}

func listen(address string, files []string) (net.Listener, error) {
	plain, err := net.Listen("tcp", address)
	if err != nil || len(files) == 0 {
		return plain, err
	}
	own, err := tls.LoadX509KeyPair(files[0], files[1])
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	if len(files) > 2 {
		authority, err := os.ReadFile(files[2])
		if err != nil {
			return nil, err
		}
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(authority) {
			return nil, errors.New("the authority of clients is no PEM")
		}
	}
	return tls.NewListener(plain, config), nil
}

func secrets() map[string]logical.Factory { return map[string]logical.Factory{"kv": kv.Factory} }

func credentials() map[string]logical.Factory {
	return map[string]logical.Factory{"approle": approle.Factory, "jwt": jwt.Factory, "kubernetes": kubernetes.Factory}
}

// builtin is the list of what is built in.
type builtin struct{}

func of(kind consts.PluginType) map[string]logical.Factory {
	switch kind {
	case consts.PluginTypeSecrets:
		return secrets()
	case consts.PluginTypeCredential:
		return credentials()
	}
	return nil
}

func (builtin) Contains(name string, kind consts.PluginType) bool { return of(kind)[name] != nil }

func (builtin) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	factory, ok := of(kind)[name]
	return func() (any, error) { return factory, nil }, ok
}

func (builtin) Keys(kind consts.PluginType) []string { return slices.Sorted(maps.Keys(of(kind))) }

func (b builtin) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, b.Contains(name, kind)
}

func (builtin) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
