package chat_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/slipway-dev/slipway/e2e/portal"
	"github.com/slipway-dev/slipway/internal/chat/chattest"
)

// thinker is a deployer that is asked what it would change and thinks about it for
// as long as somebody keeps the pipe open, if there is one.
const thinker = `#!/bin/sh
cat >/dev/null
case $1 in
capabilities) echo '{"result": {"apiVersion": "slipway.deployer/v1", "summary": "Thinks"}}' ;;
validate) echo '{"result": {"replicas": 1, "problems": []}}' ;;
preview)
  if [ -p "$PIPE" ]; then read -r _ <"$PIPE"; fi
  echo '{"result": {"text": "nothing becomes something"}}'
  ;;
*) exit 2 ;;
esac
`

const thought = `apiVersion: slipway/v1
service: oracle
team: payments
stages:
  - environment: production
    deployer: {name: thinker}
    strategy: {type: recreate}
    gates: [{approval: {count: 1}}]
`

// TestKilledWhileItWorks kills the portal in the middle of two requests that it has
// acknowledged. Of one nothing was done yet: it waits for a deployer. Of the other
// all was done, and nobody was told: Slack does not take the answer. Once it is
// back, it does both, once each.
func TestKilledWhileItWorks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, program := filepath.Join(dir, "pipe"), filepath.Join(dir, "thinker.sh")
	if err := os.WriteFile(program, []byte(thinker), 0o700); err != nil {
		t.Fatal(err)
	}
	s := begin(t, "SLIPWAY_DEPLOYERS={thinker: {exec: "+program+", env: {PIPE: "+pipe+"}}}")
	s.linkBoth("ana")
	s.Must(t, http.MethodPut, "/api/v1/services/oracle", map[string]any{"team": "payments"}, nil)
	s.Must(t, http.MethodPut, "/api/v1/services/oracle/pipeline", thought, nil)
	s.releaseOf("oracle", "1.0.0")
	undone := s.slack.Command("UANA", "promote oracle 1.0.0 to production").Answer(t)
	untold := s.slack.Command("UANA", "promote till 1.0.0 to staging").Answer(t)

	came, release := s.slack.Hold()
	t.Cleanup(release)
	thinks := hold(t, pipe)
	first, second := s.slack.Click("UANA", undone.Button(t, "Promote")), s.slack.Click("UANA", untold.Button(t, "Promote"))
	if first.Status != http.StatusOK || second.Status != http.StatusOK {
		t.Fatalf("status %d and %d", first.Status, second.Status)
	}
	kept := within(t, "the deployer is asked", thinks)
	within(t, "an answer is given", came)
	if n, m := s.deployments("oracle"), s.deployments("till"); n != 0 || m != 1 {
		t.Fatalf("before it dies there are %d and %d deployments", n, m)
	}
	s.Kill()
	if n := s.unfinished(); n != 2 {
		t.Fatalf("%d requests are on record as not done, want both", n)
	}
	if err := errors.Join(os.Remove(pipe), kept.Close()); err != nil {
		t.Fatal(err)
	}
	release()

	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	revived, err := portal.Start(ctx, binary, s.Dir, s.Listen(), s.env...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(revived.Kill)
	s.Portal = revived
	for words, asked := range map[string]*chattest.Asked{"1.0.0 goes to production: deployment ": first, "1.0.0 goes to staging: deployment ": second} {
		answer, ok := asked.Next(2 * time.Minute)
		if !ok {
			t.Fatalf("what was acknowledged is never answered with %q", words)
		}
		says(t, answer.Words, words)
	}
	if n, m := s.deployments("oracle"), s.deployments("till"); n != 1 || m != 1 {
		t.Errorf("in the end there are %d and %d deployments", n, m)
	}
	if n := s.promotions(); n != 2 {
		t.Errorf("%d promotions are on record, want one of each", n)
	}
}

// hold makes a pipe, and gives its other end once somebody reads from it.
func hold(t *testing.T, pipe string) <-chan *os.File {
	t.Helper()
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan *os.File, 1)
	go func() {
		if f, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil { // it waits until somebody reads
			read <- f
		}
	}()
	return read
}

func within[T any](t *testing.T, what string, happens <-chan T) (out T) {
	t.Helper()
	select {
	case out = <-happens:
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not come about that %s", what)
	}
	return out
}

func (s *story) deployments(service string) int {
	s.t.Helper()
	var page struct{ Items []struct{ ID int64 } }
	s.Must(s.t, http.MethodGet, "/api/v1/services/"+service+"/deployments", nil, &page)
	return len(page.Items)
}

// promotions counts those that were asked for in chat.
func (s *story) promotions() (n int) {
	s.t.Helper()
	var audit struct {
		Items []struct{ Action, Via string }
	}
	s.Must(s.t, http.MethodGet, "/api/v1/audit?limit=50&action=deployment.promote", nil, &audit)
	for _, e := range audit.Items {
		if e.Action == "deployment.promote" && e.Via == "slack" {
			n++
		}
	}
	return n
}

// unfinished counts the requests of a portal that is dead, in its database.
func (s *story) unfinished() (n int) {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.Dir, "slipway.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(s.t.Context(), `SELECT count(*) FROM chat_requests WHERE claimed_at IS NOT NULL`).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}
