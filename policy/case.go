package policy

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"daybook/archive/message"

	"github.com/hashicorp/hcl/v2"
)

// Test is a message and what must be decided about it.
type Test struct {
	Name string
	// At is its place, as file:line.
	At string

	facts  Facts
	expect []expectation
}

// expectation is what must be decided for a tenant. A nil field is not looked at.
type expectation struct {
	at     string
	tenant *string
	action *string
	rule   *string
	tags   *[]string
	flags  *[]string
}

type testBody struct {
	Name       string         `hcl:"name,label"`
	Range      hcl.Range      `hcl:",def_range"`
	Source     *hcl.Attribute `hcl:"source,optional"`
	Sender     *hcl.Attribute `hcl:"sender,optional"`
	Recipients *hcl.Attribute `hcl:"recipients,optional"`
	Received   *hcl.Attribute `hcl:"received,optional"`
	Size       *hcl.Attribute `hcl:"size,optional"`
	Header     *hcl.Attribute `hcl:"header,optional"`
	Message    *hcl.Attribute `hcl:"message,optional"`
	Client     *clientBody    `hcl:"client,block"`
	Journal    *wrapBody      `hcl:"journal,block"`
	Expect     []expectBody   `hcl:"expect,block"`
}

type clientBody struct {
	Address  *hcl.Attribute `hcl:"address,optional"`
	Name     *hcl.Attribute `hcl:"name,optional"`
	Helo     *hcl.Attribute `hcl:"helo,optional"`
	Protocol *hcl.Attribute `hcl:"protocol,optional"`
	User     *hcl.Attribute `hcl:"user,optional"`
	TLS      *hcl.Attribute `hcl:"tls,optional"`
}

type wrapBody struct {
	Kind  *hcl.Attribute `hcl:"kind,optional"`
	Flags *hcl.Attribute `hcl:"flags,optional"`
}

type expectBody struct {
	Range  hcl.Range      `hcl:",def_range"`
	Tenant *hcl.Attribute `hcl:"tenant,optional"`
	Action *hcl.Attribute `hcl:"action,optional"`
	Rule   *hcl.Attribute `hcl:"rule,optional"`
	Tags   *hcl.Attribute `hcl:"tags,optional"`
	Flags  *hcl.Attribute `hcl:"flags,optional"`
}

// tests reads the tests. Everything else must have been read.
func (b *builder) tests(p *Policy, list []testBody) {
	seen := make(map[string]hcl.Range)
	for i := range list {
		body := &list[i]
		if first, ok := seen[body.Name]; ok {
			b.fault(body.Range, "Name used twice", "The test %q is at %s already.", body.Name, place(first))
		}
		seen[body.Name] = body.Range
		p.Tests = append(p.Tests, b.test(p, body))
	}
}

func (b *builder) test(p *Policy, body *testBody) Test {
	t := Test{Name: body.Name, At: line(body.Range)}
	t.facts = Facts{
		Source:     b.sourceOf(p, body.Source, body.Range),
		Received:   b.time(body.Received),
		Sender:     b.anyText(body.Sender),
		Recipients: b.list(body.Recipients),
		Size:       b.size(body.Size),
	}
	if c := body.Client; c != nil {
		t.facts.Client = message.Client{
			Address: b.ip(c.Address), Name: b.anyText(c.Name), Helo: b.anyText(c.Helo),
			Protocol: b.anyText(c.Protocol), User: b.anyText(c.User), TLS: b.anyText(c.TLS),
		}
	}
	if j := body.Journal; j != nil {
		t.facts.JournalKind = b.choice(j.Kind, journalKinds()...)
		t.facts.JournalFlags = b.list(j.Flags)
	}
	b.content(&t.facts, body)
	for i := range body.Expect {
		t.expect = append(t.expect, b.expectation(p, &body.Expect[i]))
	}
	if len(t.expect) == 0 {
		b.fault(body.Range, "Nothing expected", "Add expect { action = \"...\" }: a test without one would always pass.")
	}
	return t
}

// content reads what the message itself says: a file, or header fields.
func (b *builder) content(f *Facts, body *testBody) {
	var head []byte
	if path := b.path(body.Message); path != "" {
		text, size, err := readHead(path)
		if err != nil {
			b.wrong(body.Message, "The message cannot be read: %v.", err)
		}
		head = text
		f.Size = cmp.Or(f.Size, size)
	}
	if body.Message != nil && body.Header != nil {
		b.fault(body.Header.Range, "Header beside a message", "The message file has a header: leave one of the two out.")
	}
	var fields map[string]string
	b.value(body.Header, &fields)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !isFieldName(name) || strings.ContainsAny(fields[name], "\r\n") {
			b.wrong(body.Header, "%q is not a header field, a name and one line.", name+": "+fields[name])
		}
		head = append(head, name+": "+fields[name]+"\r\n"...)
	}
	f.Summary = message.Summarize(head)
	f.Head = func() []byte { return head }
	if f.Received.IsZero() {
		f.Received = time.Unix(f.Summary.Date, 0)
	}
}

// readHead reads the beginning of a message file and gives its size.
func readHead(path string) ([]byte, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	head, err := io.ReadAll(io.LimitReader(f, message.MaxHeader))
	return head, info.Size(), err
}

// isFieldName tells whether a header field can have the name (RFC 5322 section 2.2).
func isFieldName(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return s != ""
}

func (b *builder) sourceOf(p *Policy, a *hcl.Attribute, block hcl.Range) string {
	names := sourceNames(p)
	if a == nil && len(names) == 1 {
		return names[0]
	}
	if a == nil {
		b.fault(block, "No source", "Add source = \"...\" to say how the message comes in: one of %q.", names)
		return ""
	}
	return b.choice(a, names...)
}

