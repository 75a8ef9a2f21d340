package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// catalog has two services; Ben's group may read the first.
func (r *rig) catalog() (deployments map[string]int64, binding slipway.Binding) {
	r.t.Helper()
	deployments = map[string]int64{}
	r.write(func(tx slipway.Tx) error {
		ctx := context.Background()
		if err := tx.Environments().Put(ctx, slipway.Environment{Name: "dev", Tier: slipway.TierDevelopment}); err != nil {
			return err
		}
		for _, name := range []string{"web", "vault"} {
			if err := tx.Teams().Put(ctx, slipway.Team{Name: name + "-team"}); err != nil {
				return err
			}
			if err := tx.Services().Insert(ctx, slipway.Service{Name: name, Team: name + "-team"}); err != nil {
				return err
			}
			if _, err := tx.Releases().Add(ctx, slipway.Release{Service: name, Version: "1.0.0"}); err != nil {
				return err
			}
			d, err := tx.Deployments().Insert(ctx, slipway.Deployment{Service: name, Team: name + "-team", Environment: "dev",
				Version: "1.0.0", CreatedAt: r.now(), State: slipway.Succeeded})
			if err != nil {
				return err
			}
			deployments[name] = d.ID
		}
		var err error
		binding, err = tx.Bindings().Add(ctx, slipway.Binding{Subject: slipway.Subject{Kind: slipway.SubjectGroup, Name: "readers"},
			Role: slipway.RoleViewer, Scope: slipway.Scope{Kind: slipway.ScopeService, Name: "web"}})
		return err
	})
	return deployments, binding
}

// happens adds an event and returns its id.
func (r *rig) happens(e slipway.DomainEvent) (id int64) {
	r.t.Helper()
	if e.Service != "" {
		e.Team = e.Service + "-team"
	}
	e.At = r.now()
	r.write(func(tx slipway.Tx) error {
		if err := tx.Events().Add(context.Background(), e); err != nil {
			return err
		}
		var err error
		id, err = tx.Events().LastID(context.Background())
		return err
	})
	return id
}

// sse is an open stream.
type sse struct {
	t      *testing.T
	events chan sseEvent // closed at the end
	close  func()
}

type sseEvent struct{ id, name, data string }

func (b *browser) follow(topics string, headers ...string) (*sse, *http.Response) {
	b.r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.r.url+"/events?topics="+topics, nil)
	if err != nil {
		b.r.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := b.Do(request)
	if err != nil {
		b.r.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		cancel()
		return nil, response
	}
	s := &sse{t: b.r.t, events: make(chan sseEvent, 1000), close: cancel}
	b.r.t.Cleanup(cancel)
	go func() {
		defer close(s.events)
		defer func() { _ = response.Body.Close() }()
		s.read(response.Body)
	}()
	return s, response
}

func (s *sse) read(body io.Reader) {
	var e sseEvent
	for lines := bufio.NewScanner(body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if lines.Text() == "" {
				s.events <- e
				e = sseEvent{}
			}
		}
	}
}

func (s *sse) next() (sseEvent, bool) {
	s.t.Helper()
	select {
	case e, open := <-s.events:
		return e, open
	case <-time.After(10 * time.Second):
		s.t.Fatal("the stream stays silent")
		return sseEvent{}, false
	}
}

// news waits for an event of each topic, and fails over any other.
func (s *sse) news(id int64, topics ...string) {
	s.t.Helper()
	var got []string
	for len(got) < len(topics) {
		e, open := s.next()
		if !open {
			s.t.Fatal("the stream ended")
		}
		if e.name == "ping" || e.name == "" {
			continue
		}
		var m message
		if err := json.Unmarshal([]byte(e.data), &m); err != nil || e.name != "message" || e.id != strconv.FormatInt(m.ID, 10) {
			s.t.Fatalf("%+v: %v", e, err)
		}
		if m.ID != id {
			s.t.Fatalf("news of %d on %s, want of %d", m.ID, m.Topic, id)
		}
		got = append(got, m.Topic)
	}
	slices.Sort(topics)
	if !slices.Equal(got, topics) {
		s.t.Fatalf("news on %v, want on %v", got, topics)
	}
}

func (s *sse) ends() {
	s.t.Helper()
	for {
		if _, open := s.next(); !open {
			return
		}
	}
}
