// Package client asks a running server about a cell: it finds the kubeconfig
// that is meant, and speaks to the paths of projections/history.
//
// In: folders and environment. Out: a Client whose errors say what to do.
//
// Which kubeconfig: a folder or name given by flag, else KUBECONFIG, else
// /etc/cairn/admin.kubeconfig. ~/.kube/config is never looked at: it is
// somebody else's.
//
// No goroutine of its own. Read first: find.go.
package client
