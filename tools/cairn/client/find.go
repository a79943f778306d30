package client

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"cairn/tools/cairn/cell"
)

// AdminKubeconfig is the default cell's, for every shell of this machine.
const AdminKubeconfig = "/etc/cairn/admin.kubeconfig"

// Place names a cell by flags; empty values are not given.
type Place struct{ Name, Data, Run string }

// Kubeconfig finds the kubeconfig that is meant; its error says how to get one.
func (p Place) Kubeconfig() (string, error) {
	if p.Name != "" || p.Data != "" {
		_, paths, err := cell.Locate(p.Name, p.Data, p.Run)
		if err != nil {
			return "", err
		}
		return there(paths.Kubeconfig())
	}
	if list := os.Getenv("KUBECONFIG"); list != "" {
		for _, f := range filepath.SplitList(list) {
			if _, err := os.Stat(f); err == nil {
				return f, nil
			}
		}
		return "", cell.Refuse("KUBECONFIG is %s, which is not there: start the cell with `cairn up`, or unset KUBECONFIG", list)
	}
	return there(AdminKubeconfig)
}

func there(path string) (string, error) {
	_, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", cell.Refuse("no cell has been started here (%s is not there): start one with `cairn up`, or name it with --data-dir or KUBECONFIG", path)
	case errors.Is(err, os.ErrPermission):
		return "", cell.Refuse("%s is not yours to read: use sudo, or a kubeconfig of your own with KUBECONFIG", path)
	}
	return path, err
}

// Locate finds the cell's folders: by flags, else beside the kubeconfig that
// KUBECONFIG names, else the default cell's.
func (p Place) Locate() (string, cell.Paths, error) {
	if p.Name == "" && p.Data == "" {
		for _, f := range filepath.SplitList(os.Getenv("KUBECONFIG")) {
			dir := filepath.Dir(f)
			if _, err := os.Stat(filepath.Join(dir, "cell.json")); err == nil && strings.HasPrefix(filepath.Base(f), "kubeconfig") {
				return cell.Locate("", dir, p.Run)
			}
		}
	}
	return cell.Locate(p.Name, p.Data, p.Run)
}
