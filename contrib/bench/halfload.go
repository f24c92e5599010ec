package main

import (
	"context"
	"errors"
	"fmt"
)

// Paths of [halfLoads]. They are measured with pathPostfix.
const (
	pathHalf         = "half"
	pathHalfServices = "half-services"
	pathLatency      = "latency"
	pathServices     = "services"
)

// halfLoad is how long mail waits for Postfix's reply when half as much comes as it took
// just before.
type halfLoad struct {
	path     string
	of       string // what stood behind Postfix when it took that much
	services bool   // each server is a service of its own
}

// halfLoads are those that are measured. Half of what Postfix takes without a milter may
// be nearly all that it takes with one.
func halfLoads() []halfLoad {
	return []halfLoad{
		{pathHalf, nameDaybook, false}, {pathHalfServices, nameDaybook, true},
		{pathLatency, nameNoMilter, false}, {pathServices, nameNoMilter, true},
	}
}

// heading is that of the table.
func (h halfLoad) heading() string {
	if h.services {
		return fmt.Sprintf("The same with each server as a service, as under systemd: Daybook with the weight %d, and the others and the client with %d",
			unitWeight, otherWeight)
	}
	return fmt.Sprintf("Postfix at half of its rate %s, from the end of the data to the reply", h.rate())
}

// rate names the rate that it is half of.
func (h halfLoad) rate() string {
	if h.of == nameDaybook {
		return "with Daybook's milter"
	}
	return "without a milter"
}

// half is half of the rate as it was measured last, 0 when it never was.
func (h halfLoad) half(m *measurement) float64 {
	rates := of(m.find(subject{pathPostfix, postfixKB, postfixSessions, h.of}), rateOf)
	if len(rates) == 0 {
		return 0
	}
	return rates[len(rates)-1] / 2
}

// latencyConnections are enough for half of the rate, however slow a message is.
const latencyConnections = 16

// halfLoadGroups are the subjects of all half loads that can be measured here.
func (b *bench) halfLoadGroups() (list [][]subject) {
	services := b.canServices()
	for _, h := range halfLoads() {
		if services || !h.services {
			list = append(list, b.group(h.path, postfixKB, latencyConnections, nameNoMilter, nameDaybook, nameDaybookTCP))
		}
	}
	return list
}

// measureHalfLoad measures a subject under a half load.
func (b *bench) measureHalfLoad(ctx context.Context, m *measurement, h halfLoad, s subject) (f figures, err error) {
	rate := h.half(m)
	if rate == 0 {
		return f, fmt.Errorf("the rate of Postfix %s is not known", h.rate())
	}
	if !h.services {
		return b.measureLatency(ctx, rate, s)
	}
	b.servers.services, err = openServices(cgroupRoot)
	if err != nil {
		return f, err
	}
	f, err = b.measureLatency(ctx, rate, s)
	err = errors.Join(err, b.servers.services.close())
	b.servers.services = nil
	return f, err
}

// measureLatency sends so many messages a second through Postfix, and measures from the
// end of the data to the reply.
func (b *bench) measureLatency(ctx context.Context, rate float64, s subject) (f figures, err error) {
	set, err := b.set(s.SizeKB)
	if err != nil {
		return f, err
	}
	err = b.withPostfix(ctx, s.Server, func(postfix, _ *server) error {
		clients, err := connectSMTP(postfix.addr, set, s.Connections)
		defer func() {
			for _, c := range clients {
				c.close()
			}
		}()
		if err != nil {
			return err
		}
		// What has just been started takes a moment to get into its stride.
		first := min(2*s.Connections+int(rate*b.Seconds), b.Messages)
		warm := pace(ctx, clients, 0, first, rate)
		last := first + min(max(int(rate*b.Seconds*latencySpans), 1), b.Messages)
		o := pace(ctx, clients, first, last, rate)
		if o.failed += warm.failed; o.problem == "" {
			o.problem = warm.problem
		}
		f = newFigures(&o, set.bytes(o.sent), usage{}, usage{})
		return errors.Join(ctx.Err(), drain(ctx, postfix.home))
	})
	return f, err
}

// latencySpans is how many times longer than another figure this is measured: its
// 99th percentile needs many messages.
const latencySpans = 3
