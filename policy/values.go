package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
)

// The readers of values take a key that may be missing, which is the zero value,
// and note what is wrong with it in its place.

func (b *builder) fault(at hcl.Range, summary, format string, args ...any) {
	b.diags = append(b.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(format, args...),
		Subject:  &at,
	})
}

func (b *builder) wrong(a *hcl.Attribute, format string, args ...any) {
	b.fault(a.Expr.Range(), fmt.Sprintf("Wrong value for %q", a.Name), format, args...)
}

// value decodes the key's value into target and tells whether it is there.
func (b *builder) value(a *hcl.Attribute, target any) bool {
	if a == nil {
		return false
	}
	value, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		b.diags = append(b.diags, diags...)
		return false
	}
	if value.IsNull() {
		b.wrong(a, "null stands for nothing: leave it out.")
		return false
	}
	if gohcl.DecodeExpression(a.Expr, nil, target).HasErrors() {
		b.wrong(a, "It must be %s.", wanted(a.Name, target))
		return false
	}
	return true
}

// wanted names what a key's value must be.
func wanted(key string, target any) string {
	switch target.(type) {
	case *string:
		return "one text in quotes"
	case *bool:
		return "true or false"
	case *int:
		return "a whole number"
	case *[]string:
		return fmt.Sprintf("a list of texts, as in %s = [\"...\"]", key)
	}
	return fmt.Sprintf("a set of names and texts, as in %s = { Name = \"...\" }", key)
}

func (b *builder) text(a *hcl.Attribute) string {
	var s string
	if b.value(a, &s) && s == "" {
		b.wrong(a, "It must not be empty; leave the key out for the default.")
	}
	return s
}

func (b *builder) size(a *hcl.Attribute) int64 {
	var s string
	if !b.value(a, &s) {
		return 0
	}
	n, err := ParseSize(s)
	if err != nil {
		b.wrong(a, "%s.", sentence(err))
	} else if n == 0 {
		b.wrong(a, "It must be more than 0; leave the key out for the default.")
	}
	return n
}

func (b *builder) count(a *hcl.Attribute, most int) int {
	var n int
	if b.value(a, &n) && (n < 1 || n > most) {
		b.wrong(a, "It must be a whole number from 1 to %d.", most)
	}
	return n
}

func (b *builder) addr(a *hcl.Attribute) Addr {
	var s string
	if !b.value(a, &s) {
		return Addr{}
	}
	addr, err := ParseAddr(s)
	if err != nil {
		b.wrong(a, "%s.", sentence(err))
	}
	return addr
}

// listen is addr for what must not be claimed twice.
func (b *builder) listen(a *hcl.Attribute) Addr {
	addr := b.addr(a)
	if addr.Address == "" || addr.Network == "tcp" && strings.HasSuffix(addr.Address, ":0") {
		return addr
	}
	if first, ok := b.listens[addr]; ok {
		b.wrong(a, "%s is taken already, at %s.", addr, place(first))
		return addr
	}
	b.listens[addr] = a.Range
	return addr
}

func (b *builder) choice(a *hcl.Attribute, words ...string) string {
	var s string
	if !b.value(a, &s) {
		return ""
	}
	if !slices.Contains(words, s) {
		b.wrong(a, "It must be one of %q.%s", words, didYouMean(s, words))
	}
	return s
}

func (b *builder) path(a *hcl.Attribute) string {
	s := b.text(a)
	if s == "" {
		return s
	}
	return b.relative(a, s)
}

// relative gives a path that starts at the folder of the file that names it.
func (b *builder) relative(a *hcl.Attribute, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(a.Range.Filename), path)
}

// duration reads a length of time, which may be 0 only where it says so.
func (b *builder) duration(a *hcl.Attribute, zero bool, missing time.Duration) time.Duration {
	var s string
	if !b.value(a, &s) {
		return missing
	}
	d, err := ParseDuration(s)
	if err != nil {
		b.wrong(a, "%s.", sentence(err))
	} else if d == 0 && !zero {
		b.wrong(a, "It must be more than 0; leave the key out for no limit.")
	}
	return d
}

