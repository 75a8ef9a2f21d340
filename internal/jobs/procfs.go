package jobs

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
	killPause  = 20 * time.Millisecond
	killPasses = 250
)

// killStrays kills whatever carries the token of a job in its environment, until
// nothing does any more: a process may fork while we look. It returns how many
// there were at first.
func killStrays(token string) int {
	needle := []byte("\x00" + tokenVariable + "=" + token + "\x00")
	pause := time.NewTicker(killPause)
	defer pause.Stop()
	first := 0
	for pass := range killPasses {
		found := killWhere(func(pid int) bool {
			environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
			return err == nil && bytes.Contains(append([]byte{0}, environment...), needle)
		})
		if found == 0 {
			break
		}
		if pass == 0 {
			first = found
		}
		<-pause.C
	}
	return first
}

// killWhere kills the processes, apart from this one, that a function picks, and
// says how many that were.
func killWhere(picks func(pid int) bool) int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	killed := 0
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || !picks(pid) {
			continue
		}
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}

// parentOf is the parent of a process, 0 if there is no such process.
func parentOf(pid int) int {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	// The command is in brackets and may itself contain brackets and spaces;
	// the state and the parent follow.
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return 0
	}
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}
