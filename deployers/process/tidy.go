package process

import (
	"os"
	"slices"
	"strings"
)

const (
	maxLogBytes   = 16 << 20 // per file; then its older half goes
	keptDeadLogs  = 20       // files of replicas that no longer run
	keptArtifacts = 5        // copies that nothing uses, so that a roll-back finds them
)

// tidy bounds what a target keeps on disk and in memory.
func (t *target) tidy() {
	t.mu.Lock()
	live, digests, tracks := map[string]bool{}, map[string]bool{}, map[string]bool{}
	use := func(s trackSpec) {
		digests[strings.TrimPrefix(s.Artifact.Digest, "sha256:")] = true
		tracks[s.ID] = true
	}
	for _, c := range t.children {
		live[c.rec.Log] = true
		use(c.rec.Track)
	}
	for _, s := range slices.Concat(t.state.Desired, t.state.InEffect) {
		use(s)
	}
	t.forget(tracks)
	t.mu.Unlock()
	t.tidyLogs(live)
	t.tidyArtifacts(digests)
	t.tidyFiles()
}

func (t *target) tidyLogs(live map[string]bool) {
	names, err := t.logFiles()
	if err != nil {
		return
	}
	var dead []string
	for _, name := range names {
		path := t.path(logsDir, name)
		if live[logOf(name)] {
			capLog(path, maxLogBytes)
		} else {
			dead = append(dead, name)
		}
	}
	gone := dead[:max(0, len(dead)-keptDeadLogs)]
	for _, name := range gone {
		_ = os.Remove(t.path(logsDir, name))
	}
	for _, name := range []string{"proxy.out", "proxy.err"} {
		capLog(t.path(name), maxLogBytes)
	}
	t.forgetLogs(slices.DeleteFunc(names, func(name string) bool { return slices.Contains(gone, name) }))
}

func (t *target) tidyArtifacts(used map[string]bool) {
	entries, err := os.ReadDir(t.path(artifactDir))
	if err != nil || len(entries) <= keptArtifacts {
		return
	}
	type copied struct {
		name string
		at   int64
	}
	var idle []copied
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !used[e.Name()] {
			idle = append(idle, copied{e.Name(), info.ModTime().UnixNano()})
		}
	}
	slices.SortFunc(idle, func(a, b copied) int { return int(min(max(a.at-b.at, -1), 1)) })
	for _, c := range idle[:max(0, len(idle)-keptArtifacts)] {
		if os.RemoveAll(t.path(artifactDir, c.name)) == nil {
			for key := range t.verified {
				if strings.HasPrefix(key, "sha256:"+c.name) {
					delete(t.verified, key)
				}
			}
		}
	}
}
