package engine

// Looking is how many deployments the engine holds in memory as being looked at.
func (e *Engine) Looking() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.looking)
}
