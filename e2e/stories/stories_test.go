// Package stories_test tells stories of people and scripts over the built
// binary: each file in testdata is one, with its own portal.
package stories_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-dev/slipway/e2e/portal"
)

// Set once by TestMain, before any test runs.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if stand, found := standIns()[filepath.Base(os.Args[0])]; found {
		if err := stand(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	dir, err := os.MkdirTemp("", "slipway-stories-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		binary, err = portal.Binary(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			s := &story{}
			env.Values[storyKey{}] = s
			env.Defer(func() { s.end(env) })
			bin := filepath.Join(env.WorkDir, ".bin")
			if err := os.Mkdir(bin, 0o755); err != nil {
				return err
			}
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("SLIPWAY", binary)
			env.Setenv("NOON", fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12)) // a place where the clock shows about noon
			return os.Symlink(binary, filepath.Join(bin, "slipway"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"portal": portalCommand, "http": httpCommand, "until": untilCommand, "bundle": bundleCommand,
			"expand": expandCommand, "capture": captureCommand, "token": tokenCommand, "tamper": tamperCommand, "exits": exitsCommand, "live": liveCommand, "serves": servesCommand,
			"ci": ciCommand, "action": actionCommand, "gitlab": gitlabCommand, "person": personCommand,
			"leaks": leaksCommand, "delivered": deliveredCommand, "listen": listenCommand, "receiver": receiverCommand, "receives": receivesCommand,
			"mail": mailCommand, "mailed": mailedCommand,
		},
	})
}

type storyKey struct{}

// story is what the commands of one script share.
type story struct {
	portal   *portal.Portal
	receiver *receiver
	mail     *mailServer
	env      []string // of the portal, beside what every one has
	ci       *ciSystem
}

func of(ts *testscript.TestScript) *story { return ts.Value(storyKey{}).(*story) }

// running is the portal of a story that has one.
func running(ts *testscript.TestScript) *portal.Portal {
	p := of(ts).portal
	if p == nil {
		ts.Fatalf("no portal was started")
	}
	return p
}

// end removes whatever the story has not removed itself.
func (s *story) end(env *testscript.Env) {
	if s.ci != nil {
		s.ci.server.Close()
	}
	if s.portal == nil {
		return
	}
	s.portal.Kill()
	if _, err := os.Stat(s.portal.Dir); err == nil {
		if err := s.portal.StopServices(); err != nil {
			env.T().Log(err)
		}
	}
	if left, err := s.portal.Leftovers(); err != nil || len(left) > 0 {
		env.T().Log(fmt.Sprintf("left behind: %q, %v", left, err))
		env.T().FailNow()
	}
}
