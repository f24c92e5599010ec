package policy

import (
	"hash/maphash"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
)

// listJob is the work of reading the lists of one tenant.
type listJob struct {
	tenant *Tenant
	items  []item // lines in the policy
	paths  []item // of the files, with the places that name them

	files []File
	diags hcl.Diagnostics
}

// claim is whose an address is in a list.
type claim struct {
	primary string
	at      hcl.Range
}

// knownAddresses reads the lists of all tenants, several at the same time.
func (b *builder) knownAddresses(tenants []Tenant, bodies []tenantBody) {
	var jobs []*listJob
	for i := range tenants {
		if job := b.listJob(&tenants[i], &bodies[i]); job != nil {
			jobs = append(jobs, job)
		}
	}
	seed := maphash.MakeSeed()
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(len(jobs), runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			l := lister{domains: &b.table.domains, seed: seed, buf: make([]byte, listBuffer)}
			for {
				i := int(next.Add(1)) - 1
				if i >= len(jobs) {
					return
				}
				l.run(jobs[i])
			}
		})
	}
	wait.Wait()
	for _, job := range jobs {
		b.diags = append(b.diags, job.diags...)
		b.lists = append(b.lists, job.files...)
	}
}

// listJob reads which lists a tenant has; nil when there are none.
func (b *builder) listJob(t *Tenant, body *tenantBody) *listJob {
	if body.Known == nil && body.KnownFiles == nil {
		return nil
	}
	if body.Domains == nil {
		b.fault(body.Range, "Addresses without domains", "An address is internal by its domain: add domains = [...] to this tenant.")
		return nil
	}
	job := &listJob{tenant: t, items: b.someItems(body.Known)}
	seen := make(map[string]bool)
	for _, it := range b.someItems(body.KnownFiles) {
		path := b.relative(body.KnownFiles, it.text)
		if seen[path] {
			b.wrongItem(body.KnownFiles, it, "%q stands there twice: leave one out.", it.text)
			continue
		}
		seen[path] = true
		job.paths = append(job.paths, item{path, it.at})
	}
	return job
}

// someItems reads a list that must not be empty.
func (b *builder) someItems(a *hcl.Attribute) []item {
	before := len(b.diags)
	list := b.items(a)
	if a != nil && len(list) == 0 && len(b.diags) == before {
		b.wrong(a, "An empty list would make every address an unknown one: leave the key out to have all known.")
	}
	return list
}

// run reads the lists of a job into its tenant.
func (l *lister) run(job *listJob) {
	l.reset(job.tenant)
	l.all(job)
	if !job.diags.HasErrors() {
		job.tenant.known = l.table()
		l.findDoubtful(job.tenant.known)
	}
	if len(l.doubtful) > 0 {
		first := slices.Clone(job.files)
		l.claims = make(map[string]claim)
		l.all(job)
		job.checkSame(first)
	}
}

// checkSame finds files that were replaced between the two readings: what has been
// read of the first must not judge under the digest of the second.
func (job *listJob) checkSame(first []File) {
	for i := range job.paths {
		if job.files[i].SHA256 != first[i].SHA256 {
			job.diags = append(job.diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "File has changed", Subject: &job.paths[i].at,
				Detail: job.paths[i].text + " was written to while it was read: try again.",
			})
		}
	}
}

// table makes the table of what has been read.
func (l *lister) table() *known {
	return &known{
		seed: l.seed, domains: l.tenant.Domains,
		primaries:   newHashTable(l.primaries, nil),
		secondaries: newHashTable(l.secondaries, l.owners),
		texts:       slices.Clone(l.texts),
	}
}

// all reads the lists of a job, the text of the policy first.
func (l *lister) all(job *listJob) {
	job.files = job.files[:0]
	l.faults = 0
	for i := range job.items {
		l.place = listPlace{item: &job.items[i].at}
		l.line([]byte(job.items[i].text))
	}
	l.more()
	for i := range job.paths {
		path := job.paths[i]
		before := len(l.primaries)
		file, err := l.file(path.text)
		l.place = listPlace{item: &path.at}
		switch {
		case err != nil:
			l.faults = 0
			l.fault(0, 0, "Unreadable list", "%s cannot be read: %s.", path.text, reason(err))
		case len(l.primaries) == before && l.faults == 0:
			l.fault(0, 0, "Empty list", "%s has no address. If all addresses of the tenant shall be known, leave known_files out.", path.text)
		}
		job.files = append(job.files, file)
	}
	job.diags = append(job.diags, l.diags...)
	l.diags = nil
}

// maxDoubtful bounds the memory that a list of wrong addresses takes.
const maxDoubtful = 1000

// findDoubtful finds the hashes of addresses that seem to have two primary ones. As
// hashes of different addresses can be the same, that has to be checked.
func (l *lister) findDoubtful(k *known) {
	for i, h := range l.secondaries {
		if k.primaries.find(h) < 0 {
			first := k.secondaries.values[k.secondaries.find(h)]
			if first == l.owners[i] || textAt(k.texts, first, k.domains) == textAt(k.texts, l.owners[i], k.domains) {
				continue
			}
		}
		if l.doubtful == nil {
			l.doubtful = make(map[uint64]bool)
		}
		if l.doubtful[h] = true; len(l.doubtful) == maxDoubtful {
			return
		}
	}
}

// claim notes whose an address is, and finds those that have two primary addresses.
func (l *lister) claim(address []byte, start, end int) {
	if l.claims == nil || !l.doubtful[maphash.Bytes(l.seed, address)] {
		return
	}
	at, _ := l.at(start, end)
	first, ok := l.claims[string(address)]
	if !ok {
		l.claims[string(address)] = claim{string(l.primary.address), at}
		return
	}
	if first.primary == string(l.primary.address) {
		return
	}
	l.tell(start, end, "Two primary addresses", "%q is %s at %s, and %s here: an address has one primary address, the first of its line.",
		address, role(string(address), first.primary), place(first.at), role(string(address), string(l.primary.address)))
}

func role(address, primary string) string {
	if address == primary {
		return "a primary address itself"
	}
	return "a secondary one of " + strconv.Quote(primary)
}
