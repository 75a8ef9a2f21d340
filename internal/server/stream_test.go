package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
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

func TestNewsReachWhoFollowsAndNobodyElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	deployments, _ := r.catalog()
	ana, ben := r.browser(), r.browser()
	ana.signIn("ana", "/")
	ben.signIn("ben", "/")
	all, response := ana.follow(fmt.Sprintf("board,inbox,service:web,deployment:%d", deployments["web"]))
	if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", response.Header)
	}
	narrow, _ := ben.follow("board,service:web")

	id := r.happens(slipway.DomainEvent{Kind: "deployment.started", Service: "web", Deployment: deployments["web"]})
	all.news(id, "board", "inbox", "service:web", fmt.Sprintf("deployment:%d", deployments["web"]))
	narrow.news(id, "board", "service:web")

	// Ben hears nothing of what he may not read, not even on the board.
	id = r.happens(slipway.DomainEvent{Kind: "deployment.started", Service: "vault", Deployment: deployments["vault"]})
	all.news(id, "board", "inbox")
	id = r.happens(slipway.DomainEvent{Kind: "deployment.log", Service: "web", Deployment: deployments["web"]})
	all.news(id, fmt.Sprintf("deployment:%d", deployments["web"]))
	r.happens(slipway.DomainEvent{Kind: "person.signed-in"})
	id = r.happens(slipway.DomainEvent{Kind: "environment.locked", Environment: "dev"})
	all.news(id, "board", "inbox")
	narrow.news(id, "board")
}

func TestOnlyWhatOneMayReadCanBeFollowed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	deployments, _ := r.catalog()
	ben := r.browser()
	ben.signIn("ben", "/")
	for topics, want := range map[string]int{
		"board": 200, "board,inbox,board,": 200, "service:web": 200, fmt.Sprintf("deployment:%d", deployments["web"]): 200,
		"service:vault": 404, "board,service:vault": 404, fmt.Sprintf("deployment:%d", deployments["vault"]): 404,
		"service:none": 404, "deployment:99999": 404,
		"": 422, "all": 422, "board:x": 422, "service:": 422, "service:UPPER..": 422, "deployment:x": 422, "deployment:-1": 422, "deployment:007": 422,
		strings.Repeat("service:a,service:b", 1) + manyTopics(): 422,
	} {
		stream, response := ben.follow(topics)
		if response.StatusCode != want {
			t.Errorf("%q: %s, want %d", topics, response.Status, want)
		}
		if stream != nil {
			stream.close()
		}
	}
	if _, response := r.browser().follow("board"); response.StatusCode != 401 {
		t.Errorf("nobody: %s", response.Status)
	}
}

func manyTopics() string {
	var all strings.Builder
	for i := range maxTopics {
		fmt.Fprintf(&all, ",service:s%d", i)
	}
	return all.String()
}

func TestAStreamGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.catalog()
	ana := r.browser()
	ana.signIn("ana", "/")
	first, _ := ana.follow("board")
	hello, _ := first.next()
	if hello.id == "" || hello.data != "" {
		t.Fatalf("the first thing said is %+v", hello)
	}
	seen := r.happens(slipway.DomainEvent{Kind: "release.created", Service: "web"})
	first.news(seen, "board")
	first.close()
	missed := r.happens(slipway.DomainEvent{Kind: "release.created", Service: "web"})
	eventually(t, "the hub to read on", func() bool { return r.server.hub.lastID() == missed })

	second, _ := ana.follow("board", "Last-Event-ID", strconv.FormatInt(seen, 10))
	if hello, _ := second.next(); hello.id != strconv.FormatInt(seen, 10) {
		t.Errorf("resumes behind %q, though %d is not sent yet", hello.id, missed)
	}
	second.news(missed, "board")
	third, _ := ana.follow(fmt.Sprintf("board&after=%d", seen))
	third.news(missed, "board")

	// A reader that has it all is told nothing; the next thing is news again.
	fourth, _ := ana.follow("board", "Last-Event-ID", strconv.FormatInt(missed, 10))
	id := r.happens(slipway.DomainEvent{Kind: "release.created", Service: "web"})
	fourth.news(id, "board")
}

