package process

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are taken below the range from which the kernel takes the local ends of
// outgoing connections, so that none of those sits on a port by chance.
const (
	firstPort = 18000
	lastPort  = 31999
)

// portKeeper hands out ports of 127.0.0.1. A port stays taken until it is
// given back, which happens only when no proxy sends requests to it any more:
// otherwise a request could reach the process of another target.
type portKeeper struct {
	mu    sync.Mutex
	taken map[int]bool
}

func newPortKeeper() *portKeeper { return &portKeeper{taken: map[int]bool{}} }

func (k *portKeeper) choose() (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1) //nolint:gosec // not a secret
		if k.taken[port] {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			continue
		}
		k.taken[port] = true
		return port, nil
	}
	return 0, errors.New("no free port found on 127.0.0.1")
}

func (k *portKeeper) keep(ports ...int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, port := range ports {
		k.taken[port] = true
	}
}

func (k *portKeeper) giveBack(ports ...int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, port := range ports {
		delete(k.taken, port)
	}
}
