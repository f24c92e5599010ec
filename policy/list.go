package policy

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// Bounds of lists of addresses.
const (
	maxLine       = 64 << 10 // bytes
	maxKnown      = 100_000_000
	maxListFaults = 20 // that are told of one list
	listBuffer    = 256 << 10
)

// lister reads the lists of one tenant after the other and keeps its memory.
type lister struct {
	domains *domains
	seed    maphash.Seed
	tenant  *Tenant
	buf     []byte

	// What has been read of the tenant. A secondary address has the place of its
	// primary one in texts.
	primaries   []uint64
	secondaries []uint64
	owners      []uint32
	texts       []byte

	// The domain of the last address with the @ before it, and its number for
	// addText: mostly the next one has the same.
	suffix []byte
	number int

	primary primary // of the line at hand
	folded  []byte  // the address at hand, where it differs from what is written

	place  listPlace
	faults int // in the list at hand
	diags  hcl.Diagnostics

	// claims, unless nil, gathers whose the doubtful addresses are.
	claims   map[string]claim
	doubtful map[uint64]bool
}

// primary is the primary address of a line.
type primary struct {
	address []byte // empty: what stands there is no address
	local   int    // the length of its local part
	number  int    // of its domain, for addText
	textAt  int    // its place in texts, -1 until a secondary address needs it
}

// listPlace is where a list is being read: an item of the policy, or a line of a
// file.
type listPlace struct {
	item *hcl.Range
	file string
	line int // from 1
	text []byte
}

func (l *lister) reset(t *Tenant) {
	l.tenant = t
	l.primaries, l.secondaries = l.primaries[:0], l.secondaries[:0]
	l.owners, l.texts = l.owners[:0], l.texts[:0]
	l.suffix, l.number = l.suffix[:0], -1
	l.diags, l.claims, l.doubtful = nil, nil, nil
}

// file reads a list of lines. Errors are those of the file system.
func (l *lister) file(path string) (File, error) {
	f, err := openRegular(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	l.place, l.faults = listPlace{file: path}, 0
	file := File{Path: path}
	if err := l.lines(f, &file); err != nil {
		return file, err
	}
	l.more()
	return file, nil
}

// lines reads all of f and notes its size and digest.
func (l *lister) lines(f io.Reader, file *File) error {
	digest := sha256.New()
	kept, long := 0, false // long: inside a line that is too long
	for {
		n, err := f.Read(l.buf[kept:])
		digest.Write(l.buf[kept : kept+n])
		file.Size += int64(n)
		rest := l.buf[:kept+n]
		for {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				break
			}
			l.place.line++
			if !long {
				l.line(rest[:end])
			}
			rest, long = rest[end+1:], false
		}
		last := errors.Is(err, io.EOF)
		if len(rest) > maxLine || last && len(rest) > 0 {
			l.place.line++
			if !long {
				l.line(rest)
			}
			l.place.line--
			rest, long = rest[:0], true
		}
		kept = copy(l.buf, rest)
		switch {
		case last:
			digest.Sum(file.SHA256[:0])
			return nil
		case err != nil:
			return err
		case len(l.primaries)+len(l.secondaries) > maxKnown || uint64(len(l.texts)) > 1<<31:
			return fmt.Errorf("it has more than the %d addresses that a tenant can have", maxKnown)
		}
	}
}

// line reads a primary address and its secondary ones.
func (l *lister) line(text []byte) {
	// Nearly all lines of a large list are of this kind.
	if n := len(text) - len(l.suffix); l.claims == nil && len(l.suffix) > 0 && n > 0 && n <= maxLocal &&
		string(text[n:]) == string(l.suffix) && isPlain(text[:n]) {
		l.primaries = append(l.primaries, maphash.Bytes(l.seed, text))
		return
	}
	if l.place.item == nil {
		if l.place.line == 1 {
			text = bytes.TrimPrefix(text, []byte("\uFEFF"))
		}
		text = bytes.TrimSuffix(text, []byte("\r"))
	}
	l.place.text = text
	if len(text) > maxLine {
		l.fault(0, 1, "Line too long", "A line has at most %d bytes: a primary address may stand in several lines.", maxLine)
		return
	}
	l.words(text)
}

// words reads the addresses of a line, which stand between blanks and commas.
func (l *lister) words(text []byte) {
	l.primary = primary{address: l.primary.address[:0], textAt: -1}
	first := true
	for from := 0; ; {
		start, end := nextWord(text, from)
		if start == end || text[start] == '#' && l.place.item == nil {
			return
		}
		address, local := l.address(text, start, end)
		switch {
		case address == nil:
		case first:
			l.primary.address = append(l.primary.address, address...)
			l.primary.local, l.primary.number = local, l.number
			l.primaries = append(l.primaries, maphash.Bytes(l.seed, address))
			l.claim(address, start, end)
		case len(l.primary.address) > 0 && !bytes.Equal(address, l.primary.address):
			l.secondary(address)
			l.claim(address, start, end)
		}
		from, first = end, false
	}
}

