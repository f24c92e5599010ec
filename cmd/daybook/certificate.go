package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"daybook/policy"
)

// identity is the certificate of a listener, and those that it knows its clients by.
// It changes with a reload, for the connections that begin afterwards. It is safe for
// concurrent use.
type identity struct{ current atomic.Pointer[tls.Config] }

// config gives what a listener is made with; nil when it has no certificate.
func (i *identity) config() *tls.Config {
	if i == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return i.current.Load(), nil },
	}
}

// newIdentities gives each listener that has a certificate an identity.
func newIdentities(configs []*tls.Config) []*identity {
	list := make([]*identity, len(configs))
	for i, config := range configs {
		if config != nil {
			list[i] = &identity{}
			list[i].current.Store(config)
		}
	}
	return list
}

// loadCertificates reads the certificates of listeners, nil for those without.
func loadCertificates(list []policy.Listener) ([]*tls.Config, error) {
	configs := make([]*tls.Config, len(list))
	for i := range list {
		var err error
		if configs[i], err = loadCertificate(&list[i]); err != nil {
			return nil, err
		}
	}
	return configs, nil
}

func loadCertificate(l *policy.Listener) (*tls.Config, error) {
	if l.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(l.TLSCert, l.TLSKey)
	if err != nil {
		return nil, refuse(l.Kind+" "+l.Name+": "+l.TLSCert, err, "correct tls_cert and tls_key")
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if l.ClientCA == "" {
		return config, nil
	}
	if config.ClientCAs, err = loadAuthorities(l.ClientCA); err != nil {
		return nil, refuse(l.Kind+" "+l.Name+": "+l.ClientCA, err, "correct client_ca")
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	config.SessionTicketsDisabled = true // a client is looked at anew each time
	return config, nil
}

// loadAuthorities reads the certificates that those of clients are checked against.
func loadAuthorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, reasonOf(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("there is no certificate in the file")
	}
	return pool, nil
}

// soon is how long before its end a certificate is warned of.
const soon = 14 * 24 * time.Hour

// warnOfCertificates logs which certificates are not valid, or not for long. They are
// used all the same: most senders of journals do not look, and a daemon that does not
// start archives nothing.
func warnOfCertificates(log *slog.Logger, list []policy.Listener, configs []*tls.Config, now time.Time) {
	for i, config := range configs {
		if config == nil {
			continue
		}
		if doubt := doubtOf(config.Certificates[0].Leaf, now); doubt != "" {
			log.Warn("certificate", "listener", list[i].Name, "file", list[i].TLSCert, "problem", doubt,
				"way_out", "put a new one in its place, and run daybook policy reload")
		}
	}
}

// doubtOf says what is wrong with the dates of a certificate; nothing when all is
// well.
func doubtOf(c *x509.Certificate, now time.Time) string {
	const date = "2006-01-02 15:04 UTC"
	switch {
	case now.After(c.NotAfter):
		return fmt.Sprintf("it expired at %s", c.NotAfter.UTC().Format(date))
	case now.Before(c.NotBefore):
		return fmt.Sprintf("it is not valid before %s", c.NotBefore.UTC().Format(date))
	case now.Add(soon).After(c.NotAfter):
		return fmt.Sprintf("it expires at %s", c.NotAfter.UTC().Format(date))
	}
	return ""
}
