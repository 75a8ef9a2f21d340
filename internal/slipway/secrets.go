package slipway

import (
	"context"
	"strings"
	"time"
)

// SecretStore keeps documents: keys and values under a path, in versions that
// never change. All its parts may be called concurrently and may be slow, so
// none is called within a transaction. What is wrong is an *Error that
// SecretFaultOf can read; no error text holds a value.
type SecretStore interface {
	SecretReader
	SecretWriter
	SecretRemover
	// Health says whether the store can be used now.
	Health(ctx context.Context) error
}

// SecretReader reads documents. Version 0 is the newest.
type SecretReader interface {
	// History lists the versions of a path. Where nothing was ever kept it is
	// empty, and that is no error.
	History(ctx context.Context, path string) (SecretHistory, error)
	// Keys lists the keys of a version, sorted, and takes no value over the wire.
	Keys(ctx context.Context, path string, version int) ([]string, error)
	Read(ctx context.Context, path string, version int) (SecretDocument, error)
}

// SecretWriter adds versions. `over` is the newest version the writer knows of,
// 0 if there is none; if another has come meanwhile nothing is written and the
// fault is SecretMoved. Both return the new version.
type SecretWriter interface {
	// Patch changes some keys and leaves the others as they are, unseen; nil
	// removes a key. Over a newest version that is deleted it begins anew.
	Patch(ctx context.Context, path string, changes map[string]*Secret, over int) (int, error)
	// Put replaces the whole document.
	Put(ctx context.Context, path string, values map[string]Secret, over int) (int, error)
}

// SecretRemover takes versions away. Doing it twice is no error.
type SecretRemover interface {
	Delete(ctx context.Context, path string, versions []int) error   // can be undone
	Undelete(ctx context.Context, path string, versions []int) error // which undoes it
	Destroy(ctx context.Context, path string, versions []int) error  // the values are gone for good
}

// SecretDocument is one version of a path with its values.
type SecretDocument struct {
	Version int
	Values  map[string]Secret
}

// SecretHistory is what a path has been.
type SecretHistory struct {
	Current  int             // the newest version, whatever its state; 0: none
	Versions []SecretVersion // newest first; a store may have dropped the oldest
}

// SecretVersion is one version, without its content.
type SecretVersion struct {
	Version   int
	At        time.Time
	DeletedAt *time.Time
	Destroyed bool
}

// Readable reports whether the values are there to be read.
func (v SecretVersion) Readable() bool { return v.DeletedAt == nil && !v.Destroyed }

// Find returns a version of the history; false if it is not there any more.
func (h SecretHistory) Find(version int) (SecretVersion, bool) {
	for _, v := range h.Versions {
		if v.Version == version {
			return v, true
		}
	}
	return SecretVersion{}, false
}

// SecretPlace is whose secrets a path holds.
type SecretPlace struct {
	Team        string
	Service     string
	Environment string
}

// SecretPaths is the template of paths: {team}, {service} and {environment} are
// replaced. The mount is no part of it: it belongs to the store.
type SecretPaths string

// DefaultSecretPaths is where secrets lie unless the configuration says otherwise.
const DefaultSecretPaths SecretPaths = "{team}/{service}/{environment}"

// Of is the path of a place.
func (t SecretPaths) Of(p SecretPlace) string {
	if t == "" {
		t = DefaultSecretPaths
	}
	return strings.NewReplacer("{team}", p.Team, "{service}", p.Service, "{environment}", p.Environment).Replace(string(t))
}

// Check refuses a template by which two places could share a path.
func (t SecretPaths) Check() string {
	for _, part := range strings.Split(string(t), "/") {
		if part == "" || part == "." || part == ".." || strings.Count(part, "{") > 1 {
			return "is parts between single slashes, each with one {word} at most"
		}
	}
	for _, word := range []string{"{service}", "{environment}"} {
		if strings.Count(string(t), word) != 1 {
			return "names " + word + " once, so that nothing shares its secrets"
		}
	}
	return ""
}

// maxSecretKey and MaxSecretValue bound one secret, MaxSecretKeys a document.
const (
	maxSecretKey   = 200
	MaxSecretValue = 64 << 10
	MaxSecretKeys  = 500
)

// CheckSecretKey says what is wrong with the name of a key; empty: nothing.
// Names are seen by all who may list, so the shape leaves no room for a value.
func CheckSecretKey(key string) string {
	if key == "" || len(key) > maxSecretKey {
		return "has 1 to 200 characters"
	}
	for _, r := range key {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.", r) {
			return "has letters, digits and _ - . only"
		}
	}
	return ""
}
