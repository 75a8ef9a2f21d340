package chatops

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/chat"
)

// verb is one word that people may begin with.
type verb struct {
	names   []string // the first one is its name
	usage   string
	what    string
	anybody bool // also for those who are linked to nobody
	do      func(context.Context, *call) (said, error)
}

func verbs() []verb {
	return []verb{
		{names: []string{"status", "st", "list", "show", "board"}, usage: "status [SERVICE]", what: "what runs where", do: telling(status)},
		{names: []string{"promote", "deploy", "ship", "release-to"}, usage: "promote SERVICE [VERSION] to ENVIRONMENT", what: "shows what would happen, then asks you to confirm", do: telling(promote)},
		{names: []string{"approve", "lgtm", "ok", "review"}, usage: "approve [DEPLOYMENT]", what: "shows what you would approve, or what waits for you", do: telling(approve)},
		{names: []string{"reject", "deny", "refuse"}, usage: "reject DEPLOYMENT REASON", what: "says no, and why", do: telling(reject)},
		{names: []string{"rollback", "revert", "undo"}, usage: "rollback SERVICE ENVIRONMENT [to VERSION] [because REASON]", what: "shows what a rollback would undo, then asks you to confirm", do: telling(rollback)},
		{names: []string{"why", "explain"}, usage: "why DEPLOYMENT, or why SERVICE ENVIRONMENT", what: "what keeps it, until when, and who can change that", do: telling(why)},
		{names: []string{"lock"}, usage: "lock ENVIRONMENT REASON", what: "keeps others from deploying there", do: telling(lock)},
		{names: []string{"unlock"}, usage: "unlock ENVIRONMENT", what: "lets them again", do: telling(unlock)},
		{names: []string{"freeze"}, usage: "freeze ENVIRONMENT for 2h REASON, or until 18:00", what: "keeps everybody from deploying there for a time", do: telling(freeze)},
		{names: []string{"stop-the-line", "stoptheline", "stop", "halt"}, usage: "stop-the-line REASON", what: "nothing starts anywhere but rollbacks", do: telling(stopTheLine)},
		{names: []string{"start-the-line", "let-the-line-go", "go"}, usage: "start-the-line", what: "lets deployments start again", do: telling(startTheLine)},
		{names: []string{"release", "releases"}, usage: "release SERVICE [VERSION]", what: "newest releases, or what one of them brings", do: telling(release)},
		{names: []string{"link", "login", "connect"}, usage: "link", what: "links this chat account to you", anybody: true, do: telling(link)},
		{names: []string{"unlink", "logout", "disconnect"}, usage: "unlink", what: "ends that", do: telling(unlink)},
		{names: []string{"help", "?", "usage", "commands"}, usage: "help", what: "this", anybody: true, do: telling(help)},
	}
}

// telling is a verb that answers with a message, as nearly all do.
func telling(f func(context.Context, *call) (chat.Message, error)) func(context.Context, *call) (said, error) {
	return func(ctx context.Context, c *call) (said, error) {
		m, err := f(ctx, c)
		return saying(m), err
	}
}

func verbNamed(name string) (verb, bool) {
	for _, v := range verbs() {
		if slices.Contains(v.names, name) {
			return v, true
		}
	}
	return verb{}, false
}

func unknownVerb(name string) chat.Message {
	var known []string
	for _, v := range verbs() {
		known = append(known, v.names...)
	}
	m := chat.Text(chat.Bad, fmt.Sprintf("There is no command %q. Nothing was changed.", brief(name)))
	if near := nearest(name, known); near != "" {
		v, _ := verbNamed(near)
		m.Lines = append(m.Lines, chat.Line{Text: "Did you mean this?"}, chat.Line{Text: "/slipway " + v.usage, Style: chat.Code})
		return m
	}
	m.Lines = append(m.Lines, chat.Line{Text: "Known are " + strings.Join(names(), ", ") + "."})
	return m
}

func names() []string {
	var out []string
	for _, v := range verbs() {
		out = append(out, v.names[0])
	}
	return out
}

func help(_ context.Context, c *call) (chat.Message, error) {
	m := chat.Message{Title: "What you can ask Slipway for"}
	for _, v := range verbs() {
		m.Lines = append(m.Lines, chat.Line{Text: "/slipway " + v.usage + ": " + v.what + ".", Style: chat.Bullet})
	}
	m.Lines = append(m.Lines, chat.Line{Text: "Only you see the answers. The same rules hold as in the portal."})
	m.Buttons = []chat.Button{openButton("Open Slipway", c.PublicURL+"/")}
	return m, nil
}
