package process

import (
	"errors"
	"path/filepath"

	"github.com/slipway-dev/slipway/deployers"
)

// Targets lists what this host keeps for the deployer, whoever looks after it.
func (d *Deployer) Targets() ([]deployers.Target, error) {
	found, err := filepath.Glob(filepath.Join(d.root, "targets", "*", stateName))
	if err != nil {
		return nil, err
	}
	var targets []deployers.Target
	var faults []error
	for _, path := range found {
		s, _, err := readState(filepath.Dir(path))
		if err != nil {
			faults = append(faults, err)
			continue
		}
		targets = append(targets, s.Target)
	}
	return targets, errors.Join(faults...)
}
