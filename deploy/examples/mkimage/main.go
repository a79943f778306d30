package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// list is a flag that may be given many times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var programs, files, dirs, links list
	var s settings
	var tag, out string
	set := flag.NewFlagSet("mkimage", flag.ContinueOnError)
	set.StringVar(&tag, "tag", "", "image name with its tag, e.g. guestbook/web:1")
	set.StringVar(&out, "out", "", "archive to write")
	set.Var(&programs, "program", "PATH=ROOT: an executable of ROOT with its libraries")
	set.Var(&files, "file", "SRC=DST[:MODE]: one file")
	set.Var(&dirs, "dir", "DST[:MODE[:UID]]: an empty directory")
	set.Var(&links, "link", "DST=TARGET: a symbolic link")
	set.Var((*list)(&s.entrypoint), "entrypoint", "one word of the entry point (repeat)")
	set.Var((*list)(&s.cmd), "cmd", "one word of the default arguments (repeat)")
	set.Var((*list)(&s.env), "env", "NAME=VALUE (repeat)")
	set.Var((*list)(&s.ports), "port", "exposed port, e.g. 6379/tcp (repeat)")
	set.StringVar(&s.workdir, "workdir", "/", "working directory")
	set.StringVar(&s.user, "user", "", "uid[:gid] to run as")
	if err := set.Parse(args); err != nil {
		return err
	}
	if tag == "" || out == "" || set.NArg() > 0 {
		return fmt.Errorf("give -tag NAME:TAG and -out FILE.tar, and nothing but flags")
	}
	t, err := collect(programs, files, dirs, links)
	if err != nil {
		return err
	}
	digest, err := writeImage(out, tag, t, s)
	if err != nil {
		return err
	}
	fmt.Println(tag, digest)
	return nil
}

// collect turns the flags into the layer's tree.
func collect(programs, files, dirs, links []string) (tree, error) {
	t := tree{}
	for _, p := range programs {
		path, root, ok := strings.Cut(p, "=")
		if !ok {
			return nil, fmt.Errorf("-program %s: write PATH=ROOT", p)
		}
		if err := t.addProgram(root, path); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		src, dst, ok := strings.Cut(f, "=")
		dst, mode, _, err := attributes(dst, 0o644)
		if !ok || err != nil {
			return nil, fmt.Errorf("-file %s: write SRC=DST[:MODE], the mode octal", f)
		}
		t.add(dst, node{from: src, mode: mode})
	}
	for _, d := range dirs {
		dst, mode, uid, err := attributes(d, 0o755)
		if err != nil {
			return nil, fmt.Errorf("-dir %s: write DST[:MODE[:UID]], the mode octal", d)
		}
		t.add(dst, node{dir: true, mode: mode, uid: uid})
	}
	for _, l := range links {
		dst, target, ok := strings.Cut(l, "=")
		if !ok || !strings.HasPrefix(dst, "/") || target == "" {
			return nil, fmt.Errorf("-link %s: write DST=TARGET, DST absolute", l)
		}
		t.add(dst, node{link: target})
	}
	return t, nil
}

// attributes splits PATH[:MODE[:UID]].
func attributes(text string, mode int64) (path string, m int64, uid int, err error) {
	parts := strings.Split(text, ":")
	path, m = parts[0], mode
	if len(parts) > 1 {
		if m, err = strconv.ParseInt(parts[1], 8, 64); err != nil {
			return "", 0, 0, err
		}
	}
	if len(parts) > 2 {
		if uid, err = strconv.Atoi(parts[2]); err != nil {
			return "", 0, 0, err
		}
	}
	if !strings.HasPrefix(path, "/") || len(parts) > 3 {
		return "", 0, 0, fmt.Errorf("%q is not an absolute path", path)
	}
	return path, m, uid, nil
}
