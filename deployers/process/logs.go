package process

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	maxLineBytes = 64 << 10
	maxLogLines  = 10_000
	tailBytes    = 4 << 10
	maxReason    = 200
)

// cursor is how far each file was read, by file name.
type cursor map[string]int64

func (c cursor) String() string {
	data, err := json.Marshal(c)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func parseCursor(text string) (cursor, error) {
	c := cursor{}
	if text == "" {
		return c, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return nil, deployers.Terminal(errors.New("the cursor is not one of ours"))
	}
	return c, nil
}

// Logs implements deployers.LogReader. Children write straight to files, so
// nobody sees the moment at which a line is written: the time of a line is its
// own "time" if it is a JSON object with one, and otherwise the last change of
// its file. Values of secrets are replaced by ***; a log whose writer was given some
// that are not known here is not shown until they are, and one line says so.
func (d *Deployer) Logs(ctx context.Context, name deployers.Target, from string, limit int) ([]deployers.LogLine, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, from, err
	}
	position, err := parseCursor(from)
	if err != nil {
		return nil, from, err
	}
	t, err := d.open(name, false)
	if err != nil || t == nil {
		return nil, from, err
	}
	names, err := t.logFiles()
	if err != nil {
		return nil, from, err
	}
	limit = min(limit, maxLogLines)
	var lines []deployers.LogLine
	next := cursor{}
	for _, file := range names {
		t.mu.Lock()
		hider, readable := t.hiding(), t.readable(logOf(file))
		t.mu.Unlock()
		read := logFile{path: t.path(logsDir, file), hider: hider}.read
		if !readable {
			read = logFile{path: t.path(logsDir, file)}.refuse
		}
		some, offset, err := read(position[file], limit-len(lines))
		if err != nil {
			return nil, from, err
		}
		next[file] = offset
		lines = append(lines, some...)
	}
	slices.SortStableFunc(lines, func(a, b deployers.LogLine) int { return a.At.Compare(b.At) })
	return lines, next.String(), nil
}

// logFiles lists the files, oldest first: names begin with the time.
func (t *target) logFiles() ([]string, error) {
	entries, err := os.ReadDir(t.path(logsDir))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, nil
}

// logFile is one stream of one replica.
type logFile struct {
	path  string
	hider deployers.Hider
}

// refused is the offset of a log that is not shown, and of which that was said.
const refused = -1

func (l logFile) refuse(offset int64, limit int) ([]deployers.LogLine, int64, error) {
	info, err := os.Stat(l.path)
	if err != nil || info.Size() == 0 || limit <= 0 || offset != 0 {
		return nil, offset, nil //nolint:nilerr // nothing that could be shown
	}
	source, stream := sourceOf(filepath.Base(l.path))
	return []deployers.LogLine{{At: info.ModTime(), Source: source, Stream: stream, Text: notShown}}, refused, nil
}

// read reads whole lines from an offset on. What was cut from the front of
// the file (see capLog) reads as zero bytes, which are skipped. A line that is too
// long is cut in pieces, but nowhere within a secret.
func (l logFile) read(offset int64, limit int) ([]deployers.LogLine, int64, error) {
	offset = max(0, offset)
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, offset, nil
	}
	if err != nil {
		return nil, offset, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err == nil && offset > info.Size() {
		offset = 0 // it was truncated
	}
	if err != nil || limit <= 0 || offset == info.Size() {
		return nil, offset, err
	}
	offset = skipHole(file, offset)
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, offset, err
	}
	source, stream := sourceOf(filepath.Base(l.path))
	reader := bufio.NewReaderSize(file, maxLineBytes+l.hider.Longest())
	var lines []deployers.LogLine
	for len(lines) < limit {
		raw, err := reader.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break // half a line: the rest is still to come
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, offset, err
		}
		text, tooLong := string(raw), err != nil
		if tooLong {
			text = text[:l.hider.Cut(text, len(text)-l.hider.Longest())]
		}
		offset += int64(len(text))
		if tooLong {
			if _, err := file.Seek(offset, io.SeekStart); err != nil {
				return nil, offset, err
			}
			reader.Reset(file)
		}
		text = strings.Trim(strings.TrimRight(text, "\r\n"), "\x00")
		at := timeOf(text, info.ModTime())
		text = strings.ToValidUTF8(l.hider.Hide(text), "\uFFFD")
		lines = append(lines, deployers.LogLine{At: at, Source: source, Stream: stream, Text: text})
	}
	return lines, offset, nil
}

// timeOf takes the line's own time if it carries one.
func timeOf(text string, otherwise time.Time) time.Time {
	if !strings.HasPrefix(text, "{") {
		return otherwise
	}
	var line struct {
		Time time.Time `json:"time"`
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil || line.Time.IsZero() {
		return otherwise
	}
	return line.Time
}

// sourceOf takes the name of a log file apart, see logName.
func sourceOf(file string) (source, stream string) {
	stream = "stdout"
	if strings.HasSuffix(file, ".err") {
		stream = "stderr"
	}
	parts := strings.Split(file, "~")
	if len(parts) < 4 {
		return file, stream
	}
	version, err := url.PathUnescape(parts[1])
	if err != nil {
		version = parts[1]
	}
	return fmt.Sprintf("%s/%s", version, parts[2]), stream
}

// lastLine is what a dead replica said last. Without its secrets in memory we
// could not tell whether the line contains one, so then it is left out.
func (t *target) lastLine(c *child) string {
	t.mu.Lock()
	hider, readable := t.hiding(), t.readable(c.rec.Log)
	t.mu.Unlock()
	if !readable {
		return ""
	}
	base := t.path(logsDir, c.rec.Log)
	line := cmp.Or(lastLineOf(base+".err", hider), lastLineOf(base+".out", hider))
	if len(line) > maxReason {
		line = strings.ToValidUTF8(line[:maxReason], "") + "…"
	}
	return line
}

// lastLineOf reads the end of a file, of which the first letters may belong to a
// secret that began before it.
func lastLineOf(path string, hider deployers.Hider) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	data := make([]byte, min(info.Size(), tailBytes+int64(hider.Longest())))
	if _, err := file.ReadAt(data, info.Size()-int64(len(data))); err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	text := string(data)
	if int64(len(data)) < info.Size() {
		text = text[hider.Cut(text, hider.Longest()):]
	}
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(hider.Hide(text), "")), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
