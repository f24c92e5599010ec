package ledger

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// stride is how many bytes of parity a segment has, and so the longest burst
	// of damage that can be mended.
	stride = 64 << 10
	// sidecarHeader is the size of the header of a parity file.
	sidecarHeader    = 64
	sidecarSignature = "DAYBOOKP"
	sidecarVersion   = 1
	sidecarSuffix    = ".par"
	sidecarCompact   = 1 // flag: the segment is compacted
)

// ParityName is the file name of a segment's parity.
func ParityName(number uint32) string {
	return strings.TrimSuffix(SegmentName(number), suffix) + sidecarSuffix
}

// parity is the XOR of all strides of a file.
type parity struct {
	sum []byte // stride bytes
	end int64  // of the file, as far as it is in sum
}

func newParity() parity { return parity{sum: make([]byte, stride)} }

// add takes the bytes that stand at this offset of the file.
func (p *parity) add(b []byte, at int64) {
	for len(b) > 0 {
		i := int(at % stride)
		n := subtle.XORBytes(p.sum[i:], p.sum[i:], b[:min(len(b), stride-i)])
		b, at = b[n:], at+int64(n)
	}
	p.end = max(p.end, at)
}

// merge takes what other holds; no byte of the file may be in both.
func (p *parity) merge(other parity) {
	subtle.XORBytes(p.sum, p.sum, other.sum)
	p.end = max(p.end, other.end)
}

// sidecar is what a parity file holds.
type sidecar struct {
	number  uint32
	id      identity
	compact bool
	head    uint32 // CRC of the header that the segment's file begins with
	parity
}

// newSidecar is the sidecar of a file that begins with this header.
func newSidecar(h header, head []byte, p parity) sidecar {
	return sidecar{number: h.number, id: h.id, compact: h.compact, head: crc(0, head), parity: p}
}

// blocks is the part of the parity that is kept: a file shorter than the stride
// has no more of it.
func (s *sidecar) blocks() []byte { return s.sum[:min(s.end, stride)] }

func (s *sidecar) bytes() []byte {
	var flags uint32
	if s.compact {
		flags = sidecarCompact
	}
	b := append(make([]byte, 0, sidecarHeader+stride), sidecarSignature...)
	b = binary.BigEndian.AppendUint32(b, sidecarVersion)
	b = binary.BigEndian.AppendUint32(b, s.number)
	b = append(b, s.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.end))
	b = binary.BigEndian.AppendUint32(b, stride)
	b = binary.BigEndian.AppendUint32(b, s.head)
	b = binary.BigEndian.AppendUint32(b, flags)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, crc(0, s.blocks()))
	b = binary.BigEndian.AppendUint32(b, crc(0, b))
	return append(b, s.blocks()...)
}

var errSidecar = errors.New("the parity file is damaged")

// parseSidecar reads a parity file, all of it.
func parseSidecar(b []byte) (sidecar, error) {
	if len(b) < sidecarHeader || string(b[:8]) != sidecarSignature ||
		binary.BigEndian.Uint32(b[60:]) != crc(0, b[:60]) {
		return sidecar{}, errSidecar
	}
	version, width := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[40:])
	if version != sidecarVersion || width != stride {
		return sidecar{}, fmt.Errorf("the parity file's format version %d is newer than this program's %d", version, sidecarVersion)
	}
	flags := binary.BigEndian.Uint32(b[48:])
	s := sidecar{
		number:  binary.BigEndian.Uint32(b[12:]),
		compact: flags == sidecarCompact,
		head:    binary.BigEndian.Uint32(b[44:]),
		parity:  newParity(),
	}
	copy(s.id[:], b[16:32])
	s.end = int64(binary.BigEndian.Uint64(b[32:]))
	if flags > sidecarCompact || binary.BigEndian.Uint32(b[52:]) != 0 || s.end < headerSize ||
		int64(len(b)-sidecarHeader) != min(s.end, stride) || binary.BigEndian.Uint32(b[56:]) != crc(0, b[sidecarHeader:]) {
		return sidecar{}, errSidecar
	}
	copy(s.sum, b[sidecarHeader:])
	return s, nil
}

// readSidecar reads the parity file of a segment of this ledger.
func readSidecar(fs vfs.FS, dir string, number uint32, id identity) (sidecar, error) {
	f, err := fs.Open(fs.PathJoin(dir, ParityName(number)))
	if err != nil {
		return sidecar{}, fmt.Errorf("open the parity file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, sidecarHeader+stride+1))
	if err != nil {
		return sidecar{}, fmt.Errorf("read the parity file: %w", err)
	}
	s, err := parseSidecar(b)
	if err == nil && (s.number != number || s.id != id) {
		return sidecar{}, errSidecar
	}
	return s, err
}

func writeSidecar(fs vfs.FS, dir string, s sidecar) error {
	return writeFile(fs, dir, ParityName(s.number), s.bytes())
}
