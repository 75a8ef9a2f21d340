package slipway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// Artifact is one built thing of a release: where it lies, and by which digest
// it is known. The digest decides; the reference only helps to find it.
type Artifact struct {
	Name      string `json:"name"`
	Reference string `json:"reference"`
	Digest    string `json:"digest"` // sha256:<64 hex>
}

// Change is one commit that a release brings.
type Change struct {
	Commit  string     `json:"commit"`
	Subject string     `json:"subject"`
	Author  string     `json:"author,omitempty"`
	At      *time.Time `json:"at,omitempty"`
	URL     string     `json:"url,omitempty"`
}

// Provenance says where a release came from, as its creator told it.
type Provenance struct {
	Builder string `json:"builder,omitempty"`
	Source  string `json:"source,omitempty"`
	RunURL  string `json:"runUrl,omitempty"`
}

// Block keeps a release from being deployed anywhere.
type Block struct {
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Since  time.Time `json:"since"`
}

// ReleaseContent is what makes a release that release and no other. It never
// changes: the same version with other content is refused.
type ReleaseContent struct {
	Artifacts    []Artifact        `json:"artifacts"`
	Commit       string            `json:"commit,omitempty"`
	Changes      []Change          `json:"changes,omitempty"`
	Config       map[string]string `json:"config,omitempty"`
	Reversible   bool              `json:"reversible"`
	Notes        string            `json:"notes,omitempty"`
	Provenance   Provenance        `json:"provenance,omitzero"`
	Attestations []Attestation     `json:"attestations,omitempty"`
}

// Release is one immutable version of a service. Seq orders the releases of a
// service by creation and counts without gaps.
type Release struct {
	Service   string         `json:"service"`
	Version   string         `json:"version"`
	Seq       int64          `json:"seq"`
	Content   ReleaseContent `json:"content"`
	Blocked   *Block         `json:"blocked,omitempty"`
	CreatedBy string         `json:"createdBy"`
	CreatedAt time.Time      `json:"createdAt"`
}

// Digest is the SHA-256 of the content in its canonical JSON (encoding/json
// sorts map keys and keeps the order of struct fields).
func (c ReleaseContent) Digest() string { return digestJSON(c) }

var (
	versionRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)
	digestRule  = regexp.MustCompile(`^sha256:[a-f0-9]{64}$`)
	configRule  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,127}$`)
)

// Limits on what a release may carry, so that one cannot fill the store.
const (
	maxArtifacts   = 50
	maxChanges     = 500
	maxConfigKeys  = 200
	maxConfigValue = 16 << 10
	maxLine        = 1024 // a name, a subject, an author
	maxNotes       = 64 << 10
)

// Validate lists what is wrong with the release.
func (r Release) Validate() []FieldError {
	var faults []FieldError
	add := func(field, format string, args ...any) {
		faults = append(faults, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	if !versionRule.MatchString(r.Version) {
		add("version", "is 1 to 64 of A-Z, a-z, 0-9, and . _ + - after the first")
	}
	c := r.Content
	if len(c.Artifacts) == 0 {
		add("artifacts", "needs at least one artifact, with its digest")
	}
	if len(c.Artifacts) > maxArtifacts {
		add("artifacts", "holds at most %d", maxArtifacts)
	}
	names := map[string]bool{}
	for i, a := range c.Artifacts {
		field := fmt.Sprintf("artifacts[%d]", i)
		if a.Name == "" || names[a.Name] || len(a.Name) > maxLine {
			add(field+".name", "is needed, differs from the others, and is at most %d bytes long", maxLine)
		}
		names[a.Name] = true
		if a.Reference == "" || len(a.Reference) > maxLine {
			add(field+".reference", "is needed, and at most %d bytes long", maxLine)
		}
		if !digestRule.MatchString(a.Digest) {
			add(field+".digest", "is sha256: and 64 lower-case hex digits; a tag alone can move")
		}
	}
	c.checkTexts(add)
	c.checkAttestations(add)
	if len(c.Config) > maxConfigKeys {
		add("config", "holds at most %d keys", maxConfigKeys)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Config)) {
		value := c.Config[key]
		if !configRule.MatchString(key) {
			add("config."+key, "is a name of letters, digits, _ . and -, at most 128 long")
		}
		if len(value) > maxConfigValue {
			add("config."+key, "is at most %d bytes long", maxConfigValue)
		}
	}
	return faults
}

// checkTexts looks at what people read of a release.
func (c ReleaseContent) checkTexts(add func(field, format string, args ...any)) {
	if len(c.Changes) > maxChanges {
		add("changes", "holds at most %d", maxChanges)
	}
	for i, change := range c.Changes {
		if change.URL != "" && CheckURL(change.URL) != "" {
			add(fmt.Sprintf("changes[%d].url", i), "%s", CheckURL(change.URL))
		}
		if max(len(change.Commit), len(change.Subject), len(change.Author), len(change.URL)) > maxLine {
			add(fmt.Sprintf("changes[%d]", i), "holds texts of at most %d bytes", maxLine)
		}
	}
	if len(c.Commit) > maxLine {
		add("commit", "is at most %d bytes long", maxLine)
	}
	if len(c.Notes) > maxNotes {
		add("notes", "is at most %d bytes long", maxNotes)
	}
	if max(len(c.Provenance.Builder), len(c.Provenance.Source), len(c.Provenance.RunURL)) > maxLine {
		add("provenance", "holds texts of at most %d bytes", maxLine)
	}
	if c.Provenance.RunURL != "" && CheckURL(c.Provenance.RunURL) != "" {
		add("provenance.runUrl", "%s", CheckURL(c.Provenance.RunURL))
	}
}

// digestJSON is "sha256:" and the hex SHA-256 of v as JSON. It is used only on
// our own types, which always encode.
func digestJSON(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("slipway: %T does not encode: %v", v, err))
	}
	sum := sha256.Sum256(encoded)
	return "sha256:" + hex.EncodeToString(sum[:])
}
