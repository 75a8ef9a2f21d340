package engine

import "context"

// LookAtSet lets tests take the steps of a set one look at a time.
func (e *Engine) LookAtSet(ctx context.Context, id int64) error { return e.lookAtSet(ctx, id) }
