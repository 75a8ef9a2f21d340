package jobs

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// What lies in the root: jobs, and directories that are being made or removed.
const (
	jobPrefix  = "job-"
	tempPrefix = "temp-"
)

// Files of a job's directory.
const (
	intentName = "job.json"
	lockName   = "lock"   // held by whoever is responsible for the job
	beganName  = "began"  // empty; made before the command is started, so from then on it may have run
	stopName   = "stop"   // empty; somebody asked the job to stop
	outputName = "output" // what the command printed
	resultName = "result.json"
	troubleLog = "supervisor.log" // what the supervisor has to say of itself: nothing, if all is well
	workName   = "work"           // where the command runs unless the job says otherwise
)

// intent is a job on disk, without its environment.
type intent struct {
	Key     string        `json:"key"`
	Command []string      `json:"command"`
	Dir     string        `json:"dir,omitempty"`
	Timeout time.Duration `json:"timeout"`
	Grace   time.Duration `json:"grace"`
	// Token is in the environment of the command, and so of whatever it starts:
	// what is left of a job whose supervisor was killed is found by it.
	Token string `json:"token"`
}

func newIntent(j Job) intent {
	return intent{
		Key: j.Key, Command: j.Command, Dir: j.Dir, Timeout: j.Timeout,
		Grace: cmp.Or(j.Grace, defaultGrace), Token: strings.ToLower(rand.Text()),
	}
}

// claim makes the directory of a job, durably and all at once, and returns its
// lock, held. fs.ErrExist: somebody else has made it.
func (r *Runner) claim(dir string, i intent) (*os.File, error) {
	temp, err := os.MkdirTemp(r.root, tempPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := prepare(temp, i)
	if err == nil {
		r.at(stepPrepared)
		err = os.Rename(temp, dir)
	}
	if err != nil {
		if lock != nil {
			err = errors.Join(err, lock.Close())
		}
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	if err := syncDir(r.root); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

func prepare(dir string, i intent) (*os.File, error) {
	if err := os.Mkdir(filepath.Join(dir, workName), 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		err = writeJSON(filepath.Join(dir, intentName), i)
	}
	return lock, err
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON replaces a file durably: whenever the power fails, a reader finds
// the old content or the new one.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	temp, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
