package message

import (
	"bytes"
	"strings"
)

// declared gives the lines for what the header of a part says about its body, and how
// its text can be read.
func (h *fieldList) declared(p *Part) ([]line, textForm) {
	h.lines = h.lines[:0]
	known := h.typeLines(p)
	h.dispositionLines()
	for _, name := range [...]string{"content-id", "content-location", "content-base", "content-description"} {
		for v := range h.named(name) {
			h.lines = append(h.lines, textLine(name, v, h.left))
		}
	}
	h.encodingLines(p)
	return h.lines, known
}

// typeLines adds the lines for the parameters of the Content-Type, but the boundary by
// which parts were found, and gives the charset where it is known. A field that is not of
// the strict form, longer than what [Scan] reads of it, or there twice, counts as text.
func (h *fieldList) typeLines(p *Part) (known textForm) {
	if h.tooLong {
		return textForm{}
	}
	value, n := h.only("content-type")
	var params parameterList
	strict := n == 0
	if n == 1 {
		var word string
		word, params, strict = splitParameters(unfold(value, len(value)))
		h.noteBoundary(params, strict)
		strict = strict && word == p.MediaType && len(value) <= maxBodyField
	}
	if !strict {
		return h.typeText(p)
	}
	if isText(p) {
		charset := params.value("charset")
		if known = textFormOf(charset); charset == "" {
			known = undeclared(p)
		}
	}
	for _, l := range params {
		switch {
		case l.name == "boundary" && p.Kind == PartMultipart && isPlainBoundary(l.value), l.name == "charset" && known.text:
		default:
			h.lines = append(h.lines, line{"content-type", l.name + "=" + parameterText(l, h.left)})
		}
	}
	return known
}

// typeText adds the lines for a Content-Type that counts as text.
func (h *fieldList) typeText(p *Part) (known textForm) {
	var all []byte
	for v := range h.named("content-type") {
		h.lines = append(h.lines, line{"content-type-text", unfold(v, len(v))})
		all = append(all, v...)
	}
	if isText(p) && !bytes.Contains(bytes.ToLower(all), []byte("charset")) {
		return undeclared(p)
	}
	return textForm{}
}

// noteBoundary keeps the boundary when every reader finds the same one in the header.
// Any other is in the lines for the Content-Type.
func (h *fieldList) noteBoundary(params parameterList, strict bool) {
	if b := params.value("boundary"); strict && isPlainBoundary(b) {
		h.boundary = b
	}
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

// dispositionLines adds the lines for Content-Disposition (RFC 2183): the word, unless
// it is inline, which is the same as none, and the parameters.
func (h *fieldList) dispositionLines() {
	_, n := h.only("content-disposition")
	for v := range h.named("content-disposition") {
		text := unfold(v, len(v))
		word, params, ok := splitParameters(text)
		if !ok || n > 1 {
			h.lines = append(h.lines, line{"content-disposition-text", text})
			continue
		}
		if word != "inline" && word != "" {
			h.lines = append(h.lines, line{"content-disposition", word})
		}
		for _, l := range params {
			h.lines = append(h.lines, line{"content-disposition", l.name + "=" + parameterText(l, h.left)})
		}
	}
}

// encodingLines adds lines for a Content-Transfer-Encoding that not every reader takes
// for the same: one that is not known, is there twice, stands at a multipart, or is not
// the one by which [Scan] has the part.
func (h *fieldList) encodingLines(p *Part) {
	_, n := h.only("content-transfer-encoding")
	for v := range h.named("content-transfer-encoding") {
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
		if n > 1 || !plain {
			h.lines = append(h.lines, line{"content-transfer-encoding", word})
		}
	}
}

// isBinary tells whether the line ends of a body are no line ends (RFC 2045 section 2.9).
func (h *fieldList) isBinary() bool {
	value, n := h.only("content-transfer-encoding")
	return n == 1 && encodingWord(value) == "binary"
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
