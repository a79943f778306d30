package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"cairn/projections/apiserver/gates"
)

// cellCommand groups what concerns a cell as a whole.
type cellCommand struct {
	Activate activateCommand `cmd:"" help:"Make a higher gate the active one: from there on, records say what only it defines."`
	Forget   forgetCommand   `cmd:"" help:"Record that a server will not return, so that it holds up no gate."`
}

type forgetCommand struct {
	placeFlags
	Server string `arg:"" help:"Its name, as cairn cell activate --dry-run lists it."`
}

func (c *forgetCommand) Run(out io.Writer) error {
	server, err := c.open()
	if err != nil {
		return err
	}
	r := new(gates.Report)
	if err := server.Ask(context.Background(), http.MethodDelete, gates.Path, url.Values{"server": {c.Server}}, r); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "server %s has left, says record %d\n", c.Server, r.Offset)
	return err
}
