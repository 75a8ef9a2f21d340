package bench

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// wire is a proxy before PostgreSQL that counts the queries that pass. It reads
// the frontend's messages only; answers pass as they are.
type wire struct {
	listener net.Listener
	backend  string
	queries  atomic.Int64 // executed, BEGIN and COMMIT and the like apart
}

func tap(b testing.TB, address string) (*wire, string) {
	b.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	w := &wire{backend: u.Host}
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.listener.Close() })
	go w.serve()
	u.Host = w.listener.Addr().String()
	return w, u.String()
}

func (w *wire) serve() {
	for {
		front, err := w.listener.Accept()
		if err != nil {
			return
		}
		back, err := net.Dial("tcp", w.backend)
		if err != nil {
			_ = front.Close()
			continue
		}
		go func() { _, _ = io.Copy(front, back); _ = front.Close() }()
		go func() { _ = w.follow(front, back); _ = back.Close() }()
	}
}

// follow hands on message by message: the startup has a length alone, all that
// come after have a kind before it.
func (w *wire) follow(front io.Reader, back io.Writer) error {
	for head := make([]byte, 4); ; head = make([]byte, 5) {
		if _, err := io.ReadFull(front, head); err != nil {
			return err
		}
		length := binary.BigEndian.Uint32(head[len(head)-4:])
		body := make([]byte, length-4)
		if _, err := io.ReadFull(front, body); err != nil {
			return err
		}
		if len(head) == 5 {
			w.count(head[0], body)
		}
		if _, err := back.Write(append(head, body...)); err != nil {
			return err
		}
	}
}

func (w *wire) count(kind byte, body []byte) {
	switch kind {
	case 'E': // execute what was prepared
		w.queries.Add(1)
	case 'Q': // a query as text; transactions begin and end by these
		text := strings.ToLower(string(bytes.TrimRight(body, "\x00")))
		for _, word := range []string{"begin", "commit", "rollback", "deallocate", "-- ping", ";"} {
			if strings.HasPrefix(text, word) {
				return
			}
		}
		w.queries.Add(1)
	}
}

// countQueries asks a quiet portal behind the tap for the board. Who is signed
// in and streams are looked after now and then, so the least of many pages is
// what one costs by itself.
func countQueries(b testing.TB, address string, pages int) float64 {
	b.Helper()
	w, tapped := tap(b, address)
	portal := start(b, part{Role: "portal", Database: tapped, Quiet: true})
	c := client()
	page := aim(b, c, portal.URL+"/", signIn(b, portal.URL, "ben"), serviceName(0))
	body := &bytes.Buffer{}
	least := int64(1 << 30)
	for range pages {
		before := w.queries.Load()
		if err := page.hit(b.Context(), c, body); err != nil {
			b.Fatal(err)
		}
		least = min(least, w.queries.Load()-before)
	}
	return float64(least)
}
