// Package message makes the sentences that people read of what the fold gave
// in codes: outcomes, Kubernetes' Events, scheduling decisions.
//
// In: fold.Outcome, fold.KubeEvent, events.Decision, fit.Refusal. Out: text.
//
// The naive way is to let the fold write the sentence. But the chain digest
// covers what the fold says, so changing a word would make every ledger ever
// kept differ from itself. Here a word costs nothing: no sentence is stored,
// hashed or compared.
//
// Promises: every code has a sentence (a test counts them). Where Kubernetes
// has a wording, that is used, since people and tools know it.
//
// Pure. Read first: message_test.go.
package message