func TestWhoMissedTooMuchStartsOver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.catalog()
	ana := r.browser()
	ana.signIn("ana", "/")
	var first, last int64
	r.write(func(tx slipway.Tx) (err error) {
		ctx := context.Background()
		if first, err = tx.Events().LastID(ctx); err != nil {
			return err
		}
		for range maxResume + 1 {
			if err := tx.Events().Add(ctx, slipway.DomainEvent{At: r.now(), Kind: "release.created", Service: "web", Team: "web-team"}); err != nil {
				return err
			}
		}
		last, err = tx.Events().LastID(ctx)
		return err
	})
	eventually(t, "the hub to read on", func() bool { return r.server.hub.lastID() == last })
	for _, after := range []int64{first, last + 100} { // too old, and from a database that is no more
		stream, _ := ana.follow("board", "Last-Event-ID", strconv.FormatInt(after, 10))
		hello, _ := stream.next()
		if e, _ := stream.next(); e.name != "resync" || hello.id != strconv.FormatInt(last, 10) {
			t.Errorf("after %d: %+v, then %+v", after, hello, e)
		}
	}
	stream, _ := ana.follow("board", "Last-Event-ID", strconv.FormatInt(first+1, 10))
	stream.news(last, "board") // 500 events are one line of news
}

func TestAStreamEndsWithTheRight(t *testing.T) {
	t.Parallel()
	tests := map[string]func(r *rig, b *browser, binding slipway.Binding){
		"binding removed": func(r *rig, _ *browser, binding slipway.Binding) {
			r.write(func(tx slipway.Tx) error { return tx.Bindings().Remove(context.Background(), binding.ID) })
		},
		"signed out here":       func(_ *rig, b *browser, _ slipway.Binding) { b.post("/auth/logout", nil) },
		"signed out everywhere": func(r *rig, _ *browser, _ slipway.Binding) { r.signOutEverywhere("ben") },
		"disabled": func(r *rig, _ *browser, _ slipway.Binding) {
			u := r.person("ben")
			u.Disabled = true
			r.write(func(tx slipway.Tx) error { return tx.People().PutUser(context.Background(), u) })
		},
		"session too old": func(r *rig, _ *browser, _ slipway.Binding) { r.advance(lifetime + time.Minute) },
	}
	if checkEvery >= 5*time.Second {
		t.Errorf("asked anew every %v only", checkEvery)
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			_, binding := r.catalog()
			ben := r.browser()
			ben.signIn("ben", "/")
			stream, _ := ben.follow("service:web")
			stream.next()
			r.ticks.tick(checkEvery)
			id := r.happens(slipway.DomainEvent{Kind: "release.created", Service: "web"})
			stream.news(id, "service:web")
			end(r, ben, binding)
			r.ticks.tick(checkEvery)
			stream.ends()
			eventually(t, "the hub to forget it", func() bool { return r.server.hub.count() == 0 })
			if _, response := ben.follow("service:web"); response.StatusCode/100 != 4 {
				t.Errorf("it comes back: %s", response.Status)
			}
		})
	}
}

func (r *rig) signOutEverywhere(person string) {
	r.t.Helper()
	if err := r.app.SignOutEverywhere(context.Background(), r.url+"/dev/issuer", person); err != nil {
		r.t.Fatal(err)
	}
}

