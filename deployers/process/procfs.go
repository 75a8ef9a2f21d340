package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	strayPause = 10 * time.Millisecond
	killPasses = 300
	// A record without a PID whose process is not found may belong to one that
	// was forked but did not exec yet when its parent was killed.
	strayPasses = 30
)

// startField is the place of the start time among the fields of /proc/PID/stat
// that follow the name of the command: field 22 of all, the third comes first.
const startField = 22 - 3

// procStart reads when a process started, in ticks since boot, and whether it
// still runs. A zombie does not.
func procStart(pid int) (start uint64, runs bool) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, false
	}
	// The command is in brackets and may itself contain brackets and spaces.
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return 0, false
	}
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) <= startField {
		return 0, false
	}
	start, err = strconv.ParseUint(fields[startField], 10, 64)
	return start, err == nil && fields[0] != "Z" && fields[0] != "X"
}

func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(data))
}

// runs reports whether the recorded process itself still runs, and not a later
// one with its number.
func (r record) runs() bool {
	if r.PID <= 0 || r.Boot != bootID() {
		return false
	}
	start, runs := procStart(r.PID)
	return runs && start == r.Start
}

// findByToken finds processes that carry the token in their environment: the
// child itself, and whatever it started that did not clean its environment.
func findByToken(token string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	needle := []byte(tokenVariable + "=" + token + "\x00")
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environment, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !bytes.Contains(append([]byte{0}, append(environment, 0)...), append([]byte{0}, needle...)) {
			continue
		}
		if _, runs := procStart(pid); runs {
			found = append(found, pid)
		}
	}
	return found
}

// killByToken kills what findByToken finds, and says how many that were.
func killByToken(token string) int {
	found := findByToken(token)
	for _, pid := range found {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return len(found)
}

// killAll kills until nothing carries the token any more: a process may fork
// while we look, and none is gone at the moment of its signal.
func killAll(token string) {
	if killByToken(token) == 0 {
		return
	}
	pause := time.NewTicker(strayPause)
	defer pause.Stop()
	for range killPasses {
		if killByToken(token) == 0 {
			return
		}
		<-pause.C
	}
}

// signalGroup signals the process group of a child. A group is named by its
// leader, so that it is safe only while the leader runs.
func (r record) signalGroup(signal syscall.Signal) {
	if r.runs() {
		_ = syscall.Kill(-r.PID, signal)
	}
}
