package policy

// Source gives the milter or journal of a name; nil when there is none.
func (p *Policy) Source(name string) *Source { return p.sources[name] }

// sourceOf gives the source of a name, and for one that the policy does not have one
// that archives everything for the first tenant.
func (p *Policy) sourceOf(name string) *Source {
	if s := p.Source(name); s != nil {
		return s
	}
	s := defaultSource(name, p.Tenants[0].Name, 0)
	return &s
}

// Milter gives the milter of a name; nil when there is none.
func (p *Policy) Milter(name string) *Milter {
	for i := range p.Milters {
		if p.Milters[i].Name == name {
			return &p.Milters[i]
		}
	}
	return nil
}

// Journal gives the journal of a name; nil when there is none.
func (p *Policy) Journal(name string) *Journal { return p.named[name] }

// Listener gives the listener of a name; nil when there is none.
func (p *Policy) Listener(name string) *Listener {
	for i := range p.Listeners {
		if p.Listeners[i].Name == name {
			return &p.Listeners[i]
		}
	}
	return nil
}
