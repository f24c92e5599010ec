// Package dictionary has the dictionaries that are built into daybook: what zstd
// (RFC 8878 section 5) knows of mail before it has seen any. Archives refer to them by
// number, so one that was ever released stays here for ever, unchanged. A better one
// gets the next version; contrib/dictionary makes it. Of those for facts only the content
// is used for new entries, which S2 compresses.
package dictionary

import (
	"embed"
	"fmt"
)

// Dictionary is one that is built in.
type Dictionary struct {
	// ID is its number, by which compressed data refer to it: from 1 on, and below
	// [FirstOwn].
	ID uint32
	// Bytes are the dictionary in the format of RFC 8878 section 5. They are not to be
	// changed.
	Bytes []byte
}

// FirstOwn is the first number that an archive may give to dictionaries of its own.
const FirstOwn = 1 << 16

// Versions of the dictionaries, from 1 up to these.
const (
	factsVersions = 1
	textVersions  = 1
)

// ID is the number of the dictionary with a kind, "facts" or "text", and a version
// from 1 on.
func ID(kind string, version int) uint32 {
	if kind == "text" {
		return uint32(2 * version)
	}
	return uint32(2*version - 1)
}

// Facts gives the dictionaries for the facts of entries, the newest one last.
func Facts() []Dictionary { return load("facts", factsVersions) }

// Text gives the dictionaries for the text of messages, the newest one last.
func Text() []Dictionary { return load("text", textVersions) }

// Bytes gives the dictionaries without their numbers, which are in them.
func Bytes(list []Dictionary) [][]byte {
	all := make([][]byte, len(list))
	for i, d := range list {
		all[i] = d.Bytes
	}
	return all
}

// files is the folder, as embed has to have it.
//
//go:embed facts.* text.*
var files embed.FS

func load(kind string, versions int) (list []Dictionary) {
	for v := 1; v <= versions; v++ {
		b, err := files.ReadFile(fmt.Sprintf("%s.%d", kind, v))
		if err != nil {
			panic(err) // the build left out what it embeds
		}
		list = append(list, Dictionary{ID(kind, v), b})
	}
	return list
}
