package app_test

import (
	"context"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// hanging answers no question about a plan before its time is up.
type hanging struct {
	slipway.Deployers
	bounded bool
}

func (h *hanging) Preview(ctx context.Context, _ slipway.Plan) (string, []byte, error) {
	_, h.bounded = ctx.Deadline()
	return "", nil, context.DeadlineExceeded
}

// TestADeployerThatHangsHoldsNobody: who promotes is told in time that the
// deployer does not answer.
func TestADeployerThatHangsHoldsNobody(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.release("shop", "1")
	h := &hanging{Deployers: r.Deployers}
	r.Deployers = h
	_, err := r.Promote(context.Background(), dev, app.Promote{Service: "shop", Environment: "staging", Version: "1"})
	if slipway.CodeOf(err) != slipway.CodeUnavailable || !h.bounded {
		t.Errorf("bounded %v, answered %v", h.bounded, err)
	}
}
