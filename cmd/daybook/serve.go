package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"daybook/policy"
)

type serveCmd struct {
	place     `embed:""`
	Milter    policy.Addr `placeholder:"ADDR" help:"Where the milter listens; without it the configuration's, else tcp:127.0.0.1:8891."`
	LMTP      policy.Addr `name:"lmtp" placeholder:"ADDR" help:"Where LMTP is taken; without it the configuration's, else tcp:127.0.0.1:8024."`
	Metrics   policy.Addr `placeholder:"ADDR" help:"Where /metrics and /healthz are served over HTTP; without it the configuration's, else off."`
	LogLevel  string      `placeholder:"LEVEL" help:"debug, info, warn or error; without it the configuration's, else info."`
	LogFormat string      `placeholder:"FORMAT" help:"text or json; without it the configuration's, else text."`
}

// Help is the long help of the command.
func (*serveCmd) Help() string {
	return `Takes mail and archives it until it is stopped. A message is acknowledged when it is on stable storage; when that is not possible the sender is asked to come back later.

An address is tcp:host:port, unix:/path or off. Unix sockets for mail are open to the user and group that daybook runs as (mode 0660): add the mail server's user to that group. The commands reach the daemon over control.sock in the data folder (mode 0600).

Standard output gets the lines that go into Postfix's main.cf, then the line "ready" when everything listens. The log goes to standard error. SIGTERM and SIGINT stop the daemon within 30 seconds, after the messages that are on their way; a second one stops it at once. SIGHUP reads the configuration again, as daybook policy reload does: when anything is wrong with it, the log says what, and nothing changes.

Exit status: 0 after it was stopped, 1 when it had to give up, 2 when it could not start for what the caller can put right: nothing was changed then.`
}

// Run serves until a signal comes.
func (c *serveCmd) Run(env *environment) error {
	pol, err := c.settings()
	if err != nil {
		return err
	}
	log, flush, err := newLogger(env.stderr, &pol.Server)
	if err != nil {
		return err
	}
	defer flush()
	d, err := startDaemon(env.ctx, pol, log, c.settings)
	if errors.Is(err, context.Canceled) && env.ctx.Err() != nil {
		log.Info("stopped before it was ready")
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := io.WriteString(env.stdout, d.postfixLines()+"ready\n"); err != nil {
		log.Warn("standard output cannot be written", "error", err)
	}
	if err := notify("READY=1"); err != nil {
		log.Warn("the service manager cannot be told", "error", err)
	}
	log.Info("ready", "data", pol.Server.Data, "version", newVersionInfo().Version, "policy", fmt.Sprintf("%x", pol.Digest))
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	return d.run(env.ctx, hangup)
}

// settings gives the configuration with the flags applied.
func (c *serveCmd) settings() (*policy.Policy, error) {
	pol, err := c.policy()
	if err != nil {
		return nil, err
	}
	const wayOut = "leave the flag out and set listen in the configuration"
	if err := pol.SetMilter(c.Milter); err != nil {
		return nil, refuse("--milter", err, wayOut)
	}
	if err := pol.SetLMTP(c.LMTP); err != nil {
		return nil, refuse("--lmtp", err, wayOut)
	}
	if c.Metrics.IsSet() {
		pol.Server.Metrics = c.Metrics
	}
	if c.LogLevel != "" {
		pol.Server.LogLevel = c.LogLevel
	}
	if c.LogFormat != "" {
		pol.Server.LogFormat = c.LogFormat
	}
	pol.DropOff()
	if len(pol.Milters)+len(pol.Listeners) == 0 {
		return nil, refuse("", errors.New("every way in is off"), "leave --milter or --lmtp on")
	}
	if err := pol.Check(); err != nil {
		return nil, refuse("", err, "")
	}
	return pol, nil
}
