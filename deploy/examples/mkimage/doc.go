// Command mkimage makes a container image archive (docker save format, which
// `cairn image import`, `docker load` and `ctr image import` read) from files
// of this machine: no daemon, no registry, no root file system of a
// distribution.
//
// In: -tag and -out; any number of
//
//	-program PATH=ROOT   an executable of the tree ROOT with the shared
//	                     libraries and the loader it needs, and no more
//	-file SRC=DST[:MODE] one file, e.g. bin/web=/web:0755
//	-link DST=TARGET     a symbolic link
//	-dir DST[:MODE[:UID]] an empty directory, e.g. /data:0755:65534
//
// and the image's settings -entrypoint, -cmd, -env, -workdir, -user, -port.
// Out: the archive at -out, and its config digest on stdout.
//
// Promises: the same inputs make the same bytes (sorted paths, time zero, no
// machine's name), so an archive can be cached by its content; a library that
// cannot be found is an error that names it; -out appears by rename, whole or
// not at all. Links are followed inside ROOT only.
//
// Goroutines: none of its own.
//
// Read first: TestProgramClosure in mkimage_test.go.
package main
