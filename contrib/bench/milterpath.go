package main

import (
	"context"
	"errors"
	"time"
)

const (
	nameBcc = "always_bcc to dovecot"

	postfixKB       = 16
	postfixSessions = 8
	// postfixMessages are sent for each second of a figure.
	postfixMessages = 1000
)

// behind starts what stands behind Postfix, nil when nothing does. Its milters are
// at Unix sockets, but for one of Daybook.
func (b *bench) behind(ctx context.Context, name string) (*server, postfixWay, error) {
	path := pathPostfix
	switch name {
	case nameNoMilter:
		return nil, postfixWay{}, nil
	case nameBcc:
		dovecot, err := b.servers.start(ctx, nameDovecot, pathLMTP)
		if err != nil {
			return nil, postfixWay{}, err
		}
		return dovecot, postfixWay{bcc: dovecot.addr}, nil
	case nameDaybookTCP:
		path = pathMilter
	}
	milter, err := b.servers.start(ctx, name, path)
	if err != nil {
		return nil, postfixWay{}, err
	}
	return milter, postfixWay{milter: milter.addr}, nil
}

// withPostfix runs Postfix and what stands behind it, which may be nothing.
func (b *bench) withPostfix(ctx context.Context, name string, do func(postfix, beside *server) error) (err error) {
	beside, way, err := b.behind(ctx, name)
	if err != nil {
		return err
	}
	if beside != nil {
		defer func() { err = errors.Join(err, beside.close()) }()
	}
	postfix, err := b.servers.startPostfix(ctx, way)
	if err != nil {
		return err
	}
	return errors.Join(do(postfix, beside), postfix.close())
}

// measurePostfix has smtp-source send to Postfix with something behind it, or with
// nothing, and waits until all has been passed on.
func (b *bench) measurePostfix(ctx context.Context, s subject) (f figures, err error) {
	messages := max(min(int(b.Seconds*postfixMessages), b.Messages), postfixSessions)
	err = b.withPostfix(ctx, s.Server, func(postfix, beside *server) error {
		feed := func(n int) (accepted, delivered time.Duration, err error) {
			began := time.Now()
			accepted, err = smtpSource(ctx, b.servers.peers.source, postfix.addr, s.Connections, n, s.SizeKB<<10)
			if err == nil {
				err = drain(ctx, postfix.home)
			}
			return accepted, time.Since(began), err
		}
		// Postfix starts its programs when they are needed.
		if _, _, err := feed(5 * postfixSessions); err != nil {
			return err
		}
		before, err := usageBeside(beside)
		if err != nil {
			return err
		}
		accepted, delivered, err := feed(messages)
		if err != nil {
			return err
		}
		after, err := usageBeside(beside)
		n := float64(messages)
		f = figures{
			Messages: messages, Rate: ratio(n, accepted.Seconds()), Delivered: ratio(n, delivered.Seconds()),
			Megabytes: ratio(n*float64(s.SizeKB<<10)/1e6, accepted.Seconds()),
			CPU:       ratio((after.cpu-before.cpu)*1e6, n), PeakMiB: float64(after.peak) / (1 << 20),
		}
		return err
	})
	return f, err
}

func usageBeside(s *server) (usage, error) {
	if s == nil {
		return usage{}, nil
	}
	return s.usage()
}
