package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"daybook/policy"
)

// server serves the connections of a listener until it is shut down.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// door is something that listens, and what serves it.
type door struct {
	name     string // "milter edge", for the log and for errors
	listen   policy.Addr
	listener net.Listener
	server   server
	closed   error // what server gives after it was shut down
}

// Permissions of sockets.
const (
	mailSocketMode    fs.FileMode = 0o660
	controlSocketMode fs.FileMode = 0o600
)

// open binds the door's address.
func (d *door) open(mode fs.FileMode) (err error) {
	if d.listen.Network == "unix" {
		d.listener, err = listenUnix(d.listen.Address, mode)
	} else {
		d.listener, err = net.Listen("tcp", d.listen.Address)
	}
	if err == nil {
		return nil
	}
	where := d.name + " on " + d.listen.String()
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, errInUse) {
		return refuse(where, errors.New("the address is in use"), "stop what listens there, or choose another address")
	}
	return refuse(where, listenReason(err), "choose another address")
}

// listenReason leaves out of a listener's error what the fault says anyway.
func listenReason(err error) error {
	if reason, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("host %s: %s", reason.Name, reason.Err)
	}
	if reason, ok := errors.AsType[syscall.Errno](err); ok {
		return reason
	}
	return reasonOf(err)
}

// bound is the address that the door has, which for port 0 is another than the
// one that was asked for.
func (d *door) bound() policy.Addr {
	if d.listen.Network == "unix" {
		return d.listen
	}
	host, _, err := net.SplitHostPort(d.listen.Address)
	_, port, e := net.SplitHostPort(d.listener.Addr().String())
	if err != nil || e != nil {
		return d.listen
	}
	return policy.Addr{Network: "tcp", Address: net.JoinHostPort(host, port)}
}

// serve serves until the door is shut. It returns nil then.
func (d *door) serve() error {
	err := d.server.Serve(d.listener)
	if errors.Is(err, d.closed) {
		return nil
	}
	return fmt.Errorf("%s on %s: %w", d.name, d.listen, err)
}
