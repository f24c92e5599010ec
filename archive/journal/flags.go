package journal

import "slices"

// Flags are the oddities of a delivery. They are stable words, kept with the entry.
const (
	// FlagUntrusted: the header has the mark of a journal report, but Options.Reports
	// is not set. It was read as plain mail.
	FlagUntrusted = "untrusted-report"
	// FlagMarkerMissing: only Message-ID or Sender show that this is a report.
	FlagMarkerMissing = "marker-missing"
	// FlagNDRMarkerMissing: a bounce with a report in it that Exchange did not mark.
	FlagNDRMarkerMissing = "ndr-marker-missing"
	// FlagNDREmpty: a bounce with no mail in it; it was read as plain mail.
	FlagNDREmpty = "ndr-without-mail"
	// FlagReportOfNDR: the original is a bounce.
	FlagReportOfNDR = "report-of-ndr"
	// FlagNestedReport: an original is itself a journal report. It was not unwrapped.
	FlagNestedReport = "nested-report"
	// FlagOlderEnvelope: fields named in Options.HeaderEnvelope stand below those of
	// the newest hop. They were not read.
	FlagOlderEnvelope = "older-envelope-ignored"

	// FlagHeaderTooLong: a header is longer than what is read of it.
	FlagHeaderTooLong = "header-too-long"
	// FlagNoBoundary: a multipart without a usable boundary.
	FlagNoBoundary = "no-boundary"
	// FlagUnclosed: a multipart without its closing delimiter. The last part was taken
	// to reach to the end.
	FlagUnclosed = "unclosed-multipart"
	// FlagMidLineDelimiter: the closing delimiter does not stand on a line of its own.
	FlagMidLineDelimiter = "delimiter-within-line"
	// FlagPreamble: there is text before the first delimiter, and not only the usual
	// sentence on multi-part messages.
	FlagPreamble = "text-before-report"
	// FlagEpilogue: there is text behind the closing delimiter.
	FlagEpilogue = "text-after-report"
	// FlagTooManyParts: parts beyond the bound of their number were not read.
	FlagTooManyParts = "too-many-parts"
	// FlagTooDeep: parts beyond the bound of their depth were not read.
	FlagTooDeep = "too-deep"
	// FlagExtraPart: there are parts beside the report text and the originals. The other
	// form of the report text is none if it reads the same.
	FlagExtraPart = "extra-part"
	// FlagNestedOriginal: an original is not a direct child of the report.
	FlagNestedOriginal = "original-in-nested-part"
	// FlagTNEF: a part is in Outlook's own format, which is not read. The remote domain
	// or contact of the journal address must have TNEF switched off.
	FlagTNEF = "tnef"
	// FlagHTML: the report text was there in HTML only.
	FlagHTML = "html-only"

	// FlagNoText: no text with the lines of a report was found.
	FlagNoText = "no-report-text"
	// FlagTextTooLong: the report text was not read to its end.
	FlagTextTooLong = "report-text-too-long"
	// FlagTextDamaged: the report text could not be decoded to its end.
	FlagTextDamaged = "report-text-damaged"
	// FlagCharset: the charset of the report text is not known or not true.
	FlagCharset = "charset-unknown"
	// FlagImpure: the report text has lines that are not a report's, or lines that say
	// what no report does.
	FlagImpure = "impure"
	// FlagOtherGrammar: the text is that of the other generation of Exchange.
	FlagOtherGrammar = "other-grammar"
	// FlagDuplicateField: a line that belongs there once stands there again.
	FlagDuplicateField = "duplicate-field"
	// FlagSubjectLines: the subject spans several lines.
	FlagSubjectLines = "subject-with-line-break"
	// FlagSubjectRecipient: recipient lines stand within the subject, or before the
	// Subject and Message-Id lines. They were not believed.
	FlagSubjectRecipient = "recipient-in-subject"
	// FlagSubjectLast: the subject follows the Message-Id line, as the specification
	// allows and Exchange never does: lines of a subject can pass for recipients there.
	FlagSubjectLast = "subject-after-message-id"

	// FlagNoSender, FlagNoSubject, FlagNoMessageID, FlagNoRecipients: the line is
	// missing, or says that the sender or Message-ID is not known. Exchange 2003 never
	// has a subject.
	FlagNoSender     = "no-sender"
	FlagNoSubject    = "no-subject"
	FlagNoMessageID  = "no-message-id"
	FlagNoRecipients = "no-recipients"
	// FlagEmptyRecipient: a recipient line without an address was passed over.
	FlagEmptyRecipient = "empty-recipient"
	// FlagOddAddress: an address is not an SMTP address. It was kept as it stands.
	FlagOddAddress = "odd-address"
	// FlagAddressTooLong: an address above 4 KiB was passed over.
	FlagAddressTooLong = "address-too-long"
	// FlagTooManyRecipients: recipients beyond the bound of their number were not read.
	FlagTooManyRecipients = "too-many-recipients"

	// FlagNoOriginal: no original message was found.
	FlagNoOriginal = "no-original"
	// FlagOriginalEncoded: an original is in base64 or quoted-printable, which RFC 2046
	// section 5.2.1 forbids. Its range is that of the encoded bytes.
	FlagOriginalEncoded = "original-encoded"
	// FlagManyOriginals: there are more than two originals.
	FlagManyOriginals = "many-originals"
	// FlagOriginalsDiffer: two originals have different Message-IDs: neither is marked
	// as the decrypted one.
	FlagOriginalsDiffer = "originals-differ"
	// FlagProtectionUnseen: there are two originals, and the first one does not say that
	// it is rights-protected (Content-Class: rpmsg.message).
	FlagProtectionUnseen = "protection-unseen"

	// FlagMessageIDMismatch: the Message-IDs of report text, report header and original
	// are not all the same.
	FlagMessageIDMismatch = "message-id-mismatch"
	// FlagSenderMismatch: the report's sender is neither Sender nor From of the original.
	FlagSenderMismatch = "sender-mismatch"
	// FlagRecipientsDiffer: To and Cc of the original are not those of the report. This
	// is usual where a message gave several reports.
	FlagRecipientsDiffer = "recipients-differ"
)

// flags are the flags of a report that is being read.
type flags map[string]bool

func (f flags) list() []string {
	var list []string
	for flag := range f {
		list = append(list, flag)
	}
	slices.Sort(list)
	return list
}
