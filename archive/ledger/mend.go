package ledger

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
)

const (
	// maxBurst is the longest run of bytes that is looked at for a place to mend.
	// It has room for two of the largest records.
	maxBurst = 2 * (MaxBody + frameSize)
	// maxTurns is how many ways of laying the parity over a long run are tried.
	maxTurns = 8
)

// cure computes what stood at the damaged places, and leaves it in the file's
// patch. When it cannot, it tells why.
//
// The XOR of the parity kept and that of the file as it is gives, for each place
// of the stride, by what the damaged byte differs. Which stride is damaged is not
// told: within one stride of bad bytes there is no choice, and in a long record
// each is tried until all records are whole.
func (p *patient) cure(ctx context.Context, s *sidecar, found faults) (why string, err error) {
	if found.end > s.end {
		return fmt.Sprintf("the parity file covers %d bytes of the file only", s.end), nil
	}
	if found.size() > maxBurst {
		return p.apart(), nil
	}
	p.file.patch = nil
	sum, err := p.upTo(s.end).read(ctx)
	if err != nil {
		return "", err
	}
	diff := sum.sum
	subtle.XORBytes(diff, diff, s.sum)
	patch, err := readPart(p.file, found.start, found.size())
	if err != nil {
		return "", err
	}
	p.file.at, p.file.patch = found.start, patch
	for _, from := range places(diff, found.run, p.file.size) {
		if !fits(diff, from, found.end) {
			continue
		}
		lay(patch[from-found.start:], diff, from)
		left, _, err := p.examine(ctx, found.run, true)
		if err != nil || left.places == 0 {
			return "", err
		}
		lay(patch[from-found.start:], diff, from) // takes it back
	}
	p.file.patch = nil
	return p.apart(), nil
}

// apart is why a file cannot be mended.
func (p *patient) apart() string {
	if p.file.size == 0 {
		return fmt.Sprintf("the file is missing, and more than %d KiB of it were there", stride>>10)
	}
	return fmt.Sprintf("the damage goes over more than %d KiB, or the parity is not that of these bytes", stride>>10)
}

// lay changes the bytes, which stand at this offset of the file, by one stride of
// the difference.
func lay(b, diff []byte, at int64) {
	b = b[:min(len(b), stride)]
	i := int(at % stride)
	n := subtle.XORBytes(b, b, diff[i:])
	subtle.XORBytes(b[n:], b[n:], diff[:i])
}

// fits reports whether all of the difference lies before end when it is laid from
// this offset on.
func fits(diff []byte, from, end int64) bool {
	for at := end; at < from+stride; at++ {
		if diff[at%stride] != 0 {
			return false
		}
	}
	return true
}

// places gives the offsets from which on the difference may have to be laid, the
// likely ones first.
func places(diff []byte, bad run, size int64) []int64 {
	if bad.size() <= stride {
		return []int64{bad.start}
	}
	var all []int64
	if size > bad.start && size < bad.end {
		all = append(all, size) // cut short
	}
	for _, turn := range turns(diff) {
		first := bad.start + (turn-bad.start%stride+stride)%stride
		for at := first; at < bad.end; at += stride {
			all = append(all, at)
		}
	}
	return all
}

// turns gives the places of the stride at which a burst may begin: those behind
// the longest runs, round the stride, that do not differ.
func turns(diff []byte) []int64 {
	type gap struct{ size, end int64 }
	begins := slices.IndexFunc(diff, func(b byte) bool { return b != 0 })
	if begins < 0 {
		return nil
	}
	var gaps []gap
	zeros := int64(0)
	for i := 1; i <= stride; i++ { // round, from behind the first that differs
		at := int64((begins + i) % stride)
		if diff[at] == 0 {
			zeros++
			continue
		}
		if zeros > 0 || i == stride {
			gaps = append(gaps, gap{zeros, at})
		}
		zeros = 0
	}
	slices.SortStableFunc(gaps, func(a, b gap) int { return int(b.size - a.size) })
	var all []int64
	for _, g := range gaps[:min(len(gaps), maxTurns)] {
		all = append(all, g.end)
	}
	return all
}
