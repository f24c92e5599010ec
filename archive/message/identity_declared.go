package message

import (
	"bytes"
	"strings"
)

// declared gives the lines for what the header of a part says about its body, and how
// its text can be read.
func (h *fieldList) declared(p *Part) ([]line, textForm) {
	lines, known := h.typeLines(p)
	lines = append(lines, h.dispositionLines()...)
	for _, name := range []string{"content-id", "content-location", "content-base", "content-description"} {
		for _, v := range h.named(name) {
			lines = append(lines, textLine(name, v, h.left))
		}
	}
	return append(lines, h.encodingLines(p)...), known
}

// typeLines gives the lines for the parameters of the Content-Type, but the boundary by
// which parts were found, and the charset where it is known. A field that is not of the
// strict form, longer than what [Scan] reads of it, or there twice, counts as text.
func (h *fieldList) typeLines(p *Part) (lines []line, known textForm) {
	if h.tooLong {
		return nil, textForm{}
	}
	types := h.named("content-type")
	var params parameterList
	strict := len(types) == 0
	if len(types) == 1 {
		var word string
		word, params, strict = splitParameters(unfold(types[0], len(types[0])))
		strict = strict && word == p.MediaType && len(types[0]) <= maxBodyField
	}
	if !strict {
		for _, v := range types {
			lines = append(lines, line{"content-type-text", unfold(v, len(v))})
		}
		if isText(p) && !bytes.Contains(bytes.ToLower(bytes.Join(types, nil)), []byte("charset")) {
			known = undeclared(p)
		}
		return lines, known
	}
	if isText(p) {
		if known = textFormOf(params.value("charset")); params.value("charset") == "" {
			known = undeclared(p)
		}
	}
	for _, l := range params {
		switch {
		case l.name == "boundary" && p.Kind == PartMultipart && isPlainBoundary(l.value), l.name == "charset" && known.text:
		default:
			lines = append(lines, line{"content-type", l.name + "=" + parameterText(l, h.left)})
		}
	}
	return lines, known
}

// plainBoundary gives the boundary of a multipart when every reader finds the same one in
// its header. Else it is empty, and the lines for the Content-Type have it.
func (h *fieldList) plainBoundary() string {
	types := h.named("content-type")
	if h.tooLong || len(types) != 1 {
		return ""
	}
	_, params, ok := splitParameters(unfold(types[0], len(types[0])))
	if b := params.value("boundary"); ok && isPlainBoundary(b) {
		return b
	}
	return ""
}

// isPlainBoundary tells whether a boundary is made of the characters of RFC 2046 section
// 5.1.1, with no blank at its ends.
func isPlainBoundary(b string) bool {
	for _, c := range []byte(b) {
		letter := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && strings.IndexByte(" '()+_,-./:=?", c) < 0 {
			return false
		}
	}
	return b != "" && strings.Trim(b, " ") == b
}

// undeclared is the form of a text whose charset is not declared. A plain text is one of
// US-ASCII (RFC 2046 section 4.1.2); of any other, what it says itself can count.
func undeclared(p *Part) textForm {
	if p.MediaType == defaultType {
		return textFormOf("")
	}
	return textForm{text: true, charset: "none"}
}

func isText(p *Part) bool { return p.Kind == PartLeaf && strings.HasPrefix(p.MediaType, "text/") }

// value gives the value of a parameter, empty when it is not there.
func (l parameterList) value(name string) string {
	for _, p := range l {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// parameterText gives the value of a parameter as it counts. Encoded words have no place
// in one (RFC 2047 section 5), but many programs write file names so.
func parameterText(p line, left *allowance) string {
	switch strings.TrimSuffix(p.name, "*") {
	case "charset":
		return lowerASCII(p.value)
	case "name", "filename":
		if plain, ok := decodeWords(p.value, left); ok {
			return collapse(plain)
		}
	}
	return p.value
}

// dispositionLines gives the lines for Content-Disposition (RFC 2183): the word, unless
// it is inline, which is the same as none, and the parameters.
func (h *fieldList) dispositionLines() []line {
	var lines []line
	values := h.named("content-disposition")
	for _, v := range values {
		text := unfold(v, len(v))
		word, params, ok := splitParameters(text)
		if !ok || len(values) > 1 {
			lines = append(lines, line{"content-disposition-text", text})
			continue
		}
		if word != "inline" && word != "" {
			lines = append(lines, line{"content-disposition", word})
		}
		for _, l := range params {
			lines = append(lines, line{"content-disposition", l.name + "=" + parameterText(l, h.left)})
		}
	}
	return lines
}

// encodingLines gives lines for a Content-Transfer-Encoding that not every reader takes
// for the same: one that is not known, is there twice, stands at a multipart, or is not
// the one by which [Scan] has the part.
func (h *fieldList) encodingLines(p *Part) []line {
	var lines []line
	values := h.named("content-transfer-encoding")
	for _, v := range values {
		word := encodingWord(v)
		plain := false
		switch word {
		case "7bit", "8bit", "binary":
			plain = p.Encoding == EncodingIdentity
		case "base64":
			plain = p.Encoding == EncodingBase64 && p.Kind == PartLeaf
		case "quoted-printable":
			plain = p.Encoding == EncodingQuotedPrintable && p.Kind == PartLeaf
		}
		if len(values) > 1 || !plain {
			lines = append(lines, line{"content-transfer-encoding", word})
		}
	}
	return lines
}

// isBinary tells whether the line ends of a body are no line ends (RFC 2045 section 2.9).
func (h *fieldList) isBinary() bool {
	values := h.named("content-transfer-encoding")
	return len(values) == 1 && encodingWord(values[0]) == "binary"
}

func encodingWord(value []byte) string { return lowerASCII(collapse(unfold(value, len(value)))) }

// textForm says how the bytes of a text can be read.
type textForm struct {
	text    bool   // a line end or a blank is one, wherever its byte stands
	ascii   bool   // so is every byte of ASCII
	charset string // in lower case
}

// textFormOf knows charsets by their label. Of one that is not known the bytes can be
// anything, as those of UTF-16 are: nothing is left out of such a text.
func textFormOf(label string) textForm {
	label = lowerASCII(label)
	switch label {
	case "", "us-ascii", "ascii":
		return textForm{text: true, ascii: true, charset: "us-ascii"}
	case "utf-8", "utf8":
		return textForm{text: true, ascii: true, charset: "utf-8"}
	case "koi8-r", "koi8-u", "gb2312", "gbk", "gb18030", "big5", "big5-hkscs", "euc-jp", "euc-kr", "ks_c_5601-1987",
		"shift_jis", "iso-2022-jp", "iso-2022-kr", "windows-874", "tis-620", "macintosh", "utf-7", "unicode-1-1-utf-7":
		return textForm{text: true, charset: label}
	}
	for _, family := range []string{"iso-8859-", "windows-125"} {
		number, ok := strings.CutPrefix(label, family)
		if ok && len(number) > 0 && len(number) <= 2 && strings.Trim(number, "0123456789") == "" {
			return textForm{text: true, ascii: true, charset: label}
		}
	}
	return textForm{}
}