func (l *lister) secondary(address []byte) {
	p := &l.primary
	if p.textAt < 0 {
		p.textAt = len(l.texts)
		l.texts = addText(l.texts, p.address[:p.local], p.address[p.local+1:], p.number)
	}
	l.secondaries = append(l.secondaries, maphash.Bytes(l.seed, address))
	l.owners = append(l.owners, uint32(p.textAt))
}

// nextWord gives the place of the next word, which is empty at the end. What stands
// in quotes belongs to one word.
func nextWord(text []byte, from int) (start, end int) {
	for from < len(text) && isSeparator(text[from]) {
		from++
	}
	quoted := false
	for end = from; end < len(text) && (quoted || !isSeparator(text[end])); end++ {
		switch text[end] {
		case '"':
			quoted = !quoted
		case '\\':
			if quoted && end+1 < len(text) {
				end++
			}
		}
	}
	return from, end
}

func isSeparator(c byte) bool { return c == ' ' || c == '\t' || c == ',' }

// isPlain tells whether a local part is one that has a single form.
func isPlain(local []byte) bool {
	for _, c := range local {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' && c != '+' {
			return false
		}
	}
	return true
}

// address gives a word in the form in which addresses are compared, and the length
// of its local part. What is no address of the tenant is a mistake, and nil.
func (l *lister) address(text []byte, start, end int) (address []byte, local int) {
	word := text[start:end]
	if n := len(word) - len(l.suffix); len(l.suffix) > 0 && n > 0 && n <= maxLocal &&
		string(word[n:]) == string(l.suffix) && isPlain(word[:n]) {
		return word, n
	}
	user, domain := splitAddress(string(word))
	if !isAddress(user, domain) {
		l.fault(start, end, "Not an address", "%s is not an address, as in \"anna@example.com\".", shortened(word))
		return nil, 0
	}
	if owner, _ := l.domains.owner(domain); owner != l.tenant.Name {
		hint := ""
		if l.faults < maxListFaults {
			hint = didYouMean(domain, l.tenant.Domains)
		}
		l.fault(start, end, "Foreign domain", "%q is not among the domains of the tenant %q: add it there, or take the address out.%s",
			domain, l.tenant.Name, hint)
		return nil, 0
	}
	l.suffix = append(append(l.suffix[:0], '@'), domain...)
	l.number = slices.Index(l.tenant.Domains, domain)
	l.folded = append(append(l.folded[:0], user...), l.suffix...)
	return l.folded, len(user)
}

// shortened is a text as it can stand in a sentence.
func shortened(word []byte) string {
	const most = 60
	if len(word) <= most {
		return strconv.Quote(string(word))
	}
	return strconv.Quote(string(word[:most])) + "..."
}

// fault notes what is wrong between two places of the line at hand.
func (l *lister) fault(start, end int, summary, format string, args ...any) {
	if l.claims != nil {
		return // said when the list was read first
	}
	l.tell(start, end, summary, format, args...)
}

func (l *lister) tell(start, end int, summary, format string, args ...any) {
	if l.faults++; l.faults > maxListFaults {
		return
	}
	at, source := l.at(start, end)
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &at}
	if source != "" {
		d.Extra = source
	}
	l.diags = append(l.diags, d)
}

// at gives the range of a part of the line at hand, and the line to show.
func (l *lister) at(start, end int) (hcl.Range, sourceText) {
	if l.place.item != nil {
		return *l.place.item, ""
	}
	text := l.place.text
	column := utf8.RuneCount(text[:start]) + 1
	from := hcl.Pos{Line: l.place.line, Column: column, Byte: start}
	to := hcl.Pos{Line: l.place.line, Column: column + utf8.RuneCount(text[start:end]), Byte: end}
	if most := end + 40; len(text) > most {
		text = append(bytes.Clone(text[:most]), "..."...)
	}
	return hcl.Range{Filename: l.place.file, Start: from, End: to}, sourceText(strings.ToValidUTF8(string(text), "\uFFFD"))
}

// more tells how many mistakes of a list have not been told.
func (l *lister) more() {
	if n := l.faults - maxListFaults; n > 0 {
		l.faults = 0
		l.tell(0, 0, "And more", "There are %d more mistakes in this list.", n)
	}
}
