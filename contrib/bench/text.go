package main

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
)

// commonWords are the most frequent words of the text in messages. Rarer ones
// are made up.
const commonWords = `the of and to a in is that for it as was with be by on not he his but at are this have
from or had an they which you were her all she there would their we him been has when who will more no
if out so said what up its about into than them can only other new some could time these two may then
do first any my now such like our over man me even most made after also did many before must through
back years where much your way well down should because each just those people mr how too little state
good very make world still own see men work long here get both between life being under never day same
another know while last might us great old year off come since against go came right used take three
invoice meeting please attached regards customer project report order contract delivery price team
office service account number question answer review schedule monday friday week month offer payment`

// madeUpWords is how many there are beside the common ones: so many that a text
// does not compress too well.
const madeUpWords = 6000

// writer writes the texts and attachments of messages. The same seed writes the
// same.
type writer struct {
	random *rand.Rand
	words  []string
	choice *rand.Zipf
}

func newWriter(seed uint64) *writer {
	w := seeded(seed)
	w.words = strings.Fields(commonWords)
	for range madeUpWords {
		w.words = append(w.words, w.madeUp())
	}
	w.choice = rand.NewZipf(w.random, 1.15, 6, uint64(len(w.words)-1))
	return w
}

// seeded is a writer that knows no words.
func seeded(seed uint64) *writer { return &writer{random: rand.New(rand.NewPCG(seed, 0))} }

// madeUp makes a word of two to four syllables.
func (w *writer) madeUp() string {
	const consonants, vowels, ends = "bcdfghlmnprstvw", "aaeeeioou", "dlnrst"
	var b strings.Builder
	for range 2 + w.random.IntN(3) {
		b.WriteByte(consonants[w.random.IntN(len(consonants))])
		b.WriteByte(vowels[w.random.IntN(len(vowels))])
	}
	if w.random.IntN(2) == 0 {
		b.WriteByte(ends[w.random.IntN(len(ends))])
	}
	return b.String()
}

func (w *writer) word() string { return w.words[w.choice.Uint64()] }

// phrase is a few words, as in a subject.
func (w *writer) phrase(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = w.word()
	}
	return strings.Join(words, " ")
}

// lines is text of at least size bytes in lines of at most 76, with empty ones
// between paragraphs. Here and there a line begins with a dot.
func (w *writer) lines(size int, before, after string) string {
	const width = 70
	var b strings.Builder
	for line, n := before, 0; b.Len() < size; n++ {
		for len(line) < width-10 {
			line += w.word() + " "
		}
		if n%40 == 39 {
			line = ".." + line[2:]
		}
		b.WriteString(strings.TrimRight(line, " ") + after + "\r\n")
		if n%7 == 6 {
			b.WriteString("\r\n")
		}
		line = before
	}
	return b.String()
}

// attachment is a base64 body of about size bytes that yields nothing to a
// compressor, as images, office documents and most of a PDF do.
func (w *writer) attachment(size int) string {
	const perLine, lineLength = 57, 78
	var b strings.Builder
	b.Grow(size + lineLength)
	raw := make([]byte, perLine)
	for b.Len() < size {
		for i := range raw {
			raw[i] = byte(w.random.Uint32())
		}
		b.WriteString(base64.StdEncoding.EncodeToString(raw) + "\r\n")
	}
	return b.String()
}
