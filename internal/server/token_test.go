package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/identity/devissuer"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// doorRig is a portal with a rule for jobs of repository 74 of a CI system that
// is another server.
type doorRig struct {
	*rig
	ci   *devissuer.Issuer
	rule slipway.TrustRule
}

func newDoorRig(t *testing.T, change ...func(*Config)) *doorRig {
	t.Helper()
	d := &doorRig{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.ci.ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	issuer := front.URL + "/_services/token"
	var err error
	if d.ci, err = devissuer.New(devissuer.Config{Issuer: issuer, ClientID: "x", ClientSecret: "x", RedirectURI: "http://x.example", People: []devissuer.Person{{ID: "x"}}}); err != nil {
		t.Fatal(err)
	}
	d.rig = newRig(t, append(change, func(c *Config) { c.Workloads = identity.NewWorkloads(front.Client(), c.App.Clock) })...)
	ctx, ana := t.Context(), slipway.Actor{Kind: slipway.ActorUser, ID: "ana", Name: "Ana", Groups: []string{"admins"}}
	if _, err := d.app.PutTeam(ctx, ana, app.PutTeam{Team: slipway.Team{Name: "web"}}); err != nil {
		t.Fatal(err)
	}
	d.rule, err = d.app.AddTrustRule(ctx, ana, app.AddTrustRule{Rule: slipway.TrustRule{Name: "releases", Kind: slipway.TrustGitHub, Issuer: issuer, Audience: d.url,
		Claims: map[string]string{"repository_id": "74", "repository_owner_id": "65"}, Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: "web"}, Permissions: []slipway.Permission{slipway.ReleaseCreate}}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *doorRig) mint(change ...any) string {
	d.t.Helper()
	claims := map[string]any{"aud": d.url, "sub": "repo:acme/web:ref:refs/heads/main", "repository": "acme/web", "repository_id": "74", "repository_owner_id": "65", "event_name": "push", "run_id": "5"}
	for i := 0; i < len(change); i += 2 {
		claims[change[i].(string)] = change[i+1]
	}
	token, err := d.ci.WorkloadToken(claims)
	if err != nil {
		d.t.Fatal(err)
	}
	return token
}

// answered is what the door says.
type answered struct {
	status int
	head   http.Header
	said   map[string]any
}

func (d *doorRig) send(path string, form url.Values) answered {
	d.t.Helper()
	return d.sendAs("application/x-www-form-urlencoded", path, form.Encode())
}

func (d *doorRig) sendAs(kind, path, body string) answered {
	d.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	a := answered{status: response.StatusCode, head: response.Header, said: map[string]any{}}
	if err := json.Unmarshal(text, &a.said); err != nil {
		d.t.Fatalf("%s answers %d and no JSON: %s", path, a.status, text)
	}
	return a
}

func exchangeOf(token string, more ...string) url.Values {
	form := url.Values{"grant_type": {grantExchange}, "subject_token": {token}, "subject_token_type": {typeJWT}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

func TestATokenIsExchanged(t *testing.T) {
	t.Parallel()
	d := newDoorRig(t)
	a := d.send(grantPath, exchangeOf(d.mint()))
	if a.status != http.StatusOK || a.said["token_type"] != "Bearer" || a.said["issued_token_type"] != typeAccess || a.said["expires_in"] != 900.0 || a.said["scope"] != "service.read release.create" {
		t.Fatalf("%d %v", a.status, a.said)
	}
	if a.head.Get("Cache-Control") != "no-store" {
		t.Error("a token may be cached")
	}
	plain, _ := a.said["access_token"].(string)
	id, hash, err := identity.ParseToken(plain)
	if err != nil {
		t.Fatal(err)
	}
	actor, err := d.app.Authenticate(t.Context(), id, hash)
	if err != nil || actor.Name != "ci:github:acme/web run 5" || actor.ID != d.rule.Account() {
		t.Errorf("the actor is %+v, %v", actor, err)
	}
	if strings.Contains(d.log.String(), plain) {
		t.Error("the token is in the log")
	}
}

// TestWhatTheDoorRefuses is the list of attacks, over HTTP. None leaves a token.
func TestWhatTheDoorRefuses(t *testing.T) {
	t.Parallel()
	d := newDoorRig(t)
	used := d.mint()
	d.send(grantPath, exchangeOf(used))
	unknown, _ := d.ci.WorkloadToken(map[string]any{"iss": "https://unknown.example.com", "aud": d.url})
	for name, c := range map[string]struct {
		form   url.Values
		status int
		code   string
		says   string
	}{
		"replayed":                 {exchangeOf(used), 400, "invalid_grant", "used before"},
		"another audience":         {exchangeOf(d.mint("aud", "https://github.com/acme")), 400, "invalid_grant", "audience"},
		"no audience":              {exchangeOf(d.mint("aud", nil)), 400, "invalid_grant", "audience"},
		"expired":                  {exchangeOf(d.mint("exp", time.Now().Add(-time.Minute).Unix())), 400, "invalid_grant", "expired"},
		"another repository":       {exchangeOf(d.mint("repository_id", "75")), 400, "invalid_grant", "repository_id"},
		"a look-alike owner":       {exchangeOf(d.mint("repository_id", "9", "repository_owner_id", "8")), 400, "invalid_grant", "repository_id"},
		"a pull request":           {exchangeOf(d.mint("event_name", "pull_request")), 400, "invalid_grant", "only proposed"},
		"an unknown issuer":        {exchangeOf(unknown), 400, "invalid_grant", "names the issuer"},
		"no token":                 {exchangeOf(""), 400, "invalid_grant", "no token of a CI system"},
		"another rule":             {exchangeOf(d.mint(), "rule", "99"), 400, "invalid_grant", "No trust rule"},
		"no rule's number":         {exchangeOf(d.mint(), "rule", "x"), 400, "invalid_request", "rule"},
		"another grant":            {url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type", "grant_type"},
		"another kind of token":    {url.Values{"grant_type": {grantExchange}, "subject_token": {used}, "subject_token_type": {"urn:ietf:params:oauth:token-type:saml2"}}, 400, "invalid_request", "subject_token_type"},
		"for somebody else":        {exchangeOf(d.mint(), "actor_token", "x"), 400, "invalid_request", "actor_token"},
		"two tokens":               {url.Values{"grant_type": {grantExchange}, "subject_token": {used, used}}, 400, "invalid_request", "more than once"},
		"too long":                 {exchangeOf(strings.Repeat("a", 64<<10)), 413, "invalid_request", "too large"},
		"a refresh of what is not": {exchangeOf(d.mint(), "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), 400, "invalid_request", "requested_token_type"},
	} {
		a := d.send(grantPath, c.form)
		description, _ := a.said["error_description"].(string)
		if a.status != c.status || a.said["error"] != c.code || !strings.Contains(description, c.says) || a.said["access_token"] != nil {
			t.Errorf("%s: %d %v, want %d %s %q", name, a.status, a.said, c.status, c.code, c.says)
		}
	}
	if a := d.sendAs("application/json", grantPath, `{"grant_type":"x"}`); a.status != http.StatusBadRequest {
		t.Errorf("JSON: %d %v", a.status, a.said)
	}
	tokens, err := d.app.Tokens(t.Context(), slipway.Actor{Kind: slipway.ActorUser, ID: "ana", Groups: []string{"admins"}}, true)
	if err != nil || len(tokens) != 1 {
		t.Errorf("%d tokens were given, %v; one was due", len(tokens), err)
	}
}

// TestOneTokenOpensOnce: of many at the same time.
func TestOneTokenOpensOnce(t *testing.T) {
	t.Parallel()
	d := newDoorRig(t)
	form := exchangeOf(d.mint())
	var all sync.WaitGroup
	in := make(chan int, 20)
	for range cap(in) {
		all.Go(func() { in <- d.send(grantPath, form).status })
	}
	all.Wait()
	close(in)
	count := map[int]int{}
	for status := range in {
		count[status]++
	}
	if count[http.StatusOK] != 1 || count[http.StatusBadRequest] != cap(in)-1 {
		t.Errorf("answers by status: %v", count)
	}
}

// TestStrangersAtTheDoorAreCounted as everywhere, in the words of OAuth.
func TestStrangersAtTheDoorAreCounted(t *testing.T) {
	t.Parallel()
	d := newDoorRig(t, func(c *Config) { c.Limit = RateLimit{PerSecond: 0.001, Burst: 3} })
	last := 0
	for range 5 {
		a := d.send(grantPath, exchangeOf("x.y.z"))
		if last = a.status; last == http.StatusTooManyRequests && a.said["error"] == nil {
			t.Errorf("it says %v", a.said)
		}
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the fifth got %d", last)
	}
}

// TestTheWayOfADevice over HTTP: asked, decided by somebody, taken once.
func TestTheWayOfADevice(t *testing.T) {
	t.Parallel()
	d := newDoorRig(t)
	begun := d.send(devicePath, url.Values{"client_id": {"slipway-cli"}, "client_name": {"lap\x1b[31mtop"}, "scope": {"token.manage service.read"}, "days": {"7"}})
	secret, _ := begun.said["device_code"].(string)
	code, _ := begun.said["user_code"].(string)
	if begun.status != http.StatusOK || begun.said["verification_uri"] != d.url+"/device" || begun.said["interval"] != 5.0 || begun.said["expires_in"] != 600.0 || len(code) != 9 || len(secret) < 40 {
		t.Fatalf("%d %v", begun.status, begun.said)
	}
	take := url.Values{"grant_type": {grantDevice}, "device_code": {secret}}
	if a := d.send(grantPath, take); a.status != http.StatusBadRequest || a.said["error"] != "authorization_pending" {
		t.Errorf("before: %d %v", a.status, a.said)
	}
	if a := d.send(grantPath, url.Values{"grant_type": {grantDevice}, "device_code": {code}}); a.said["error"] != "expired_token" {
		t.Errorf("by the code that people see: %v", a.said)
	}
	d.write(func(tx slipway.Tx) error {
		return tx.People().PutUser(context.Background(), slipway.User{ID: "ana", Issuer: "i", Subject: "ana", Name: "Ana", Groups: []string{"admins"}})
	})
	login, err := d.app.DecideDevice(t.Context(), slipway.Actor{Kind: slipway.ActorUser, ID: "ana", Name: "Ana", Groups: []string{"admins"}}, app.DecideDevice{Code: code, Approve: true})
	if err != nil || login.Name != "lap[31mtop" {
		t.Fatalf("%+v %v", login, err)
	}
	a := d.send(grantPath, take)
	if a.status != http.StatusOK || a.said["scope"] != "token.manage service.read" || a.said["expires_in"] != float64(7*24*3600) {
		t.Errorf("after: %d %v", a.status, a.said)
	}
	if a := d.send(grantPath, take); a.said["error"] != "expired_token" {
		t.Errorf("again: %v", a.said)
	}
	for name, form := range map[string]url.Values{"a scope that is none": {"scope": {"moon.walk"}}, "for ever": {"days": {"91"}}} {
		if a := d.send(devicePath, form); a.status != http.StatusBadRequest || a.said["error"] != "invalid_request" {
			t.Errorf("%s: %d %v", name, a.status, a.said)
		}
	}
}
