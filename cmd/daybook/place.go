package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"daybook/policy"
)

const (
	defaultData = "daybook-data"
	controlName = "control.sock"
)

// place tells a command which archive is meant.
type place struct {
	Data   string `placeholder:"DIR" help:"Data folder; without it the configuration's, else ./daybook-data."`
	Config string `placeholder:"PATH" help:"Configuration: an HCL file, or a folder with *.hcl files."`
}

// policy gives the configuration with the data folder and the control socket
// filled in.
func (p *place) policy() (*policy.Policy, error) {
	pol := policy.Default()
	if p.Config != "" {
		var err error
		if pol, err = policy.Load(p.Config); err != nil {
			return nil, configFault(p.Config, err)
		}
	}
	if p.Data != "" {
		pol.Server.Data = p.Data
	}
	if pol.Server.Data == "" {
		pol.Server.Data = defaultData
	}
	pol.Server.Data = filepath.Clean(pol.Server.Data)
	if !pol.Server.Control.IsSet() {
		path := filepath.Join(pol.Server.Data, controlName)
		pol.Server.Control = policy.Addr{Network: "unix", Address: path}
	}
	return pol, nil
}

func configFault(path string, err error) *fault {
	const wayOut = "name a file or folder that can be read with --config"
	if _, ok := errors.AsType[*policy.Error](err); ok {
		return refuse("", err, "")
	}
	if reason, ok := errors.AsType[*fs.PathError](err); ok {
		return refuse(reason.Path, reason.Err, wayOut)
	}
	return refuse("", err, wayOut)
}
