package server

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

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
		"board" + manyTopics(): 422,
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
	eventually(t, "the stream to wait", func() bool { return r.ticks.count(beatEvery) > 0 })
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
