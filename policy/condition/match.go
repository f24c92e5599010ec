package condition

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
)

const (
	maxPattern  = 4096 // bytes of a pattern that is not a literal
	maxPatterns = 64   // patterns kept compiled for one call of matches
)

func buildMatches[F any](c *compiler[F], k *call[F]) value[F] {
	in, p := k.args[0], k.args[1]
	switch {
	case in.kind != isString && (in.kind != isList || in.list.elem.kind != isString):
		return c.wrong(k, 0, "a string or a list of strings", "")
	case p.kind != isString:
		return c.wrong(k, 1, "a string", "")
	}
	pattern, ok := c.pattern(k, p)
	if !ok {
		return value[F]{}
	}
	if in.kind == isString {
		return k.holding(match(in.str, pattern))
	}
	one := match(in.list.elem.str, pattern)
	return k.holding(func(e *env[F]) (bool, error) { return in.list.find(e, one) })
}

func match[F any](s getter[F, string], pattern getter[F, *regexp.Regexp]) getter[F, bool] {
	return func(e *env[F]) (bool, error) {
		re, err := pattern(e)
		if err != nil {
			return false, err
		}
		text, err := s(e)
		return err == nil && re.MatchString(text), err
	}
}

// pattern gives the compiled pattern: compiled now if it is a literal.
func (c *compiler[F]) pattern(k *call[F], p value[F]) (getter[F, *regexp.Regexp], bool) {
	at := k.node.Args[1].Range()
	if p.constant {
		re, err := regexp.Compile(p.text)
		if err != nil {
			c.fault(at, "Wrong pattern", "%s. It is written as for Go or RE2; in a string a backslash is written twice.", reason(err))
			return nil, false
		}
		return always[F](re), true
	}
	cache := &patterns{at: at, compiled: map[string]*regexp.Regexp{}}
	return func(e *env[F]) (*regexp.Regexp, error) {
		text, err := p.str(e)
		if err != nil {
			return nil, err
		}
		return cache.get(text)
	}, true
}

func reason(err error) string {
	s := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	return strings.ToUpper(s[:1]) + s[1:]
}

// patterns keeps compiled patterns that depend on the facts. When it is full it
// starts anew: what comes from outside cannot make it grow.
type patterns struct {
	at       hcl.Range
	mu       sync.Mutex
	compiled map[string]*regexp.Regexp
}

func (p *patterns) get(text string) (*regexp.Regexp, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if re := p.compiled[text]; re != nil {
		return re, nil
	}
	if len(text) > maxPattern {
		return nil, &Error{At: p.at, Text: fmt.Sprintf("the pattern is longer than %d bytes", maxPattern)}
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, &Error{At: p.at, Text: fmt.Sprintf("%q is not a pattern: %s", short(text), reason(err))}
	}
	if len(p.compiled) >= maxPatterns {
		clear(p.compiled)
	}
	p.compiled[strings.Clone(text)] = re
	return re, nil
}

func buildCIDR[F any](c *compiler[F], k *call[F]) value[F] {
	in, address := k.args[0], k.args[1]
	items := []value[F]{in}
	if in.kind == isList {
		items = in.list.items
	}
	switch {
	case in.kind != isString && (in.kind != isList || in.list.elem.kind != isString):
		return c.wrong(k, 0, "a network such as \"10.0.0.0/8\", or a list of them", "")
	case address.kind != isString:
		return c.wrong(k, 1, "a string", "")
	}
	var nets []netip.Prefix
	good := items != nil
	for _, item := range items {
		good = good && item.constant
	}
	if !good {
		c.fault(k.node.Args[0].Range(), "Not a fixed value", "%s takes networks that are written out, not ones that depend on the message.", k.name)
		return value[F]{}
	}
	for _, item := range items {
		n, err := parseNetwork(item.text)
		if err != nil {
			c.badValue(item.rng, "a network", err.Error())
			good = false
		}
		nets = append(nets, n)
	}
	if !good {
		return value[F]{}
	}
	get := address.str
	return k.holding(func(e *env[F]) (bool, error) {
		s, err := get(e)
		return err == nil && inside(nets, s), err
	})
}

// inside tells whether s is an address in one of the networks. An IPv4 address
// in IPv6 form is the IPv4 address.
func inside(nets []netip.Prefix, s string) bool {
	if s == "" {
		return false
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	for _, n := range nets {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

func parseNetwork(s string) (netip.Prefix, error) {
	n, err := netip.ParsePrefix(s)
	if err != nil {
		if addr, err := netip.ParseAddr(s); err == nil {
			return n, fmt.Errorf("%q is an address. As a network it is \"%s/%d\"", s, addr, addr.BitLen())
		}
		return n, fmt.Errorf("%q is not a network. One is written \"10.0.0.0/8\" or \"2001:db8::/32\"", s)
	}
	if n.Addr().Is4In6() {
		return n, fmt.Errorf("%q is an IPv4 network in IPv6 form; write it as IPv4", s)
	}
	if n != n.Masked() {
		return n, fmt.Errorf("%q has an address inside the network. The network is %q", s, n.Masked())
	}
	return n, nil
}
