package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Artifact is one built thing of a release.
type Artifact struct {
	Name      string `json:"name"`
	Reference string `json:"reference" doc:"Where it lies." example:"registry.example.com/billing-api:1.42.0"`
	Digest    string `json:"digest" doc:"What it is: sha256: and 64 hex digits."`
}

// Change is one commit that a release brings.
type Change struct {
	Commit  string     `json:"commit"`
	Subject string     `json:"subject"`
	Author  string     `json:"author,omitempty"`
	At      *time.Time `json:"at,omitempty"`
	URL     string     `json:"url,omitempty"`
}

// Provenance says where a release came from.
type Provenance struct {
	Builder string `json:"builder,omitempty"`
	Source  string `json:"source,omitempty"`
	RunURL  string `json:"runUrl,omitempty"`
}

// Block keeps a release from being deployed.
type Block struct {
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Since  time.Time `json:"since"`
}

// Release is one immutable version of a service.
type Release struct {
	Service       string            `json:"service"`
	Version       string            `json:"version"`
	Seq           int64             `json:"seq" doc:"Counts the releases of the service."`
	Artifacts     []Artifact        `json:"artifacts"`
	Commit        string            `json:"commit,omitempty"`
	Changes       []Change          `json:"changes"`
	Config        map[string]string `json:"config"`
	Reversible    bool              `json:"reversible"`
	Notes         string            `json:"notes,omitempty"`
	Provenance    *Provenance       `json:"provenance,omitempty"`
	ContentDigest string            `json:"contentDigest" doc:"Of all that makes the release."`
	Blocked       *Block            `json:"blocked,omitempty"`
	CreatedBy     string            `json:"createdBy"`
	CreatedAt     time.Time         `json:"createdAt"`
}

// CreateRelease is what CI says of what it has built.
type CreateRelease struct {
	Version    string            `json:"version" example:"1.42.0"`
	Artifacts  []Artifact        `json:"artifacts"`
	Commit     string            `json:"commit,omitempty"`
	Changes    []Change          `json:"changes,omitempty"`
	Config     map[string]string `json:"config,omitempty"`
	Reversible *bool             `json:"reversible,omitempty" doc:"Whether going back from it is safe; true if left out."`
	Notes      string            `json:"notes,omitempty"`
	Provenance *Provenance       `json:"provenance,omitempty"`
	// Kept as they are: what they sign is signed to the byte.
	Attestations []json.RawMessage `json:"attestations,omitempty" doc:"Signed statements on the artifacts, as sigstore bundles: at most 20, of at most 256 KiB each. They are kept for the provenance gate and not answered; see attestations and verified of a release."`
}

func artifact(a slipway.Artifact) Artifact { return Artifact(a) }

func change(c slipway.Change) Change {
	return Change{Commit: c.Commit, Subject: c.Subject, Author: c.Author, At: utc(c.At), URL: c.URL}
}

func release(r slipway.Release) Release {
	c := r.Content
	out := Release{Service: r.Service, Version: r.Version, Seq: r.Seq, Artifacts: each(c.Artifacts, artifact), Commit: c.Commit, Changes: each(c.Changes, change),
		Config: config(c.Config), Reversible: c.Reversible, Notes: c.Notes, ContentDigest: c.Digest(), CreatedBy: r.CreatedBy, CreatedAt: at(r.CreatedAt)}
	if p := Provenance(c.Provenance); p != (Provenance{}) {
		out.Provenance = &p
	}
	if b := r.Blocked; b != nil {
		out.Blocked = &Block{Reason: b.Reason, By: b.By, Since: at(b.Since)}
	}
	return out
}

