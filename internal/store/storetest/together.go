package storetest

import (
	"errors"
	"sync"
	"testing"
)

// errUndo makes a transaction that did its work come to nothing.
var errUndo = errors.New("undo")

// together runs n functions at the same moment. Errors fail the test, except
// errUndo.
func (f fixture) together(t *testing.T, n int, do func(i int) error) {
	t.Helper()
	start := make(chan struct{})
	failed := make(chan error, n)
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			<-start
			failed <- do(i)
		})
	}
	close(start)
	running.Wait()
	close(failed)
	for err := range failed {
		if err != nil && !errors.Is(err, errUndo) {
			t.Errorf("one of %d: %v", n, err)
		}
	}
}
