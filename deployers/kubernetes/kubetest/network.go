package kubetest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// network picks a /16 that this machine does not use, and keeps it by a lock for
// as long as the process lives.
func (c *Cluster) network() (int, error) {
	taken, err := net.InterfaceAddrs()
	if err != nil {
		return 0, err
	}
	for n := 190; n < 250; n++ {
		_, subnet, _ := net.ParseCIDR(fmt.Sprintf("10.%d.0.0/16", n))
		lock, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("slipway-k8s-%d.lock", n)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return 0, err
		}
		free := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
		for _, address := range taken {
			if ip, ok := address.(*net.IPNet); ok && (subnet.Contains(ip.IP) || ip.Contains(subnet.IP)) {
				free = false
			}
		}
		if free {
			c.locked = lock
			return n, nil
		}
		_ = lock.Close()
	}
	return 0, fmt.Errorf("%w: no free network between 10.190.0.0 and 10.249.0.0", ErrMissing)
}
