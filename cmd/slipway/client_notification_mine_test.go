package main

import "testing"

// TestWhatIAmTold: what is named is changed, and nothing else.
func TestWhatIAmTold(t *testing.T) {
	r := newClientRig(t)
	r.be("viewer")
	show, set := []string{"notification", "mine", "show"}, func(flags ...string) []string { return append([]string{"notification", "mine", "set"}, flags...) }
	r.expect(exitOK, "Told by              email\nAsked for decisions  yes\n", show...)
	r.expect(exitOK, "Follows teams        web\nFollows services     -\nOf them, kinds       deployment.failed release.*\nQuiet hours          none\n",
		set("--team", "web", "--kind", "deployment.failed,release.*")...)
	r.expect(exitOK, "Quiet hours          22:00-07:00 Europe/Stockholm\nUrgent at any hour   no\n", set("--quiet", "22:00-07:00 Europe/Stockholm", "--urgent=false")...)
	r.expect(exitOK, "Told by              slack\nAsked for decisions  no\nFollows teams        web\n", set("--channel", "slack", "--approvals=false")...)
	r.expect(exitOK, `"quiet": {`, append(show, "-o", "json")...)
	r.expect(exitOK, "Of them, kinds       -\nQuiet hours          none\nUrgent at any hour   no\n", set("--kind", "", "--quiet", "")...)
	r.be("approver") // somebody else
	r.expect(exitOK, "Follows teams        -\n", show...)

	r.expect(exitUsage, "say what is to change: --channel, ", set()...)
	r.expect(exitUsage, "say what is to change: ", set("-o", "json")...)
	r.expect(exitUsage, `--quiet "at night" is no time of each day`, set("--quiet", "at night")...)
	r.expect(exitUsage, "unknown command", "notification", "mine", "set", "everything")
	r.expect(exitFailed, "quiet.from: is a time of day", set("--quiet", "25:00-07:00 UTC")...)
	r.expect(exitFailed, "services[0]: there is no service", set("--service", "nowhere")...)
	r.expect(exitFailed, "kinds: there is nothing to be told of", set("--kind", "person.signed-in")...)
}
