// Package protocol is what a node daemon and a pod's shim say to each other, over
// the unix socket in the pod's run directory.
//
// A connection carries one request and its reply, each a JSON message behind
// a length of four bytes (big endian, at most MaxMessage). OpWait answers when
// the process is gone. After the reply to OpAttach the connection carries
// chunks: a channel byte, a length, the data.
//
// Promises: an old daemon and a new shim, or the reverse, understand each
// other as long as Version is equal; fields are only ever added. The shim
// answers OpHello for ever.
//
// Goroutines: none. Pure but for the reader and writer it is handed.
//
// Standard library only: the shim links this package and must stay small.
//
// Read first: TestARequestIsReadBackAsItWasWritten.
package protocol
