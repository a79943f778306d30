// Package authz decides who may do what: members of system:masters all,
// nodes what concerns them, everybody what RBAC's objects in the ledger grant.
//
// In: an engine. Out: an authorizer and a rule resolver for upstream's
// filters; the roles that every cell has, the reconcilers' narrow ones among them.
//
// Promises: RBAC answers from the view as it is at the call: what this server
// wrote counts from its next request on. Rights are today's, also when the past
// is read; that needs the right to read the past besides (Past).
//
// One goroutine keeps the node authorizer's graph from the pods; it ends with
// the engine.
package authz
