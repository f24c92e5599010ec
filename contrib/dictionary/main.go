// Command dictionary makes the dictionaries that are built into daybook:
//
//	go run ./contrib/dictionary -o archive/dictionary/facts.2
//	go run ./contrib/dictionary -o archive/dictionary/text.2
//
// The file's name says which kind, and which version. What they are trained on is made
// up here, and always the same. A file that is there is never overwritten: archives
// refer to their dictionaries by number, and must find them as they were.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"daybook/archive/dictionary"

	"github.com/klauspost/compress/zstd"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out the command line and gives the exit status.
func run(args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("dictionary", flag.ContinueOnError)
	flags.SetOutput(problems)
	path := flags.String("o", "", "the `file` to write: facts.N or text.N, where N is the version")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := write(*path, out); err != nil {
		fmt.Fprintln(problems, "dictionary:", err)
		return 1
	}
	return 0
}

// write makes the dictionary that a path names.
func write(path string, out io.Writer) error {
	kind, text, _ := strings.Cut(filepath.Base(path), ".")
	version, err := strconv.Atoi(text)
	if kind != "facts" && kind != "text" || err != nil || version < 1 {
		return fmt.Errorf("-o %q: the name must be facts.N or text.N, where N is the version", path)
	}
	b, err := train(kind, version)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already, and archives may refer to it: make the next version", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: number %d, %d bytes\n", path, dictionary.ID(kind, version), len(b))
	return nil
}

// Sizes of the dictionaries' content, in bytes. Every call of zstd that uses one copies it.
const (
	factsSize = 8 << 10
	textSize  = 24 << 10
)

// train makes a dictionary from the samples of its kind.
func train(kind string, version int) ([]byte, error) {
	samples, size, level := textSamples(), textSize, zstd.SpeedBetterCompression
	if kind == "facts" {
		var err error
		if samples, err = factsSamples(); err != nil {
			return nil, err
		}
		size, level = factsSize, zstd.SpeedFastest // for new entries S2 uses the content alone
	}
	return zstd.BuildDict(zstd.BuildDictOptions{
		ID: dictionary.ID(kind, version), Level: level,
		History: history(samples[:len(samples)/2], size), Contents: samples[len(samples)/2:],
	})
}

// history puts samples one behind the other, each time only what the samples before
// did not have. What comes last is the cheapest to refer to.
func history(samples [][]byte, size int) []byte {
	var h []byte
	for _, s := range samples {
		if fresh := unseen(h, s); len(h)+len(fresh) <= size {
			h = append(h, fresh...)
		}
	}
	return h
}

// unseen leaves out the parts of a sample that stand in what is there already.
func unseen(h, s []byte) (fresh []byte) {
	const step = 12 // bytes: what is shorter is not worth a gap
	for i := 0; i < len(s); {
		n := 0
		for i+n < len(s) && bytes.Contains(h, s[i:i+n+1]) {
			n++
		}
		if n < step {
			n = max(n, 1)
			fresh = append(fresh, s[i:i+n]...)
		}
		i += n
	}
	return fresh
}
