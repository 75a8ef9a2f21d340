package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// config is everything that can be set. Each key is an environment variable
// and a key of the --config file alike; the environment wins.
type config struct {
	Listen           string
	MetricsListen    string
	PublicURL        string
	DatabaseURL      string
	SecretKey        string
	SecretKeyOld     string
	SMTP             smtpConfig
	SecretPaths      string
	Vault            vaultConfig
	OIDCIssuer       string
	OIDCClientID     string
	OIDCClientSecret string
	OIDCGroupsClaim  string
	AdminGroup       string
	DataDir          string
	TrustedProxies   string
	OutboundAllow    string
	PrometheusURL    string
	PrometheusToken  string
	PrometheusOrg    string
	WebhookSecret    string
	TrustedRoot      string // path of a file
	RetainLogs       string
	RetainEvents     string
	RetainKeys       string
	Terraform        string // path of a program
	Deployers        string // YAML, see otherDeployer
	Slack            slackConfig
	Mattermost       mattermostConfig
	LogLevel         string
}

// setting ties a key to its field.
type setting struct {
	key     string
	secret  bool
	initial string
	field   func(*config) *string
	what    string
}

func settings() []setting {
	return append([]setting{
		{"SLIPWAY_LISTEN", false, ":8080", func(c *config) *string { return &c.Listen }, "address of the portal"},
		{"SLIPWAY_METRICS_LISTEN", false, ":9090", func(c *config) *string { return &c.MetricsListen }, "address of /metrics"},
		{"SLIPWAY_PUBLIC_URL", false, "", func(c *config) *string { return &c.PublicURL }, "address that people's browsers use"},
		{"SLIPWAY_DATABASE_URL", false, "", func(c *config) *string { return &c.DatabaseURL }, "sqlite:PATH or postgres://..."},
		{"SLIPWAY_SECRET_KEY", true, "", func(c *config) *string { return &c.SecretKey }, "32 bytes in base64; seals what is kept encrypted"},
		{"SLIPWAY_SECRET_KEY_PREVIOUS", true, "", func(c *config) *string { return &c.SecretKeyOld }, "the key before it: what it sealed is sealed anew at the start"},
		{"SLIPWAY_SECRET_PATHS", false, "{team}/{service}/{environment}", func(c *config) *string { return &c.SecretPaths }, "where secrets lie, below the mount"},
		{"SLIPWAY_OIDC_ISSUER", false, "", func(c *config) *string { return &c.OIDCIssuer }, "OpenID provider"},
		{"SLIPWAY_OIDC_CLIENT_ID", false, "", func(c *config) *string { return &c.OIDCClientID }, "client at the provider"},
		{"SLIPWAY_OIDC_CLIENT_SECRET", true, "", func(c *config) *string { return &c.OIDCClientSecret }, "its secret"},
		{"SLIPWAY_OIDC_GROUPS_CLAIM", false, "groups", func(c *config) *string { return &c.OIDCGroupsClaim }, "claim that lists a person's groups"},
		{"SLIPWAY_ADMIN_GROUP", false, "", func(c *config) *string { return &c.AdminGroup }, "group whose members are administrators"},
		{"SLIPWAY_DATA_DIR", false, "data", func(c *config) *string { return &c.DataDir }, "where the process deployer keeps its state"},
		{"SLIPWAY_TRUSTED_PROXIES", false, "", func(c *config) *string { return &c.TrustedProxies }, "networks whose X-Forwarded-For is believed"},
		{"SLIPWAY_OUTBOUND_ALLOW", false, "", func(c *config) *string { return &c.OutboundAllow }, "inner networks that checks and gates may reach"},
		{"SLIPWAY_PROMETHEUS_URL", false, "", func(c *config) *string { return &c.PrometheusURL }, "where metric checks and gates get their figures"},
		{"SLIPWAY_PROMETHEUS_TOKEN", true, "", func(c *config) *string { return &c.PrometheusToken }, "its bearer token"},
		{"SLIPWAY_PROMETHEUS_ORG", false, "", func(c *config) *string { return &c.PrometheusOrg }, "tenant, where it has several"},
		{"SLIPWAY_WEBHOOK_SECRET", true, "", func(c *config) *string { return &c.WebhookSecret }, "signs what gates send to other systems"},
		{"SLIPWAY_SIGSTORE_TRUSTED_ROOT", false, "", func(c *config) *string { return &c.TrustedRoot }, "file that says whose certificates provenance may be signed with"},
		{"SLIPWAY_RETAIN_LOGS", false, "90d", func(c *config) *string { return &c.RetainLogs }, "how long the log of a deployment is kept"},
		{"SLIPWAY_RETAIN_EVENTS", false, "30d", func(c *config) *string { return &c.RetainEvents }, "how long events are kept"},
		{"SLIPWAY_RETAIN_KEYS", false, "7d", func(c *config) *string { return &c.RetainKeys }, "how long a repeated request gets its first answer"},
		{"SLIPWAY_TERRAFORM", false, "", func(c *config) *string { return &c.Terraform }, "path of terraform or tofu; looked for on PATH if empty"},
		{"SLIPWAY_DEPLOYERS", false, "", func(c *config) *string { return &c.Deployers }, "YAML that names deployers of your own: programs and web services"},
		{"SLIPWAY_LOG_LEVEL", false, "info", func(c *config) *string { return &c.LogLevel }, "debug, info, warn or error"},
	}, slices.Concat(chatSettings(), vaultSettings(), smtpSettings())...)
}

