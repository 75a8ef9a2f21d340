// Package kubernetes is the deployer for Kubernetes: it makes each track a
// Deployment of its own, and moves traffic between them by a Service, or by the
// weights of an HTTPRoute where a Gateway is configured. An existing workload can
// be adopted instead: its image is changed in place. A Rollout of Argo is led by
// its own steps, a StatefulSet by its partition.
//
// Everything it knows lies in the cluster: a record of each target (a ConfigMap
// in the portal's namespace), the objects with Slipway's labels, and Secrets for
// the values that a track needs. Any number of Slipway processes may look after
// a target; every write names the version of what was read, so who was overtaken
// meanwhile changes nothing.
//
// It needs what docs/kubernetes-role.yaml allows. After Destroy nothing of it is
// left, except that an adopted Deployment goes on as it is.
package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/deployers"
)

// Options of the portal's operator; pipelines choose a cluster and a namespace.
type Options struct {
	// Kubeconfig is a file; its contexts are the clusters that pipelines may name.
	// Empty: the cluster that Slipway runs in, else KUBECONFIG or ~/.kube/config.
	Kubeconfig string
	// Namespace is where the records of targets lie, in the default cluster.
	Namespace string
	Log       *slog.Logger
}

// Deployer implements deployers.Deployer, LogReader and Destroyer.
type Deployer struct {
	options Options
	log     *slog.Logger
	ctx     context.Context // of the workers, ended by Close
	cancel  context.CancelFunc
	group   sync.WaitGroup

	mu       sync.Mutex
	clusters map[string]*cluster
	targets  map[deployers.Target]*target
	closed   bool
}

// New makes a deployer. It connects when it is first used, so that a portal
// without a cluster starts as well.
func New(o Options) *Deployer {
	o.Namespace = cmp.Or(o.Namespace, "slipway")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Deployer{
		options: o, log: o.Log, ctx: ctx, cancel: cancel,
		clusters: map[string]*cluster{}, targets: map[deployers.Target]*target{},
	}
}

// Capabilities implements deployers.Deployer. What a single config cannot do,
// such as to pick requests without a gateway, is refused by Preview and Apply.
func (d *Deployer) Capabilities() deployers.Capabilities {
	return deployers.Capabilities{
		Summary:  "Runs Deployments in a Kubernetes cluster behind a Service or a Gateway, and leads Rollouts of Argo",
		Replicas: true, ParallelTracks: true, TrafficWeights: true, TrafficMatch: true, PreviewAddress: true, Secrets: true,
	}
}

// Close stops looking after targets. Everything in the clusters goes on.
func (d *Deployer) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	done := make(chan struct{})
	go func() {
		d.group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Apply implements deployers.Deployer. The desired state is in the target's
// record when it returns; the values of secrets are in Secrets before that.
func (d *Deployer) Apply(ctx context.Context, target deployers.Target, desired deployers.Desired) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := d.accept(ctx, target, desired)
		if errors.Is(err, errOvertaken) {
			continue // read it again: whoever was faster may have had a newer generation
		}
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		d.wake(target)
		return nil
	}
}

func (d *Deployer) accept(ctx context.Context, target deployers.Target, desired deployers.Desired) error {
	r, err := d.readRecord(ctx, target)
	if err != nil {
		return err
	}
	if r != nil && desired.Generation < r.Generation {
		return deployers.StaleGeneration(desired.Generation, r.Generation)
	}
	if r == nil {
		r = &record{Target: target}
	}
	next := *r
	next.Generation, next.Tracks, next.Settled, next.Ending, next.Back = desired.Generation, nil, 0, false, desired.Back
	for _, t := range desired.Tracks {
		next.Tracks = append(next.Tracks, stored(t))
	}
	next.Lead = leadOf(r.Tracks, r.Lead, desired.Tracks)
	tracks, err := d.renderAll(ctx, &next)
	if err != nil {
		return err
	}
	if err := d.possible(ctx, r, &next, tracks); err != nil {
		return err
	}
	for _, t := range tracks {
		next.Gateway = next.Gateway || t.config.Gateway != nil
	}
	for _, t := range desired.Tracks {
		if len(t.Secrets) > 0 && !slices.Contains(next.Secrets, secretName(target, t.ID)) {
			next.Secrets = append(slices.Clone(next.Secrets), secretName(target, t.ID))
		}
	}
	if err := d.keepSecrets(ctx, &next, desired); err != nil {
		return err
	}
	if r.seen != nil && r.Generation == next.Generation && reflect.DeepEqual(r.Tracks, next.Tracks) && r.Back == next.Back && r.Settled == 0 {
		return nil
	}
	return d.writeRecord(ctx, &next)
}

