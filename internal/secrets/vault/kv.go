package vault

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// read asks for a path of the engine. It returns nil where there is nothing, and
// for a version that is gone what Vault says about it.
func (s *Store) read(ctx context.Context, kind, path string, version int) (*api.Secret, error) {
	query := map[string][]string{}
	if version > 0 {
		query["version"] = []string{strconv.Itoa(version)}
	}
	var got *api.Secret
	err := s.call(ctx, path, func() error {
		answer, err := s.client.Logical().ReadRawWithDataWithContext(ctx, s.mount+"/"+kind+"/"+path, query)
		if unmounted(err) {
			return err
		}
		got, err = s.client.Logical().ParseRawResponseAndCloseBody(answer, err)
		return err
	})
	return got, err
}

func unmounted(err error) bool {
	var answer *api.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == 404 && says(answer, "no handler for route")
}

// metadata is what Vault says about a version.
type metadata struct {
	Version      int    `json:"version"`
	CreatedTime  string `json:"created_time"`
	DeletionTime string `json:"deletion_time"`
	Destroyed    bool   `json:"destroyed"`
}

// into decodes a part of an answer. Its error quotes nothing of it.
func into(v, target any) error {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, target)
	}
	if err != nil {
		return errors.New("vault: the answer is not one of KV version 2")
	}
	return nil
}

func (m metadata) domain(now time.Time) slipway.SecretVersion {
	v := slipway.SecretVersion{Version: m.Version, Destroyed: m.Destroyed}
	v.At, _ = time.Parse(time.RFC3339Nano, m.CreatedTime)
	// delete_version_after sets a time to come.
	if at, err := time.Parse(time.RFC3339Nano, m.DeletionTime); err == nil && !at.After(now) {
		v.DeletedAt = &at
	}
	return v
}

// History implements slipway.SecretReader.
func (s *Store) History(ctx context.Context, path string) (slipway.SecretHistory, error) {
	var h slipway.SecretHistory
	got, err := s.read(ctx, "metadata", path, 0)
	if err != nil || got == nil {
		return h, err
	}
	var found struct {
		Current  int                 `json:"current_version"`
		Versions map[string]metadata `json:"versions"`
	}
	if err := into(got.Data, &found); err != nil {
		return h, err
	}
	h.Current = found.Current
	for number, m := range found.Versions {
		if m.Version, err = strconv.Atoi(number); err != nil {
			return h, fmt.Errorf("vault: a version is called %q", number)
		}
		h.Versions = append(h.Versions, m.domain(s.clock()))
	}
	slices.SortFunc(h.Versions, func(a, b slipway.SecretVersion) int { return cmp.Compare(b.Version, a.Version) })
	return h, nil
}

// Keys implements slipway.SecretReader by what Vault calls subkeys.
func (s *Store) Keys(ctx context.Context, path string, version int) ([]string, error) {
	content, _, err := s.content(ctx, "subkeys", "subkeys", path, version)
	return slices.Sorted(maps.Keys(content)), err
}

// Read implements slipway.SecretReader. What is no text in Vault comes as JSON.
func (s *Store) Read(ctx context.Context, path string, version int) (slipway.SecretDocument, error) {
	content, m, err := s.content(ctx, "data", "data", path, version)
	if err != nil {
		return slipway.SecretDocument{}, err
	}
	doc := slipway.SecretDocument{Version: m.Version, Values: make(map[string]slipway.Secret, len(content))}
	for key, value := range content {
		text, ok := value.(string)
		if !ok {
			encoded, err := json.Marshal(value)
			if err != nil {
				return slipway.SecretDocument{}, fmt.Errorf("vault: %s of %s cannot be encoded", key, path)
			}
			text = string(encoded)
		}
		doc.Values[key] = slipway.NewSecret(text)
	}
	return doc, nil
}

// content reads a version, or says why it is not to be had.
func (s *Store) content(ctx context.Context, kind, field, path string, version int) (map[string]any, metadata, error) {
	var m metadata
	got, err := s.read(ctx, kind, path, version)
	if err != nil {
		return nil, m, err
	}
	if got == nil || got.Data["metadata"] == nil {
		return nil, m, slipway.SecretVersionGone(slipway.SecretNone, path, version)
	}
	if err := into(got.Data["metadata"], &m); err != nil {
		return nil, m, err
	}
	content, ok := got.Data[field].(map[string]any)
	switch v := m.domain(s.clock()); {
	case v.Destroyed:
		return nil, m, slipway.SecretVersionGone(slipway.SecretDestroyed, path, version)
	case v.DeletedAt != nil:
		return nil, m, slipway.SecretVersionGone(slipway.SecretDeleted, path, version)
	case !ok:
		content = map[string]any{}
	}
	return content, m, nil
}

// Put implements slipway.SecretWriter.
func (s *Store) Put(ctx context.Context, path string, values map[string]slipway.Secret, over int) (int, error) {
	data := map[string]any{}
	for key, value := range values {
		data[key] = value.Reveal()
	}
	return s.write(ctx, path, over, func(body map[string]any) (*api.Secret, error) {
		return s.client.Logical().WriteWithContext(ctx, s.mount+"/data/"+path, body)
	}, data)
}

// Patch implements slipway.SecretWriter by a merge in Vault: the other values are
// not sent here and back. Where there is nothing to merge with it begins anew.
func (s *Store) Patch(ctx context.Context, path string, changes map[string]*slipway.Secret, over int) (int, error) {
	data, set := map[string]any{}, map[string]slipway.Secret{}
	for key, value := range changes {
		if data[key] = nil; value != nil {
			data[key], set[key] = value.Reveal(), *value
		}
	}
	if over > 0 {
		h, err := s.History(ctx, path)
		if err != nil {
			return 0, err
		}
		if h.Current != over {
			return 0, slipway.SecretsMoved(path, over)
		}
		if v, ok := h.Find(over); ok && v.Readable() {
			return s.write(ctx, path, over, func(body map[string]any) (*api.Secret, error) {
				return s.client.Logical().JSONMergePatch(ctx, s.mount+"/data/"+path, body)
			}, data)
		}
	}
	return s.Put(ctx, path, set, over)
}

func (s *Store) write(ctx context.Context, path string, over int, send func(map[string]any) (*api.Secret, error), data map[string]any) (int, error) {
	var m metadata
	err := s.call(ctx, path, func() error {
		got, err := send(map[string]any{"data": data, "options": map[string]any{"cas": over}})
		var answer *api.ResponseError
		switch {
		case errors.As(err, &answer) && answer.StatusCode == 400 && says(answer, "check-and-set"):
			return slipway.SecretsMoved(path, over)
		case err != nil:
			return err
		case got == nil:
			return errors.New("vault: nothing was answered to a write")
		}
		return into(got.Data, &m)
	})
	return m.Version, err
}

// Delete implements slipway.SecretRemover.
func (s *Store) Delete(ctx context.Context, path string, versions []int) error {
	return s.remove(ctx, "delete", path, versions)
}

// Undelete implements slipway.SecretRemover.
func (s *Store) Undelete(ctx context.Context, path string, versions []int) error {
	return s.remove(ctx, "undelete", path, versions)
}

// Destroy implements slipway.SecretRemover.
func (s *Store) Destroy(ctx context.Context, path string, versions []int) error {
	return s.remove(ctx, "destroy", path, versions)
}

func (s *Store) remove(ctx context.Context, verb, path string, versions []int) error {
	return s.call(ctx, path, func() error {
		_, err := s.client.Logical().WriteWithContext(ctx, s.mount+"/"+verb+"/"+path, map[string]any{"versions": versions})
		return err
	})
}
