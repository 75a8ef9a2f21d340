package faults_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPowerCut (F6): every write and sync of an SQLite database is recorded
// while a crowd is at work. Then the power fails at any of those moments: what
// was synced is there, of the rest some is, some is not, some is torn. Whatever
// had been acknowledged before is in the database that is left, and it is whole.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	said := reported(t, "F6", "power cut: unsynced writes lost, torn, reordered", "sqlite")
	w := newWorld(t, "sqlite", 1)
	path, log := strings.TrimPrefix(w.url, "sqlite:"), filepath.Join(w.dir, "strace")
	d := &disk{path: path, random: seeded(t), whole: map[string][]byte{}}
	for _, suffix := range []string{"", "-wal"} {
		d.whole[path+suffix] = []byte(readText(t, path+suffix))
	}
	w.trace(log, "-xx", "-s", "70000", "-e", "trace=pwrite64,ftruncate,fsync,fdatasync", "-P", path, "-P", path+"-wal")
	w.startAll()
	c := w.gather(3)
	w.until(time.Minute, "enough rounds are over", func() bool { return c.done.Load() >= int64(counts(6, 60)) })
	c.judged()
	w.replicas[0].killTraced()
	d.read(t, log)
	cases, lost := counts(40, 1000), 0
	for range cases {
		at := d.random.IntN(len(d.ops))
		for _, fault := range d.cut(t, at, false, c.acks) {
			t.Error(fault)
		}
		if t.Failed() {
			return
		}
	}
	// A disk that lies about what it has synced: this must be seen.
	for range 10 {
		lost += len(d.cut(t, len(d.ops)-1, true, c.acks))
	}
	if lost == 0 {
		t.Error("nothing was lost on a disk that lies: that proves nothing")
	}
	said(cases, "%d writes and syncs recorded, %d acknowledged; all there and whole", len(d.ops), len(c.acks))
}

// trace has the portals run beneath strace.
func (w *world) trace(log string, more ...string) {
	w.wrap = func(_ *replica, command *exec.Cmd) {
		strace, err := exec.LookPath("strace")
		if err != nil {
			w.t.Fatalf("%v; apt-get install strace", err)
		}
		args := append([]string{strace, "-f", "-y", "-ttt", "-qq", "-e", "signal=none", "-o", log}, more...)
		command.Path, command.Args = strace, append(append(args, "--"), command.Args...)
	}
}

// killTraced ends a portal that runs beneath strace, which then ends by itself.
func (r *replica) killTraced() {
	r.mu.Lock()
	pid := r.command.Process.Pid
	r.mu.Unlock()
	for child := range strings.FieldsSeq(readText(r.w.t, fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))) {
		if n, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
	r.gone()
}

// disk is what happened to the files of a database, in order.
type disk struct {
	path   string
	random *rand.Rand
	whole  map[string][]byte // at the beginning
	ops    []diskOp
}

type diskOp struct {
	began time.Time
	file  string
	sync  bool
	first int    // of a sync: operations before this one are durable afterwards
	off   int64  // of a write; the size of a truncation
	data  []byte // nil: a truncation
}

var straceLine = regexp.MustCompile(`^(\d+) +(\d+\.\d+) (pwrite64|ftruncate|fsync|fdatasync)\(\d+<([^>]*)>(?:, "((?:\\x[0-9a-f]{2})*)", \d+)?(?:, (\d+))?\) += (-?\d+)`)

