package process

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// bundle is the artifact of the test application.
type bundle struct {
	Version string `json:"version"`
	Mode    string `json:"mode"` // "", "never-ready", "exit", "stubborn", "family", "lingers", "tidy", "slow"
}

func testApp(path string) error {
	var b bundle
	if err := readJSON(path, &b); err != nil {
		return err
	}
	blab(os.Stdout, os.Getenv("CANARY_TOKEN"))
	switch b.Mode {
	case "exit":
		return fmt.Errorf("the ledger is not there, and %q is set", os.Getenv("CANARY_TOKEN"))
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "lingers":
		finishOnTerm(0)
	case "slow": // to start
		<-time.After(200 * time.Millisecond)
	case "tidy":
		finishOnTerm(100 * time.Millisecond)
	case "family":
		if _, err := startCommand(command{
			argv: []string{"sleep", "600"}, env: os.Environ(), out: os.DevNull, err: os.DevNull,
		}); err != nil {
			return err
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if b.Mode == "never-ready" {
			http.Error(w, "no", http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{
			"version": b.Version, "instance": os.Getenv(tokenVariable), "environment": os.Getenv("SLIPWAY_ENVIRONMENT"),
			"site": os.Getenv("SLIPWAY_SITE"), "base": os.Getenv("BASE"), "leak": os.Getenv("PROCESS_TEST_LEAK"),
		})
	})
	mux.HandleFunc("/files", func(w http.ResponseWriter, r *http.Request) {
		all := map[string]string{"": os.Getenv("TOKEN_FILE") + " " + strings.Join(os.Args[3:], " ")}
		entries, err := os.ReadDir(os.Getenv(filesVariable))
		for _, e := range entries {
			data, _ := os.ReadFile(filepath.Join(os.Getenv(filesVariable), e.Name()))
			all[e.Name()] = string(data)
		}
		if err != nil {
			all[""] = err.Error()
		}
		_ = json.NewEncoder(w).Encode(all)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.FormValue("ms"))
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		chunks, _ := strconv.Atoi(r.FormValue("chunks"))
		ticker := time.NewTicker(streamPause)
		defer ticker.Stop()
		for range chunks {
			_, _ = io.WriteString(w, streamChunk)
			_ = http.NewResponseController(w).Flush()
			<-ticker.C
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		// All of it first: HTTP/1 does not promise to read on once one answers.
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	mux.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: mux, ReadHeaderTimeout: time.Minute}
	fmt.Println(`{"time":"2026-01-02T03:04:05Z","msg":"listening"}`)
	fmt.Println("plain line")
	// Without a mode SIGTERM ends it at once: it is the drain that must protect
	// the requests.
	return server.ListenAndServe()
}

// blab prints a secret in all the ways in which programs do, and over the edge of
// what is read of a line.
func blab(w io.Writer, secret string) {
	if secret == "" {
		return
	}
	quoted, _ := json.Marshal(secret)
	_, _ = fmt.Fprintf(w, "plain: %s\njson: %s\nhex: %x\nHEX: %X\nquery: %s\npath: %s\n", secret, quoted, secret, secret, url.QueryEscape(secret), url.PathEscape(secret))
	for _, before := range []string{"", "k", "k="} {
		_, _ = fmt.Fprintf(w, "base64: %s\n", base64.StdEncoding.EncodeToString([]byte(before+secret+"!")))
		_, _ = fmt.Fprintf(w, "base64: %s\n", base64.RawURLEncoding.EncodeToString([]byte(before+secret+"!")))
	}
	for n := range len(secret) {
		_, _ = fmt.Fprintf(w, "%s%s and on%s\n", strings.Repeat(".", maxLineBytes-n), secret, strings.Repeat(".", 400))
	}
}

// finishOnTerm has work that goes on after SIGTERM, for that long at most, or
// until the file letGo lies in the working directory. It leaves a note of how it ended:
// finished, or cut by a second SIGTERM.
func finishOnTerm(work time.Duration) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		var enough <-chan time.Time
		if work > 0 {
			enough = time.After(work)
		}
		end := "finished"
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for working := true; working; {
			select {
			case <-signals:
				end, working = "cut", false
			case <-enough:
				working = false
			case <-ticker.C:
				_, err := os.Stat(letGo)
				working = err != nil
			}
		}
		_ = os.WriteFile(end+"-"+os.Getenv(tokenVariable), nil, 0o600)
		os.Exit(0)
	}()
}

const letGo = "let-go"

// letGo has the replicas of every target finish their work.
func (f *fixture) letGo(t deployertest.T) {
	t.Helper()
	dirs, _ := filepath.Glob(filepath.Join(f.dir, "targets", "*", workName))
	for _, dir := range dirs {
		if err := os.WriteFile(filepath.Join(dir, letGo), nil, 0o600); err != nil {
			t.Errorf("%v", err)
		}
	}
}

// ended counts the notes of replicas that finished their work, and of those
// whose work was cut short.
func (f *fixture) ended(target deployers.Target) (finished, cut int) {
	whole, _ := filepath.Glob(filepath.Join(targetDir(f.dir, target), workName, "finished-*"))
	torn, _ := filepath.Glob(filepath.Join(targetDir(f.dir, target), workName, "cut-*"))
	return len(whole), len(torn)
}

// release writes an artifact and makes a track of it.
func release(t deployertest.T, dir, version, mode string) deployers.Track {
	t.Helper()
	data, err := json.Marshal(bundle{version, mode})
	if err != nil {
		t.Fatalf("%v", err)
	}
	path := filepath.Join(dir, fmt.Sprintf("app-%s-%s.json", version, mode))
	if err := os.WriteFile(path+".tmp", data, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil && !os.IsNotExist(err) {
		t.Fatalf("%v", err)
	}
	sum := sha256.Sum256(data)
	patience := "2s"
	if mode == "lingers" {
		patience = "10m"
	}
	config, err := json.Marshal(map[string]any{
		"command": []string{os.Args[0], "testapp", "${artifact}"}, "env": map[string]string{"BASE": "yes", "GORACE": "atexit_sleep_ms=0"}, // or each ends a second late
		"readiness": map[string]any{"interval": "50ms", "timeout": "3s"}, "drain": "10s", "stopTimeout": patience,
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return deployers.Track{
		ID: version + mode, Version: version, Weight: 100, Replicas: 1, Config: config,
		Artifacts: []deployers.Artifact{{Name: "app", Reference: "file://" + path, Digest: "sha256:" + hex.EncodeToString(sum[:])}},
	}
}
