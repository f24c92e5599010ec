// Package ledger is an append-only log of records in segment files. It is the
// archive's truth: what is not in the ledger is not archived. It knows bytes,
// not mail.
//
// # Promises
//
//   - When [Ledger.Append] returns nil, the records are on stable storage.
//   - Records are never changed, moved or overwritten. A file is only written
//     at its end, where zeros may stand as room for what comes; after a torn tail,
//     damage or a write error there, its end is sealed and a new segment is begun.
//     Only a segment whose very first write failed is begun anew under its number,
//     so that a full disk does not breed files.
//   - Only [Ledger.Compact] drops records, those that its caller names, and never
//     a numbered one. All others keep their [Location] for ever.
//   - The records of one group (one commit) appear after a crash all or not at
//     all, unless part of an acknowledged group is damaged later.
//   - Damage is found and named, and what lies behind it stays readable. What was
//     dropped is not damage, and what is damaged is never taken for dropped.
//
// # Files
//
// Segments are named by number, ten digits: 0000000001.seg, 0000000002.seg ...
// without gaps. All integers are big endian; CRC is CRC-32C (Castagnoli).
//
// A segment begins with a header of 64 bytes:
//
//	 0  8  "DAYBOOK\n"
//	 8  4  format version: 1, in a compacted segment 2
//	12  4  the segment's number
//	16 16  the archive's identity, random, the same in all its segments
//	32  4  number of the segment before: one less, 0 in the first
//	36  4  zero
//	40  8  end of the segment before: what lies behind it there does not count
//	48  8  sequence number of the first numbered record from here on
//	56  4  group number of the first group from here on
//	60  4  CRC of bytes 0 to 59
//
// Records follow without padding. A record is a header of 28 bytes and a body:
//
//	 0  2  0xDB 0x4B
//	 2  1  type; its meaning is the caller's
//	 3  1  flags: 1 numbered, 2 last of its group; 16 to 128 are the caller's
//	 4  4  length of the body, at most [MaxBody]
//	 8  4  CRC of the body
//	12  8  sequence number; in a record without one, the next to be given
//	20  4  group number
//	24  4  CRC of the archive's identity, the segment's number (4 bytes), the
//	       record's offset (8 bytes) and bytes 0 to 23
//
// The CRC of the record header covers the record's place, so a block that was
// written to the wrong place, or a copy of a segment inside a body, is never
// taken for a record.
//
// # Compacted segments
//
// A sealed segment can be rewritten without some of its records. The others keep
// their offsets in the segment, which their CRCs cover, and the segment keeps its
// end; only in the file they stand elsewhere. All positions outside of the file
// are those in the segment. The file is:
//
//	a header of 96 bytes
//	a table of extents
//	the kept runs of bytes, one behind the other: records as they were
//	the table again
//	the header again
//
// The header begins as any segment's, with format version 2, and goes on:
//
//	64  8  end of the segment, as the header of the segment behind has it
//	72  8  size of this file
//	80  8  number of extents
//	88  4  zero
//	92  4  CRC of bytes 0 to 91
//
// The table has 16 bytes for each run, ascending, and then a CRC:
//
//	0  8  where the run begins in the segment
//	8  8  its length
//
//	0  4  CRC of the header's 96 bytes and the extents
//
// A run stands in the file where the one before it ends. There is a gap between
// two runs of the segment, else they were one. What no run covers, up to the
// segment's end, was dropped.
//
// When one copy of the header or of the table is damaged, that is reported, and
// the other is used. The second header is believed only when it is of this
// archive, this segment and a file of this size.
// When both headers or both tables are damaged no record is found, and the whole
// segment is damaged.
//
// The new file is made under another name, synced, read back whole, and renamed
// over the old one; then the folder is synced. At every moment one of the two is
// there, whole. A crash may leave 0000000001.seg.tmp behind: it is never read,
// and the next [Open] removes it.
//
// # Parity
//
// Beside a segment stands its parity, 0000000001.par: the XOR of the file's
// strides of 64 KiB. From it [Repair] computes a damaged place of up to one stride,
// whatever became of it: changed, unreadable, or cut off at the end. It costs 64 KiB
// a segment, 0.02 % of [DefaultSegmentSize].
//
//	 0  8  "DAYBOOKP"
//	 8  4  format version: 1
//	12  4  the segment's number
//	16 16  the archive's identity
//	32  8  bytes of the segment's file, from its beginning, that are covered
//	40  4  the stride: 65536
//	44  4  CRC of the header that the segment's file begins with
//	48  4  1 for a compacted segment, else 0
//	52  4  zero
//	56  4  CRC of the parity
//	60  4  CRC of bytes 0 to 59
//	64     parity: one stride, or as much as is covered when that is less
//
// It is written when the segment ends, and for the last one at Close. As a segment
// only grows, parity of less than the file holds for what it covers. No record
// depends on it: that it could not be written fails nothing, and one that is
// damaged or that of another state of the file, as after a crash between the
// renames of a compaction, is not used. Repair makes it anew when the segment is whole.
//
// A mended file takes the place of the damaged one only after every record in it
// was found whole and its parity agreed; the damaged one is kept as
// 0000000001.seg.damaged, which nothing reads.
//
// # Order of writing
//
// One writer at a time takes all waiting requests, writes them as one group, and
// syncs once: the committer, or whoever appends, where nobody else does. The disk is
// told to begin with the write before the sync waits for it; meanwhile the caller
// prepares what it will apply. Group N+1 is written only after group N was synced. A
// group whose write or sync failed is sealed off, and its number is given again.
// Therefore, when a damaged record is followed by a whole record of a later
// group, it had been acknowledged and is reported as damage; when it is not, and
// the caller's position does not lie behind it, it is a torn tail that nobody
// was told of, and is left out.
//
// Behind the last group of the last segment zeros may stand, which later groups
// overwrite: a file that does not grow is synced sooner. They are cut off when the
// segment ends and at Close. After a crash zeros alone are no torn tail, and the
// segment goes on in their place.
//
// A segment's header is written to a file of another name, synced, renamed, and
// the folder synced, before the first record is written behind it. So every
// segment file begins with a whole header, or was damaged. The identity file is
// made in the same way before the first segment.
package ledger
