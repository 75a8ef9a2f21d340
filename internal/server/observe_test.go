package server

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

func TestFaultsShowTheRequestAndNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	for path, secret := range map[string]string{"/panic": "s3cret-of-the-panic", "/broken": "s3cret-of-the-error"} {
		response, body := b.get(path, "X-Request-Id", "chosen-by-the-client")
		id := response.Header.Get("X-Request-Id")
		if response.StatusCode != 500 || strings.Contains(body, "s3cret") || !strings.Contains(body, id) || id == "chosen-by-the-client" {
			t.Errorf("%s: %s %s", path, response.Status, body)
		}
		eventually(t, "the log of "+path, func() bool {
			for line := range strings.Lines(r.log.String()) {
				if strings.Contains(line, id) && strings.Contains(line, secret) {
					return path != "/panic" || strings.Contains(line, "rig_surfaces_test.go") // the stack
				}
			}
			return false
		})
	}
}

func TestTheLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	callback := b.toCallback("ana", "/s/web?q=canary-query")
	b.get(callback)
	b.get("/s/canary-path?token=canary-query")
	b.get("/canary-unknown")
	b.post("/s/web", url.Values{"value": {"canary-body"}})
	b.get("/api/v1/services/web", "Authorization", "Bearer canary-bearer")
	ctx, err := r.server.freshSession(t.Context(), b.cookie())
	if err != nil {
		t.Fatal(err)
	}
	hint := r.server.sessions.GetString(ctx, keyHint)
	back, err := url.Parse(callback)
	if err != nil || hint == "" {
		t.Fatal(err, hint)
	}
	token, err := r.issuer.LogoutToken("ana", "")
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"canary", b.cookie(), hint, back.Query().Get("code"), back.Query().Get("state"), token, "s3cret"}
	b.post("/auth/backchannel-logout", url.Values{"logout_token": {token}})
	b.post("/auth/logout", nil)
	eventually(t, "the last line", func() bool { return strings.Contains(r.log.String(), `"route":"/auth/logout"`) })
	log := r.log.String()
	for _, secret := range secrets {
		if secret == "" || strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	var line struct {
		Method, Route, Actor, Request, Address string
		Status                                 int
		MS                                     float64
		Bytes                                  int64
	}
	for text := range strings.Lines(log) {
		if !strings.Contains(text, `"route":"/s/:service"`) || !strings.Contains(text, `"GET"`) {
			continue
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
	}
	if line.Method != "GET" || line.Status != 200 || !strings.HasPrefix(line.Actor, "u-") || len(line.Request) != 16 || line.Address != "127.0.0.1" || line.Bytes == 0 || line.MS <= 0 {
		t.Errorf("the line of a request: %+v", line)
	}
}

func TestTheAddressIsBelievedOnlyOfProxies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		trusted []netip.Prefix
		want    string
	}{{nil, "127.0.0.1"}, {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "203.0.113.9"}} {
		r := newRig(t, func(c *Config) { c.TrustedProxies = test.trusted })
		r.browser().get("/sign-in", "X-Forwarded-For", "198.51.100.1, 203.0.113.9")
		want := `"address":"` + test.want + `"`
		eventually(t, want, func() bool { return strings.Contains(r.log.String(), want) })
	}
}

func TestRequestIDsSortByTime(t *testing.T) {
	t.Parallel()
	a, b := newRequestID(time.UnixMilli(1_790_000_000_000)), newRequestID(time.UnixMilli(1_790_000_000_001))
	if len(a) != 16 || a >= b {
		t.Errorf("%s then %s", a, b)
	}
}

func TestTheLogNamesTheRequestInEveryRoom(t *testing.T) {
	t.Parallel()
	var out buffer
	log := slog.New(withRequest{slog.NewJSONHandler(&out, nil)}).With("a", 1).WithGroup("g")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	e := echo.New()
	c := e.NewContext(r, httptest.NewRecorder())
	s := &Server{clock: time.Now}
	err := s.identify(func(c echo.Context) error {
		log.InfoContext(c.Request().Context(), "hello")
		return nil
	})(c)
	if id := RequestID(c.Request().Context()); err != nil || id == "" || !strings.Contains(out.String(), id) {
		t.Errorf("%v %q %s", err, id, out.String())
	}
}
