package message

import (
	"bytes"
	"strings"
)

// Bounds of a header.
const (
	maxPartHeader = 1 << 20  // bytes that are read for fields
	maxBodyField  = 16 << 10 // bytes of a field about the body
	maxLine       = 4 << 10  // bytes of a line that are read at a time
	maxMediaType  = 255      // bytes; RFC 6838 has 127 for each half
)

const (
	defaultType  = "text/plain"
	digestType   = "multipart/digest"
	messageType  = "message/rfc822"
	globalType   = "message/global"
	anyMultipart = "multipart/"
)

func isMultipart(mediaType string) bool { return strings.HasPrefix(mediaType, anyMultipart) }

func isMessage(mediaType string) bool { return mediaType == messageType || mediaType == globalType }

// partHeader is what the header of a part says about its body.
type partHeader struct {
	mediaType  string
	boundary   string // of a multipart
	encoding   Encoding
	attachment bool
	body       place
}

// header reads the header that begins at start. It ends with an empty line, before a
// delimiter, or with the message. A block of lines without a single field is none.
func (s *scanner) header(start int64) partHeader {
	s.fields.reset()
	off, body := start, place{s.in.size, false}
	for fresh := true; ; {
		if fresh {
			if d, found := s.delimiter(off, start); found {
				body = place{d.start, d.start == start}
				break
			}
		}
		line := s.in.line(off, maxLine)
		if len(line) == 0 {
			break
		}
		off += int64(len(line))
		if fresh && len(trimLineEnd(line)) == 0 {
			body = place{off, true}
			s.fields.ended = true
			break
		}
		if off-start <= maxPartHeader {
			s.addLine(line, fresh)
		} else {
			s.flag(FlagHeaderTooLong)
		}
		fresh = line[len(line)-1] == '\n'
	}
	switch f := &s.fields; {
	case f.lines && !f.found:
		s.flag(FlagNoHeader)
		body = place{start, true}
	case f.lines && !f.ended:
		s.flag(FlagNoHeaderEnd)
	}
	h := s.aboutBody()
	h.body = body
	return h
}

// Fields about a body.
const (
	fieldType = iota
	fieldEncoding
	fieldDisposition
	bodyFieldCount
	otherField = -1
)

// bodyFields collects the fields about the body from the lines of a header.
type bodyFields struct {
	values  [bodyFieldCount][]byte
	seen    [bodyFieldCount]bool
	current int // the field that a line can continue
	lines   bool
	found   bool // a field, whichever
	ended   bool // by an empty line
}

func (f *bodyFields) reset() {
	for i := range f.values {
		f.values[i] = f.values[i][:0]
	}
	f.seen, f.current, f.lines, f.found, f.ended = [bodyFieldCount]bool{}, otherField, false, false, false
}

// addLine adds a line of a header, or a piece of it that does not begin it.
func (s *scanner) addLine(line []byte, begins bool) {
	f := &s.fields
	f.lines = true
	if begins && (!f.found || line[0] != ' ' && line[0] != '\t') {
		name, value, found := bytes.Cut(line, []byte(":"))
		name = bytes.TrimRight(name, " \t")
		if f.current = otherField; !found || !isFieldName(name) {
			s.flag(FlagNotAField)
			return
		}
		f.found = true
		which := bodyField(name)
		if which == otherField {
			return
		}
		if f.seen[which] {
			s.flag(FlagDuplicateField)
			return
		}
		f.seen[which], f.current, line = true, which, value
	}
	if f.current == otherField {
		return
	}
	v := &f.values[f.current]
	if len(*v)+len(line) > maxBodyField {
		s.flag(FlagFieldTooLong)
		line = line[:maxBodyField-len(*v)]
	}
	*v = append(*v, line...)
}

// isFieldName tells whether a name has no blanks and control characters (RFC 5322
// section 2.2); bytes above 127 do occur.
func isFieldName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(name) > 0
}

func bodyField(name []byte) int {
	switch {
	case is(name, "content-type"):
		return fieldType
	case is(name, "content-transfer-encoding"):
		return fieldEncoding
	case is(name, "content-disposition"):
		return fieldDisposition
	}
	return otherField
}

// aboutBody reads the fields that have been collected.
func (s *scanner) aboutBody() partHeader {
	f := &s.fields
	h := partHeader{mediaType: defaultType}
	if n := len(s.open); n > 0 && s.parts[s.open[n-1].part].MediaType == digestType {
		h.mediaType = messageType
	}
	var params string
	if f.seen[fieldType] {
		h.mediaType, params = s.mediaType(unfold(f.values[fieldType], maxBodyField))
	}
	if isMultipart(h.mediaType) {
		h.boundary = s.boundary(params)
	}
	if f.seen[fieldEncoding] {
		h.encoding = s.encoding(unfold(f.values[fieldEncoding], maxBodyField))
	}
	disposition, how := firstWord(unfold(f.values[fieldDisposition], maxBodyField))
	h.attachment = strings.EqualFold(disposition, "attachment") || hasParameter(how, "filename") ||
		!isMultipart(h.mediaType) && hasParameter(params, "name")
	return h
}

// mediaType reads a Content-Type, and gives its parameters too.
func (s *scanner) mediaType(value string) (media, params string) {
	media, params = firstWord(value)
	if len(media) <= maxMediaType {
		media = strings.Map(mediaTypeRune, media)
		if major, minor, _ := strings.Cut(media, "/"); major != "" && minor != "" {
			return strings.Clone(media), params
		}
	}
	s.flag(FlagBadType)
	return defaultType, params
}

// mediaTypeRune is a rune of a media type in lower case; control characters are left
// out of it.
func mediaTypeRune(r rune) rune {
	switch {
	case r < ' ' || r == 0x7f:
		return -1
	case 'A' <= r && r <= 'Z':
		return r + 'a' - 'A'
	}
	return r
}

// boundary gives the boundary of a multipart without the blanks at its end, which no
// delimiter line can tell; it is empty when there is none that can be used.
func (s *scanner) boundary(params string) string {
	value, again := parameter(params, "boundary")
	if again {
		s.flag(FlagDuplicateParameter)
	}
	value = strings.TrimRight(value, " \t\r\n")
	if len(value) > maxBoundary {
		return ""
	}
	return strings.Clone(value)
}

// encoding reads a Content-Transfer-Encoding.
func (s *scanner) encoding(value string) Encoding {
	word, _ := firstWord(value)
	switch strings.ToLower(word) {
	case "", "7bit", "8bit", "binary":
		return EncodingIdentity
	case "base64":
		return EncodingBase64
	case "quoted-printable":
		return EncodingQuotedPrintable
	}
	s.flag(FlagUnknownEncoding)
	return EncodingOther
}