func config(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func (c CreateRelease) content() slipway.ReleaseContent {
	out := slipway.ReleaseContent{Commit: c.Commit, Config: c.Config, Reversible: c.Reversible == nil || *c.Reversible, Notes: c.Notes,
		Artifacts: each(c.Artifacts, func(a Artifact) slipway.Artifact { return slipway.Artifact(a) })}
	for _, one := range c.Changes {
		out.Changes = append(out.Changes, slipway.Change{Commit: one.Commit, Subject: one.Subject, Author: one.Author, At: utc(one.At), URL: one.URL})
	}
	if c.Provenance != nil {
		out.Provenance = slipway.Provenance(*c.Provenance)
	}
	out.Attestations = append(out.Attestations, c.Attestations...)
	return out
}

// ReleaseIn names a release.
type ReleaseIn struct {
	ServiceIn
	Version string `path:"version" maxLength:"64" doc:"Version of the release." example:"1.42.0"`
}

type createReleaseIn struct {
	ServiceIn
	KeyIn
	Body CreateRelease
}

type releaseOut struct {
	Status int
	Body   Release
}

type blockIn struct {
	ReleaseIn
	KeyIn
	Body Reason
}

type unblockIn struct {
	ReleaseIn
	KeyIn
}

// Reason says why.
type Reason struct {
	Reason string `json:"reason" doc:"For those who wonder why." maxLength:"2000"`
}

// maxRelease is for a release with many changes; the server's own limit is
// the same.
const maxRelease = 1<<20 + 1

func (s *Surface) registerReleases() {
	add(s, operation{id: "list-releases", method: http.MethodGet, path: "/services/{service}/releases", access: server.Needs(slipway.ServiceRead), tag: "releases",
		summary: "List the releases of a service, newest first"}, s.listReleases)
	add(s, operation{id: "create-release", method: http.MethodPost, path: "/services/{service}/releases", access: server.Needs(slipway.ReleaseCreate), tag: "releases",
		summary: "Create a release", status: http.StatusCreated, max: maxRelease,
		about: "Answers 201, or 200 when it exists with the same content. With other content it is a conflict: a version means one thing for ever."}, s.createRelease)
	add(s, operation{id: "get-release", method: http.MethodGet, path: "/services/{service}/releases/{version}", access: server.Needs(slipway.ServiceRead), tag: "releases",
		summary: "Show a release, and where it is live"}, s.getRelease)
	add(s, operation{id: "block-release", method: http.MethodPost, path: "/services/{service}/releases/{version}/block", access: server.Needs(slipway.ReleaseBlock), tag: "releases",
		summary: "Keep a release from being deployed"}, s.blockRelease)
	add(s, operation{id: "unblock-release", method: http.MethodDelete, path: "/services/{service}/releases/{version}/block", access: server.Needs(slipway.ReleaseBlock), tag: "releases",
		summary: "Let a release be deployed again"}, s.unblockRelease)
}

type listReleasesIn struct {
	ServiceIn
	PageIn
}

func (s *Surface) listReleases(ctx context.Context, actor slipway.Actor, in *listReleasesIn) (*answer[Page[Release]], error) {
	rows, next, err := s.App.Releases(ctx, actor, in.Service, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, release), nil
}

func (s *Surface) createRelease(ctx context.Context, actor slipway.Actor, in *createReleaseIn) (*releaseOut, error) {
	r, created, err := s.App.CreateRelease(ctx, actor, app.CreateRelease{Once: in.once(), Service: in.Service, Version: in.Body.Version, Content: in.Body.content()})
	if err != nil {
		return nil, err
	}
	out := &releaseOut{Status: http.StatusOK, Body: release(r)}
	if created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

// ReleaseDetail is a release and where it has been.
type ReleaseDetail struct {
	Release
	Newest       bool          `json:"newest" doc:"Whether no later release exists."`
	LiveIn       []string      `json:"liveIn" doc:"Environments where it is live."`
	Attestations []Attestation `json:"attestations" doc:"What came with it says this of itself. Nothing of it is verified."`
	Verified     []Verified    `json:"verified" doc:"What the provenance gates found, for each environment where one was asked."`
	Deployments  []Deployment  `json:"deployments" doc:"Of this release, newest first."`
}

func (s *Surface) getRelease(ctx context.Context, actor slipway.Actor, in *ReleaseIn) (*answer[ReleaseDetail], error) {
	p, err := s.App.Release(ctx, actor, in.Service, in.Version)
	if err != nil {
		return nil, err
	}
	out := ReleaseDetail{Release: release(p.Release), Newest: p.Newest, LiveIn: []string{}, Deployments: each(p.Deployments, deployment),
		Attestations: each(p.Release.Content.Statements(), attestation), Verified: verified(p.Deployments)}
	for _, st := range p.Stages {
		if st.Live != nil && st.Live.Spec.Version == in.Version {
			out.LiveIn = append(out.LiveIn, st.Environment)
		}
	}
	return &answer[ReleaseDetail]{out}, nil
}

func (s *Surface) blockRelease(ctx context.Context, actor slipway.Actor, in *blockIn) (*answer[Release], error) {
	r, err := s.App.BlockRelease(ctx, actor, app.BlockRelease{Once: in.once(), Service: in.Service, Version: in.Version, Reason: in.Body.Reason})
	if err != nil {
		return nil, err
	}
	return &answer[Release]{release(r)}, nil
}

func (s *Surface) unblockRelease(ctx context.Context, actor slipway.Actor, in *unblockIn) (*answer[Release], error) {
	r, err := s.App.BlockRelease(ctx, actor, app.BlockRelease{Once: in.once(), Service: in.Service, Version: in.Version, Unblock: true})
	if err != nil {
		return nil, err
	}
	return &answer[Release]{release(r)}, nil
}
