package lmtp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// The PROXY protocol: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
const (
	proxyV1   = "PROXY "
	proxyV2   = "\r\n\r\n\x00\r\nQUIT\n"
	proxyHead = len(proxyV2) + 4 // of version 2: version and command, family and protocol, length

	maxProxyV1 = 107  // octets
	maxProxyV2 = 4096 // octets after the head; addresses take 36, the rest may be extensions
)

var (
	errNoProxyHeader   = errors.New("not a PROXY header")
	errLongProxyHeader = errors.New("PROXY header too long")
	errOddProxyHeader  = errors.New("PROXY header without a client over TCP")
)

// isProxy reports whether a connection from this address is one of a balancer.
func (c *Config) isProxy(addr netip.Addr) bool {
	for _, p := range c.Proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// identify finds out who the peer is. It reads nothing that does not belong to a PROXY header.
func (s *session) identify() error {
	remote := s.wire.raw.RemoteAddr()
	s.client, s.addr = clientName(remote), addrPort(remote)
	if !s.cfg.isProxy(s.addr.Addr()) {
		return nil
	}
	if err := s.wire.arm(earlier(time.Now().Add(proxyTimeout), s.wire.limit)); err != nil {
		s.wire.close() // nobody is there yet to be told
		return err
	}
	source, err := readProxyHeader(s.wire.raw)
	switch {
	case errors.Is(err, io.EOF): // a balancer that looks whether somebody listens
		s.wire.close()
		return err
	case err != nil:
		s.log.Warn("connection of a balancer without a valid PROXY header", "client", s.client, "error", err)
		s.wire.close()
		return fmt.Errorf("reading a PROXY header: %w", err)
	case source != nil:
		s.client, s.addr = clientName(source), addrPort(source)
	}
	return nil
}

// addrPort is a as package netip has it: IPv4 in four octets, no zone. It is not valid if a is no IP address.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// readProxyHeader reads a header and not an octet more. It returns the client, or nil if the connection is the balancer's own. The
// error is io.EOF if there was nothing.
func readProxyHeader(r io.Reader) (net.Addr, error) {
	text, err := cutProxyHeader(r)
	if err != nil {
		return nil, err
	}
	header, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(text), len(text)))
	if err != nil {
		return nil, err
	}
	if header.Command.IsLocal() {
		return nil, nil
	}
	source, _, ok := header.TCPAddrs()
	if !ok || !addrPort(source).IsValid() {
		return nil, errOddProxyHeader
	}
	return source, nil
}

// cutProxyHeader reads the octets of a header one at a time, since those that follow belong to somebody else.
func cutProxyHeader(r io.Reader) ([]byte, error) {
	header := make([]byte, 0, maxProxyV1)
	for {
		n := len(header)
		header = append(header, 0)
		if _, err := io.ReadFull(r, header[n:]); err != nil {
			if n > 0 {
				err = cut(err)
			}
			return nil, err
		}
		switch text := string(header); {
		case len(text) <= len(proxyV1) && text == proxyV1[:len(text)], len(text) <= len(proxyV2) && text == proxyV2[:len(text)]:
		case header[0] == proxyV1[0] && n >= len(proxyV1):
			if header[n] == '\n' {
				return header, nil
			}
			if len(header) == maxProxyV1 {
				return nil, errLongProxyHeader
			}
		case header[0] == proxyV2[0] && n >= len(proxyV2):
			if len(header) == proxyHead {
				return proxyBody(r, header)
			}
		default:
			return nil, errNoProxyHeader
		}
	}
}

// proxyBody reads what follows the head of version 2.
func proxyBody(r io.Reader, head []byte) ([]byte, error) {
	length := int(binary.BigEndian.Uint16(head[proxyHead-2:]))
	if length > maxProxyV2 {
		return nil, errLongProxyHeader
	}
	header := append(head, make([]byte, length)...)
	if _, err := io.ReadFull(r, header[proxyHead:]); err != nil {
		return nil, cut(err)
	}
	return header, nil
}
