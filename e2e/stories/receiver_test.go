package stories_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// receiver is somebody else's service that is told by webhooks. It answers with
// the status that the story says.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []string // headers that matter and body, in one text
	raw    []http.Header
	bodies []string
}

func (r *receiver) serve(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, strings.TrimSpace(q.Header.Get("Ce-Type")+" "+string(body)))
	r.raw, r.bodies = append(r.raw, q.Header.Clone()), append(r.bodies, string(body))
	w.WriteHeader(r.status)
}

// receiver start|STATUS: starts one, with its address in $HOOK, or has it answer
// with another status from now on.
func receiverCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: receiver start|STATUS")
	}
	s := of(ts)
	if args[0] == "start" {
		s.receiver = &receiver{status: http.StatusNoContent}
		s.receiver.Server = httptest.NewServer(http.HandlerFunc(s.receiver.serve))
		ts.Defer(s.receiver.Close)
		ts.Setenv("HOOK", s.receiver.URL)
		return
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	s.receiver.mu.Lock()
	defer s.receiver.mu.Unlock()
	s.receiver.status = status
}

// receives REGEXP [SECRET...] waits until the receiver has got what matches, and
// checks that it is signed with one of the secrets, a moment ago.
func receivesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: receives REGEXP [SECRET...]")
	}
	r, want := of(ts).receiver, regexp.MustCompile("(?s)"+args[0])
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		r.mu.Lock()
		for i, text := range r.got {
			if want.MatchString(text) {
				signed := checkSigned(r.raw[i], r.bodies[i], args[1:])
				fmt.Fprintln(ts.Stdout(), text)
				r.mu.Unlock()
				if signed != "" {
					ts.Fatalf("%s: %s", text, signed)
				}
				return
			}
		}
		all := strings.Join(r.got, "\n")
		r.mu.Unlock()
		if time.Now().After(deadline) {
			ts.Fatalf("nothing that matches %q has come within %v; there was:\n%s", args[0], patience, all)
		}
		<-ticker.C
	}
}

// checkSigned is what docs/notifications.md tells receivers to do.
func checkSigned(h http.Header, body string, secrets []string) (fault string) {
	at := h.Get("X-Slipway-Timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return "it was sent at " + at
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(at + "." + body))
		if hmac.Equal([]byte("sha256="+hex.EncodeToString(mac.Sum(nil))), []byte(h.Get("X-Slipway-Signature"))) {
			return ""
		}
	}
	if len(secrets) == 0 {
		return ""
	}
	return "it is not signed with a secret that the story has"
}
