// Package ext stands in for Traefik's own module of this name, which adds nothing to the configuration and which no module
// proxy can serve: it is a folder of Traefik's repository, reachable only by the relative replace line there.
package ext

// HTTP extends the HTTP configuration by nothing.
// +k8s:deepcopy-gen=true
type HTTP struct{}

// Router extends a router by nothing.
// +k8s:deepcopy-gen=true
type Router struct{}
