package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// lines are all client commands with what they need to be asked of the portal.
func lines(dir string) map[string]string {
	return map[string]string{
		"apply": "-f " + dir + "/slipway.yaml", "service list": "", "service show": "shop", "release create": "shop 1 --artifact a=r@sha256:" + strings.Repeat("a", 64),
		"release list": "shop", "release show": "shop 1", "release block": "shop 1 --reason x", "release unblock": "shop 1",
		"promote": "shop 1 --to prod", "approve": "1 --plan sha256:0", "reject": "1 --reason x", "bypass": "1 --gate approval --reason x --plan sha256:0",
		"rollback": "shop prod --reason x", "status": "", "why": "1",
		"deployment show": "1", "deployment logs": "1", "deployment cancel": "1", "deployment pause": "1", "deployment resume": "1", "deployment retry": "1",
		"lock": "prod --reason x", "unlock": "prod", "freeze": "prod --until 36h --reason x", "unfreeze": "1", "stop-the-line": "fire",
		"freeze calendar list": "", "freeze calendar remove": "1", "freeze calendar import": dir + "/c.ics --reason x",
		"freeze calendar add": "w --start 2026-01-02T17:00 --for 1h --zone UTC --reason x",
		"token create":        "x", "token list": "", "token revoke": "x", "trust add": "x --service shop --claim repository_id=1", "trust list": "", "trust remove": "1",
		"set create": "x shop=1 --to prod", "set list": "", "set show": "1", "set cancel": "1", "set rollback": "1",
		"notification route list": "", "notification route add": "x --webhook https://h.example.com --team web", "notification route remove": "1", "notification route test": "1", "notification delivery list": "", "notification delivery redeliver": "1",
		"notification mine show": "", "notification mine set": "--approvals=false",
		"secret list": "shop", "secret find": "KEY", "secret changes": "shop", "secret diff": "shop prod 1 2", "secret rollout": "shop prod", "secret approve": "1 --digest d",
		"secret reject": "1 --reason no", "secret withdraw": "1", "secret set": "shop prod KEY", "secret unset": "shop prod KEY", "secret import": "shop prod " + dir + "/env", "secret compare": "shop staging prod",
		"secret restrict": "shop prod KEY", "secret rollback": "shop prod --to 1", "secret delete": "shop prod 1", "secret undelete": "shop prod 1", "secret destroy": "shop prod 1", "secret versions": "shop prod", "secret reveal": "shop prod KEY",
	}
}

// leaves are the commands below one that do something, by their path.
func leaves(cmd *cobra.Command, path string, into map[string]*cobra.Command) {
	for _, sub := range cmd.Commands() {
		at := strings.TrimSpace(path + " " + sub.Name())
		if sub.HasSubCommands() {
			leaves(sub, at, into)
		}
		if sub.Flags().Lookup("output") != nil {
			into[at] = sub
		}
	}
}

// TestExitCodesOfEveryCommand: whatever is asked for, scripts hear the same code
// for the same thing.
func TestExitCodesOfEveryCommand(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"slipway.yaml": cliFile, "bundle.json": "{}", "c.ics": "BEGIN:VEVENT\n", "env": "A=b\n"} {
		fatal(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	answer := ""
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		status := map[string]int{"denied": 403, "unauthenticated": 401, "conflict": 409, "blocked": 409, "invalid": 422, "not_found": 404, "internal": 500}[answer]
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"status":%d,"code":%q,"title":"t","message":"It says %s.","do":"Do this.","requestId":"r1"}`, status, answer, answer)
	}))
	t.Cleanup(portal.Close)
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	all, known := map[string]*cobra.Command{}, lines(dir)
	leaves(rootCommand(), "", all)
	for path := range all {
		line, ok := known[path]
		if !ok {
			t.Errorf("nobody says how slipway %s is used", path)
			continue
		}
		args := append(strings.Fields(path), strings.Fields(line)...)
		try := func(what string, want int, says string, args ...string) {
			code, out, problem := slipwayCLI(t, "value\n", args...)
			if code != want || !strings.Contains(out+problem, says) {
				t.Errorf("%s: slipway %s ends with %d, want %d and %q:\n%s%s", what, strings.Join(args, " "), code, want, says, out, problem)
			}
		}
		t.Setenv("SLIPWAY_URL", "")
		t.Setenv("SLIPWAY_TOKEN", "")
		try("not signed in", exitDenied, "slipway login", args...)
		try("an unknown flag", exitUsage, "no-such-flag", append(args[:len(args):len(args)], "--no-such-flag")...)
		try("an unknown form", exitUsage, "json or table", append(args[:len(args):len(args)], "-o", "xml")...)
		if !strings.Contains(all[path].Use, "...") {
			try("too many words", exitUsage, "", append(args[:len(args):len(args)], "a", "b", "c", "d", "e")...)
		}
		t.Setenv("SLIPWAY_URL", portal.URL)
		t.Setenv("SLIPWAY_TOKEN", "slp_x")
		for code, want := range map[string]int{"denied": exitDenied, "unauthenticated": exitDenied, "conflict": exitFailed, "blocked": exitFailed, "invalid": exitFailed, "not_found": exitFailed, "internal": exitFailed} {
			answer = code
			try(code, want, "It says "+code+".\nWhat to do: Do this.\nRequest r1", args...)
		}
	}
	for path := range known {
		if all[path] == nil {
			t.Errorf("there is no slipway %s", path)
		}
	}
}

// TestCompletion asks for what the shell does when somebody presses the tab key.
func TestCompletion(t *testing.T) {
	r := newClientRig(t)
	file := filepath.Join(t.TempDir(), "slipway.yaml")
	fatal(t, os.WriteFile(file, []byte(cliFile), 0o600))
	r.expect(exitOK, "", "apply", "-f", file)
	r.expect(exitOK, "", "release", "create", "shop", "1.0.0", "--artifact", "app=reg/app@sha256:"+strings.Repeat("a", 64))
	for line, want := range map[string]string{
		"promote ": "shop", "promote sh": "shop", "promote x": "", "promote shop ": "1.0.0", "promote shop 1.0.0 --to ": "staging prod", "promote shop 1.0.0 --to st": "staging", "rollback shop ": "staging prod",
		"rollback shop staging --to ": "1.0.0", "status ": "shop", "status shop ": "", "release show shop 1": "1.0.0", "deployment show ": "", "trust add x --service ": "shop", "status -o ": "table json",
	} {
		args := append([]string{"__complete"}, strings.Split(line, " ")...)
		_, out, _ := slipwayCLI(t, "", args...)
		var got []string
		for l := range strings.Lines(out) {
			if l = strings.TrimSpace(l); !strings.HasPrefix(l, ":") && !strings.HasPrefix(l, "Completion ended") {
				got = append(got, l)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("slipway %s<TAB> offers %q, want %q", line, got, want)
		}
	}
	r.expect(exitOK, "bash completion", "completion", "bash")
	t.Setenv("SLIPWAY_TOKEN", "slp_wrong")
	if _, out, _ := slipwayCLI(t, "", "__complete", "promote", ""); strings.Contains(out, "shop") || !strings.HasPrefix(out, ":4") {
		t.Errorf("whoever may not is offered %q", out)
	}
}
