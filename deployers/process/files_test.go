package process

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// asFiles has a track get its secrets as files, and tells the application where.
func asFiles(t deployertest.T, track *deployers.Track, secrets map[string]string) {
	t.Helper()
	var config map[string]any
	if err := json.Unmarshal(track.Config, &config); err != nil {
		t.Fatalf("%v", err)
	}
	config["secretsAs"] = inFiles
	config["command"] = append(config["command"].([]any), "--from", "${secrets}")
	config["env"].(map[string]any)["TOKEN_FILE"] = "${secrets}/TOKEN"
	var err error
	if track.Config, err = json.Marshal(config); err != nil {
		t.Fatalf("%v", err)
	}
	track.Secrets = values{}
	for name, value := range secrets {
		track.Secrets[name] = deployers.NewSecret(value)
	}
}

// pids of the replicas that run.
func (f *fixture) pids(t *testing.T) []int {
	t.Helper()
	var pids []int
	for _, line := range f.instances(f.target) {
		_, pid, _ := strings.Cut(line, " pid ")
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, n)
	}
	return pids
}

// TestSecretsAsFiles: the replica finds them, nobody else does, they are neither in
// its environment nor on a disk, and go with it, also when Slipway was away.
func TestSecretsAsFiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	// Neither a NUL nor its length keeps a value from a file; no name leads out.
	long := strings.Repeat("long\x00", 50_000)
	track := release(t, f.dir, "1.0.0", "")
	asFiles(t, &track, map[string]string{"TOKEN": "hunter2hunter2", "tls.key": long})
	f.apply(t, 1, track)
	address := f.converged(t, 1).Address
	place := filesDir(memoryDir, targetDir(f.dir, f.target))
	replicas, err := os.ReadDir(place)
	if err != nil || len(replicas) != 1 {
		t.Fatalf("%v, %v", replicas, err)
	}
	dir := filepath.Join(place, replicas[0].Name())
	for path, want := range map[string]fs.FileMode{place: fs.ModeDir | 0o700, dir: fs.ModeDir | 0o700, dir + "/TOKEN": 0o400, dir + "/tls.key": 0o400} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s is %v, %v", path, info.Mode(), err)
		}
	}
	response, err := http.Get(address + "/files")
	if err != nil {
		t.Fatal(err)
	}
	var seen map[string]string
	err = json.NewDecoder(response.Body).Decode(&seen)
	_ = response.Body.Close()
	if want := dir + "/TOKEN --from " + dir; err != nil || seen[""] != want || seen["TOKEN"] != "hunter2hunter2" || seen["tls.key"] != long || len(seen) != 3 {
		t.Errorf("it finds %.300q, %v", seen, err)
	}
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(f.pids(t)[0]) + "/environ")
	if err != nil || strings.Contains(string(environ), "hunter2") || !strings.Contains(string(environ), filesVariable+"="+dir) {
		t.Errorf("its environment: %q, %v", environ, err)
	}
	notOnDisk(t, f.dir, "hunter2")

	// It is killed while nobody looks after it, and was never told to end.
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(f.pids(t)[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatal("Slipway did not even have to be there")
	}
	f.open(t)
	gone(t, dir)
	f.apply(t, 1, track)
	f.converged(t, 1)
	if again, err := os.ReadDir(place); err != nil || len(again) != 1 || again[0].Name() == replicas[0].Name() {
		t.Errorf("the next one has %v, %v", again, err)
	}
	f.apply(t, 2)
	f.converged(t, 2)
	gone(t, place)
	f.apply(t, 3, track)
	f.converged(t, 3)
	if err := f.Destroy(t.Context(), f.target); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("secrets outlive their target: %v", err)
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	deployertest.Eventually(t, 10*time.Second, path+" is gone", func() (bool, string) {
		_, err := os.Stat(path)
		return errors.Is(err, fs.ErrNotExist), "it is there"
	})
}

// notOnDisk looks for a value in all files below a directory.
func notOnDisk(t *testing.T, dir, value string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), value) {
			t.Errorf("the secret is in %s", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecretsAreWrittenToNoDisk: rather than that, nothing is started.
func TestSecretsAreWrittenToNoDisk(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	track := release(t, f.dir, "1.0.0", "")
	asFiles(t, &track, map[string]string{"TOKEN": "hunter2hunter2"})
	desired := deployers.Desired{Generation: 1, Tracks: []deployers.Track{track}}
	for _, memory := range []string{"/proc", filepath.Join(f.dir, "missing")} {
		f.memory = memory
		_, errPreview := f.Preview(t.Context(), f.target, desired)
		for _, err := range []error{errPreview, f.Apply(t.Context(), f.target, desired)} {
			if !deployers.IsTerminal(err) || !strings.Contains(err.Error(), memory+" is not there or not in memory (tmpfs): mount one there") {
				t.Errorf("%s: %v", memory, err)
			}
		}
	}
	f.memory = memoryDir
	for _, name := range []string{"..", ".", "a/b", ""} {
		track.Secrets = values{name: deployers.NewSecret("hunter2hunter2")}
		if err := f.Apply(t.Context(), f.target, deployers.Desired{Generation: 1, Tracks: []deployers.Track{track}}); !deployers.IsTerminal(err) {
			t.Errorf("the key %q: %v", name, err)
		}
	}
}

// TestTheirPlaceIsOurs: everybody may write to where it lies.
func TestTheirPlaceIsOurs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	place := filesDir(memoryDir, targetDir(f.dir, f.target))
	t.Cleanup(func() { _ = os.RemoveAll(place) })
	if err := os.Mkdir(place, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(place, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := private(place); err == nil {
		t.Error("others can look into it")
	}
	if err := os.Remove(place); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), place); err != nil {
		t.Fatal(err)
	}
	if err := private(place); err == nil {
		t.Error("it leads elsewhere")
	}
	if os.Getuid() == 0 {
		_ = os.Remove(place)
		if err := errors.Join(os.Mkdir(place, 0o700), os.Chown(place, 65534, 65534)); err != nil {
			t.Fatal(err)
		}
		if err := private(place); err == nil {
			t.Error("it belongs to somebody else")
		}
	}
}
