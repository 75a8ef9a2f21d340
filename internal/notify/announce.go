package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Announcer keeps the one public message of a deployment in each place up to date:
// it is edited as the deployment goes on, and its thread holds the details.
//
// Whoever speaks has claimed the announcement by its epoch before, for a while, so
// of many replicas one speaks, and what it has said is kept before another looks.
// The first message is the one thing that no chat system takes back by itself: that
// it is about to be said is on record before, so a call whose answer was lost, or
// that its process did not survive, is known as such. Whether it was said then
// nobody can tell, as neither Slack nor Mattermost takes a key to tell by. It is
// said once more, and says that it may be the second; a deployment that nobody is
// told of would be worse.
type Announcer struct {
	Store     slipway.Store
	Feed      slipway.Feed
	Posters   map[slipway.ChatPlatform]Poster
	Seal      *chat.Seal // nil: its messages have no buttons but links
	PublicURL string
	Clock     slipway.Clock
	Log       *slog.Logger
}

const (
	editEvery   = 2 * time.Second // at most, so that a channel is not in motion all the time
	speakFor    = 30 * time.Second
	announceMax = 500
	// maxFaults in a row are too many: somebody removed us from the channel, say.
	maxFaults = 12
	aboutTo   = "about to be said" // in the place of a digest
)

// Run speaks until ctx ends.
func (a *Announcer) Run(ctx context.Context) {
	changed, cancel := a.Feed.Subscribe()
	defer cancel()
	ticker := time.NewTicker(editEvery)
	defer ticker.Stop()
	for {
		if err := a.Speak(ctx); err != nil && ctx.Err() == nil {
			a.Log.ErrorContext(ctx, "announcing deployments failed, will try again", "error", err)
		}
		if !pause(ctx, 5*breather) { // what changes at once is told at once
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
		}
	}
}

// Speak says what there is to say, in all places at the same time: one that is slow
// keeps no other waiting.
func (a *Announcer) Speak(ctx context.Context) error {
	var due []slipway.Announcement
	err := a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		due, err = tx.Announcements().Due(ctx, a.now(), announceMax)
		return err
	})
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	faults := make([]error, len(due))
	for i, one := range due {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			faults[i] = a.one(ctx, one)
		})
	}
	all.Wait()
	return errors.Join(faults...)
}

func (a *Announcer) now() time.Time { return a.Clock().UTC().Truncate(time.Microsecond) }

// one brings a single announcement up to date.
func (a *Announcer) one(ctx context.Context, is slipway.Announcement) error {
	var s spoken
	err := a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		if s, err = a.words(ctx, tx, is); err == nil {
			s.parent.Buttons, err = a.buttons(s.of, is.Place.Platform)
		}
		return err
	})
	if err != nil || s.nothing(is) {
		return err
	}
	poster, ok := a.Posters[is.Place.Platform]
	if !ok {
		is.NextAt, is.Fault = nil, "This portal has no connection to "+is.Place.Platform.Title()+" to post with."
		return a.keep(ctx, &is)
	}
	// The claim. An announcement that was about to be said when its holder fell
	// silent stays marked.
	until := a.now().Add(speakFor)
	unclear := is.Message == "" && is.Shown == aboutTo
	is.NextAt = &until
	if is.Message == "" {
		is.Shown = aboutTo
	}
	if err := a.keep(ctx, &is); err != nil {
		return quicker(err)
	}
	call, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	err = s.say(call, poster, &is, unclear)
	now := a.now()
	next := now.Add(editEvery)
	switch {
	case err == nil:
		is.Failed, is.Fault = 0, ""
		if is.NextAt = &next; s.over {
			is.NextAt = nil
		}
	default:
		o := outcomeOf(err, is.Place.Channel)
		is.Failed, is.Fault = is.Failed+1, o.Problem
		next = now.Add(max(o.Wait, editEvery<<min(is.Failed, 8)))
		if is.NextAt = &next; o.Final || is.Failed >= maxFaults {
			is.NextAt = nil
			a.Log.WarnContext(ctx, "a deployment is announced no more", "deployment", is.Deployment, "channel", is.Place.Channel, "why", o.Problem)
		}
		if is.Message == "" && unposted(err) {
			is.Shown = ""
		}
	}
	return quicker(a.keep(context.WithoutCancel(ctx), &is))
}

// quicker takes it for no error that another replica spoke.
func quicker(err error) error {
	if slipway.CodeOf(err) == slipway.CodeConflict {
		return nil
	}
	return err
}

func (a *Announcer) keep(ctx context.Context, is *slipway.Announcement) error {
	return a.Store.Write(ctx, func(tx slipway.Tx) error {
		saved, err := tx.Announcements().Save(ctx, *is)
		if err == nil {
			*is = saved
		}
		return err
	})
}

// spoken is what there is to say of a deployment.
type spoken struct {
	of     slipway.Deployment
	parent chat.Message
	digest string       // of what it says; buttons are sealed anew each time
	thread chat.Message // what is new
	told   int64        // the newest event in it
	over   bool         // the deployment has ended
}

func (s spoken) nothing(is slipway.Announcement) bool {
	return is.Message != "" && s.digest == is.Shown && s.told == is.Told && !s.over
}

func digestOf(m chat.Message) string {
	encoded, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:16])
}

// say speaks, and writes into the announcement what was said.
func (s spoken) say(ctx context.Context, p Poster, is *slipway.Announcement, unclear bool) error {
	channel := is.Place.Channel
	if is.Message == "" {
		first := s.parent
		if unclear {
			first.Footer = strings.TrimSpace(first.Footer + " This may be the second message on it here: what became of the first is not known.")
		}
		id, err := p.Post(ctx, channel, "", first)
		if err != nil {
			return err
		}
		is.Message, is.Shown = id, s.digest
	} else if s.digest != is.Shown {
		if err := p.Update(ctx, channel, is.Message, s.parent); err != nil {
			return err
		}
		is.Shown = s.digest
	}
	if len(s.thread.Lines) > 0 {
		if _, err := p.Post(ctx, channel, is.Message, s.thread); err != nil {
			return err
		}
	}
	is.Told = s.told
	return nil
}
