package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	eventsPath = "/events"

	minGap     = 100 * time.Millisecond // ten writes a second are as live as eyes are
	beatEvery  = 15 * time.Second
	writeTime  = 10 * time.Second
	maxResume  = 500 // events; who missed more starts over
	retryAfter = 3 * time.Second
)

func newSubscription(user string, topics []string, admits func(slipway.DomainEvent) bool) *subscription {
	return &subscription{user: user, topics: topics, admits: admits,
		wake: make(chan struct{}, 1), gone: make(chan struct{}), pending: map[string]int64{}}
}

func (sub *subscription) follows(topic string) bool { return slices.Contains(sub.topics, topic) }

// offer keeps what the stream follows and may know of. It never waits.
func (sub *subscription) offer(e slipway.DomainEvent, topics []string) {
	if !slices.ContainsFunc(topics, sub.follows) {
		return
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if !sub.admits(e) {
		return
	}
	for _, t := range topics {
		if sub.follows(t) {
			sub.pending[t] = max(sub.pending[t], e.ID)
		}
	}
	select {
	case sub.wake <- struct{}{}:
	default: // one is waiting already
	}
}

func (sub *subscription) narrow(admits func(slipway.DomainEvent) bool) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.admits = admits
}

// message is one line of news.
type message struct {
	Topic string `json:"topic"`
	ID    int64  `json:"id"`
}

// take empties what is pending, oldest first: whoever loses the connection in
// between resumes with nothing skipped.
func (sub *subscription) take() []message {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	out := make([]message, 0, len(sub.pending))
	for t, id := range sub.pending {
		out = append(out, message{Topic: t, ID: id})
	}
	clear(sub.pending)
	slices.SortFunc(out, func(a, b message) int {
		if a.ID != b.ID {
			return int(a.ID - b.ID)
		}
		return bytes.Compare([]byte(a.Topic), []byte(b.Topic))
	})
	return out
}

// stream is GET /events?topics=board,inbox,deployment:42,service:web. It says
// which topics have news and never what the news is: pages ask for that
// through the door that everything goes through.
func (s *Server) stream(c echo.Context) error {
	sub, from, err := s.subscribe(c)
	if err != nil {
		return err
	}
	defer s.hub.leave(sub)
	out, err := s.greet(c, sub, from)
	if err != nil {
		return err
	}
	s.letGo(c)
	s.follow(c.Request().Context(), sub, out)
	return nil // whatever ended it, the answer has begun long ago
}

// subscribe joins the hub, if the actor may follow what is asked for.
func (s *Server) subscribe(c echo.Context) (*subscription, int64, error) {
	topics, watch, err := parseTopics(c.QueryParam("topics"))
	if err != nil {
		return nil, 0, err
	}
	ctx := c.Request().Context()
	actor := ActorOf(c)
	watching, err := s.cfg.App.Watch(ctx, actor, watch)
	if err != nil {
		return nil, 0, err
	}
	sub := newSubscription(actor.ID, topics, watching.Admits)
	sub.token, sub.watch = s.sessions.Token(ctx), watch
	from, err := s.hub.join(sub)
	return sub, from, err
}

// greet begins the answer, with what the browser has missed.
func (s *Server) greet(c echo.Context, sub *subscription, from int64) (*streamWriter, error) {
	after := resumeAfter(c)
	resync, err := s.resume(c.Request().Context(), sub, after, from)
	if err != nil {
		return nil, err
	}
	if after < 0 || resync {
		after = from
	}
	out := &streamWriter{w: c.Response(), control: http.NewResponseController(c.Response())}
	if err := out.open(); err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	return out, out.hello(after, resync)
}

// resumeAfter is the last event the browser has seen; negative if it has seen
// none. A page may say by which event it was rendered (?after=).
func resumeAfter(c echo.Context) int64 {
	for _, text := range []string{c.Request().Header.Get("Last-Event-ID"), c.QueryParam("after")} {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil && id >= 0 {
			return id
		}
	}
	return -1
}

// resume offers what happened between the browser's last event and the moment
// the stream joined the hub. True means that it was too much, or cannot be
// told, and the page is to be fetched anew.
func (s *Server) resume(ctx context.Context, sub *subscription, after, upTo int64) (bool, error) {
	if after < 0 || after == upTo {
		return false, nil
	}
	if after > upTo {
		return true, nil // from before a backup was put back
	}
	missed, err := s.hub.source.News(ctx, after, maxResume+1)
	if err != nil {
		return false, err
	}
	if len(missed) > maxResume {
		return true, nil
	}
	for _, e := range missed {
		sub.offer(e, topicsOf(e))
	}
	return false, nil
}

// follow writes until the reader goes, stalls, or may no longer.
func (s *Server) follow(ctx context.Context, sub *subscription, out *streamWriter) {
	beat, stopBeat := s.hub.ticker(beatEvery)
	defer stopBeat()
	gap := time.NewTimer(0)
	defer gap.Stop()
	may := gap.C             // open when the next write may be
	var wake <-chan struct{} // open after that
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-sub.gone:
			return
		case <-may:
			may, wake = nil, sub.wake
		case <-wake:
			err = out.news(sub.take())
			gap.Reset(minGap)
			may, wake = gap.C, nil
		case <-beat:
			last := s.hub.lastID() // before take: it must not stand for more than was sent
			err = errors.Join(out.news(sub.take()), out.beat(last))
		}
		if err != nil {
			return
		}
	}
}

// streamWriter writes server-sent events. Each write has its own deadline, so
// a reader that stalls is dropped and holds nothing up but itself.
type streamWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     bytes.Buffer
}

func (o *streamWriter) open() error {
	h := o.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would wait for more
	// The deadline for reading the request would cut the stream off.
	if err := o.control.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	o.w.WriteHeader(http.StatusOK)
	return nil
}

// hello says where the browser is to resume from if it loses the stream before
// the first news: behind what it has, not behind what it is about to get.
func (o *streamWriter) hello(last int64, resync bool) error {
	fmt.Fprintf(&o.buf, "retry: %d\nid: %d\n\n", retryAfter.Milliseconds(), last)
	if resync {
		o.buf.WriteString("event: resync\ndata: {}\n\n")
	}
	return o.flush()
}

func (o *streamWriter) news(list []message) error {
	for _, m := range list {
		data, err := json.Marshal(m)
		if err != nil {
			return err
		}
		fmt.Fprintf(&o.buf, "id: %d\nevent: message\ndata: %s\n\n", m.ID, data)
	}
	return o.flush()
}

// beat keeps proxies from closing a quiet stream, and tells the page that it
// is still up to date.
func (o *streamWriter) beat(last int64) error {
	fmt.Fprintf(&o.buf, ": still here\nid: %d\nevent: ping\ndata: {}\n\n", last)
	return o.flush()
}

func (o *streamWriter) flush() error {
	if o.buf.Len() == 0 {
		return nil
	}
	if err := o.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := o.w.Write(o.buf.Bytes()); err != nil {
		return err
	}
	o.buf.Reset()
	return o.control.Flush()
}
