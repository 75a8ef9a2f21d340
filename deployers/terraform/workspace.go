package terraform

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	planFile       = "slipway.tfplan"
	lockTimeout    = "5s"
	interruptedFor = 10 * time.Second // to write down what it has done, before it is killed
	maxModule      = 256 << 20        // bytes of an unpacked root module
	maxPreview     = 256 << 10
	maxLog         = 1 << 20 // of earlier runs; more is forgotten when a run begins
)

// workspace is a root module that is ready to run.
type workspace struct {
	tf    *tfexec.Terraform
	dir   string
	track deployers.Track
}

// aside makes a directory that a plan is made in, beside all targets.
func (d *Deployer) aside() (string, error) {
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(d.Dir, "plan-*")
}

func remove(dir string) { _ = os.RemoveAll(dir) }

// workspace unpacks the module of a track into dir, anew, and initialises it.
func (d *Deployer) workspace(ctx context.Context, p *place, dir string, track deployers.Track) (*workspace, error) {
	binary, err := d.binary()
	if err != nil {
		return nil, err
	}
	c, problems := parse(track.Config)
	if len(problems) > 0 {
		return nil, deployers.Terminal(errors.New(problems[0].String()))
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	if len(track.Artifacts) == 0 {
		return nil, deployers.Terminal(errors.New("the release has no artifact, which is the root module"))
	}
	for _, a := range track.Artifacts {
		if err := fetch(dir, a); err != nil {
			return nil, fmt.Errorf("artifact %s: %w", a.Reference, err)
		}
	}
	if err := c.write(dir, filepath.Join(p.dir, stateFile)); err != nil {
		return nil, err
	}
	tf, err := tfexec.NewTerraform(dir, binary)
	if err != nil {
		return nil, err
	}
	if err := tf.SetEnv(d.environment(track)); err != nil {
		return nil, deployers.Terminal(err)
	}
	if err := errors.Join(tf.SetWaitDelay(interruptedFor), p.logTo(tf)); err != nil {
		return nil, err
	}
	options := []tfexec.InitOption{tfexec.Upgrade(false)}
	for _, setting := range c.backend(p.target) {
		options = append(options, tfexec.BackendConfig(setting))
	}
	return &workspace{tf, dir, track}, tf.Init(ctx, options...)
}

// write puts the variables, and a backend if the module is to have ours, beside
// the files of the module.
func (c config) write(dir, state string) error {
	files := map[string]any{}
	if len(c.Variables) > 0 {
		files["slipway.auto.tfvars.json"] = c.Variables
	}
	if c.Backend == nil {
		files["slipway_override.tf.json"] = map[string]any{"terraform": map[string]any{"backend": map[string]any{"local": map[string]string{"path": state}}}}
	}
	for name, value := range files {
		data, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Dir(state), 0o700)
}

// environment has nothing of the portal's own configuration.
func (d *Deployer) environment(track deployers.Track) map[string]string {
	all := map[string]string{}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			all[name] = value
		}
	}
	for _, more := range []map[string]string{track.Env, d.Env} {
		for name, value := range more {
			all[name] = value
		}
	}
	all["CHECKPOINT_DISABLE"] = "1"
	return all
}

// fetch copies an artifact, checks what it is, and unpacks it if it is an archive.
func fetch(dir string, a deployers.Artifact) error {
	u, err := url.Parse(a.Reference)
	if err != nil || u.Scheme != "file" || u.Host != "" || !filepath.IsAbs(u.Path) {
		return deployers.Terminal(errors.New("is no file:///absolute/path"))
	}
	source, err := os.Open(u.Path)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	name := filepath.Base(u.Path)
	copied, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(copied, sum), source)
	if err = errors.Join(err, copied.Close()); err != nil {
		return err
	}
	if digest := "sha256:" + hex.EncodeToString(sum.Sum(nil)); digest != a.Digest {
		return deployers.Terminal(fmt.Errorf("has the digest %s, but the release says %s", digest, a.Digest))
	}
	switch {
	case strings.HasSuffix(name, ".tf"), strings.HasSuffix(name, ".tf.json"):
		return nil
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		return unpack(dir, name)
	default:
		return deployers.Terminal(errors.New("is no .tf, .tf.json, .tar.gz or .tgz"))
	}
}

// unpack writes plain files below dir; whatever else an archive holds is refused.
func unpack(dir, name string) error {
	packed, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer func() { _ = packed.Close() }()
	stream, err := gzip.NewReader(packed)
	if err != nil {
		return deployers.Terminal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	files := tar.NewReader(io.LimitReader(stream, maxModule))
	for {
		header, err := files.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return deployers.Terminal(err)
		case header.Typeflag == tar.TypeDir:
			err = root.MkdirAll(filepath.Clean(header.Name), 0o700)
		case header.Typeflag == tar.TypeReg:
			err = write(root, filepath.Clean(header.Name), header.FileInfo().Mode()&0o100|0o600, files)
		case header.Typeflag != tar.TypeXGlobalHeader:
			err = fmt.Errorf("%s is neither a file nor a directory", header.Name)
		}
		if err != nil {
			return deployers.Terminal(err)
		}
	}
}

func write(root *os.Root, name string, mode os.FileMode, from io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	file, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Close())
}

// plan makes a plan and shows it; sensitive values are hidden by terraform.
func (w *workspace) plan(ctx context.Context) (text string, saved []byte, err error) {
	path := filepath.Join(w.dir, planFile)
	if _, err = w.tf.Plan(ctx, tfexec.Out(path), tfexec.LockTimeout(lockTimeout)); err != nil {
		return "", nil, err
	}
	if text, err = w.tf.ShowPlanFileRaw(ctx, path); err != nil {
		return "", nil, err
	}
	if len(text) > maxPreview {
		text = strings.ToValidUTF8(text[:maxPreview], "") + "\n… (the plan is longer than is shown)"
	}
	saved, err = os.ReadFile(path)
	return text, saved, err
}

// apply applies a saved plan as it is.
func (w *workspace) apply(ctx context.Context, plan []byte) error {
	path := filepath.Join(w.dir, planFile)
	if err := os.WriteFile(path, plan, 0o600); err != nil {
		return err
	}
	return w.tf.Apply(ctx, tfexec.DirOrPlan(path), tfexec.LockTimeout(lockTimeout))
}

func (w *workspace) planAndApply(ctx context.Context) error {
	path := filepath.Join(w.dir, planFile)
	changes, err := w.tf.Plan(ctx, tfexec.Out(path), tfexec.LockTimeout(lockTimeout))
	if err != nil || !changes {
		return err
	}
	return w.tf.Apply(ctx, tfexec.DirOrPlan(path), tfexec.LockTimeout(lockTimeout))
}

var summary = regexp.MustCompile(`(?m)^Plan: .*$`)

// changes says in a line what a plan would change; empty: nothing.
func (w *workspace) changes(ctx context.Context) (string, error) {
	path := filepath.Join(w.dir, planFile)
	changed, err := w.tf.Plan(ctx, tfexec.Out(path), tfexec.LockTimeout(lockTimeout))
	if err != nil || !changed {
		return "", err
	}
	text, err := w.tf.ShowPlanFileRaw(ctx, path)
	if line := summary.FindString(text); line != "" {
		return strings.TrimSuffix(strings.TrimPrefix(line, "Plan: "), "."), err
	}
	return "its outputs change", err
}

func (w *workspace) destroy(ctx context.Context) error {
	return w.tf.Destroy(ctx, tfexec.LockTimeout(lockTimeout))
}
