// Package registries takes upstream's registries (their strategies, defaulting,
// validation, tables) for the kinds that are served, over our storage.
//
// In: an engine, token generator, authorizers, a way to reach nodes.
// Out: APIGroupInfos for genericapiserver, one file per API group.
//
// Promises: what the registry of kinds lacks, and subresources that nothing makes
// work yet, are not installed, so discovery never lists them. Kinds rendered
// from the ledger (Events, Leases) are installed read-only. Upstream's
// allocators propose nothing binding: the fold assigns addresses and ports.
// Exec, attach and port-forward are on record before they connect, and refused
// where they can't be; so are their ends, where the cell's gate knows of them
// (ends.go); reads of logs are counted (sessions.go).
//
// This package and serve, authn, authz are why the API server alone links
// k8s.io/kubernetes. No goroutine of its own.
package registries