func TestARightThatShrinksNarrowsTheBoard(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, binding := r.catalog()
	ben := r.browser()
	ben.signIn("ben", "/")
	stream, _ := ben.follow("board")
	stream.next()
	r.write(func(tx slipway.Tx) error { return tx.Bindings().Remove(context.Background(), binding.ID) })
	asked := strings.Count(r.log.String(), "stream ended")
	r.ticks.tick(checkEvery)
	r.ticks.tick(beatEvery)
	eventually(t, "the check", func() bool {
		r.server.hub.mu.Lock()
		defer r.server.hub.mu.Unlock()
		for sub := range r.server.hub.streams {
			sub.mu.Lock()
			defer sub.mu.Unlock()
			return !sub.admits(slipway.DomainEvent{Service: "web", Team: "web-team"})
		}
		return false
	})
	r.happens(slipway.DomainEvent{Kind: "release.created", Service: "web"})
	id := r.happens(slipway.DomainEvent{Kind: "environment.locked", Environment: "dev"})
	stream.news(id, "board")
	if strings.Count(r.log.String(), "stream ended") != asked {
		t.Error("the stream of a board that got empty ended")
	}
}

func TestAStalledReaderHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.catalog()
	ana := r.browser()
	ana.signIn("ana", "/")
	for range 5 { // they ask, and then never read a byte
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.(*net.TCPConn).SetReadBuffer(1); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /events?topics=board HTTP/1.1\r\nHost: x\r\nCookie: slipway=%s\r\n\r\n", ana.cookie())
	}
	eventually(t, "the stalled streams", func() bool { return r.server.hub.count() == 5 })
	reader, _ := ana.follow("board")
	reader.next()
	for range 5 {
		id := r.happens(slipway.DomainEvent{Kind: "release.created", Service: "web"})
		reader.news(id, "board")
	}
	// The hub keeps a word per topic for those who do not take it.
	r.server.hub.mu.Lock()
	defer r.server.hub.mu.Unlock()
	for sub := range r.server.hub.streams {
		sub.mu.Lock()
		if len(sub.pending) > 1 || len(sub.wake) > 1 {
			t.Errorf("%d topics, %d signals are kept for one reader", len(sub.pending), len(sub.wake))
		}
		sub.mu.Unlock()
	}
}

func TestBurstsAreOneLine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.catalog()
	ana := r.browser()
	ana.signIn("ana", "/")
	stream, _ := ana.follow("board")
	stream.next()
	began := time.Now()
	var last int64
	for range 200 {
		last = r.happens(slipway.DomainEvent{Kind: "release.created", Service: "web"})
	}
	lines := 0
	for {
		e, _ := stream.next()
		lines++
		if e.id == strconv.FormatInt(last, 10) {
			break
		}
	}
	if most := int(time.Since(began)/minGap) + 2; lines > most {
		t.Errorf("200 events in %v made %d lines, at most %d were to be expected", time.Since(began), lines, most)
	}
}

func TestBeatsKeepTheStreamOpen(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ana := r.browser()
	ana.signIn("ana", "/")
	stream, _ := ana.follow("board")
	stream.next()
	r.ticks.tick(beatEvery)
	if e, _ := stream.next(); e.name != "ping" || e.data != "{}" || e.id == "" {
		t.Errorf("%+v", e)
	}
}

func TestStreamsPerPersonAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ana, ben := r.browser(), r.browser()
	ana.signIn("ana", "/")
	ben.signIn("ben", "/")
	var open []*sse
	for range maxPerUser {
		stream, response := ana.follow("board")
		if stream == nil {
			t.Fatal(response.Status)
		}
		open = append(open, stream)
	}
	if _, response := ana.follow("board"); response.StatusCode != 429 {
		t.Errorf("one too many: %s", response.Status)
	}
	if _, response := ben.follow("board"); response.StatusCode != 200 {
		t.Errorf("somebody else: %s", response.Status)
	}
	open[0].close()
	eventually(t, "room", func() bool { return r.server.hub.count() == maxPerUser })
	if _, response := ana.follow("board"); response.StatusCode != 200 {
		t.Errorf("after one was closed: %s", response.Status)
	}
}

func TestStoppingEndsAllStreams(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ana := r.browser()
	ana.signIn("ana", "/")
	stream, _ := ana.follow("board")
	r.server.Close()
	stream.ends()
	if _, response := ana.follow("board"); response.StatusCode != 503 {
		t.Errorf("a new one: %s", response.Status)
	}
}
