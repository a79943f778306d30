// Package streaming serves what needs a connection to a container: exec,
// attach, port-forward and logs, at the paths of the kubelet, so that the API
// server's own registries can proxy to it:
//
//	GET      /containerLogs/NS/POD/CONTAINER?follow&tailLines&sinceSeconds&...
//	GET,POST /exec/NS/POD[/UID]/CONTAINER?command&input&output&error&tty
//	GET,POST /attach/NS/POD[/UID]/CONTAINER?input&output&error&tty
//	GET,POST /portForward/NS/POD[/UID]
//
// In: HTTP requests (SPDY or WebSocket upgrades up to version 4; the server
// translates version 5), and a Backend that knows the containers. Out: streams;
// errors as plain text with a status that fits.
//
// Promises: only clients whose certificate names one of the allowed identities
// get in (Allow). A log is read as the shim writes it; following ends when the
// container's process ended and all it said is sent.
//
// Goroutines: those of the HTTP server, one per request.
//
// Read first: TestLogsAreTailedFilteredAndFollowed.
package streaming
