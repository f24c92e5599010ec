package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// mixSize stands for the mix among the sizes in KB.
const mixSize = 0

// set is messages of one size, or the mix, ready to be sent.
type set struct {
	messages []*message // empty for the mix, of which there would be too much
	lmtp     []*lmtpMessage
}

func prepare(messages []*message) *set {
	s := &set{messages: messages}
	for _, m := range messages {
		s.lmtp = append(s.lmtp, newLMTPMessage(m))
	}
	return s
}

// bytes is how long the messages of these numbers are together.
func (s *set) bytes(numbers []int64) (sum float64) {
	for _, n := range numbers {
		sum += float64(s.lmtp[n%int64(len(s.lmtp))].size)
	}
	return sum
}

// describe says how many messages there are and how long.
func (s *set) describe() string {
	sizes := make([]float64, len(s.lmtp))
	sum := 0.0
	for i, m := range s.lmtp {
		sizes[i] = float64(m.size)
		sum += sizes[i]
	}
	slices.Sort(sizes)
	return fmt.Sprintf("%d messages, median %.1f KB, mean %.1f KB", len(sizes), quantile(sizes, 0.5)/1e3, ratio(sum, float64(len(sizes)))/1e3)
}

const (
	mixMessages = 2000
	// mostMix is how many bytes of mail are kept in memory for the mix.
	mostMix = 1 << 30
)

// newMix generates the mix, or takes it from folders of mail.
func newMix(folders []string) (*set, error) {
	s := &set{}
	if len(folders) == 0 {
		x := newMixer(kind{repeats: 0.3})
		for range mixMessages {
			s.lmtp = append(s.lmtp, newLMTPMessage(x.mixed()))
		}
		s.mixSizes()
		return s, nil
	}
	room := mostMix
	for _, dir := range folders {
		files, err := findMail(dir)
		if err != nil {
			return nil, err
		}
		for n := range files.paths {
			raw, err := files.read(int64(n))
			if err != nil {
				return nil, err
			}
			if room -= len(raw); room < 0 {
				break // describe tells how many there are
			}
			m := &message{raw: withStamp(raw)}
			m.sender, m.recipients = envelopeOf(raw)
			s.lmtp = append(s.lmtp, newLMTPMessage(m))
		}
	}
	s.mixSizes()
	return s, nil
}

// mixSizes puts the messages into an order of which every stretch has large and
// small ones in about the same proportion: a slow server gets as far as a few
// hundred of them, a fast one through all.
func (s *set) mixSizes() {
	slices.SortStableFunc(s.lmtp, func(a, b *lmtpMessage) int { return cmp.Compare(a.size, b.size) })
	n := len(s.lmtp)
	step := max(n*618/1000, 1) // the golden section spreads best
	for gcd(step, n) > 1 {
		step++
	}
	mixed := make([]*lmtpMessage, n)
	for i := range mixed {
		mixed[i] = s.lmtp[(i+1)*step%n]
	}
	s.lmtp = mixed
}

func gcd(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// withStamp makes a message that can be sent many times: its Message-ID, which it
// gets when it has none, begins with the stamp.
func withStamp(raw []byte) []byte {
	const name = "message-id:"
	end := 0
	for line := range bytes.Lines(raw) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			at := end + len(name)
			if i := bytes.IndexByte(line, '<'); i >= 0 {
				at = end + i + 1
			}
			return slices.Concat(raw[:at], []byte(stamp), raw[at:])
		}
		end += len(line)
	}
	return slices.Concat([]byte("Message-ID: <"+stamp+"@bench.example>\r\n"), raw)
}
