package bench

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// child is a process that plays a part. It ends when its standard input does,
// and so with the benchmark, however that ends.
type child struct {
	ready
	process *os.Process
}

// ready is what a child says once it serves.
type ready struct {
	URL     string
	Control string            // a listener of its own, for what nobody measures
	Tokens  map[string]string // of the portal's people
}

func start(b testing.TB, p part) child {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	told, err := json.Marshal(p)
	if err != nil {
		b.Fatal(err)
	}
	cmd := pinned(serverCore, self)
	cmd.Env = append(os.Environ(), roleVariable+"="+string(told))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait()
	})
	c := child{process: cmd.Process}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &c.ready)
	}
	if err != nil {
		b.Fatalf("the %s does not serve: %v", p.Role, err)
	}
	return c
}

// announce is the child's side of start; it returns when the child is to end.
func announce(r ready) error {
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// listenAndServe serves on a free loopback port until the process ends.
func listenAndServe(h http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.Serve(listener) }()
	return "http://" + listener.Addr().String(), nil
}

const (
	serverCore    = "0"
	generatorCore = "1"
)

func canPin() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.NumCPU() > 1
}

func pinning() string {
	if canPin() {
		return "servers on core " + serverCore + ", generator on core " + generatorCore + " (taskset)"
	}
	return "NOT pinned: there is no taskset, or one core only"
}

func pinned(core, name string, args ...string) *exec.Cmd {
	if !canPin() {
		return exec.Command(name, args...)
	}
	return exec.Command("taskset", append([]string{"-c", core, name}, args...)...)
}

// pinGenerator keeps this process on its core while it measures.
func pinGenerator(b *testing.B) {
	if !canPin() {
		return
	}
	move := func(cores string) {
		if out, err := exec.Command("taskset", "-acp", cores, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
			say(b, "not pinned to %s: %v %s", cores, err, out)
		}
	}
	move(generatorCore)
	b.Cleanup(func() { move("0-" + strconv.Itoa(runtime.NumCPU()-1)) })
}

// memory is the resident memory of a process.
func memory(pid int) (kib int) {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return kib
}
