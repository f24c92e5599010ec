// Package message has the nouns of mail that the rest of Daybook shares: the
// envelope of a transaction and what a message's header says. It reads messages
// and never rewrites them, and nothing in it fails: of a message that cannot be
// parsed it tells what can be told. All its work is bounded, whatever the bytes.
//
// # Identity, version 1
//
// Two copies of a mail that came by different ways are the same mail when their
// canonical digests are equal. [Identify] makes them. What follows says how; each
// rule has its examples in testdata/identity. A change of any rule needs a new
// version: archives know their mail by these digests.
//
// Nothing that a reader can see may differ between two mails of one identity, but
// for: display names and comments beside addresses, how dates are written, header
// fields of the mail that rule 3 does not name, transfer encodings, boundaries that are
// plain (rule 12), line ends, blanks at the ends of lines of text. So whatever is odd, or is read in
// one way by one program and in another by the next, counts as it stands. That can
// part two copies, which are then two mails in a listing. It cannot hide one.
//
//  1. The canonical form is a list of lines: a name, the length of the value in bytes,
//     the value, a LF; with one space between them. Its first line has the name identity
//     and the value 1. The canonical digest is the SHA-256 of all lines.
//  2. The parts are those that [Scan] finds, with its bounds. What it does not tell
//     apart is content of the part around it, by rules 8 to 10.
//  3. First come the lines for all Message-ID fields, then all From, all Date and all
//     Subject fields, each in the order of the mail. No other field of the mail's header
//     counts, but for rules 7 and 8. A header above 256 KiB is not read: rule 4 applies.
//  4. message-id: the field without line ends, blanks, comments (those in quotes or
//     angle brackets are none), and angle brackets when they are around all of it.
//     Otherwise it is compared byte by byte. Several that are equal are one. When it is
//     missing, empty, or there are several that differ, the mail has no identity. Above
//     998 bytes, or not UTF-8: message-id-sha256, with the digest in hexadecimal.
//  5. from: the addresses without display names, the letters A to Z in lower case, each
//     in angle brackets, with a comma and a space between them. What is no address list
//     of RFC 5322, or is above 16 KiB: from-text, by rule 6. date: the instant in
//     seconds since 1970, for a date of RFC 5322 section 3.3 with a year of four digits,
//     and a zone in digits or of section 4.3 (no military one but Z) or UTC. The day of
//     the week must be one, not the right one; one comment behind all is left out. Any
//     other: date-text.
//  6. subject: without line ends, encoded words decoded (RFC 2047), every run of blanks
//     made one space, none around it. No Unicode normalisation: it would depend on a
//     version of Unicode. Nothing is taken off: Re: and [list] count. When a word cannot
//     be decoded, or not to valid text of its charset, does not stand alone between
//     blanks, or =? is in what comes of it, nothing is decoded: subject-text.
//     The addresses and encoded words of one mail are read as such up to 1 MiB in all,
//     an encoded word counting as 100 bytes more; a field up to 16 KiB.
//  7. Lines in a header that are no fields count, and so do fields with a blank before
//     the colon or a byte above 127 in the name, and those with a NUL, a line of blanks,
//     or a CR but the one of a CRLF, which some readers take for the end of the header.
//     All of them together: a line part with the value "header text", and bytes, with
//     the SHA-256 of them with each CRLF made LF. The header of a part that is above
//     256 KiB is such a text as a whole. A part with a body and without any header, not
//     even the empty line, has a line no-header, without a value.
//  8. A leaf: a line part with the value leaf, and type with type/subtype. Then
//     content-type with name=value for each parameter but the boundary (rule 12), and the
//     charset of a text when it is known (rule 10), in order of the names; sections and charsets of
//     RFC 2231 are put together (with an asterisk behind the name when the plain one is
//     there too), and in name and filename encoded words are decoded. Then
//     content-disposition with its word, but inline, and its parameters in the same way.
//     A field that is not of the strict form, has a comment, a parameter twice, a
//     backslash before anything but a quote or a backslash, a boundary or charset in the
//     form of RFC 2231, is above 16 KiB, or stands there twice: content-type-text,
//     content-disposition-text, without line ends and the blanks around it. Then content-id, content-location, content-base and
//     content-description, as subjects are. content-transfer-encoding, when it is not
//     7bit, 8bit, binary, quoted-printable or base64, is not what [Scan] read of it (it
//     reads 16 KiB), or stands there twice. charset, in
//     lower case, when it is known. At last bytes, with the SHA-256 in hexadecimal of
//     the decoded bytes.
//  9. Decoding: base64 is decoded in groups of four with blanks and line ends anywhere.
//     From the first group on that is not one, and behind padding, the bytes stand as
//     they are; before the line bytes, the line undecoded has the number of bytes that
//     were decoded. In quoted-printable, blanks at line ends are dropped, digits can be
//     small letters, line ends become LF, and what is no code stays. Any other encoding
//     is not decoded.
//  10. In text/* with a known charset, CRs and blanks before a line end and at the end
//     are left out, line ends are LF, and empty lines at the end are left out. (Of a run
//     of blanks, each whole 64 KiB count.) Known are charsets in which a line end and a
//     blank are one wherever their bytes stand: us-ascii (also ascii, none, or empty),
//     utf-8 (also utf8), iso-8859-* and windows-125* with one or two digits, koi8-r,
//     koi8-u, gb2312, gbk, gb18030, big5, big5-hkscs, euc-jp, euc-kr, ks_c_5601-1987,
//     shift_jis, iso-2022-jp, iso-2022-kr, windows-874, tis-620, macintosh, utf-7,
//     unicode-1-1-utf-7. A Content-Type that is not of the strict form has a known one
//     when the word charset is not in it. In the first four kinds, when no byte is
//     above 127, nor an ESC, SO or SI, charset is us-ascii. In a text other than
//     text/plain, where none is declared, it is none instead. Charsets are not converted. Decoded text in a
//     charset that is not known counts byte by byte. So does what is no text; but without
//     an encoding its line ends are those of the transport: CRs before them and at the
//     end are left out, unless binary is declared.
//  11. Text before, between and behind the parts of a multipart, with the name preamble
//     or "text behind a part": a line part with the name as value, and bytes, as in a
//     text whose empty lines at the beginning are left out too. There is none when it is
//     blank, or is what programs write there: "This is a multi-part message in MIME
//     format.", "This is a multipart message in MIME format." or "This is a
//     MIME-encapsulated message".
//  12. A multipart: a line multipart with its type, the lines of rule 8 about type,
//     disposition and so on, what is in it, a line end with the type. So nesting, and
//     whether parts are mixed or alternatives, count. Its boundary is left out by rule 8
//     when it is made of the characters of RFC 2046, has no blank at its ends, and parts
//     were found by it. But when a line in the multipart begins with two hyphens and the
//     boundary, and is not one of its delimiters, there is a line boundary before the
//     end: some readers end a part there. A transfer encoding of it other
//     than 7bit, 8bit and binary counts.
//  13. A message in the mail: the same with the name message. The header in it gives the
//     lines of rules 3 to 6, and field with name: value for every other one, blanks made
//     one space, but Content-Transfer-Encoding, Content-Length and the fields of rule 8.
//
// The digest of the fields alone is made of a line fields with the value 1, and those
// of rules 4 and 5.
package message
