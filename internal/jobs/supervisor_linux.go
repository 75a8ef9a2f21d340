package jobs

import (
	"context"
	"encoding/gob"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	savePause   = time.Second
	savePatient = 300 // a full disk is waited for this often
)

// Steps of a supervisor, for tests.
const (
	stepOwned   = "owned"   // the job is ours, its environment is not yet known
	stepBegan   = "began"   // from now on nobody can say that it never ran
	stepRuns    = "runs"    // the command runs
	stepEnded   = "ended"   // it has ended, which is not yet written down
	stepWritten = "written" // it is
)

// supervisor looks after one job until it has ended.
type supervisor struct {
	dir string
	job intent
	at  func(step string) // tests kill it here
}

// SupervisorMain is the supervisor of one job. It is started by Runner.Start,
// which gives it the lock of the job's directory (flag --dir) and tells it the
// environment; nobody else can start a job with it.
func SupervisorMain(ctx context.Context, args []string) error {
	return supervise(ctx, args, func(string) {})
}

func supervise(ctx context.Context, args []string, at func(step string)) error {
	flags := flag.NewFlagSet(SupervisorCommand, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("dir", "", "directory of the job")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	s := supervisor{dir: *dir, at: at}
	if err := s.own(); err != nil {
		return fmt.Errorf("%s is run by Slipway itself: %w", SupervisorCommand, err)
	}
	s.at(stepOwned)
	result := s.run(ctx)
	s.at(stepEnded)
	if err := s.save(result); err != nil {
		return err
	}
	s.at(stepWritten)
	return nil
}

// own takes over the lock, which must not be handed on to the command.
func (s *supervisor) own() error {
	held, named := syscall.Stat_t{}, syscall.Stat_t{}
	if err := syscall.Fstat(lockFD, &held); err != nil {
		return err
	}
	if err := syscall.Stat(filepath.Join(s.dir, lockName), &named); err != nil {
		return err
	}
	if held.Dev != named.Dev || held.Ino != named.Ino {
		return errors.New("this is not the lock of the job")
	}
	syscall.CloseOnExec(lockFD)
	if err := syscall.Flock(lockFD, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	began, errBegan := beganAt(s.dir)
	_, ended, errEnded := readResult(s.dir)
	if ended || !began.IsZero() {
		return errors.New("the job was begun before")
	}
	return errors.Join(errBegan, errEnded, readJSON(filepath.Join(s.dir, intentName), &s.job))
}

// run runs the command and returns how it ended.
func (s *supervisor) run(ctx context.Context) Status {
	var given handover
	if err := gob.NewDecoder(os.Stdin).Decode(&given); err != nil {
		return neverBegan("Slipway ended, or gave up, before it had handed over the environment", time.Now())
	}
	output, err := os.OpenFile(filepath.Join(s.dir, outputName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return neverBegan("its output cannot be kept: "+err.Error(), time.Now())
	}
	defer func() { _ = output.Close() }()
	if s.stopped() {
		return neverBegan("it was stopped first", time.Now())
	}
	// Made by one supervisor only, whatever else went wrong.
	began, err := os.OpenFile(filepath.Join(s.dir, beganName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(began.Close(), syncDir(s.dir))
	}
	if err != nil {
		return neverBegan(err.Error(), time.Now())
	}
	s.at(stepBegan)
	started := time.Now()
	c, err := s.start(given, newCapture(output, given.Redact))
	if err != nil {
		return neverBegan(err.Error(), time.Now())
	}
	s.at(stepRuns)
	result := s.wait(ctx, c)
	result.StartedAt, result.EndedAt = started, time.Now()
	return result
}

func (s *supervisor) stopped() bool {
	_, err := os.Stat(filepath.Join(s.dir, stopName))
	return err == nil
}

// save writes the result down. Only a full disk is known to be in the way of
// that, and it does not stay full for ever.
func (s *supervisor) save(result Status) error {
	pause := time.NewTicker(savePause)
	defer pause.Stop()
	var err error
	for range savePatient {
		if err = writeJSON(filepath.Join(s.dir, resultName), result); err == nil || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		<-pause.C
	}
	return err
}
