package message

import (
	"bytes"
	"slices"
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

// typeLines gives the lines for the parameters of the Content-Type, but the boundary,
// and the charset where it is known. A field that is not of the strict form, or there
// twice, counts as text.
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
		strict = strict && word == p.MediaType
	}
	if !strict {
		for _, v := range types {
			lines = append(lines, line{"content-type-text", collapse(unfold(v, len(v)))})
		}
		if isText(p) && !bytes.Contains(bytes.ToLower(bytes.Join(types, nil)), []byte("charset")) {
			known = textFormOf("")
		}
		return lines, known
	}
	if isText(p) {
		known = textFormOf(params.value("charset"))
	}
	for _, l := range params {
		if l.name != "boundary" && (l.name != "charset" || !known.text) {
			lines = append(lines, line{"content-type", l.name + "=" + parameterText(l, h.left)})
		}
	}
	return lines, known
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
			lines = append(lines, line{"content-disposition-text", collapse(text)})
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
// for the same: one that is not known, is there twice, or stands at a multipart.
func (h *fieldList) encodingLines(p *Part) []line {
	var lines []line
	values := h.named("content-transfer-encoding")
	for _, v := range values {
		word := encodingWord(v)
		plain := []string{"7bit", "8bit", "binary"}
		if p.Kind == PartLeaf {
			plain = append(plain, "base64", "quoted-printable")
		}
		if len(values) > 1 || !slices.Contains(plain, word) {
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
