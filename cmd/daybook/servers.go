package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"daybook/archive/ingest"
	"daybook/lmtp"
	"daybook/milter"
	"daybook/policy"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// setServers makes the server of every door.
func (d *daemon) setServers(ctx context.Context) {
	d.ingest = ingest.New(ingest.Config{
		Archive:  d.archive,
		Policy:   d.pol,
		SpoolDir: d.spoolDir(),
		Logger:   routine(d.log), // a line for each message
	})
	d.ingest.Hold(d.unkept)
	for i, m := range d.pol.Milters {
		door := d.mail[i]
		door.closed = milter.ErrServerClosed
		door.server = milter.NewServer(milter.Config{NewSession: d.ingest.Milter(m.Name, door.bound().String()), Logger: d.log})
	}
	for i := range d.pol.Listeners {
		d.setListener(&d.pol.Listeners[i], d.mail[len(d.pol.Milters)+i], d.identities[i])
	}
	control := &control{store: &served{local: local{archive: d.archive, data: d.pol.Server.Data}, daemon: d}, reload: d.reload, way: d.way}
	handlers := []http.Handler{control.handler(), d.metricsHandler()}
	for i, door := range d.service {
		door.closed = http.ErrServerClosed
		door.server = &http.Server{
			Handler:           d.requests.count(handlers[i]),
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       time.Minute,
			BaseContext:       func(net.Listener) context.Context { return ctx },
		}
	}
}

// setListener makes the server of a listener. Whom it lets log in, and who needs to,
// is asked of the policy that judges at the time.
func (d *daemon) setListener(l *policy.Listener, door *door, id *identity) {
	door.closed = lmtp.ErrServerClosed
	config := lmtp.Config{
		Handler: d.ingest.Listener(l.Name, door.bound().String()), Gate: d.ingest.Gate(l.Name),
		SMTP: l.Kind == policy.KindSMTP, Hostname: d.pol.Server.Hostname,
		MaxMessage: l.MaxMessage, MaxRecipients: l.MaxRecipients, MaxConnections: l.MaxConnections,
		MaxConnectionsPerIP: l.MaxConnectionsPerClient, MessagesPerMinutePerIP: l.MessagesPerMinute,
		TLS: id.config(), ImplicitTLS: l.TLSOnConnect, Proxies: l.Proxies, Logger: d.log,
	}
	if l.Kind == policy.KindSMTP {
		config.Credentials = d.ingest.Credentials(l.Name)
		config.AuthInsecure = l.TLSCert == "" && staysHere(l)
	}
	door.server = lmtp.NewServer(config)
}

// staysHere tells that whoever connects to a listener is on this machine. Behind a
// balancer that is not known.
func staysHere(l *policy.Listener) bool {
	if l.Listen.Network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(l.Listen.Address)
	ip, _ := netip.ParseAddr(host)
	return err == nil && (ip.IsLoopback() || host == "localhost") && len(l.Proxies) == 0
}

// metricsHandler serves the metrics, and whether mail can be archived.
func (d *daemon) metricsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(d.archive.Collectors()...)
	registry.MustRegister(d.ingest.Collectors()...)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if err := d.archive.Stats().Refused; err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n")) // an error means that the asker has gone
	})
	return mux
}

// served is the daemon's archive as the commands see it.
type served struct {
	local
	daemon *daemon
}

// Status adds how the daemon is.
func (s *served) Status(ctx context.Context) (status, error) {
	st, err := s.local.Status(ctx)
	st.Daemon = &daemonStatus{PID: os.Getpid(), Started: s.daemon.started, Policy: digestText(s.daemon.ingest.Policy().Digest), Sources: []sourceStatus{}}
	if r := s.daemon.refused.Load(); r != nil {
		st.Daemon.ReloadError, st.Daemon.ReloadFailed = valid(r.text), r.at
	}
	st.Daemon.InFlight = inFlight(s.daemon.ingest.InFlight())
	for _, source := range s.daemon.ingest.Status() {
		st.Daemon.Sources = append(st.Daemon.Sources, newSourceStatus(&source))
	}
	return st, err
}

// View asks the policy that judges.
func (s *served) View(_ context.Context, source string) (view, error) {
	return viewOf(s.daemon.ingest.Policy(), source), nil
}

// Close leaves the archive open: it is the daemon's.
func (s *served) Close() error { return errors.New("the daemon's archive is closed by the daemon") }
