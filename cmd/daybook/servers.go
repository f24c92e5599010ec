package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
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

// loadCertificates reads the certificates of LMTP sources, nil for those without.
func loadCertificates(list []policy.LMTP) ([]*tls.Config, error) {
	configs := make([]*tls.Config, len(list))
	for i, l := range list {
		if l.TLSCert == "" {
			continue
		}
		pair, err := tls.LoadX509KeyPair(l.TLSCert, l.TLSKey)
		if err != nil {
			return nil, refuse("lmtp "+l.Name+": "+l.TLSCert, err, "correct tls_cert and tls_key")
		}
		configs[i] = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	return configs, nil
}

// setServers makes the server of every door.
func (d *daemon) setServers(ctx context.Context, certificates []*tls.Config) {
	d.ingest = ingest.New(ingest.Config{
		Archive:  d.archive,
		SpoolDir: d.spoolDir(),
		Logger:   d.log,
	})
	for i, m := range d.pol.Milters {
		source := ingest.Source{
			Name: m.Name, Kind: ingest.KindMilter, Tenant: m.Tenant, OnFailure: m.OnFailure,
			Listen: d.mail[i].bound().String(), MaxMessage: m.MaxMessage,
		}
		d.mail[i].closed = milter.ErrServerClosed
		d.mail[i].server = milter.NewServer(milter.Config{NewSession: d.ingest.Milter(source), Logger: d.log})
	}
	for i, l := range d.pol.LMTPs {
		door := d.mail[len(d.pol.Milters)+i]
		source := ingest.Source{
			Name: l.Name, Kind: ingest.KindLMTP, Tenant: l.Tenant,
			Listen: door.bound().String(), MaxMessage: l.MaxMessage,
		}
		door.closed = lmtp.ErrServerClosed
		door.server = lmtp.NewServer(lmtp.Config{
			Handler: d.ingest.LMTP(source), Hostname: d.pol.Server.Hostname, MaxMessage: l.MaxMessage,
			MaxRecipients: l.MaxRecipients, TLS: certificates[i], Logger: d.log,
		})
	}
	control := &control{store: &served{local: local{archive: d.archive, data: d.pol.Server.Data}, daemon: d}}
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
	st.Daemon = &daemonStatus{PID: os.Getpid(), Started: s.daemon.started, Sources: []sourceStatus{}}
	for _, source := range s.daemon.ingest.Status() {
		st.Daemon.Sources = append(st.Daemon.Sources, newSourceStatus(&source))
	}
	return st, err
}

// Close leaves the archive open: it is the daemon's.
func (s *served) Close() error { return errors.New("the daemon's archive is closed by the daemon") }