// renderAll turns the tracks of a record into objects, and settles where the
// target lives.
func (d *Deployer) renderAll(ctx context.Context, r *record) ([]*rendered, error) {
	var tracks []*rendered
	for _, t := range r.Tracks {
		c, problems := parseConfig(t.Config)
		if len(problems) > 0 {
			return nil, deployers.Terminal(fmt.Errorf("the config of version %s: %s", t.Version, problems[0]))
		}
		if r.Namespace == "" {
			r.Cluster, r.Namespace = c.Cluster, c.Namespace
		}
		if c.Cluster != r.Cluster || c.Namespace != r.Namespace {
			return nil, deployers.Terminal(fmt.Errorf("it runs in namespace %s of cluster %q and version %s wants %s of %q; a target does not move: destroy it first",
				r.Namespace, r.Cluster, t.Version, c.Namespace, c.Cluster))
		}
		one, err := d.renderTrack(ctx, r, t, c)
		if err != nil {
			return nil, err
		}
		tracks = append(tracks, one)
	}
	return tracks, nil
}

func (d *Deployer) renderTrack(ctx context.Context, r *record, t storedTrack, c config) (*rendered, error) {
	if r.Adopted == nil && c.Workload != "" {
		var err error
		if r.Adopted, err = d.adoptable(ctx, r, c); err != nil {
			return nil, err
		}
	}
	if err := r.sameAdoption(c); err != nil {
		return nil, err
	}
	var one *rendered
	var err error
	switch {
	case r.Adopted != nil && hostsAll(c.Kind):
		one, err = renderHome(r.Target, r.Adopted, t, c)
	case r.Adopted != nil:
		one, err = renderCopy(r.Target, r.Adopted, t, c)
	default:
		one, err = render(r.Target, t, c)
	}
	if err != nil {
		return nil, err
	}
	kind := one.workload.GetKind()
	if r.Kind = cmp.Or(r.Kind, kind); r.Kind != kind {
		return nil, deployers.Terminal(fmt.Errorf("%s runs in a %s and version %s wants a %s; destroy it first", r.Target, r.Kind, t.Version, kind))
	}
	return one, nil
}

// Destroy implements deployers.Destroyer. It ends everything of the target with
// the time that its pods ask for, and returns once that was asked of the cluster
// and nothing of it runs any more, or ctx ends.
func (d *Deployer) Destroy(ctx context.Context, name deployers.Target) error {
	for {
		done, err := d.destroyStep(ctx, name)
		if done || err != nil && !errors.Is(err, errOvertaken) {
			return err
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

func (d *Deployer) destroyStep(ctx context.Context, name deployers.Target) (bool, error) {
	r, err := d.readRecord(ctx, name)
	if err != nil || r == nil {
		return err == nil, err
	}
	if !r.Ending {
		r.Ending = true
		if r.Adopted == nil {
			r.Tracks, r.Settled = nil, 0
		}
		if err := d.writeRecord(ctx, r); err != nil {
			return false, err
		}
	}
	s, err := d.look(ctx, r)
	if err != nil {
		return false, err
	}
	if r.Namespace != "" {
		if err := s.removeAll(ctx); err != nil {
			return false, err
		}
		if s.somethingIsLeft() {
			return false, nil
		}
		for _, secret := range r.Secrets {
			if err := s.cluster.in(secretsResource(), r.Namespace).Delete(ctx, secret, metav1.DeleteOptions{}); ignoreMissing(err) != nil {
				return false, plain(err)
			}
		}
	}
	d.forget(name)
	return true, d.removeRecord(ctx, r)
}
