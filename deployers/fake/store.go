package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// store keeps the state of targets. update is atomic among all users of the
// same store: change sees the newest state, and what it leaves is durable once
// update returns, if it said true. An error of change is handed on.
type store interface {
	view(ctx context.Context, target deployers.Target, look func(*state)) error
	update(ctx context.Context, target deployers.Target, change func(*state) (save bool, err error)) error
	scripts(ctx context.Context) (map[string]Script, error)
	updateScripts(ctx context.Context, change func(map[string]Script)) error
}

type memoryStore struct {
	mu        sync.Mutex
	states    map[deployers.Target]*state
	scripting map[string]Script
}

func newMemoryStore() *memoryStore {
	return &memoryStore{states: map[deployers.Target]*state{}, scripting: map[string]Script{}}
}

func (m *memoryStore) view(ctx context.Context, target deployers.Target, look func(*state)) error {
	return m.update(ctx, target, func(s *state) (bool, error) { look(s); return false, nil })
}

func (m *memoryStore) update(ctx context.Context, target deployers.Target, change func(*state) (bool, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.states[target]
	if s == nil {
		s = &state{}
		m.states[target] = s
	}
	_, err := change(s)
	return err
}

func (m *memoryStore) scripts(context.Context) (map[string]Script, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.scripting), nil
}

func (m *memoryStore) updateScripts(_ context.Context, change func(map[string]Script)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m.scripting)
	return nil
}

// dirStore keeps one JSON file per target and one for the scripts, each beside
// a lock file that is never removed.
type dirStore struct{ dir string }

const lockPoll = 2 * time.Millisecond

func (d dirStore) file(target deployers.Target) string {
	name := url.PathEscape(target.Service) + "@" + url.PathEscape(target.Environment)
	if target.Site != "" {
		name += "," + url.PathEscape(target.Site)
	}
	return filepath.Join(d.dir, name+".json")
}

func (d dirStore) scriptFile() string { return filepath.Join(d.dir, "scripts.json") }

// view reads without a lock: files are only ever replaced as a whole.
func (d dirStore) view(ctx context.Context, target deployers.Target, look func(*state)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var s state
	if err := readJSON(d.file(target), &s); err != nil {
		return err
	}
	look(&s)
	return nil
}

func (d dirStore) update(ctx context.Context, target deployers.Target, change func(*state) (bool, error)) error {
	return d.locked(ctx, d.file(target), func() error {
		var s state
		if err := readJSON(d.file(target), &s); err != nil {
			return err
		}
		save, err := change(&s)
		if !save {
			return err
		}
		return errors.Join(err, writeJSON(d.file(target), s))
	})
}

func (d dirStore) scripts(ctx context.Context) (map[string]Script, error) {
	scripts := map[string]Script{}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return scripts, readJSON(d.scriptFile(), &scripts)
}

func (d dirStore) updateScripts(ctx context.Context, change func(map[string]Script)) error {
	return d.locked(ctx, d.scriptFile(), func() error {
		scripts := map[string]Script{}
		if err := readJSON(d.scriptFile(), &scripts); err != nil {
			return err
		}
		change(scripts)
		return writeJSON(d.scriptFile(), scripts)
	})
}

// locked runs f under the lock of a file. The kernel drops the lock when its
// holder dies. It polls, since a blocking flock could not follow ctx.
func (d dirStore) locked(ctx context.Context, path string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	defer func() { _ = lock.Close() }()
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("fake: lock: %w", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("fake: %s: %w", path, err)
	}
	return nil
}

// writeJSON replaces the file: new content fsynced, renamed, directory fsynced.
func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	temp, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
