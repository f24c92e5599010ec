// Package recipe cuts a message into pieces, so that what is in it can be kept once:
// an attachment is stored decoded, and comes out of that in the very base64 that it
// came in. It works on bytes, keeps nothing, and knows nothing of how pieces are stored.
//
// [Split] takes a message apart and [Piece.AppendWire] puts each piece together again.
// Split has done that with every piece before it yields it, and compared: a piece that
// would not come back exactly is yielded raw. A [Splitter] does the same for many messages
// with the same memory.
//
// # What becomes a piece
//
//  1. The header of the message, and of each message inside it, with its empty line.
//  2. A leaf of 16 KiB or more, or of 1 KiB or more if it is an attachment or no text,
//     in pieces of MaxStored bytes from its beginning. Its size is that of what is stored.
//  3. All else is text. Text is numbered in groups: a message inside begins a group
//     behind its header, and ends it. So its groups are those of the same message alone.
//  4. The line ends at the end of a message, up to 1 KiB, are a group of their own: a copy
//     inside a report often has one more or one fewer.
//  5. A leaf that is declared as base64 or quoted-printable is stored decoded where that
//     is smaller with layout and all. The first piece decides. Text of one group that is
//     raw is one piece with what stands around it.
//  6. In header fields of filters and signatures (X-, DKIM-, ARC-, DomainKey-), base64 of 60
//     characters or more is decoded, also where it is folded, or stands in encoded words.
//     There are at most 64 such pieces in a message, of 64 KiB in all.
//
// A piece ends before MaxStored bytes where it would yield more than 2 MiB, and where
// base64 has padding in its midst.
//
// # Layouts
//
// They are a format on disk: what is written once is read for ever. A new rule is a new
// [Form]. Numbers are unsigned and written as in encoding/binary: seven bits a byte, the
// lowest first. "Bytes" are a number and that many bytes.
//
// Base64 is a row of encodings, and stands in lines.
//
//  1. The first byte has flags. Bits 0 and 1, the end of lines: 0 CR LF, 1 LF, 2 given,
//     3 lines are listed. Bits 2 and 3, what follows the last line: 0 nothing, 1 a line
//     end, 2 given. Bit 4, the first line begins at a column. Bit 5, encodings are
//     listed. Bits 6 and 7 are zero.
//  2. Encodings, if listed: how many entries, and for each the number of stored bytes;
//     sixteen times the number of '=' behind them, plus the bits of the last digit that
//     are no data; how many such encodings follow each other. If they are not listed,
//     there is one encoding of all stored bytes, as RFC 4648 section 4 has it.
//  3. Lines, if listed, up to the end of the layout: the number of characters, '='
//     included; how many such lines follow each other; and what follows each of them, by
//     its place in a list of none, CR LF, LF, and up to 61 more. A place behind the list
//     means that bytes are given, and adds them to it while there is room.
//  4. If lines are not listed: how many characters are in a line; the column, if there is
//     one, which makes the first line shorter; the end of lines, if given; what follows
//     the last line, if given. The last line is as long as it has to be.
//
// Quoted-printable is what an encoder writes by a rule, and what is otherwise.
//
//  1. The first number has flags, from the lowest bit on: soft line breaks end with LF
//     instead of CR LF; a literal may take the last column when the line ends behind it;
//     so may an escape; a blank or tab before the end of a line is escaped; a set of
//     bytes is given; odd bytes are listed; digits are in lower case; characters of UTF-8
//     are not parted; words are not parted; a dot that begins a line is escaped; so is
//     the F of "From " there.
//  2. Then comes the number of columns without the '=' of a soft break.
//  3. Escaped are the control characters but TAB, CR and LF, '=', and all from DEL on. The
//     set, if given, is bytes of which the opposite holds.
//  4. Odd bytes, if listed: how many, and for each the number of stored bytes between it
//     and the one before. Of an odd byte the opposite of the rule holds. Rule 1 and 3
//     decide with the stored bytes alone: whether a line ends at some place is told by
//     CR LF or LF there, if they are not in the set of escaped bytes, or the end of the piece.
//  5. A line ends with a literal LF or a soft break. A soft break comes before a byte that
//     would reach behind the columns; never at the beginning of a line or before its end.
//     With characters not parted, the width of the whole escaped character counts. With
//     words not parted, there is a soft break before a byte behind a blank, which is no
//     blank, if what is up to the next blank or line end, blank included, goes too far.
//     Split does not write this together with a set that has the blank in it: what that
//     yields is told by quotedWriter.run alone.
//  6. Odd lines, up to the end of the layout: the number of lines between it and the one
//     before, and the column of its soft break plus one, or 0 if it has none. No other
//     soft break is in such a line. Columns count from the beginning of the piece, also
//     where that is in the midst of a line.
//
// Folded base64 is one encoding as RFC 4648 section 4 has it, in one line or more.
//
//  1. If the first byte is 2, what is stored is encoded as base64, and that as base64 again;
//     and the next byte takes the place of the first one.
//  2. If it is 0, there is one line. Otherwise bit 0 is set, and what stands between two
//     lines begins with CR LF, or with LF if bit 1 is set. A tab follows if bit 2 is set, and
//     blanks, which together are as many as bits 3 to 6 say. If these bits are zero, so
//     are bits 1 and 2, and what stands between two lines is given.
//  3. If there are several lines: how many characters, '=' included, are in the first, and
//     how many in those that follow. The last line is as long as it has to be.
//
// A wire form that has more than one kind of soft breaks, or digits of both cases, is
// read with those of the first: a '=' that then means nothing stands for itself.
package recipe
