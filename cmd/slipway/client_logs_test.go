package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/client"
)

// TestTheLastLinesAreWatched: a deployment that prints and ends just after
// somebody looked at its log is shown to the last line, each line once.
func TestTheLastLinesAreWatched(t *testing.T) {
	r := newClientRig(t)
	file := filepath.Join(t.TempDir(), "slipway.yaml")
	fatal(t, os.WriteFile(file, []byte(cliFile), 0o600))
	r.expect(exitOK, "", "apply", "-f", file)
	r.expect(exitOK, "", "release", "create", "shop", "1.0.0", "--artifact", "app=reg/app@sha256:"+strings.Repeat("a", 64))
	r.expect(exitOK, "succeeded", "promote", "shop", "1.0.0", "--to", "staging", "--wait")
	r.expect(exitWaits, "", "promote", "shop", "1.0.0", "--to", "prod", "--wait")
	r.be("approver")
	r.expect(exitOK, "waiting", "deployment", "show", "2")

	// Between the log, which is empty yet, and what comes next, the deployment
	// does all of its work.
	portal, err := url.Parse(r.url)
	fatal(t, err)
	var once sync.Once
	behind := httputil.NewSingleHostReverseProxy(portal)
	behind.ModifyResponse = func(answer *http.Response) error {
		if strings.HasSuffix(answer.Request.URL.Path, "/logs") {
			once.Do(func() { err = r.approvedAndEnded(2) })
		}
		return err
	}
	front := httptest.NewServer(behind)
	t.Cleanup(front.Close)
	t.Setenv("SLIPWAY_URL", front.URL)
	out := r.expect(exitOK, "generation ", "deployment", "logs", "2", "--watch")
	if n := strings.Count(out, "\n"); n != 1 {
		t.Errorf("%d lines are shown of one:\n%s", n, out)
	}
}

func (r *clientRig) approvedAndEnded(id int64) error {
	ctx := r.t.Context()
	c, err := client.New(r.url, r.tokens["approver"])
	if err != nil {
		return err
	}
	d, err := c.Deployment(ctx, id)
	if err != nil {
		return err
	}
	if _, err := c.Approve(ctx, id, d.Value.Plan, ""); err != nil {
		return err
	}
	return every(ctx, 10*time.Millisecond, func() (bool, error) {
		d, err := c.Deployment(ctx, id)
		return err == nil && !d.Value.Active, err
	})
}
