package policy

import (
	"fmt"
	"slices"
)

// SetMilter puts an address in place of that of the one milter there is, or adds a
// milter; Off takes them all away, and the zero Addr changes nothing. It is for the
// command line, before the policy is used. The error says what the policy has too
// many of.
func (p *Policy) SetMilter(a Addr) error {
	switch {
	case !a.IsSet():
		return nil
	case a.IsOff():
		p.Milters = nil
	case len(p.Milters) == 1:
		p.Milters[0].Listen = a
	default:
		if err := p.addable("milter", len(p.Milters)); err != nil {
			return err
		}
		p.Milters = append(p.Milters, Milter{
			Source: defaultSource("milter", p.Tenants[0].Name, 0), OnFailure: OnFailureTempFail,
			Listen: a, MaxMessage: p.Server.MaxMessage,
		})
	}
	p.index()
	return nil
}

// SetLMTP is SetMilter for listeners of LMTP.
func (p *Policy) SetLMTP(a Addr) error {
	is := func(l Listener) bool { return l.Kind == KindLMTP }
	first := slices.IndexFunc(p.Listeners, is)
	count := 0
	for i := range p.Listeners {
		if is(p.Listeners[i]) {
			count++
		}
	}
	switch {
	case !a.IsSet():
		return nil
	case a.IsOff():
		p.dropListeners(is)
	case count == 1:
		p.Listeners[first].Listen = a
	default:
		if err := p.addable(KindLMTP, count); err != nil {
			return err
		}
		p.Listeners = append(p.Listeners, Listener{Name: KindLMTP, Kind: KindLMTP, Listen: a, MaxMessage: p.Server.MaxMessage})
		p.Journals = append(p.Journals, plainJournal(defaultSource(KindLMTP, p.Tenants[0].Name, defaultInactivity)))
	}
	p.index()
	return nil
}

// DropOff takes away the milters and listeners whose address is off.
func (p *Policy) DropOff() {
	p.Milters = slices.DeleteFunc(p.Milters, func(m Milter) bool { return m.Listen.IsOff() })
	p.dropListeners(func(l Listener) bool { return l.Listen.IsOff() })
	p.index()
}

// dropListeners takes listeners away, and the journals that are left with none.
func (p *Policy) dropListeners(drop func(Listener) bool) {
	gone := make(map[string]bool)
	for _, l := range p.Listeners {
		if drop(l) {
			gone[l.Name] = true
		}
	}
	p.Listeners = slices.DeleteFunc(p.Listeners, drop)
	for i := range p.Journals {
		p.Journals[i].Via = slices.DeleteFunc(slices.Clone(p.Journals[i].Via), func(name string) bool { return gone[name] })
	}
	p.Journals = slices.DeleteFunc(p.Journals, func(j Journal) bool { return len(j.Via) == 0 })
}

// addable tells why a milter or listener of that name cannot be added to those there
// are already.
func (p *Policy) addable(name string, already int) error {
	switch {
	case already > 1:
		return fmt.Errorf("the configuration has %d of these", already)
	case len(p.Tenants) > 1:
		return fmt.Errorf("the configuration has %d tenants", len(p.Tenants))
	case p.sources[name] != nil || p.Listener(name) != nil:
		return fmt.Errorf("the configuration uses the name %q for something else", name)
	}
	return nil
}

// index makes the tables of sources and journals anew.
func (p *Policy) index() {
	p.sources = make(map[string]*Source)
	for i := range p.Milters {
		p.sources[p.Milters[i].Name] = &p.Milters[i].Source
	}
	p.journals = make(map[journalKey]*Journal)
	p.named = make(map[string]*Journal)
	for i := range p.Journals {
		j := &p.Journals[i]
		p.sources[j.Name] = &j.Source
		p.named[j.Name] = j
		for _, listener := range j.Via {
			p.journals[journalKey{listener, j.Address}] = j
		}
	}
}
