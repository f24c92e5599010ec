package main

import (
	_ "embed" // for material.txt
	"strconv"
	"strings"
)

//go:embed material.txt
var material string

// textSamples are the blocks of the material, filled in. The first half has each
// block, in their order, and all of them are the dictionary's content; the second has
// them as often as they are said to occur, in parts.
func textSamples() (samples [][]byte) {
	blocks := strings.Split(material, "\n== ")[1:]
	var content, rest [][]byte
	f := newFiller(1)
	for _, b := range blocks {
		count, text, _ := strings.Cut(b, "\n")
		n, _ := strconv.Atoi(count)
		text = strings.ReplaceAll(text, "\n", "\r\n")
		f.next()
		content = append(content, []byte(f.fill(text)))
		for range 20 * n {
			f.next()
			rest = append(rest, []byte(f.fill(f.some(text))))
		}
	}
	for len(content) < len(rest) {
		content = append(content, nil)
	}
	return append(content, rest...)
}

// some leaves out one line in four.
func (f *filler) some(text string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\r\n") {
		if f.random.IntN(4) > 0 {
			b.WriteString(line)
		}
	}
	return b.String()
}
