package chatops_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/server/chatops"
	"github.com/slipway-dev/slipway/internal/slipway"
)

var update = flag.Bool("update", false, "write testdata/access.golden anew")

// deed is one thing that can be asked for in chat, by a command or a button.
type deed struct {
	name string
	do   func(r *rig, v voice, user string, d slipway.Deployment) string
}

// voice is a chat system that things are asked for in. What it returns is what is
// said to whoever asks.
type voice interface {
	// say writes a command. confirm presses the button by which it is meant in
	// earnest; nil if there is none.
	say(r *rig, user, text string) (words string, confirm func() string)
	// press presses a button as it stands in a channel, for everybody.
	press(r *rig, user string, do chat.Deed, value string) string
	// reject presses a button and fills in the dialog that opens; false if none does.
	reject(r *rig, user, value string) (words string, opened bool)
}

func deeds() []deed {
	command := func(name, text string) deed {
		return deed{name, func(r *rig, v voice, user string, d slipway.Deployment) string {
			words, _ := v.say(r, user, strings.ReplaceAll(text, "ID", itoa(d.ID)))
			return words
		}}
	}
	confirmed := func(name, text string) deed {
		return deed{name, func(r *rig, v voice, user string, _ slipway.Deployment) string {
			words, confirm := v.say(r, user, text)
			if confirm == nil {
				return words
			}
			return confirm()
		}}
	}
	pressed := func(name string, do chat.Deed) deed {
		return deed{name, func(r *rig, v voice, user string, d slipway.Deployment) string {
			value := r.button(v, do, d)
			if do != chat.DoReject {
				return v.press(r, user, do, value)
			}
			words, opened := v.reject(r, user, value)
			if opened {
				eventually(r.t, "the rejection", func() bool { return r.deployment(d.ID).State == slipway.Rejected })
			}
			return words
		}}
	}
	return []deed{
		command("status", "status billing-api"), command("release", "release billing-api"), command("why", "why ID"),
		command("approve (look)", "approve ID"), pressed("approve (button)", chat.DoApprove), pressed("reject (dialog)", chat.DoReject), command("reject", "reject ID not today"),
		confirmed("promote", "promote billing-api 1.2.0 to staging"), confirmed("rollback", "rollback billing-api staging"), pressed("rollback (button)", chat.DoRollback),
		command("lock", "lock staging moving house"), command("unlock", "unlock staging"), command("freeze", "freeze staging for 1h moving house"),
		command("stop-the-line", "stop-the-line all is lost"), command("start-the-line", "start-the-line"),
		command("link", "link"), command("help", "help"), command("unlink", "unlink"),
	}
}

// button is what one carries that stands in a channel.
func (r *rig) button(v voice, do chat.Deed, d slipway.Deployment) string {
	r.t.Helper()
	platform, environment := slipway.Slack, d.Environment
	if v == (byMattermost{}) {
		platform = slipway.Mattermost
	}
	if do == chat.DoRollback {
		environment = "staging"
	}
	return must(r.seal.SealPress(platform, chat.Press{Do: do, Deployment: d.ID, Plan: d.PlanDigest, Service: d.Service, Environment: environment}, r.now().Add(time.Hour)))(r.t)
}

// outcome is an answer in a word.
func outcome(words string) string {
	for _, kind := range []struct{ says, word string }{
		{"not linked", "unlinked"}, {"may not", "denied"}, {"There is no", "hidden"}, {"no longer waits", "conflict"}, {"Nothing earlier", "conflict"},
	} {
		if strings.Contains(words, kind.says) {
			return kind.word
		}
	}
	return "ok"
}

// TestAccess asks for everything as everybody, in both chat systems, and compares
// the whole with a reviewed table, which is the same for both. Every verb has a line
// in it.
func TestAccess(t *testing.T) {
	t.Parallel()
	list := deeds()
	for _, verb := range chatops.Verbs() {
		if !slices.ContainsFunc(list, func(d deed) bool { return strings.Fields(d.name)[0] == verb }) {
			t.Errorf("nobody has tried %s", verb)
		}
	}
	for name, v := range map[string]voice{"Slack": bySlack{}, "Mattermost": byMattermost{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := make([]string, len(list))
			t.Run("each", func(t *testing.T) {
				for i, d := range list {
					t.Run(d.name, func(t *testing.T) {
						t.Parallel()
						lines[i] = tryAll(t, v, d)
					})
				}
			})
			got := strings.Join(lines, "\n") + "\n"
			const golden = "testdata/access.golden"
			if *update && name == "Slack" {
				ok(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			if want := string(must(os.ReadFile(golden))(t)); got != want {
				t.Errorf("who may what in %s is\n%swant\n%s", name, got, want)
			}
		})
	}
}

// tryAll does a deed as everybody, from who may least to who may most.
func tryAll(t *testing.T, v voice, d deed) string {
	r := newRig(t)
	r.maintainer("mira")
	r.link("olle", "vera", "jonas", "ben", "mira", "ana")
	r.live("1.0.0", "staging", "production")
	r.live("1.1.0", "staging")
	line := fmt.Sprintf("%-18s", d.name)
	for _, who := range []struct{ role, user string }{{"unlinked", "UNOBODY"}, {"foreign", "UOLLE"}, {"viewer", "UVERA"}, {"developer", "UJONAS"}, {"approver", "UBEN"}, {"maintainer", "UMIRA"}, {"admin", "UANA"}} {
		waits := r.waiting()
		line += " " + who.role + "=" + outcome(d.do(r, v, who.user, waits))
	}
	return line
}

// maintainer makes somebody a maintainer of payments.
func (r *rig) maintainer(name string) {
	r.write(func(tx slipway.Tx) error {
		return tx.People().PutUser(r.ctx, slipway.User{ID: name, Issuer: "idp", Subject: name, Name: "Mira", Groups: []string{"leads"}, LastSeen: r.now()})
	})
	must(r.AddBinding(r.ctx, r.actor("ana"), app.AddBinding{Binding: slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectUser, Name: name}, Role: slipway.RoleMaintainer,
		Scope: slipway.Scope{Kind: slipway.ScopeTeam, Name: "payments"}}}))(r.t)
}

// waiting is a deployment to production that waits for its approval, a new one if
// the last was decided on.
func (r *rig) waiting() slipway.Deployment {
	r.t.Helper()
	var active slipway.Deployment
	r.read(func(tx slipway.Tx) (err error) {
		active, err = tx.Deployments().Active(r.ctx, "billing-api", "production")
		if slipway.IsNotFound(err) {
			return nil
		}
		return err
	})
	if active.ID > 0 {
		if active = r.drive(active.ID); active.State == slipway.Waiting {
			return active
		}
	}
	d := must(r.Promote(r.ctx, r.actor("jonas"), app.Promote{Service: "billing-api", Version: "1.1.0", Environment: "production", Redeploy: active.State == slipway.Succeeded}))(r.t)
	return r.drive(d.ID)
}
