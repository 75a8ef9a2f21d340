// Package slipway is the domain: what a release is, what a deployment may do
// next, which gates hold it and why. It imports the standard library only and
// does no I/O of its own; what it needs from outside it names as ports
// (ports.go), and adapters around it supply them.
//
// The way of a release: a Pipeline orders a service's Stages. Promoting a
// Release to a stage freezes a Plan and makes a Deployment, which waits for its
// Gates, then walks through its Phases. Step (machine.go) is the only function
// that moves a deployment.
package slipway
