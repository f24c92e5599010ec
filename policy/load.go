package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Bounds of a configuration's text.
const (
	// maxText is for all *.hcl files together, in bytes.
	maxText = 16 << 20
	// maxDepth is for brackets and maxOperators for the operators of one key: the
	// parser and the evaluation go one call deeper for each.
	maxDepth     = 100
	maxOperators = 5000
)

// Load reads a configuration: one file, or the *.hcl files of a folder, and the
// files that it names. Mistakes in it come as an [*Error], trouble in reading it as
// the system's error.
func Load(path string) (*Policy, error) {
	names, err := fileNames(path)
	if err != nil {
		return nil, err
	}
	texts := make([][]byte, len(names))
	left := maxText
	for i, name := range names {
		if texts[i], err = readText(name, left); err != nil {
			return nil, err
		}
		left -= len(texts[i])
	}
	return parse(names, texts)
}

func readText(name string, most int) ([]byte, error) {
	f, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := readAtMost(f, most)
	if errors.Is(err, errTooLarge) {
		return nil, fmt.Errorf("%s: the configuration has more than %d MiB of text: put addresses into known_files", name, maxText>>20)
	}
	return text, err
}

var (
	errTooLarge = errors.New("the file is too large")
	// errNotRegular: who reads a pipe may wait for ever.
	errNotRegular = errors.New("it is not a regular file")
)

// readAtMost reads all of r, or with errTooLarge the first bytes of it.
func readAtMost(r io.Reader, most int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(text) > most {
		return text[:most], errTooLarge
	}
	return text, err
}

// openRegular opens a file that has an end: no device, and no pipe that would wait
// for a writer.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	return os.Open(path)
}

// readRegular is readAtMost for a file.
func readRegular(path string, most int) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, most)
}

// fileNames gives the files of a configuration in the order in which they count.
func fileNames(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	list, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range list {
		name := f.Name()
		if !f.IsDir() && strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(name, ".") {
			names = append(names, filepath.Join(path, name))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: the folder has no *.hcl file", path)
	}
	sort.Strings(names)
	return names, nil
}

func parse(names []string, texts [][]byte) (*Policy, error) {
	var diags hcl.Diagnostics
	files := make(map[string][]byte)
	bodies := make([]*hcl.File, 0, len(names))
	for i, name := range names {
		files[name] = texts[i]
		if d := checkDepth(name, texts[i]); d != nil {
			diags = append(diags, d)
			continue
		}
		f, d := hclsyntax.ParseConfig(texts[i], name, hcl.InitialPos)
		diags = append(diags, first(d)...)
		bodies = append(bodies, f)
	}
	// A file that does not parse lacks blocks: what else could be said about
	// the whole would mislead.
	if diags.HasErrors() {
		return nil, newError(diags, files)
	}
	var root rootBody
	diags = gohcl.DecodeBody(hcl.MergeFiles(bodies), nil, &root)
	b := builder{diags: diags, files: files}
	p := b.build(&root)
	if b.diags.HasErrors() {
		return nil, newError(b.diags, files)
	}
	p.seal(names, texts, b.lists)
	return p, nil
}

// LoadServer reads the server block of a configuration and looks at nothing else, for
// those who only have to know where the data is: the rest may be wrong, or half
// written. Its errors are those of [Load].
func LoadServer(path string) (Server, error) {
	names, err := fileNames(path)
	if err != nil {
		return Server{}, err
	}
	b := builder{files: make(map[string][]byte), names: make(map[string]hcl.Range), listens: make(map[Addr]hcl.Range)}
	var root rootBody
	for _, name := range names {
		text, err := readText(name, maxText)
		if err != nil {
			return Server{}, err
		}
		b.files[name] = text
		if d := checkDepth(name, text); d != nil {
			b.diags = append(b.diags, d)
			continue
		}
		f, d := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
		b.diags = append(b.diags, first(d)...)
		if d.HasErrors() {
			continue
		}
		content, _, _ := f.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "server"}}})
		for _, block := range content.Blocks {
			var body serverBody
			b.diags = append(b.diags, gohcl.DecodeBody(block.Body, nil, &body)...)
			body.Range = block.DefRange
			root.Servers = append(root.Servers, body)
		}
	}
	server := b.server(root.Servers)
	if b.diags.HasErrors() {
		return Server{}, newError(b.diags, b.files)
	}
	return server, nil
}

// first gives the first of the mistakes that a text does not parse for. What the parser
// says about the text behind it is guesswork.
func first(diags hcl.Diagnostics) hcl.Diagnostics {
	for i, d := range diags {
		if d.Severity == hcl.DiagError {
			return diags[i : i+1]
		}
	}
	return nil
}

// checkDepth finds the place where a text is nested deeper than can be parsed on a
// stack of a bounded size.
func checkDepth(name string, text []byte) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(text, name, hcl.InitialPos) // the parser tells what is wrong with them
	var open []hclsyntax.TokenType                               // what closes the brackets that are open
	operators := 0
	for _, t := range tokens {
		closer, isBracket := closerOf(t.Type)
		switch {
		case isBracket:
			open = append(open, closer)
			if t.Type != hclsyntax.TokenOBrace {
				operators++ // an index, a call
			}
		case len(open) > 0 && t.Type == open[len(open)-1]:
			open = open[:len(open)-1]
		case t.Type == hclsyntax.TokenEqual:
			operators = 0
		case isOperator(t.Type):
			operators++
		}
		if len(open) > maxDepth || operators > maxOperators {
			at := t.Range
			return &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Too deep", Subject: &at,
				Detail: fmt.Sprintf("A text has at most %d brackets within each other, and an expression at most %d operators: split it.",
					maxDepth, maxOperators),
			}
		}
	}
	return nil
}

func closerOf(t hclsyntax.TokenType) (closer hclsyntax.TokenType, isBracket bool) {
	switch t {
	case hclsyntax.TokenOBrace:
		return hclsyntax.TokenCBrace, true
	case hclsyntax.TokenOBrack:
		return hclsyntax.TokenCBrack, true
	case hclsyntax.TokenOParen:
		return hclsyntax.TokenCParen, true
	case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		return hclsyntax.TokenTemplateSeqEnd, true
	}
	return 0, false
}

// isOperator tells whether a token can make an expression deeper: all but those of
// which long lists are made.
func isOperator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenComma, hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenIdent, hclsyntax.TokenNumberLit,
		hclsyntax.TokenOQuote, hclsyntax.TokenCQuote, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit,
		hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
		return false
	}
	return true
}
