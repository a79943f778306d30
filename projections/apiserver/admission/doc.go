// Package admission is the chain every write passes: namespaces that end,
// nodes' limits, service accounts, default tolerations (upstream's plug-ins),
// and the kinds' own refusals, which name what Cairn does not do yet.
//
// In: an engine, an authorizer, an in-process client. Out: an admission.Interface.
//
// Promises: upstream's plug-ins read the view behind lister interfaces: always
// current, no second copy in memory, no informer to wait for.
//
// No goroutine.
package admission
