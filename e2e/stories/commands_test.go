package stories_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/slipway-dev/slipway/e2e/portal"
	"github.com/slipway-dev/slipway/internal/demoapp"
)

const patience = 30 * time.Second

// portal start|kill|stop|restart|remove [KEY=VALUE...]. The portal's state is in
// $WORK/.slipway and its address and token are set as for the command line client.
// What it is started with stays for every restart.
func portalCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 1 && args[0] != "start" {
		ts.Fatalf("usage: portal start [KEY=VALUE...] | kill|stop|restart|remove")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	s := of(ts)
	switch args[0] {
	case "start", "restart":
		listen := "127.0.0.1:0"
		if s.portal != nil {
			s.portal.Kill() // does nothing to one that has ended
			listen = s.portal.Listen()
		}
		s.env = append(s.env, args[1:]...)
		p, err := portal.Start(ctx, binary, ts.MkAbs(".slipway"), listen, s.env...)
		ts.Check(err)
		s.portal = p
		ts.Setenv("SLIPWAY_URL", p.URL)
		ts.Setenv("SLIPWAY_TOKEN", p.Token)
	case "kill":
		running(ts).Kill()
	case "stop":
		ts.Check(running(ts).Stop())
	case "remove":
		ts.Check(running(ts).StopServices())
		left, err := running(ts).Leftovers()
		ts.Check(err)
		if len(left) > 0 {
			ts.Fatalf("left behind: %q", left)
		}
	default:
		ts.Fatalf("portal cannot %q", args[0])
	}
}

// http STATUS METHOD PATH [FILE] sends a request with $SLIPWAY_TOKEN, as curl
// would, and prints the answer. A .yaml file is sent as YAML.
func httpCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: http STATUS METHOD PATH [FILE]")
	}
	status, answer := ask(ts, args[1:])
	fmt.Fprintln(ts.Stdout(), answer)
	if args[0] != strconv.Itoa(status) {
		ts.Fatalf("%s %s: %d, want %s\n%s", args[1], args[2], status, args[0], answer)
	}
}

func ask(ts *testscript.TestScript, args []string) (int, string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var body any
	if len(args) == 3 {
		content := expanded(ts, ts.ReadFile(args[2]))
		body = content
		if filepath.Ext(args[2]) == ".json" {
			body = rawJSON(content)
		}
	}
	status, answer, err := running(ts).Call(ctx, ts.Getenv("SLIPWAY_TOKEN"), args[0], args[1], body)
	ts.Check(err)
	return status, string(answer)
}

// rawJSON is sent as it is.
type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// expanded replaces the variables of the story, and leaves those that are the
// deployer's, such as ${artifact}.
func expanded(ts *testscript.TestScript, text string) string {
	return regexp.MustCompile(`\$[A-Z][A-Z_0-9]*`).ReplaceAllStringFunc(text, func(name string) string { return ts.Getenv(name[1:]) })
}

// expand FILE... replaces the variables of the story in files.
func expandCommand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(expanded(ts, ts.ReadFile(name))), 0o600))
	}
}

// until REGEXP COMMAND... repeats `http METHOD PATH` (of any status) or `exec
// PROGRAM ...` until what it prints matches.
func untilCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: until REGEXP http METHOD PATH | exec PROGRAM ...")
	}
	want := regexp.MustCompile("(?s)" + args[0])
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		said := ""
		switch args[1] {
		case "http":
			_, said = ask(ts, args[2:])
		case "exec":
			_ = ts.Exec(args[2], args[3:]...) // what it prints decides
			said = ts.ReadFile("stdout") + ts.ReadFile("stderr")
		default:
			ts.Fatalf("until cannot %q", args[1])
		}
		if want.MatchString(said) {
			fmt.Fprint(ts.Stdout(), said)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q does not match within %v; last:\n%s", args[0], patience, said)
		}
		<-ticker.C
	}
}

// bundle SERVICE VERSION COLOUR [FAIL] writes what a build would have made and
// sets $ARTIFACT and $DIGEST.
func bundleCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: bundle SERVICE VERSION COLOUR [FAIL]")
	}
	b := demoapp.Bundle{Service: args[0], Version: args[1], Colour: args[2]}
	if len(args) == 4 {
		b.Fail = demoapp.Fail(args[3])
	}
	path, digest, err := demoapp.WriteBundle(ts.MkAbs("artifacts"), b)
	ts.Check(err)
	ts.Setenv("ARTIFACT", path)
	ts.Setenv("DIGEST", digest)
}

// capture NAME REGEXP sets a variable to the first group of a match in what the
// last command printed.
func captureCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		ts.Fatalf("%q does not match:\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], found[1])
}

// token NAME PERSON signs somebody in, makes them an API token and keeps it in
// a variable.
func tokenCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: token NAME PERSON")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	token, err := portal.TokenOf(ctx, running(ts).URL, args[1])
	ts.Check(err)
	ts.Setenv(args[0], token)
}

// tamper SQL changes the database behind everybody's back, triggers or not.
func tamperCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tamper SQL")
	}
	db, err := sql.Open("sqlite", filepath.Join(running(ts).Dir, "slipway.db"))
	ts.Check(err)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(context.Background(), args[0])
	ts.Check(err)
}

// live SERVICE ENVIRONMENT VERSION waits until the version is live there and
// nothing is under way.
func liveCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: live SERVICE ENVIRONMENT VERSION")
	}
	path := "/api/v1/services/" + args[0] + "/environments/" + args[1]
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		_, said := ask(ts, []string{http.MethodGet, path})
		var now struct {
			Live   struct{ Spec struct{ Version string } }
			Active any
		}
		ts.Check(json.Unmarshal([]byte(said), &now))
		if now.Live.Spec.Version == args[2] && now.Active == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s is not live in %s of %s within %v; last:\n%s", args[2], args[1], args[0], patience, said)
		}
		<-ticker.C
	}
}

// exits CODE PROGRAM ... runs a program that has to end with exactly this code.
func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ...")
	}
	code := 0
	var ended *exec.ExitError
	err := ts.Exec(args[1], args[2:]...)
	if errors.As(err, &ended) {
		code = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if args[0] != strconv.Itoa(code) {
		ts.Fatalf("%s ended with %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// serves SERVICE ENVIRONMENT VERSION asks the service itself.
func servesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: serves SERVICE ENVIRONMENT VERSION")
	}
	target, err := running(ts).Target(args[0], args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/version", target.Port), nil)
	ts.Check(err)
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	if response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"version":"`+args[2]+`"`) {
		ts.Fatalf("%s in %s answers %s %s, want version %s", args[0], args[1], response.Status, body, args[2])
	}
}

// person NAME METHOD PATH [FIELD=VALUE...] does what somebody does in the browser
// and prints the page that they see.
func personCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: person NAME GET|POST PATH [FIELD=VALUE...]")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := portal.SignIn(ctx, running(ts).URL, args[0])
	ts.Check(err)
	form := url.Values{"idempotency_key": {"story-" + strings.Join(args, "-")}}
	for _, pair := range args[3:] {
		name, value, _ := strings.Cut(pair, "=")
		form.Add(name, value)
	}
	request, err := http.NewRequestWithContext(ctx, args[1], running(ts).URL+args[2], strings.NewReader(form.Encode()))
	ts.Check(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	ts.Check(err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n%s\n", response.Status, body)
}
