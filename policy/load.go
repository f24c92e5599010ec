package policy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Load reads a configuration: one file, or the *.hcl files of a folder. Mistakes
// in it come as an [*Error], trouble in reading it as the system's error.
func Load(path string) (*Policy, error) {
	names, err := fileNames(path)
	if err != nil {
		return nil, err
	}
	texts := make([][]byte, len(names))
	for i, name := range names {
		if texts[i], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return parse(names, texts)
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
		f, d := hclsyntax.ParseConfig(texts[i], name, hcl.InitialPos)
		diags = append(diags, d...)
		bodies = append(bodies, f)
	}
	// A file that does not parse lacks blocks: what else could be said about
	// the whole would mislead.
	if diags.HasErrors() {
		return nil, newError(diags, files)
	}
	var root rootBody
	diags = gohcl.DecodeBody(hcl.MergeFiles(bodies), nil, &root)
	b := builder{diags: diags}
	p := b.build(&root)
	if b.diags.HasErrors() {
		return nil, newError(b.diags, files)
	}
	p.Digest = sha256.Sum256(bytes.Join(texts, nil))
	return p, nil
}
