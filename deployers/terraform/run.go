package terraform

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// againAfter is how long a run waits that could not begin.
const againAfter = 2 * time.Second

// look has somebody look after the target, unless somebody does.
func (d *Deployer) look(p *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.atWork || d.life.Err() != nil {
		return
	}
	p.atWork = true
	d.work.Go(func() {
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.atWork = false
		}()
		for d.step(p) {
		}
	})
}

// step carries out the newest order, or looks for drift. It says whether there
// may be more to do.
func (d *Deployer) step(p *place) bool {
	ctx := d.life
	unlock, err := p.lockRun(ctx)
	if err != nil {
		return false
	}
	defer unlock()
	wanted, done, err := p.read()
	if err != nil || wanted.Generation == 0 {
		return false
	}
	switch {
	case done.Generation != wanted.Generation:
		done, err = d.carryOut(ctx, p, wanted)
	case wanted.Track != nil && done.Failure == "" && time.Since(done.At) > d.DriftEvery:
		done.Drift, err = d.drift(ctx, p, *wanted.Track)
		done.At = time.Now()
	default:
		return false
	}
	if err != nil {
		p.note("waits: " + brief(err))
		d.Log.WarnContext(ctx, "a run has to wait", "target", p.target.String(), "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(againAfter):
			return true
		}
	}
	p.note("")
	if err := p.write(resultFile, done); err != nil {
		d.Log.ErrorContext(ctx, "the result of a run is lost, it is looked at again", "target", p.target.String(), "error", err)
		return false
	}
	return true
}

// carryOut makes an order true. An error means that it has to be tried again: it
// was interrupted, or somebody else holds the state.
func (d *Deployer) carryOut(ctx context.Context, p *place, o order) (result, error) {
	r := result{Generation: o.Generation}
	if o.Track != nil {
		if err := d.applied(ctx, p, *o.Track); err != nil {
			if ctx.Err() != nil || passes(err) {
				return r, err
			}
			r.Failure = fmt.Sprintf("version %s could not be applied: %s", o.Track.Version, brief(err))
		}
	}
	r.At = time.Now()
	return r, nil
}

// applied applies the plan that was approved, and no other. Where there is none,
// as when Slipway goes back to what was there before, it plans anew.
func (d *Deployer) applied(ctx context.Context, p *place, track deployers.Track) error {
	w, err := d.workspace(ctx, p, filepath.Join(p.dir, workDir), track)
	if err != nil {
		return err
	}
	if len(track.Prepared) == 0 {
		return w.planAndApply(ctx)
	}
	err = w.apply(ctx, track.Prepared)
	if err == nil || !strings.Contains(err.Error(), "Saved plan") {
		return err
	}
	// The state has moved since. That may have been this very plan, whose run was
	// cut off before its end was written down: then nothing is left to change.
	changes, planErr := w.changes(ctx)
	switch {
	case planErr != nil:
		return planErr
	case changes == "":
		return nil
	default:
		return fmt.Errorf("the approved plan does not fit what is there any more, so nothing was changed by it; a new deployment makes a new plan (%s)", changes)
	}
}

// drift says in what the real thing differs from the release in force.
func (d *Deployer) drift(ctx context.Context, p *place, track deployers.Track) (string, error) {
	dir, err := d.aside()
	if err != nil {
		return "", err
	}
	defer remove(dir)
	w, err := d.workspace(ctx, p, dir, track)
	if err != nil {
		return "", err
	}
	changes, err := w.changes(ctx)
	if changes != "" {
		changes = "it is not as version " + track.Version + " made it: " + changes
	}
	return changes, err
}

// passes tells what is over once somebody else is done from what is wrong.
func passes(err error) bool {
	return errors.Is(err, errNoBinary) || strings.Contains(err.Error(), "acquiring the state lock")
}

const longestReason = 1000

// brief makes one line of what terraform prints in boxes.
func brief(err error) string {
	text := strings.Map(func(r rune) rune {
		if strings.ContainsRune("│╷╵", r) {
			return ' '
		}
		return r
	}, err.Error())
	text = strings.Join(strings.Fields(text), " ")
	text = strings.TrimPrefix(text, "exit status 1 ")
	if len(text) > longestReason {
		text = strings.ToValidUTF8(text[:longestReason], "") + "…"
	}
	return text
}
