package jobs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const idName = "id.json"

// ID tells the runners of different hosts apart. It belongs to the directory, so
// a portal that is started again has the ID it had.
func (r *Runner) ID() string { return r.id }

// readID reads the ID of a root, or makes one that people recognise.
func readID(root string) (id string, err error) {
	path := filepath.Join(root, idName)
	if err := readJSON(path, &id); !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	host = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(host))
	temp := filepath.Join(root, tempPrefix+rand.Text())
	if err := writeJSON(temp, host+"-"+strings.ToLower(rand.Text()[:8])); err != nil {
		return "", err
	}
	// Whoever comes first names it, also for the others.
	if err = os.Link(temp, path); errors.Is(err, fs.ErrExist) {
		err = nil
	}
	err = errors.Join(err, os.Remove(temp), syncDir(root), readJSON(path, &id))
	return id, err
}

// AtWork lists the keys of the jobs that have not ended.
func (r *Runner) AtWork(ctx context.Context) ([]string, error) {
	entries, err := os.ReadDir(r.root)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		escaped, ok := strings.CutPrefix(e.Name(), jobPrefix)
		if !ok {
			continue
		}
		key, err := url.PathUnescape(escaped)
		s, errStatus := r.status(filepath.Join(r.root, e.Name()))
		if err = errors.Join(err, errStatus); err != nil {
			r.log.Error("a job cannot be asked after", "directory", e.Name(), "error", err) // the others can
		} else if s.State == Running {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Forget removes what is kept of jobs that ended before a time. Start would run
// a forgotten job again, so it has to be one that nobody will ask for any more.
func (r *Runner) Forget(ctx context.Context, olderThan time.Time) error {
	entries, err := os.ReadDir(r.root)
	if err != nil {
		return err
	}
	var problems error
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return errors.Join(problems, err)
		}
		switch {
		case strings.HasPrefix(e.Name(), tempPrefix):
			err = r.removeTemp(e, olderThan)
		case strings.HasPrefix(e.Name(), jobPrefix):
			err = r.forget(filepath.Join(r.root, e.Name()), olderThan)
		}
		if err != nil {
			problems = errors.Join(problems, fmt.Errorf("%s is not forgotten: %w", e.Name(), err))
		}
	}
	return problems
}

// removeTemp removes what a portal was making when it was killed.
func (r *Runner) removeTemp(e fs.DirEntry, olderThan time.Time) error {
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.ModTime().Before(olderThan) {
		return err
	}
	return os.RemoveAll(filepath.Join(r.root, e.Name()))
}

func (r *Runner) forget(dir string, olderThan time.Time) error {
	s, err := r.status(dir)
	if err != nil || s.State == Running || !s.EndedAt.Before(olderThan) {
		return err
	}
	temp, err := os.MkdirTemp(r.root, tempPrefix)
	if err != nil {
		return err
	}
	// All at once: half a directory would be a job that nobody can read.
	return errors.Join(os.Rename(dir, filepath.Join(temp, filepath.Base(dir))), os.RemoveAll(temp))
}