// loadConfig reads the file, if there is one, and the environment, and reports
// every wrong value at once.
func loadConfig(path string, environ []string) (config, error) {
	c, problems := gatherConfig(path, environ)
	return c, errors.Join(append(problems, c.check()...)...)
}

// loadDatabaseConfig is loadConfig for commands that need only the database.
func loadDatabaseConfig(path string, environ []string) (config, error) {
	c, problems := gatherConfig(path, environ)
	return c, errors.Join(append(problems, c.checkDatabase()...)...)
}

func gatherConfig(path string, environ []string) (config, []error) {
	values, problems := readConfigFile(path)
	fromEnv, more := readEnvironment(environ)
	problems = append(problems, more...)
	for key, value := range fromEnv {
		values[key] = value
	}
	var c config
	for _, s := range settings() {
		value, set := values[s.key]
		if file, ok := values[s.key+"_FILE"]; ok {
			if set {
				problems = append(problems, fmt.Errorf("%s and %s_FILE are both set; keep one", s.key, s.key))
			}
			content, err := os.ReadFile(file)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s_FILE: %w", s.key, err))
			}
			value, set = strings.TrimRight(string(content), "\r\n"), true
		}
		if set && value == "" && neverEmpty(s.key) {
			problems = append(problems, fmt.Errorf("%s: is empty, and would let anybody in; leave the key out instead", s.key))
		}
		if !set || value == "" {
			value = s.initial
		}
		*s.field(&c) = value
	}
	return c, problems
}

