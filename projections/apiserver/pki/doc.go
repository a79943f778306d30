// Package pki is the cell's certificate authority: it makes and keeps the keys
// that servers, nodes and people prove themselves with.
//
// In: a folder, names and addresses. Out: PEM certificates and keys, TLS
// material, and kubeconfig files.
//
// The folder holds ca.crt, ca.key (the authority), server.crt, server.key,
// client.crt, client.key (the server towards nodes), sa.key (signs service
// account tokens). What is missing is made; what is there is kept; a server
// certificate that lacks a wanted name or ends within 30 days is made anew.
//
// Promises: keys are mode 0600, ECDSA P-256, and never leave the folder except
// into what Issue and Kubeconfig return. Client certificates name a person
// (CN) and groups (O), as Kubernetes reads them.
//
// No goroutine; an Authority is immutable once opened.
package pki
