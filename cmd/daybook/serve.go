package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

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

Standard output gets the lines that go into Postfix's main.cf, then the line "ready" when everything listens. The log goes to standard error. SIGTERM and SIGINT stop the daemon within 30 seconds, after the messages that are on their way; a second one stops it at once.

Exit status: 0 after it was stopped, 1 when it had to give up, 2 when it could not start for what the caller can put right: nothing was changed then.`
}

// Run serves until a signal comes.
func (c *serveCmd) Run(env *environment) error {
	pol, err := c.settings()
	if err != nil {
		return err
	}
	log, err := newLogger(env.stderr, &pol.Server)
	if err != nil {
		return err
	}
	d, err := startDaemon(env.ctx, pol, log)
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
	return d.run(env.ctx)
}

// settings gives the configuration with the flags applied.
func (c *serveCmd) settings() (*policy.Policy, error) {
	pol, err := c.policy()
	if err != nil {
		return nil, err
	}
	if err := setMilter(pol, c.Milter); err != nil {
		return nil, err
	}
	if err := setLMTP(pol, c.LMTP); err != nil {
		return nil, err
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
	pol.Milters = without(pol.Milters, func(m policy.Milter) bool { return m.Listen.IsOff() })
	pol.LMTPs = without(pol.LMTPs, func(l policy.LMTP) bool { return l.Listen.IsOff() })
	if len(pol.Milters)+len(pol.LMTPs) == 0 {
		return nil, refuse("", errors.New("every way in is off"), "leave --milter or --lmtp on")
	}
	return pol, nil
}

// setMilter has the flag take the place of the address of the one milter there
// is, or makes one.
func setMilter(pol *policy.Policy, addr policy.Addr) error {
	switch {
	case !addr.IsSet():
		return nil
	case addr.IsOff():
		pol.Milters = nil
		return nil
	case len(pol.Milters) == 1:
		pol.Milters[0].Listen = addr
		return nil
	}
	tenant, err := soleTenant(pol, "--milter", len(pol.Milters))
	pol.Milters = append(pol.Milters, policy.Milter{
		Name: "milter", Listen: addr, Tenant: tenant, OnFailure: policy.OnFailureTempFail,
		MaxMessage: pol.Server.MaxMessage,
	})
	return err
}

// setLMTP is setMilter for LMTP.
func setLMTP(pol *policy.Policy, addr policy.Addr) error {
	switch {
	case !addr.IsSet():
		return nil
	case addr.IsOff():
		pol.LMTPs = nil
		return nil
	case len(pol.LMTPs) == 1:
		pol.LMTPs[0].Listen = addr
		return nil
	}
	tenant, err := soleTenant(pol, "--lmtp", len(pol.LMTPs))
	pol.LMTPs = append(pol.LMTPs, policy.LMTP{
		Name: "lmtp", Listen: addr, Tenant: tenant, MaxMessage: pol.Server.MaxMessage,
	})
	return err
}

// soleTenant gives the tenant of a source that a flag adds.
func soleTenant(pol *policy.Policy, flag string, sources int) (string, error) {
	const wayOut = "leave the flag out and set listen in the configuration"
	if sources > 1 {
		return "", refuse(flag, fmt.Errorf("the configuration has %d of these", sources), wayOut)
	}
	if len(pol.Tenants) > 1 {
		return "", refuse(flag, fmt.Errorf("the configuration has %d tenants", len(pol.Tenants)), wayOut)
	}
	return pol.Tenants[0].Name, nil
}

func without[T any](list []T, drop func(T) bool) []T {
	var kept []T
	for _, item := range list {
		if !drop(item) {
			kept = append(kept, item)
		}
	}
	return kept
}

func newLogger(w io.Writer, s *policy.Server) (*slog.Logger, error) {
	var level slog.Level
	switch s.LogLevel {
	case "", "info":
	case "debug", "warn", "error":
		if err := level.UnmarshalText([]byte(strings.ToUpper(s.LogLevel))); err != nil {
			return nil, err
		}
	default:
		return nil, refuse("--log-level "+s.LogLevel, errors.New("there is no such level"), "it is debug, info, warn or error")
	}
	options := &slog.HandlerOptions{Level: level}
	switch s.LogFormat {
	case "", "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, refuse("--log-format "+s.LogFormat, errors.New("there is no such format"), "it is text or json")
}
