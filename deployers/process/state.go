package process

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// state is what a target must not forget; it lies in state.json.
type state struct {
	Target     deployers.Target `json:"target"`
	Generation int64            `json:"generation"`
	Content    string           `json:"content"` // hash of Desired
	Desired    []trackSpec      `json:"desired"`
	// InEffect is the last desired state that became true. Until Desired is
	// ready it keeps its replicas and the traffic.
	InEffect []trackSpec `json:"inEffect"`
	// Ports of the proxy. Once chosen they stay; there is none for previews
	// before one was asked for.
	Port        int `json:"port"`
	PreviewPort int `json:"previewPort,omitempty"`
}

// trackSpec is a track without its secret values, which are never written to
// disk: after a restart of Slipway, what runs is adopted as it is, but a replica
// that crashes cannot be started again before Apply has brought the values. New
// fields are left out when empty: the hash of what an older Slipway wrote down
// must stay the same.
type trackSpec struct {
	ID          string             `json:"id"`
	Version     string             `json:"version"`
	Weight      int                `json:"weight"`
	Replicas    int                `json:"replicas"`
	Match       []deployers.Match  `json:"match,omitempty"`
	Preview     bool               `json:"preview,omitempty"`
	Artifact    deployers.Artifact `json:"artifact"`
	Config      config             `json:"config"`
	Env         map[string]string  `json:"env,omitempty"`
	SecretNames []string           `json:"secretNames,omitempty"`
}

// record is a child process on disk: written with PID 0 before it is started,
// and again once it is known. Token is in the environment of the child, so that
// one which was started but not recorded can be found.
type record struct {
	Token   string    `json:"token"`
	PID     int       `json:"pid"`
	Start   uint64    `json:"start"` // /proc/PID/stat field 22: tells a reused PID apart
	Boot    string    `json:"boot"`  // boot id: PID and Start may repeat after a reboot
	Port    int       `json:"port"`
	Index   int       `json:"index"`
	Log     string    `json:"log"` // base name in logs/
	Created time.Time `json:"created"`
	Told    time.Time `json:"told,omitzero"` // when it got SIGTERM, or was about to
	Track   trackSpec `json:"track"`
}

// Files of a target's directory.
const (
	stateName   = "state.json"
	lockName    = "owner.lock"
	proxyName   = "proxy.json"
	socketName  = "proxy.sock"
	childrenDir = "children"
	logsDir     = "logs"
	artifactDir = "artifacts"
)

// targetDir is the place of a target. The comma of a site is one that escaping
// leaves in no name, so that no two targets share a place.
func targetDir(root string, target deployers.Target) string {
	name := url.PathEscape(target.Service) + "@" + url.PathEscape(target.Environment)
	if target.Site != "" {
		name += "," + url.PathEscape(target.Site)
	}
	return filepath.Join(root, "targets", name)
}

// newSpecs checks a desired state and takes what is written down. Its errors
// name no values.
func newSpecs(d deployers.Desired) ([]trackSpec, error) {
	var specs []trackSpec
	total, previews, seen := 0, 0, map[string]bool{}
	for _, t := range d.Tracks {
		if t.ID == "" || seen[t.ID] {
			return nil, fmt.Errorf("track ID %q is empty or used twice", t.ID)
		}
		seen[t.ID] = true
		spec, err := newSpec(t)
		if err != nil {
			return nil, fmt.Errorf("version %s: %w", t.Version, err)
		}
		total += t.Weight
		if t.Preview {
			previews++
		}
		specs = append(specs, spec)
	}
	if total != 0 && total != 100 {
		return nil, fmt.Errorf("the weights add up to %d, not to 100", total)
	}
	if previews > 1 {
		return nil, fmt.Errorf("%d tracks ask for the one preview address", previews)
	}
	return specs, nil
}

func newSpec(t deployers.Track) (trackSpec, error) {
	c, problems := parseConfig(t.Config)
	if len(problems) > 0 {
		return trackSpec{}, fmt.Errorf("config: %s", problems[0])
	}
	if t.Weight < 0 || t.Replicas < 0 || (t.Weight > 0 && t.Replicas == 0) {
		return trackSpec{}, fmt.Errorf("weight %d with %d replicas makes no sense", t.Weight, t.Replicas)
	}
	for _, m := range t.Match {
		if (m.Header == "") == (m.Cookie == "") || m.Value == "" {
			return trackSpec{}, errors.New("a match needs a value, and either a header or a cookie")
		}
	}
	spec := trackSpec{
		ID: t.ID, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas, Match: append([]deployers.Match(nil), t.Match...), Preview: t.Preview, Config: c,
		Env: t.Env, SecretNames: slices.Sorted(maps.Keys(t.Secrets)),
	}
	if err := spec.checkNames(t.Secrets); err != nil {
		return trackSpec{}, err
	}
	if len(t.Artifacts) > 0 {
		spec.Artifact = t.Artifacts[0]
	}
	uses := slices.ContainsFunc(c.Command, func(arg string) bool { return strings.Contains(arg, "${artifact}") })
	if spec.Artifact.Reference == "" && uses {
		return trackSpec{}, errors.New("the command uses ${artifact}, but the release has none")
	}
	if spec.Artifact.Reference != "" {
		if _, err := artifactPath(spec.Artifact.Reference); err != nil {
			return trackSpec{}, err
		}
		if !validDigest(spec.Artifact.Digest) {
			return trackSpec{}, fmt.Errorf("artifact %s has the digest %q; a file needs sha256:<64 hex digits>", spec.Artifact.Reference, spec.Artifact.Digest)
		}
	}
	return spec, nil
}

// checkNames refuses what cannot be handed to a process.
func (s trackSpec) checkNames(secrets values) error {
	variables := slices.Sorted(maps.Keys(s.Env))
	if s.Config.SecretsAs == inFiles {
		for _, name := range s.SecretNames {
			if err := checkFileName(name); err != nil {
				return err
			}
		}
	} else {
		variables = append(variables, s.SecretNames...)
	}
	for _, name := range variables {
		if !validEnvName(name) {
			return fmt.Errorf("%q cannot be set in the environment of a process", name)
		}
		if value, ok := secrets[name]; ok && strings.ContainsRune(value.Reveal(), 0) {
			return fmt.Errorf("secret %s contains a NUL byte", name)
		}
	}
	return nil
}

func contentOf(specs []trackSpec) string {
	data, err := json.Marshal(specs)
	if err != nil {
		return "unreadable: " + err.Error()
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func findSpec(specs []trackSpec, id string) (trackSpec, bool) {
	i := slices.IndexFunc(specs, func(s trackSpec) bool { return s.ID == id })
	if i < 0 {
		return trackSpec{}, false
	}
	return specs[i], true
}

// readState reads state.json; a target that was never applied has none.
func readState(dir string) (state, bool, error) {
	var s state
	err := readJSON(filepath.Join(dir, stateName), &s)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, false, nil
	}
	return s, err == nil, err
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

// writeJSON replaces a file durably: the new content is fsynced before the
// rename, and the directory after it, so that a reader finds the old content or
// the new one, whenever the power fails. Every acknowledged desired state and
// every record of a child goes through here. Logs are never fsynced.
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
