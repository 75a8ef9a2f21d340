package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	orderFile  = "order.json"  // what is wanted: the fence
	resultFile = "result.json" // what became of it
	stateFile  = "terraform.tfstate"
	logFile    = "runs.log"
	workDir    = "work"
	lockPause  = 50 * time.Millisecond
)

// order is the newest desired state that was accepted.
type order struct {
	Generation int64
	Track      *deployers.Track
	Last       *deployers.Track // in force before, when there is no Track
}

func (o order) last() *deployers.Track {
	if o.Track != nil {
		return o.Track
	}
	return o.Last
}

// result is how the order of a generation ended, and what the last look saw.
type result struct {
	Generation int64
	At         time.Time
	Failure    string
	Drift      string
}

// place is where a target lives.
type place struct {
	target deployers.Target
	dir    string
	locks  string // path that locks begin with; outside of dir, which Destroy removes

	mu     sync.Mutex
	atWork bool   // a goroutine of ours looks after it
	notice string // what it waits for
}

func (d *Deployer) place(t deployers.Target) *place {
	name := "t." + url.QueryEscape(t.Service) + "," + url.QueryEscape(t.Environment) + "," + url.QueryEscape(t.Site)
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.inUse[name]
	if !ok {
		p = &place{target: t, dir: filepath.Join(d.Dir, "targets", name), locks: filepath.Join(d.Dir, "locks", name)}
		d.inUse[name] = p
	}
	return p
}

// accept takes an order unless a newer one was taken before, by whatever process.
func (p *place) accept(o order) error {
	unlock, err := p.lock(context.Background(), ".accept")
	if err != nil {
		return err
	}
	defer unlock()
	known, _, err := p.read()
	switch {
	case err != nil:
		return err
	case o.Generation < known.Generation:
		return deployers.StaleGeneration(o.Generation, known.Generation)
	case o.Generation == known.Generation && known.Generation != 0:
		return nil // it was accepted before, and is carried out once
	}
	if o.Track == nil {
		o.Last = known.last()
	}
	return p.write(orderFile, o)
}

func (p *place) read() (o order, r result, err error) {
	return o, r, errors.Join(readJSON(filepath.Join(p.dir, orderFile), &o), readJSON(filepath.Join(p.dir, resultFile), &r))
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// write replaces a file as a whole, and has it on the disk when it returns.
func (p *place) write(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(p.dir, name+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(p.dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	dir, err := os.Open(p.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (p *place) remove() error {
	unlock, err := p.lock(context.Background(), ".accept")
	if err != nil {
		return err
	}
	defer unlock()
	return os.RemoveAll(p.dir)
}

// lockRun waits until no run of the target is at work, in whatever process.
func (p *place) lockRun(ctx context.Context) (unlock func(), err error) { return p.lock(ctx, ".run") }

func (p *place) lock(ctx context.Context, which string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(p.locks), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(p.locks+which, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	pause := time.NewTicker(lockPause)
	defer pause.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-pause.C:
		}
	}
}

// doing is what people read while an order is not carried out.
func (p *place) doing() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.notice != "" {
		return p.notice
	}
	return "being applied"
}

func (p *place) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notice = text
}