func readConfigFile(path string) (map[string]string, []error) {
	values := map[string]string{}
	if path == "" {
		return values, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return values, []error{fmt.Errorf("--config: %w", err)}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(&values); err != nil && !errors.Is(err, io.EOF) {
		return map[string]string{}, []error{fmt.Errorf("--config %s: %w", path, err)}
	}
	return values, unknownKeys(values, "in "+path)
}

func readEnvironment(environ []string) (map[string]string, []error) {
	values := map[string]string{}
	for _, line := range environ {
		key, value, _ := strings.Cut(line, "=")
		if strings.HasPrefix(key, "SLIPWAY_") && !clientKey(key) || vaultKey(key) {
			values[key] = value
		}
	}
	return values, unknownKeys(values, "in the environment")
}

// clientKey names what the client commands and tests read, which may lie in
// the same environment.
func clientKey(key string) bool {
	return key == "SLIPWAY_URL" || key == "SLIPWAY_TOKEN" || strings.HasPrefix(key, "SLIPWAY_TEST_")
}

func unknownKeys(values map[string]string, where string) []error {
	known := map[string]bool{}
	for _, s := range settings() {
		known[s.key], known[s.key+"_FILE"] = true, true
	}
	var problems []error
	for key := range values {
		if !known[key] {
			problems = append(problems, fmt.Errorf("%s: unknown key %s", key, where))
		}
	}
	sort.Slice(problems, func(i, j int) bool { return problems[i].Error() < problems[j].Error() })
	return problems
}

// check lists wrong values and unsafe combinations.
func (c config) check() []error {
	var problems []error
	bad := func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf(key+": "+format, args...))
	}
	for key, value := range map[string]string{"SLIPWAY_LISTEN": c.Listen, "SLIPWAY_METRICS_LISTEN": c.MetricsListen} {
		if _, _, err := net.SplitHostPort(value); err != nil {
			bad(key, "%q is no address; write host:port or :port", value)
		}
	}
	if c.Listen == c.MetricsListen && !strings.HasSuffix(c.Listen, ":0") {
		bad("SLIPWAY_METRICS_LISTEN", "is the same as SLIPWAY_LISTEN; metrics are for another, inner network")
	}
	problems = append(problems, c.checkDatabase()...)
	if !c.absoluteURL(c.PublicURL) {
		bad("SLIPWAY_PUBLIC_URL", "is the http or https address that browsers use, without a path")
	}
	if !c.absoluteURL(c.OIDCIssuer) {
		bad("SLIPWAY_OIDC_ISSUER", "is the http or https address of the OpenID provider")
	}
	if c.OIDCClientID == "" {
		bad("SLIPWAY_OIDC_CLIENT_ID", "is missing; without it tokens meant for others would be taken")
	}
	if c.plainOutside(c.PublicURL) {
		bad("SLIPWAY_PUBLIC_URL", "is http outside this machine; sessions need https")
	}
	problems = append(problems, c.checkSecrets()...)
	if _, err := c.proxies(); err != nil {
		bad("SLIPWAY_TRUSTED_PROXIES", "is a list of networks such as 10.0.0.0/8,192.0.2.7/32: %v", err)
	}
	problems = append(problems, c.checkOutbound()...)
	problems = append(problems, c.checkChat()...)
	if err := c.needsKey(); err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, c.checkDeployers()...)
	if c.Terraform != "" && !filepath.IsAbs(c.Terraform) {
		bad("SLIPWAY_TERRAFORM", "is the absolute path of terraform or tofu, not %q", c.Terraform)
	}
	if _, err := c.verifier(); err != nil {
		problems = append(problems, err)
	}
	if _, err := c.retention(); err != nil {
		problems = append(problems, err)
	}
	if _, err := c.mail(); err != nil {
		problems = append(problems, err)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		bad("SLIPWAY_LOG_LEVEL", "is debug, info, warn or error, not %q", c.LogLevel)
	}
	return problems
}

// proxies reads the comma-separated networks of our own reverse proxies.
func (c config) proxies() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range strings.FieldsFunc(c.TrustedProxies, func(r rune) bool { return r == ',' || r == ' ' }) {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func (c config) checkDatabase() []error {
	for _, scheme := range []string{"sqlite:", "postgres://", "postgresql://"} {
		if rest, ok := strings.CutPrefix(c.DatabaseURL, scheme); ok && rest != "" {
			return nil
		}
	}
	return []error{errors.New("SLIPWAY_DATABASE_URL: is sqlite:PATH or the postgres:// address of a database")}
}

func (config) absoluteURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func (config) plainOutside(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && !strings.HasSuffix(u.Hostname(), ".localhost") && (ip == nil || !ip.IsLoopback())
}

// print writes the configuration as it is in force, secrets as ***.
func (c config) print(w io.Writer) {
	for _, s := range settings() {
		value := *s.field(&c)
		if s.secret && value != "" {
			value = "***"
		}
		if s.key == "SLIPWAY_DEPLOYERS" {
			value = c.deployersShown()
		}
		if s.key == "SLIPWAY_DATABASE_URL" || s.key == "SLIPWAY_SMTP_URL" {
			if u, err := url.Parse(value); err == nil && u.User != nil {
				value = u.Redacted()
			}
		}
		fmt.Fprintf(w, "%-30s %s\n", s.key, value)
	}
}