// read takes the record of strace. A call that another thread's interrupted is
// put together again; it counts from where it returned.
func (d *disk) read(t *testing.T, log string) {
	t.Helper()
	type open struct {
		text  string
		first int
	}
	unfinished := map[string]open{}
	for line := range strings.Lines(readText(t, log)) {
		line = strings.TrimSpace(line)
		pid, _, _ := strings.Cut(line, " ")
		first := len(d.ops)
		if cut, ok := strings.CutSuffix(line, " <unfinished ...>"); ok {
			unfinished[pid] = open{cut, first}
			continue
		}
		if _, rest, ok := strings.Cut(line, " resumed>"); ok {
			line, first = unfinished[pid].text+rest, unfinished[pid].first
		}
		m := straceLine.FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(m[7], "-") {
			if strings.Contains(line, "exited") || strings.Contains(line, "killed") || strings.Contains(line, "= ?") {
				continue
			}
			t.Fatalf("strace says %.300s", line)
		}
		seconds, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		op := diskOp{began: time.UnixMicro(int64(seconds * 1e6)), file: string(unhex(t, m[4])), first: first}
		if _, known := d.whole[op.file]; !known {
			t.Fatalf("strace tells of %q", op.file)
		}
		op.off, _ = strconv.ParseInt(m[6], 10, 64)
		switch m[3] {
		case "pwrite64":
			if op.data = unhex(t, m[5]); fmt.Sprint(len(op.data)) != m[7] {
				t.Fatalf("strace says %.300s", line)
			}
		case "fsync", "fdatasync":
			op.sync = true
		}
		d.ops = append(d.ops, op)
	}
	if len(d.ops) < 100 {
		t.Fatalf("only %d writes and syncs were recorded", len(d.ops))
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	out, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	if err != nil {
		t.Fatalf("strace says %.100q: %v", text, err)
	}
	return out
}

// cut fails the power just before an operation, and looks at what is left.
func (d *disk) cut(t *testing.T, at int, lies bool, acks []ack) (faults []string) {
	t.Helper()
	durable := map[string]int{}
	for _, op := range d.ops[:at] {
		if op.sync && !(lies && durable[op.file] > 0) {
			durable[op.file] = op.first
		}
	}
	left := map[string][]byte{}
	for file, content := range d.whole {
		left[file] = bytes.Clone(content)
	}
	for i, op := range d.ops[:at] {
		if op.sync {
			continue
		}
		data := op.data
		if i >= durable[op.file] {
			switch fate := d.random.IntN(3); {
			case fate == 0 || lies:
				continue // never got there
			case fate == 1 && len(data) > 512:
				data = data[:512*d.random.IntN(len(data)/512)]
			}
		}
		left[op.file] = applied(left[op.file], op, data)
	}
	dir, err := os.MkdirTemp(filepath.Dir(d.path), "cut-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for file, content := range left {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return lookAt(t, filepath.Join(dir, filepath.Base(d.path)), d.ops[at].began, acks)
}

// applied is a file after an operation.
func applied(file []byte, op diskOp, data []byte) []byte {
	end := op.off
	if op.data != nil {
		end = max(int64(len(file)), op.off+int64(len(data)))
	}
	if grown := end - int64(len(file)); grown > 0 {
		file = append(file, make([]byte, grown)...)
	}
	file = file[:end]
	copy(file[min(op.off, end):], data)
	return file
}

// lookAt says what is wrong with a database that the power has left.
func lookAt(t *testing.T, path string, when time.Time, acks []ack) (faults []string) {
	t.Helper()
	db := openWritable(t, "sqlite:"+path)
	defer func() { _ = db.Close() }()
	verdict := ""
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		return []string{fmt.Sprintf("the database is damaged: %s %v", verdict, err)}
	}
	f := &finding{}
	f.chains(t, db)
	for _, a := range acks {
		if !a.Acknowledged.Before(when) {
			continue
		}
		n := 0
		query := fmt.Sprintf("SELECT count(*) FROM deployments WHERE id = %d", a.Deployment)
		if a.Voter != "" {
			query = fmt.Sprintf("SELECT count(*) FROM votes WHERE deployment = %d AND plan_digest = '%s' AND voter = '%s'", a.Deployment, a.Plan, a.Voter)
		}
		if err := db.QueryRow(query).Scan(&n); err != nil || n != 1 {
			f.bad("at %v, %v after it was acknowledged, %+v is there %d times: %v", when, when.Sub(a.Acknowledged), a, n, err)
		}
	}
	return f.Violations
}
