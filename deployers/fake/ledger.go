package fake

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// What happened to one call.
type What string

// Applied is the one effect of a generation: a second Applied with the same key
// and content is a fault of the fake's own fence. Again is a harmless repeat.
const (
	Applied   What = "applied"
	Again     What = "again"
	Refused   What = "refused" // an older generation
	Failed    What = "failed"  // a scripted error
	Hung      What = "hung"
	Forgotten What = "forgotten"
	Lost      What = "lost" // a call that is scripted not to arrive
	Destroyed What = "destroyed"
)

// Entry is one line of the ledger, written before the effect that it names.
type Entry struct {
	Key        string    `json:"key"` // service/environment/generation, or service/environment/site/generation
	Site       string    `json:"site,omitempty"`
	Generation int64     `json:"generation"`
	Time       time.Time `json:"time"`
	What       What      `json:"what"`
	Detail     string    `json:"detail,omitempty"`
	Version    string    `json:"version,omitempty"` // of the tracks, comma-separated
	PID        int       `json:"pid"`
}

type ledger struct {
	mu   sync.Mutex
	path string
}

func (d *Deployer) note(target deployers.Target, desired deployers.Desired, what What, detail string) error {
	entry := Entry{
		Key:  fmt.Sprintf("%s/%d", target, desired.Generation),
		Site: target.Site, Generation: desired.Generation, Time: d.now(), What: what, Detail: detail, PID: os.Getpid(),
	}
	for i, t := range desired.Tracks {
		if i > 0 {
			entry.Version += ","
		}
		entry.Version += t.Version
	}
	d.log.Debug("fake deployer", "key", entry.Key, "what", what, "detail", detail)
	return d.ledger.append(entry)
}

// append writes the entry with one write to a file opened for appending, so
// that lines of several processes never mix.
func (l *ledger) append(entry Entry) error {
	if l.path == "" {
		return nil
	}
	data, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("fake: ledger: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fake: ledger: %w", err)
	}
	_, err = file.Write(append(data, '\n'))
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("fake: ledger: %w", err)
	}
	return nil
}

// ReadLedger reads a ledger file. A missing file is an empty ledger.
func ReadLedger(path string) ([]Entry, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("fake: ledger: %w", err)
	}
	defer func() { _ = file.Close() }()
	var entries []Entry
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("fake: ledger line %d: %w", len(entries)+1, err)
		}
		entries = append(entries, e)
	}
	return entries, lines.Err()
}
