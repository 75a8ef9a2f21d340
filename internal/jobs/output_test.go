//go:build linux

package jobs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOutputGoesOnFromTheCursor(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.start(g.sh("d1", `mkfifo go; for i in 1 2 3 4 5; do echo line $i; done; printf 'half of'; read -r x <go; echo ' a line'; echo end`))
	g.printed("d1", "line 5")
	var got []string
	cursor := ""
	read := func(limit, want int) {
		t.Helper()
		lines, next, err := g.Output(t.Context(), "d1", cursor, limit)
		if err != nil || len(lines) != want {
			t.Fatalf("%d lines wanted: %v, %v", want, lines, err)
		}
		for _, line := range lines {
			got = append(got, line.Text)
		}
		cursor = next
	}
	read(2, 2)
	read(0, 0)
	read(-1, 0)
	read(2, 2)
	read(100, 1)
	read(100, 0)
	g.write("d1", "go")
	g.ended("d1")
	read(100, 2)
	read(100, 0)
	if want := []string{"line 1", "line 2", "line 3", "line 4", "line 5", "half of a line", "end"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, wrong := range []string{"x", "-1", "3", "1.5"} {
		if _, _, err := g.Output(t.Context(), "d1", wrong, 10); err == nil || !strings.Contains(err.Error(), "not one of ours") {
			t.Errorf("the cursor %q: %v", wrong, err)
		}
	}
	if lines, next, err := g.Output(t.Context(), "nobody knows it", "7", 10); len(lines) > 0 || next != "7" || err != nil {
		t.Errorf("%v %q %v", lines, next, err)
	}
}

func TestLongLinesAreCut(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	job := g.sh("d1", `head -c 100000 /dev/zero | tr '\0' x; echo; head -c 16380 /dev/zero | tr '\0' y; echo "$SECRET"; echo short`)
	job.Secrets = Secrets{"SECRET": "a secret over the edge"}
	g.start(job)
	g.ended("d1")
	got := g.texts("d1")
	if len(got) != 3 || got[2] != "short" {
		t.Fatalf("%.200q", got)
	}
	if want := strings.Repeat("x", maxLine) + "… (Slipway keeps 16 KiB of a line)"; got[0] != want {
		t.Errorf("%d bytes: …%q", len(got[0]), got[0][len(got[0])-60:])
	}
	if want := strings.Repeat("y", 16380) + "***"; got[1] != want {
		t.Errorf("…%q", got[1][16370:])
	}
}

// TestACutLineEndsInNoSecret puts the end of what is read of a line everywhere
// in a secret, after others whose stars made room.
func TestACutLineEndsInNoSecret(t *testing.T) {
	t.Parallel()
	secret := "0123456789abcdef"
	for n := range 2 * len(secret) {
		var file strings.Builder
		c := newCapture(&file, []string{secret})
		c.follow(streamOut, strings.NewReader(strings.Repeat("x", n)+strings.Repeat(secret, 2000)+"\n"))
		if strings.Contains(c.last[streamOut], "0") || strings.Contains(file.String(), "def") || !strings.HasSuffix(c.last[streamOut], "of a line)") {
			t.Errorf("%d: …%q", n, c.last[streamOut][len(c.last[streamOut])-60:])
		}
	}
}

func TestOutputIsCapped(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.start(g.sh("d1", `yes 'a line of output, thirty bytes' | head -c 20000000; echo; echo the last one; exit 1`))
	if s := g.ended("d1"); s.Message != "exited with code 1: the last one" {
		t.Errorf("%+v", s)
	}
	info, err := os.Stat(filepath.Join(g.path("d1"), outputName))
	if err != nil || info.Size() > maxOutput+1000 || info.Size() < maxOutput-1000 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	var last Line
	for cursor, total := "", 0; ; {
		lines, next, err := g.Output(t.Context(), "d1", cursor, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) == 0 {
			if total < 50_000 {
				t.Errorf("only %d lines", total)
			}
			break
		}
		total += len(lines)
		cursor, last = next, lines[len(lines)-1]
	}
	if want := "Slipway keeps 4 MiB of the output of a job; what follows is not kept."; last.Text != want || last.Stream != "stderr" {
		t.Errorf("%+v", last)
	}
}

func TestBinaryOutput(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	dir := t.TempDir()
	var all bytes.Buffer
	for i := range 1 << 16 {
		all.WriteByte(byte(i >> 8))
		all.WriteByte(byte(i))
	}
	if err := os.WriteFile(filepath.Join(dir, "all"), all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	job := g.sh("d1", `cat all; printf '\033[32mgreen\033[0m a\000b \303\244 \303\n'`)
	job.Dir = dir
	g.start(job)
	g.ended("d1")
	got := g.texts("d1")
	for i, line := range got {
		if !utf8.ValidString(line) || strings.ContainsAny(line, "\x00\n") {
			t.Errorf("line %d: %q", i, line)
		}
	}
	if last := got[len(got)-1]; !strings.HasSuffix(last, "\x1b[32mgreen\x1b[0m a\uFFFDb ä \uFFFD") {
		t.Errorf("%q", last)
	}
	if want := bytes.Count(all.Bytes(), []byte("\n")) + 1; len(got) != want {
		t.Errorf("%d lines of %d", len(got), want)
	}
}

// TestAFullDiskLosesOutputOnly has a file that takes half a line and no more.
func TestAFullDiskLosesOutputOnly(t *testing.T) {
	t.Parallel()
	file := &full{room: 100}
	c := newCapture(file, nil)
	c.follow(streamOut, strings.NewReader("one\n"+strings.Repeat("x", 200)+"\nthree\n"))
	if lines := strings.Split(file.got.String(), "\n"); len(lines) != 2 || !strings.HasSuffix(lines[0], " out one") || c.lastLine() != "three" || c.err == nil {
		t.Errorf("%q, %q", lines, c.lastLine())
	}
}

type full struct {
	got  bytes.Buffer
	room int
}

func (f *full) Write(p []byte) (int, error) {
	n, _ := f.got.Write(p[:min(len(p), f.room)])
	f.room -= n
	if n < len(p) {
		return n, fmt.Errorf("no space left on device")
	}
	return n, nil
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\x1b]8;;https://example.org\x07link\x1b]8;;\x07": "link",
		"a\tb\x07 \u00a0 c":       "a b c",
		strings.Repeat("ä", 150):  strings.Repeat("ä", 100) + "…",
		"\x1b[38;5;196mred\x1b[K": "red",
	} {
		if got := plain(text); got != want {
			t.Errorf("%q: %q, wanted %q", text, got, want)
		}
	}
}
