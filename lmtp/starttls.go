package lmtp

import "fmt"

// startTLS is RFC 3207. Everything that was said in the clear is forgotten, and what the peer sent ahead of the handshake is thrown
// away, so that nothing an attacker put there is taken for said under TLS.
func (s *session) startTLS(arg string) error {
	switch {
	case arg != "":
		return s.refused(refuse(501, "5.5.4", "STARTTLS takes no argument"))
	case s.tls != nil:
		return s.refused(refuse(503, "5.5.1", "TLS is active already"))
	case s.cfg.TLS == nil:
		return s.refused(refuse(502, "5.5.1", "STARTTLS is not offered"))
	case s.tx.chunks != nil:
		return s.refused(refuse(503, "5.5.1", "STARTTLS within a message"))
	}
	if err := s.say([]byte("220 2.0.0 ready to start TLS\r\n")); err != nil {
		return err
	}
	state, discarded, err := s.wire.handshake(s.ctx, s.cfg.TLS)
	if err != nil {
		s.log.Info("tls handshake failed", "client", s.client, "error", err)
		s.wire.close() // there is no layer left to say anything in
		return fmt.Errorf("tls handshake: %w", err)
	}
	if discarded > 0 {
		s.log.Warn("octets after STARTTLS discarded", "client", s.client, "count", discarded)
	}
	s.tls = &state
	s.greeted, s.plain, s.helo, s.user = false, false, "", ""
	s.tx = transaction{}
	s.lib.close()
	// Its greeting has no place after a handshake.
	s.lib, _, err = startLibrary(s.cfg, nil, s.offersAuth())
	return err
}
