package process

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway/deployers"
)

// How secrets reach a replica.
const (
	inEnvironment = "environment"
	inFiles       = "files"
	// filesVariable leads a replica to its files: one for each key, as Docker and
	// Kubernetes do it.
	filesVariable = "SLIPWAY_SECRETS_DIR"
)

// memoryDir is where Linux has files that are in memory and on no disk.
const memoryDir = "/dev/shm"

// filesDir is the place of a target's secrets: a directory for each replica, by its
// token. It is named after the target's directory, so that whoever looks after the
// target finds it, however the one before has ended.
func filesDir(memory, dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(memory, fmt.Sprintf("slipway-%d-%s", os.Getuid(), hex.EncodeToString(sum[:8])))
}

// checkFiles refuses a desired state of which the secrets would be on a disk.
func (d *Deployer) checkFiles(specs []trackSpec) error {
	for _, spec := range specs {
		if spec.Config.SecretsAs != inFiles || isMemory(d.memory) {
			continue
		}
		return fmt.Errorf("version %s gets its secrets as files, which must be in memory, but %s is not there or not in memory (tmpfs): mount one there, or leave secretsAs out, so that they are in its environment", spec.Version, d.memory)
	}
	return nil
}

// checkFileName refuses keys that would be a file elsewhere.
func checkFileName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%q cannot be the name of a file", name)
	}
	return nil
}

// writeFiles puts the secrets of a replica where it alone finds them, and whoever
// runs as the same user.
func (t *target) writeFiles(token string, secrets values) (string, error) {
	if !isMemory(t.d.memory) {
		return "", fmt.Errorf("%s, where its secrets go, is not in memory any more", t.d.memory)
	}
	if err := private(t.files); err != nil {
		return "", err
	}
	dir := filepath.Join(t.files, token)
	err := os.Mkdir(dir, 0o700)
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if err == nil {
			err = writeSecret(filepath.Join(dir, name), secrets[name])
		}
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("write its secrets: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

func writeSecret(path string, value deployers.Secret) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o400)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value.Reveal())
	return errors.Join(err, file.Close())
}

// private makes a directory of ours alone. Everybody may write where it lies, so
// somebody else may have made one of that name before.
func private(dir string) error {
	if err := os.Mkdir(dir, 0o700); err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || info.Mode().Perm() != 0o700 || int(stat.Uid) != os.Getuid() {
		return fmt.Errorf("%s, where its secrets go, belongs to somebody else or can be read by others: remove it", dir)
	}
	return nil
}

// tidyFiles removes the secrets of replicas that have ended, also of those that
// ended while nobody looked after the target.
func (t *target) tidyFiles() {
	entries, err := os.ReadDir(t.files)
	if err != nil {
		return
	}
	t.mu.Lock()
	gone := slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return t.children[e.Name()] != nil })
	t.mu.Unlock()
	for _, e := range gone {
		_ = os.RemoveAll(filepath.Join(t.files, e.Name()))
	}
	_ = os.Remove(t.files) // refused while something is in it
}
