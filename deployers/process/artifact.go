package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

func validDigest(digest string) bool {
	return regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(digest)
}

// artifactPath takes file:///abs/path or /abs/path.
func artifactPath(reference string) (string, error) {
	path := reference
	if strings.HasPrefix(reference, "file:") {
		u, err := url.Parse(reference)
		if err != nil || (u.Host != "" && u.Host != "localhost") {
			return "", fmt.Errorf("artifact %q is not a local file URL", reference)
		}
		path = u.Path
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("artifact %q is neither file:///absolute/path nor an absolute path", reference)
	}
	return filepath.Clean(path), nil
}

// storeArtifact makes the target's own copy of the artifact and returns its
// path. The copy is hashed while it is written and used only if it is what the
// release says, so that nothing can be swapped between check and start, and
// that a crashed replica starts again from the same bytes even when the next
// build has overwritten the original. A mismatch is a terminal error.
func storeArtifact(ctx context.Context, dir string, a deployers.Artifact) (string, error) {
	source, err := artifactPath(a.Reference)
	if err != nil {
		return "", deployers.Terminal(err)
	}
	home := filepath.Join(dir, artifactDir, strings.TrimPrefix(a.Digest, "sha256:"))
	stored := filepath.Join(home, filepath.Base(source))
	if digest, err := copyHashed(ctx, stored, io.Discard); err == nil && digest == a.Digest {
		return stored, nil
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", err
	}
	temp, err := os.CreateTemp(home, ".copy-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	digest, err := copyHashed(ctx, source, temp)
	if err = errors.Join(err, temp.Chmod(0o500), temp.Sync(), temp.Close()); err != nil {
		return "", fmt.Errorf("artifact %s: %w", a.Reference, err)
	}
	if digest != a.Digest {
		return "", deployers.Terminal(fmt.Errorf("artifact %s has the digest %s, but the release says %s", a.Reference, digest, a.Digest))
	}
	return stored, os.Rename(temp.Name(), stored)
}

func copyHashed(ctx context.Context, path string, to io.Writer) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(fmt.Errorf("%s is not a regular file", path), err)
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(hash, to), contextReader{ctx, file}); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

// contextReader lets a copy of gigabytes end with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
