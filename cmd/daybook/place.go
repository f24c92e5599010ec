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
		if pol, err = loadPolicy(p.Config, "--config"); err != nil {
			return nil, err
		}
	}
	p.complete(pol)
	return pol, nil
}

// server is policy for commands that only have to know where the data is: what else
// is wrong with a configuration, which may just be being written, does not matter.
func (p *place) server() (*policy.Policy, error) {
	pol, err := p.policy()
	if err == nil {
		return pol, nil
	}
	pol = policy.Default()
	s, wrong := policy.LoadServer(p.Config)
	if wrong != nil {
		return nil, err
	}
	pol.Server = s
	p.complete(pol)
	return pol, nil
}

// complete fills in the data folder and the control socket.
func (p *place) complete(pol *policy.Policy) {
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
}

// loadPolicy reads a policy that was named with a flag or, without one, as an
// argument.
func loadPolicy(path, flag string) (*policy.Policy, error) {
	pol, err := policy.Load(path)
	if err == nil {
		return pol, nil
	}
	wayOut := "name a file or folder that can be read with " + flag
	if flag == "" {
		wayOut = "name a file or folder that can be read"
	}
	if _, ok := errors.AsType[*policy.Error](err); ok {
		return nil, refuse("", err, "")
	}
	if reason, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, refuse(reason.Path, reason.Err, wayOut)
	}
	return nil, refuse("", err, wayOut)
}
