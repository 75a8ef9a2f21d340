package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// target is one request to send again and again, and the answer it must get.
type target struct {
	url    string
	header http.Header
	want   [sha256.Size]byte // of the normalized body
	length int
}

// client asks for no compression: it would measure gzip, on both sides.
func client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
		Timeout:   30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// aim asks once and takes the answer for the right one, if it holds must.
func aim(b testing.TB, c *http.Client, url string, header http.Header, must string) target {
	b.Helper()
	t := target{url: url, header: header}
	body := &bytes.Buffer{}
	if err := t.fetch(b.Context(), c, body); err != nil {
		b.Fatal(err)
	}
	if !bytes.Contains(body.Bytes(), []byte(must)) {
		b.Fatalf("%s does not hold %q:\n%.2000s", url, must, body.String())
	}
	t.length = body.Len()
	t.want = sha256.Sum256(normal(body.Bytes()))
	return t
}

func (t target) fetch(ctx context.Context, c *http.Client, body *bytes.Buffer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return err
	}
	request.Header = t.header
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body.Reset()
	if _, err := body.ReadFrom(response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %.300s", t.url, response.Status, body.String())
	}
	return nil
}

// number fetches a figure.
func (t target) number(ctx context.Context, c *http.Client) (float64, error) {
	body := &bytes.Buffer{}
	if err := t.fetch(ctx, c, body); err != nil {
		return 0, err
	}
	return strconv.ParseFloat(body.String(), 64)
}

func (t target) hit(ctx context.Context, c *http.Client, body *bytes.Buffer) error {
	if err := t.fetch(ctx, c, body); err != nil {
		return err
	}
	if got := sha256.Sum256(normal(body.Bytes())); got != t.want {
		return fmt.Errorf("%s: another answer than the first, %d bytes where it had %d", t.url, body.Len(), t.length)
	}
	return nil
}

// normal blanks, in place, what differs from one rendering of a page to the
// next: the keys of its forms, the time, the number of the last event, and in
// JSON the time of a report.
func normal(body []byte) []byte {
	for _, mark := range []string{`data-after="`, `data-now="`, `name="idempotency_key" value="`, `"at":"`} {
		rest := body
		for {
			i := bytes.Index(rest, []byte(mark))
			if i < 0 {
				break
			}
			rest = rest[i+len(mark):]
			end := bytes.IndexByte(rest, '"')
			for j := range rest[:max(0, end)] {
				rest[j] = '-'
			}
		}
	}
	return body
}

// throughput keeps some connections busy for a while and returns the answers
// per second. One wrong answer ends the benchmark.
func throughput(b *testing.B, c *http.Client, t target, connections int, during time.Duration) float64 {
	b.Helper()
	var answers atomic.Int64
	var failed atomic.Pointer[error]
	began := time.Now()
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			body := &bytes.Buffer{}
			for time.Since(began) < during && failed.Load() == nil {
				if err := t.hit(b.Context(), c, body); err != nil {
					failed.Store(&err)
					return
				}
				answers.Add(1)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	return float64(answers.Load()) / time.Since(began).Seconds()
}

// latencies sends at a fixed rate, whatever comes back, and counts each answer
// from the time at which its request was due.
func latencies(b *testing.B, c *http.Client, t target, perSecond float64, during time.Duration) []time.Duration {
	b.Helper()
	const senders = 32
	due := make(chan time.Time, 10_000)
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			body := &bytes.Buffer{}
			for at := range due {
				err := t.hit(b.Context(), c, body)
				mu.Lock()
				took = append(took, time.Since(at))
				if err != nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	began, every := time.Now(), time.Duration(float64(time.Second)/perSecond)
	for at := began; at.Sub(began) < during; at = at.Add(every) {
		wait(b.Context(), time.Until(at))
		due <- at
	}
	close(due)
	all.Wait()
	if failed != nil {
		b.Fatal(failed)
	}
	slices.Sort(took)
	return took
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// profile writes a CPU profile of a child over the next seconds into the
// directory that BENCH_PROFILE names, if any.
func profile(b *testing.B, c child, name string, seconds int) {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		response, err := http.Get(fmt.Sprintf("%s/profile?seconds=%d", c.Control, seconds))
		if err != nil {
			return
		}
		defer func() { _ = response.Body.Close() }()
		if file, err := os.Create(filepath.Join(dir, name+".pprof")); err == nil {
			_, _ = io.Copy(file, response.Body)
			_ = file.Close()
		}
	}()
	b.Cleanup(func() { <-done })
}
