// Loadstep sends requests to one address for a while, at an even rate, and says
// how it went. It exits with 1 if any request failed. As a verification job it
// is the load step of staging: what it causes is what the metric checks judge.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

func main() {
	url := flag.String("url", "", "what to ask for")
	rate := flag.Int("rate", 50, "requests a second")
	length := flag.Duration("for", 10*time.Second, "how long")
	flag.Parse()
	took, failed := load(context.Background(), *url, *rate, *length)
	fmt.Printf("%d requests, %d failed, median %s, 95 %% within %s\n", len(took)+failed, failed, at(took, 0.50), at(took, 0.95))
	if failed > 0 || len(took) == 0 {
		os.Exit(1)
	}
}

// load is open-loop: a slow answer delays no other request.
func load(ctx context.Context, url string, rate int, length time.Duration) (took []time.Duration, failed int) {
	client := &http.Client{Timeout: 5 * time.Second}
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	var mu sync.Mutex
	var sent sync.WaitGroup
	for end := time.Now().Add(length); time.Now().Before(end); {
		<-ticker.C
		sent.Go(func() {
			began := time.Now()
			ok := ask(ctx, client, url)
			mu.Lock()
			defer mu.Unlock()
			if !ok {
				failed++
				return
			}
			took = append(took, time.Since(began))
		})
	}
	sent.Wait()
	slices.Sort(took)
	return took, failed
}

func ask(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusOK
}

func at(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))].Round(10 * time.Microsecond)
}
