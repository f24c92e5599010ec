package message

// Structure is where the parts of a message stand: offsets into its exact bytes, in
// the order in which the parts begin. [Scan] finds it, and it holds that
//   - all ranges lie within the message, and each Header ends where its Body starts;
//   - the parts follow each other as a walk finds them that tells each part before the
//     parts in it, so that no Header starts before that of the part before it;
//   - a part lies within the Body of its Parent, behind the parts before it there: of
//     any two parts, one lies within the Body of the other or they do not overlap;
//   - a multipart has one part at least, a message exactly one, which starts where the
//     Body starts and ends where it ends, and a leaf none.
type Structure struct {
	// Parts has the message itself as its first element, always.
	Parts []Part
	// Flags name what was odd about the message, one word each, sorted, without
	// repetition: FlagNoHeader and its like.
	Flags []string
}

// Range is a range of a message's bytes: from Start up to End, which is not in it.
type Range struct{ Start, End int64 }

// Part is one part of a message (RFC 2045, RFC 2046).
type Part struct {
	// Parent is the index of the part that this one stands in, -1 for the message
	// itself, and Depth how many there are around it.
	Parent, Depth int
	// Header is the part's header with the empty line that ends it, and Body what
	// follows. The line end before a boundary belongs to the boundary. A part whose
	// first lines are no fields has an empty Header.
	Header, Body Range
	Kind         PartKind
	// MediaType is type/subtype in lower case, as declared or as it is by default
	// (text/plain; message/rfc822 in a multipart/digest). It is at most 1 KiB of UTF-8.
	// A leaf can be declared to be a multipart or a message: the flags say why it is none.
	MediaType string
	Encoding  Encoding
	// Attachment tells that the part is meant to be a file: it has a
	// Content-Disposition of attachment (RFC 2183), or a file name.
	Attachment bool
}

// PartKind says what a part is made of.
type PartKind uint8

// Kinds of parts.
const (
	PartLeaf      PartKind = iota // bytes, in an encoding
	PartMultipart                 // parts
	PartMessage                   // one message: the part that follows in the list
)

// Encoding is a Content-Transfer-Encoding (RFC 2045 section 6).
type Encoding uint8

// Encodings.
const (
	EncodingIdentity        Encoding = iota // 7bit, 8bit, binary, or not declared
	EncodingBase64                          // declared, whatever the body is
	EncodingQuotedPrintable                 // declared, whatever the body is
	EncodingOther                           // one that is not known
)
