package archive

import "sync"

// pins keep contents from being dropped while somebody who has found them, or has
// just written them, is about to refer to them. And they keep contents that are about
// to be dropped from being found.
//
// An append pins each content before it looks whether it is there, and lets go of it
// when its entry is on stable storage and applied, or has failed. A compaction dooms
// those that nothing refers to: what is pinned then is left out, and who pins a doomed
// content takes it for missing and writes it again. So, after dooming, whatever refers
// to a doomed content has done so before, by an entry that can be read.
type pins struct {
	mu     sync.Mutex
	held   map[string]int // by content key: how many appends hold it
	doomed map[string]bool
}

// pin holds a content, and tells whether it is doomed.
func (p *pins) pin(key string) (doomed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = map[string]int{}
	}
	p.held[key]++
	return p.doomed[key]
}

// release lets go of contents, each of which was pinned once.
func (p *pins) release(keys map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range keys {
		if p.held[key]--; p.held[key] == 0 {
			delete(p.held, key)
		}
	}
}

// pinned tells whether somebody holds a content.
func (p *pins) pinned(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held[key] > 0
}

// doom marks a content as about to be dropped, unless somebody holds it.
func (p *pins) doom(key string) (done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[key] > 0 {
		return false
	}
	if p.doomed == nil {
		p.doomed = map[string]bool{}
	}
	p.doomed[key] = true
	return true
}

// spare takes all marks away. There is one compaction at a time, whose marks they are.
func (p *pins) spare() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doomed = nil
}
