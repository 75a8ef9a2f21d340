package stories_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-dev/slipway/e2e/portal"
)

// leaksCommand searches for the value in FILE wherever it must not be: in the
// files of the portal, database and logs included, in the files of the story but
// FILE and what a PATTERN says, and in the arguments of all processes. It looks for
// encoded forms, too.
func leaksCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 && (len(args) != 3 || args[1] != "apart") {
		ts.Fatalf("usage: leaks FILE [apart PATTERN]")
	}
	apart := ""
	if len(args) == 3 {
		apart = ts.MkAbs(args[2])
	}
	forms := formsOf(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"))
	own, files := ts.MkAbs(args[0]), 0
	look := func(where string, data []byte) {
		for name, form := range forms {
			if bytes.Contains(data, form) {
				ts.Fatalf("%s holds the value as %s", where, name)
			}
		}
	}
	err := filepath.WalkDir(ts.MkAbs("."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || path == own || strings.Contains(path, string(filepath.Separator)+".bin"+string(filepath.Separator)) {
			return nil // what went away meanwhile holds nothing
		}
		if may, err := filepath.Match(apart, path); err != nil || may {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			files++
			look(path, data)
		}
		return nil
	})
	ts.Check(err)
	processes := 0
	for _, line := range processFiles(ts, "cmdline") {
		processes++
		look("a command line", line)
	}
	if files < 5 || processes < 3 {
		ts.Fatalf("only %d files and %d processes were looked at", files, processes)
	}
}

// formsOf are the ways in which a value could have been written down. Of base64
// there are three, by where in the text it began.
func formsOf(value string) map[string][]byte {
	quoted, _ := json.Marshal(value) // a string always can be
	forms := map[string][]byte{
		"it is": []byte(value), "JSON": bytes.Trim(quoted, `"`), "a URL's query": []byte(url.QueryEscape(value)), "a URL's path": []byte(url.PathEscape(value)),
		"HTML": []byte(html.EscapeString(value)), "hex": []byte(hex.EncodeToString([]byte(value))), "capital hex": []byte(strings.ToUpper(hex.EncodeToString([]byte(value)))),
	}
	for shift := range 3 {
		cut := (3 - shift) % 3 // what shares its letters with what stood before
		whole := value[cut : cut+(len(value)-cut)/3*3]
		forms["base64, "+strconv.Itoa(shift)+" bytes in"] = []byte(base64.RawStdEncoding.EncodeToString([]byte(whole)))
		forms["base64 of URLs, "+strconv.Itoa(shift)+" bytes in"] = []byte(base64.RawURLEncoding.EncodeToString([]byte(whole)))
	}
	return forms
}

// processFiles reads a file of every process in /proc, by process ID.
func processFiles(ts *testscript.TestScript, name string) map[int][]byte {
	paths, err := filepath.Glob("/proc/[0-9]*/" + name)
	ts.Check(err)
	all := map[int][]byte{}
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if data, errRead := os.ReadFile(path); err == nil && errRead == nil && len(data) > 0 {
			all[pid] = data
		}
	}
	return all
}

// listen PERSON TOPICS FILE has the portal tell somebody live, as a page does, and
// writes down what it says until it ends.
func listenCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: listen PERSON TOPICS FILE")
	}
	ctx, cancel := context.WithCancel(context.Background())
	client, err := portal.SignIn(ctx, running(ts).URL, args[0])
	ts.Check(err)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, running(ts).URL+"/events?topics="+url.QueryEscape(args[1]), nil)
	ts.Check(err)
	response, err := client.Do(request)
	ts.Check(err)
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("/events: %s", response.Status)
	}
	file, err := os.Create(ts.MkAbs(args[2]))
	ts.Check(err)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_, _ = io.Copy(file, response.Body) // until one of both ends it
		_ = file.Close()
	}()
	ts.Defer(func() {
		cancel()
		_ = response.Body.Close()
		<-heard
	})
}

// inFile is what a process finds under a key where its environment says that there
// are files for it; empty if it has none.
func inFile(environ []byte, key string) string {
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if dir, found := strings.CutPrefix(string(variable), "SLIPWAY_SECRETS_DIR="); found {
			data, _ := os.ReadFile(filepath.Join(dir, key)) // a process of others, or its end
			return string(data)
		}
	}
	return ""
}

// deliveredCommand waits until a process has KEY with the value in FILE in its
// environment, or in the files that its environment leads to. With "crash" it kills
// it then, and only it: the value is unique.
func deliveredCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 || len(args) == 3 && args[2] != "crash" {
		ts.Fatalf("usage: delivered KEY FILE [crash]")
	}
	value := strings.TrimSuffix(ts.ReadFile(args[1]), "\n")
	want := append([]byte{0}, []byte(args[0]+"="+value+"\x00")...)
	for end := time.Now().Add(patience); ; <-time.After(100 * time.Millisecond) {
		found := 0
		for pid, environ := range processFiles(ts, "environ") {
			if !bytes.Contains(append([]byte{0}, environ...), want) && inFile(environ, args[0]) != value {
				continue
			}
			found++
			if len(args) == 3 {
				ts.Check(syscall.Kill(pid, syscall.SIGKILL))
			}
		}
		if found > 0 {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("no process was given %s", args[0])
		}
	}
}
