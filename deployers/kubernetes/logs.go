package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/deployers"
)

// maxLog bounds what is read of one pod at a time.
const maxLog = 1 << 20

// Logs implements deployers.LogReader. The cursor says for each pod up to when
// its lines were read. Lines of pods that are gone are gone. Kubernetes does not
// keep standard output and error apart, so all lines are of stdout.
func (d *Deployer) Logs(ctx context.Context, name deployers.Target, cursor string, limit int) (lines []deployers.LogLine, next string, err error) {
	read := map[string]time.Time{}
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &read); err != nil {
			return nil, "", deployers.Terminal(fmt.Errorf("%s: that is no cursor of a log", name))
		}
	}
	s, err := d.fresh(ctx, d.target(name))
	if err != nil || s == nil || s.cluster == nil {
		return nil, cursor, err
	}
	hider, err := s.hiderOf(ctx)
	if err != nil {
		return nil, cursor, err
	}
	type line struct {
		deployers.LogLine
		pod string
	}
	var found []line
	there := map[string]time.Time{}
	for i := range s.pods {
		p := &s.pods[i]
		since, known := read[p.Name]
		if known {
			there[p.Name] = since
		}
		container := s.containerOf(p)
		if container == "" || p.Status.Phase == corev1.PodPending {
			continue
		}
		some, err := s.podLog(ctx, p.Name, container, 0, &since)
		if apierrors.IsNotFound(err) || apierrors.IsBadRequest(err) {
			continue // the pod is gone, or its container has not begun: the next call knows
		}
		if err != nil {
			return nil, cursor, fmt.Errorf("%s: the log of %s: %w", name, p.Name, plain(err))
		}
		for _, l := range some {
			l.Source, l.Text = p.Annotations[annotationVersion]+"/"+p.Name, hider.Hide(l.Text)
			found = append(found, line{l, p.Name})
		}
	}
	slices.SortStableFunc(found, func(a, b line) int { return a.At.Compare(b.At) })
	for _, l := range found[:min(limit, len(found))] {
		lines = append(lines, l.LogLine)
		there[l.pod] = l.At
	}
	text, err := json.Marshal(there)
	return lines, string(text), err
}

// containerOf is the container of a pod that is the release.
func (s *snapshot) containerOf(p *corev1.Pod) string {
	for _, t := range s.tracks {
		if trackHash(t.track.ID) == p.Labels[labelTrack] {
			return t.container
		}
	}
	if len(p.Spec.Containers) > 0 {
		return p.Spec.Containers[0].Name
	}
	return ""
}

// podLog reads lines that are later than since, or the last few.
func (s *snapshot) podLog(ctx context.Context, pod, container string, tail int, since *time.Time) ([]deployers.LogLine, error) {
	request := s.cluster.core.Get().Namespace(s.record.Namespace).Resource("pods").Name(pod).SubResource("log").
		Param("container", container).Param("timestamps", "true").Param("limitBytes", strconv.Itoa(maxLog))
	if tail > 0 {
		request = request.Param("tailLines", strconv.Itoa(tail))
	}
	if since != nil && !since.IsZero() {
		request = request.Param("sinceTime", since.UTC().Format(time.RFC3339)) // whole seconds: read again and left out below
	}
	stream, err := request.Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }()
	data, err := io.ReadAll(io.LimitReader(stream, maxLog+1))
	if err != nil {
		return nil, err
	}
	return linesOf(string(data), maxLog, since), nil
}

// linesOf are the lines of a log that are later than since. A line that was cut
// off at the bound is left for the next time: half a secret would not be known
// as one. A line that is longer than all that is read at a time is never shown.
func linesOf(data string, bound int, since *time.Time) (lines []deployers.LogLine) {
	whole := data
	if len(data) >= bound {
		whole = data[:strings.LastIndexByte(data, '\n')+1]
	}
	if whole == "" && data != "" {
		stamp, _, _ := strings.Cut(data, " ")
		whole = fmt.Sprintf("%s (a line of more than %d bytes is not shown)\n", stamp, bound)
	}
	for text := range strings.Lines(whole) {
		stamp, rest, _ := strings.Cut(strings.TrimRight(text, "\n"), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil || since != nil && !at.After(*since) {
			continue
		}
		lines = append(lines, deployers.LogLine{At: at, Stream: "stdout", Text: deployers.PlainText(strings.ToValidUTF8(rest, "�"))})
	}
	return lines
}
