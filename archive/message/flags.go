package message

// Flags of a [Structure]: stable words.
const (
	// FlagNoHeader: a message or part begins without a header field. All of it is body.
	FlagNoHeader = "no-header"
	// FlagNotAField: a line in a header is no header field. It was passed over.
	FlagNotAField = "not-a-field"
	// FlagNoHeaderEnd: a header ends without an empty line.
	FlagNoHeaderEnd = "no-header-end"
	// FlagHeaderTooLong: a header is above 1 MiB. What is behind was not read for fields.
	FlagHeaderTooLong = "header-too-long"
	// FlagFieldTooLong: a field about the body is above 16 KiB. The rest was not read.
	FlagFieldTooLong = "field-too-long"
	// FlagDuplicateField: a field about the body stands there twice. The first counts.
	FlagDuplicateField = "duplicate-field"
	// FlagDuplicateParameter: a boundary is there twice. The first counts.
	FlagDuplicateParameter = "duplicate-parameter"
	// FlagBadType: a Content-Type without type and subtype: the part is text/plain (RFC
	// 2045 section 5.2).
	FlagBadType = "bad-content-type"
	// FlagUnknownEncoding: a Content-Transfer-Encoding that is not known.
	FlagUnknownEncoding = "unknown-encoding"
	// FlagEncodedMultipart: a multipart in base64 or quoted-printable, which RFC 2045
	// section 6.4 forbids. Its parts are looked for in its bytes as they stand.
	FlagEncodedMultipart = "encoded-multipart"
	// FlagEncodedMessage: a message in base64 or quoted-printable. It is a leaf.
	FlagEncodedMessage = "encoded-message"
	// FlagNoBoundary: a multipart without a boundary, or with one above 1 KiB. It is a
	// leaf.
	FlagNoBoundary = "no-boundary"
	// FlagNoParts: a multipart in which no delimiter begins a part. It is a leaf.
	FlagNoParts = "no-parts"
	// FlagUnclosed: a multipart without its closing delimiter. It ends with what is
	// around it.
	FlagUnclosed = "unclosed-multipart"
	// FlagSameBoundary: a multipart has the boundary of one around it.
	FlagSameBoundary = "same-boundary"
	// FlagTooManyParts: parts beyond the bound of their number were not told apart.
	FlagTooManyParts = "too-many-parts"
	// FlagTooDeep: parts beyond the bound of their depth were not told apart.
	FlagTooDeep = "too-deep"
)
