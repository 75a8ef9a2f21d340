package kubetest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Repository is where the images of the test application are said to come from.
// Nothing is ever pulled from it.
const Repository = "slipway.test/app"

// modes and versions of the test application: an image for each pair. See its
// package comment for what a mode does.
func modes() []string    { return []string{"good", "never-ready", "exits", "lingers"} }
func versions() []string { return []string{"0.9.0", "1.0.0", "1.1.0", "1.2.0", "1.3.0"} }

// Image is an image of the test application.
type Image struct {
	Reference string
	Digest    string
}

// ImageOf gives the image of a version that behaves in this way. The same
// program gives the same digest.
func (c *Cluster) ImageOf(mode, version string) Image { return c.images[mode+" "+version] }

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// layout is an OCI image layout in the making.
type layout struct {
	blobs map[string][]byte
	index []descriptor
}

func (l *layout) add(mediaType string, data []byte) descriptor {
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	l.blobs[name] = data
	return descriptor{MediaType: mediaType, Digest: "sha256:" + name, Size: len(data)}
}

func (l *layout) addJSON(mediaType string, value any) (descriptor, error) {
	data, err := json.Marshal(value)
	return l.add(mediaType, data), err
}

// image adds one whose only file is the program.
func (l *layout) image(name string, layer descriptor, env, args []string) (Image, error) {
	config, err := l.addJSON("application/vnd.oci.image.config.v1+json", map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": append([]string{"/app"}, args...), "Env": env},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layer.Digest}},
	})
	if err != nil {
		return Image{}, err
	}
	manifest, err := l.addJSON("application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []descriptor{layer},
	})
	if err != nil {
		return Image{}, err
	}
	repository := name[:bytes.LastIndexByte([]byte(name), ':')]
	for _, full := range []string{name, repository + "@" + manifest.Digest} {
		manifest.Annotations = map[string]string{"io.containerd.image.name": full}
		l.index = append(l.index, manifest)
	}
	return Image{Reference: name, Digest: manifest.Digest}, nil
}

// buildImages compiles the test application and writes an archive of all its
// images; the image that a pod's sandbox is made of is the same program.
func (c *Cluster) buildImages(ctx context.Context, top string) (string, error) {
	layer, err := c.build(ctx, top, "app")
	if err != nil {
		return "", err
	}
	l := &layout{blobs: map[string][]byte{}}
	c.images = map[string]Image{}
	root := l.add("application/vnd.oci.image.layer.v1.tar", layer)
	if _, err := l.image("slipway.test/pause:1", root, nil, []string{"pause"}); err != nil {
		return "", err
	}
	for _, mode := range modes() {
		for _, version := range versions() {
			name := Repository + ":" + version
			if mode != "good" {
				name += "-" + mode
			}
			image, err := l.image(name, root, []string{"APP_VERSION=" + version, "APP_MODE=" + mode}, nil)
			if err != nil {
				return "", err
			}
			c.images[mode+" "+version] = image
		}
	}
	path := filepath.Join(c.dir, "images.tar")
	return path, l.write(path)
}

// build compiles a command below this package into a layer with it as /app.
func (c *Cluster) build(ctx context.Context, top, name string) ([]byte, error) {
	program := filepath.Join(c.dir, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./deployers/kubernetes/kubetest/"+name)
	cmd.Dir, cmd.Env = top, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s for the test cluster: %w\n%s", name, err, out)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(data))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	return layer.Bytes(), w.Close()
}

// InsideImage builds the image of a Slipway that runs in a pod, which few tests
// need. The nodes of a cluster elsewhere cannot be given it.
func (c *Cluster) InsideImage(ctx context.Context) (Image, error) {
	top, err := root()
	if err != nil {
		return Image{}, err
	}
	if c.alive == nil {
		return Image{}, fmt.Errorf("%w: a cluster elsewhere takes no images from tests", ErrMissing)
	}
	layer, err := c.build(ctx, top, "inside")
	if err != nil {
		return Image{}, err
	}
	l := &layout{blobs: map[string][]byte{}}
	image, err := l.image("slipway.test/inside:1", l.add("application/vnd.oci.image.layer.v1.tar", layer), nil, nil)
	if err != nil {
		return Image{}, err
	}
	path := filepath.Join(c.dir, "inside.tar")
	if err := l.write(path); err != nil {
		return Image{}, err
	}
	return image, c.importImages(ctx, path)
}

func (l *layout) write(path string) error {
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": l.index})
	if err != nil {
		return err
	}
	files := map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`), "index.json": index}
	for name, data := range l.blobs {
		files["blobs/sha256/"+name] = data
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	w := tar.NewWriter(out)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Close()
}

func (c *Cluster) importImages(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "ctr", "--address", filepath.Join(c.dir, "containerd.sock"), "--namespace", "k8s.io", "images", "import", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("import images: %w\n%s", err, out)
	}
	return nil
}
