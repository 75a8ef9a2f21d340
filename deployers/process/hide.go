package process

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

// secretive marks the name of a log whose writer was given secrets.
const secretive = "~s"

// notShown stands for a log that may hold values which nobody here knows.
const notShown = "What it printed is not shown: Slipway was started again since, and does not know the secrets any more that are to be hidden in it."

// values are what is known of the secrets of one track.
type values map[string]deployers.Secret

// knows remembers which secrets a replica was given, for as long as its log is
// kept: that is longer than they are needed to start another. Locked.
func (t *target) knows(log string, secrets values) {
	t.wrote[log] = secrets
	t.hider = nil
}

// learn takes the values of a track in, also for the logs of replicas of it that
// run since before Slipway was started again. Locked.
func (t *target) learn(id string, secrets values) {
	t.secrets[id] = secrets
	for _, c := range t.children {
		if c.rec.Track.ID == id {
			t.wrote[c.rec.Log] = secrets
		}
	}
	t.hider = nil
}

// forget drops the secrets of tracks that are needed no more. Locked.
func (t *target) forget(needed map[string]bool) {
	before := len(t.secrets)
	maps.DeleteFunc(t.secrets, func(id string, _ values) bool { return !needed[id] })
	if len(t.secrets) < before {
		t.hider = nil
	}
}

// forgetLogs drops the secrets of logs that have gone.
func (t *target) forgetLogs(left []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := map[string]bool{}
	for _, name := range left {
		kept[logOf(name)] = true
	}
	for _, c := range t.children {
		kept[c.rec.Log] = true
	}
	before := len(t.wrote)
	maps.DeleteFunc(t.wrote, func(log string, _ values) bool { return !kept[log] })
	if len(t.wrote) < before {
		t.hider = nil
	}
}

// readable reports whether all is known that is to be hidden in a log. Locked.
func (t *target) readable(log string) bool {
	if _, ok := t.wrote[log]; ok {
		return true
	}
	for _, c := range t.children { // an older Slipway did not mark their logs
		if c.rec.Log == log && len(c.rec.Track.SecretNames) > 0 {
			return false
		}
	}
	return !strings.HasSuffix(log, secretive)
}

// hiding hides every value that is known here. Locked.
func (t *target) hiding() deployers.Hider {
	if t.hider == nil {
		var all []string
		for _, secrets := range slices.Concat(slices.Collect(maps.Values(t.secrets)), slices.Collect(maps.Values(t.wrote))) {
			for _, s := range secrets {
				all = append(all, s.Reveal())
			}
		}
		hider := deployers.NewHider(all)
		t.hider = &hider
	}
	return *t.hider
}

// redact puts *** in the place of secrets in a text of others. Locked.
func (t *target) redact(text string) string { return t.hiding().Hide(text) }

// logOf is the name of a log without the stream: what a record calls it.
func logOf(file string) string { return strings.TrimSuffix(file, filepath.Ext(file)) }
