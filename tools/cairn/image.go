package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"

	"cairn/nodes/images"
	"cairn/tools/cairn/cell"
)

type imageCommand struct {
	Import imageImport `cmd:"" help:"Import every image of an archive: docker save, or OCI."`
	Ls     imageList   `cmd:"" help:"List the images on this machine."`
}

type imageImport struct {
	placeFlags
	Files []string `arg:"" name:"FILE" type:"path" help:"Archives, gzipped or not."`
}

func (c *imageImport) Run(out io.Writer) error {
	store, err := c.images()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, file := range c.Files {
		switch st, err := os.Stat(file); {
		case err != nil:
			return cell.Misused("%w: name an archive made by docker save, or an OCI archive", err)
		case st.IsDir():
			return cell.Misused("%s is a folder: name an archive made by docker save, or an OCI archive", file)
		}
		list, err := store.Import(ctx, file)
		if err != nil {
			return err
		}
		for _, image := range list {
			fmt.Fprintf(out, "imported %v\n", image.Refs)
		}
	}
	return nil
}

// images opens the store of the cell's node; it is safe beside a running one.
func (p placeFlags) images() (*images.Store, error) {
	if os.Geteuid() != 0 {
		return nil, cell.Refuse("images belong to the machine's node: run this as root, with sudo")
	}
	_, paths, err := p.place().Locate()
	if err != nil {
		return nil, err
	}
	if _, err := cell.Load(paths); err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		return nil, cell.Refuse("no cell has been started in %s: start it with `cairn up`, or name another with --data-dir", paths.Data)
	}
	return images.Open(paths.Images())
}

type imageList struct{ placeFlags }

func (c *imageList) Run(out io.Writer) error {
	store, err := c.images()
	if err != nil {
		return err
	}
	list, err := store.List()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "IMAGE\tID\tSIZE")
	for _, i := range list {
		for _, ref := range i.Refs {
			fmt.Fprintf(w, "%s\t%.19s\t%.1f MB\n", ref, i.ID, float64(i.Size)/1e6)
		}
	}
	return w.Flush()
}
