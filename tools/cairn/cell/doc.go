// Package cell knows a cell's place on this machine: its name, its folders,
// the settings fixed at its first start, its lock and its processes.
//
// In: what a user said by flags. Out: Paths and Settings, checked; refusals
// that say what to do.
//
// DataDir outlives everything: cell.json (these settings), ledger, view, keys,
// certificates, images, logs, kubeconfig. RunDir is empty after a boot: pid
// files, sockets and what nodes keep of running sandboxes.
//
// Promises: a second `cairn up` on one DataDir is refused, naming the first's
// pid; a pid file is believed only while a process with that pid and start
// time exists, so a pid used again is never signalled; settings on disk are
// replaced whole or not at all.
//
// No goroutine. Read first: TestSettingsAreFixedAtTheFirstStart.
package cell