// flag reads true or false.
func (b *builder) flag(a *hcl.Attribute, missing bool) bool {
	value := missing
	b.value(a, &value)
	return value
}

// file reads the path of a file that must be there, and gives the beginning of its
// text, up to 4 KiB.
func (b *builder) file(a *hcl.Attribute) (path string, text []byte) {
	path = b.path(a)
	if path == "" {
		return "", nil
	}
	text, err := readRegular(path, 4<<10)
	if err != nil && !errors.Is(err, errTooLarge) {
		b.wrong(a, "The file cannot be read: %s.", reason(err))
		return "", nil
	}
	return path, text
}

// item is one text of a list and its place.
type item struct {
	text string
	at   hcl.Range
}

// maxItems bounds the lists of a policy.
const maxItems = 10_000

// items reads a list of texts; what is empty in it is a mistake.
func (b *builder) items(a *hcl.Attribute) []item {
	if a == nil {
		return nil
	}
	exprs, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() {
		exprs = nil
	}
	var list []item
	switch {
	case len(exprs) > maxItems:
		b.wrong(a, "The list has %d texts, and at most %d can be read. Addresses can stand in known_files.", len(exprs), maxItems)
		return nil
	case exprs == nil:
		var texts []string
		b.value(a, &texts)
		for _, text := range texts {
			list = append(list, item{text, a.Expr.Range()})
		}
	}
	for _, expr := range exprs {
		// One by one, as the time to decode a list as a whole grows with its square.
		one := hcl.Attribute{Name: a.Name, Expr: expr}
		var text string
		if b.value(&one, &text) {
			list = append(list, item{text, expr.Range()})
		}
	}
	return slices.DeleteFunc(list, func(it item) bool {
		if it.text == "" {
			b.wrongItem(a, it, "An empty text stands for nothing: leave it out.")
		}
		return it.text == ""
	})
}

func (b *builder) wrongItem(a *hcl.Attribute, it item, format string, args ...any) {
	b.fault(it.at, fmt.Sprintf("Wrong value for %q", a.Name), format, args...)
}

// prefixes reads a list of networks and single addresses.
func (b *builder) prefixes(a *hcl.Attribute) []netip.Prefix {
	var list []netip.Prefix
	for _, it := range b.items(a) {
		p, err := parsePrefix(it.text)
		if err != nil {
			b.wrongItem(a, it, "%s.", sentence(err))
			continue
		}
		list = append(list, p)
	}
	return list
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q is neither an IP address nor a network, as in \"192.0.2.7\", \"10.0.0.0/8\" or \"2001:db8::/32\"", s)
	case p.Addr().Is4In6():
		return p, fmt.Errorf("%q is an IPv4 network written as IPv6: write it as in \"10.0.0.0/8\"", s)
	case p != p.Masked():
		return p, fmt.Errorf("%q has bits beyond its length: write %q for the network or %q for the one address", s, p.Masked(), p.Addr())
	}
	return p, nil
}

// fieldNames reads a list of names of header fields.
func (b *builder) fieldNames(a *hcl.Attribute) []string {
	var list []string
	for _, it := range b.items(a) {
		same := func(s string) bool { return strings.EqualFold(s, it.text) }
		switch {
		case !isFieldName(it.text) || len(it.text) > maxFieldName:
			b.wrongItem(a, it, "%q is not the name of a header field, as in \"X-Original-To\": no blanks, no colon, at most %d characters.",
				it.text, maxFieldName)
		case slices.ContainsFunc(list, same):
			b.wrongItem(a, it, "%q stands there twice: leave one out.", it.text)
		default:
			list = append(list, it.text)
		}
	}
	return list
}

// maxFieldName is more than a line of a header should have (RFC 5322 section 2.1.1).
const maxFieldName = 100

// didYouMean is a suggestion for what was given, where one of the names is near.
func didYouMean(given string, names []string) string {
	best, distance := "", 3
	for _, name := range names {
		if d := levenshtein.Distance(strings.ToLower(given), strings.ToLower(name), nil); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

// reason gives an error of the file system without the path, which stands beside it.
func reason(err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return err.Error()
}

func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

func place(r hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}
