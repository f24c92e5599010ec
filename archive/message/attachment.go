package message

import (
	"bytes"
	"mime"
	"strings"
)

// Bounds of a look for attachments.
const (
	maxDepth = 16
	maxParts = 1000
)

// HasAttachment tells whether a message has a part that is meant to be a file: one
// with a Content-Disposition of attachment (RFC 2183), with a file name, or with a
// message in it. Raw is the beginning of the message; what stands behind it is not
// known.
func HasAttachment(raw []byte) bool {
	s := search{parts: maxParts}
	return s.part(raw, maxDepth)
}

// search looks through the parts of a message.
type search struct {
	parts int // that may still be looked at
}

func (s *search) part(raw []byte, depth int) bool {
	if s.parts--; s.parts < 0 {
		return false
	}
	var contentType, disposition string
	for f := range fields(raw) {
		switch {
		case is(f.name, "content-type") && contentType == "":
			contentType = unfold(f.value, 4*maxValue)
		case is(f.name, "content-disposition") && disposition == "":
			disposition = unfold(f.value, 4*maxValue)
		}
	}
	media, params := mediaType(contentType)
	kind, how := mediaType(disposition)
	switch {
	case kind == "attachment", how["filename"] != "":
		return true
	case strings.HasPrefix(media, "multipart/"):
		return depth > 0 && s.inside(body(raw), params["boundary"], depth)
	}
	return params["name"] != "" || media == "message/rfc822"
}

// inside looks through the parts of a multipart body (RFC 2046 section 5.1.1).
func (s *search) inside(text []byte, boundary string, depth int) bool {
	if boundary == "" {
		return false
	}
	mark := append([]byte("--"), boundary...)
	start := -1 // of the part under way
	for at := 0; at < len(text); {
		end := at + lineLength(text[at:])
		if line := text[at:end]; bytes.HasPrefix(line, mark) {
			if start >= 0 && s.part(text[start:at], depth-1) {
				return true
			}
			rest := bytes.TrimRight(line[len(mark):], " \t\r\n")
			switch {
			case len(rest) == 0:
				start = end
			case bytes.Equal(rest, []byte("--")):
				return false
			}
		}
		at = end
	}
	return start >= 0 && s.part(text[start:], depth-1)
}

func lineLength(text []byte) int {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return i + 1
	}
	return len(text)
}

// body is what follows the header of a message or part.
func body(raw []byte) []byte {
	for at := 0; at < len(raw); {
		end := at + lineLength(raw[at:])
		if len(trimLineEnd(raw[at:end])) == 0 {
			return raw[end:]
		}
		at = end
	}
	return nil
}

// mediaType is mime.ParseMediaType, and of what that refuses, the first word.
func mediaType(value string) (string, map[string]string) {
	media, params, err := mime.ParseMediaType(value)
	if err != nil && media == "" {
		media, _, _ = strings.Cut(value, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	return media, params
}