func (b *builder) expectation(p *Policy, body *expectBody) expectation {
	e := expectation{at: line(body.Range)}
	if body.Tenant != nil {
		name := b.choice(body.Tenant, tenantNames(p)...)
		e.tenant = &name
	}
	if body.Action != nil {
		action := b.choice(body.Action, string(Archive), string(Quarantine), string(Skip))
		e.action = &action
	}
	if body.Rule != nil {
		rule := b.choice(body.Rule, ruleNames(p)...)
		e.rule = &rule
	}
	if body.Tags != nil {
		tags := b.list(body.Tags)
		e.tags = &tags
	}
	if body.Flags != nil {
		flags := b.list(body.Flags)
		e.flags = &flags
	}
	return e
}

func tenantNames(p *Policy) []string {
	var names []string
	for i := range p.Tenants {
		names = append(names, p.Tenants[i].Name)
	}
	return names
}

// ruleNames gives the names that a decision can have; the empty one stands for no
// rule.
func ruleNames(p *Policy) []string {
	names := []string{"", wordNonInternal, wordUnknownInternal, wordOnOld}
	for i := range p.Rules {
		names = append(names, p.Rules[i].Name)
	}
	return names
}

// anyText reads a text that may be empty.
func (b *builder) anyText(a *hcl.Attribute) string {
	var s string
	b.value(a, &s)
	return s
}

func (b *builder) list(a *hcl.Attribute) []string {
	var list []string
	for _, it := range b.items(a) {
		list = append(list, it.text)
	}
	return list
}

func (b *builder) ip(a *hcl.Attribute) string {
	s := b.anyText(a)
	if _, err := netip.ParseAddr(s); err != nil && s != "" {
		b.wrong(a, "%q is not an IP address.", s)
	}
	return s
}

func (b *builder) time(a *hcl.Attribute) time.Time {
	s := b.anyText(a)
	if s == "" {
		return time.Time{}
	}
	t, err := ParseTime(s)
	if err != nil {
		b.wrong(a, "%s.", sentence(err))
	}
	return t
}

// ParseTime reads a date, 2006-01-02 at 0:00 UTC, or a time as in RFC 3339.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write 2006-01-02 or 2006-01-02T15:04:05Z", s)
}

// Failure is a test whose message is decided about otherwise than expected.
type Failure struct {
	Test, At string
	// Text says what was expected and what was decided, in one line.
	Text string
}

// String gives the failure in one line that begins with its place.
func (f Failure) String() string { return fmt.Sprintf("%s: test %q: %s", f.At, f.Test, f.Text) }

// TestError is what a policy says that fails tests of its own.
type TestError struct {
	Failures []Failure
}

// Error gives the first failure and how many there are, in one line.
func (e *TestError) Error() string {
	s := e.Failures[0].String()
	if n := len(e.Failures) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// Check runs the policy's tests. The error, when one fails, is a [*TestError].
func (p *Policy) Check() error {
	var failed []Failure
	for i := range p.Tests {
		t := &p.Tests[i]
		decisions := p.Decide(&t.facts)
		for j := range t.expect {
			e := &t.expect[j]
			if text := e.compare(decisions); text != "" {
				failed = append(failed, Failure{Test: t.Name, At: e.at, Text: text})
			}
		}
	}
	if failed == nil {
		return nil
	}
	return &TestError{failed}
}

// compare says how the decisions differ from what was expected; nothing when they
// do not.
func (e *expectation) compare(decisions []Decision) string {
	d := &decisions[0]
	if e.tenant != nil {
		i := slices.IndexFunc(decisions, func(d Decision) bool { return d.Tenant == *e.tenant })
		if i < 0 {
			return fmt.Sprintf("tenant %q was expected to decide, but only %q did", *e.tenant, deciders(decisions))
		}
		d = &decisions[i]
	} else if len(decisions) > 1 {
		return fmt.Sprintf("the tenants %q decide, each for itself: give each an expect block with its tenant", deciders(decisions))
	}
	var differ []string
	differs := func(key string, want *string, got string) {
		if want != nil && *want != got {
			differ = append(differ, fmt.Sprintf("%s %q", key, *want))
		}
	}
	differs("action", e.action, string(d.Action))
	differs("rule", e.rule, d.Rule)
	if e.tags != nil && !slices.Equal(*e.tags, d.Tags) {
		differ = append(differ, fmt.Sprintf("tags %q", *e.tags))
	}
	if e.flags != nil && !slices.Equal(*e.flags, d.Flags) {
		differ = append(differ, fmt.Sprintf("flags %q", *e.flags))
	}
	if differ == nil {
		return ""
	}
	return fmt.Sprintf("expected %s; decided %s", strings.Join(differ, ", "), d)
}

func deciders(list []Decision) []string {
	var names []string
	for i := range list {
		names = append(names, list[i].Tenant)
	}
	return names
}

// String gives the decision in one line.
func (d *Decision) String() string {
	s := fmt.Sprintf("action %q", d.Action)
	if d.Rule == "" {
		s += ", as no rule matches"
	} else {
		s += fmt.Sprintf(" by %s at %s", d.Rule, d.At)
	}
	if len(d.Tags) > 0 {
		s += fmt.Sprintf(", tags %q", d.Tags)
	}
	if len(d.Flags) > 0 {
		s += fmt.Sprintf(", flags %q", d.Flags)
	}
	return s
}
