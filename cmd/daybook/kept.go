package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"daybook/archive"
	"daybook/policy"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// latestPolicy gives the policy that became active last.
func latestPolicy(ctx context.Context, s store) (keptPolicy, error) {
	for p, err := range s.Policies(ctx, archive.Query{Reverse: true, Limit: 1}) {
		return p, err
	}
	return keptPolicy{}, refuse("", errors.New("the archive has no policy yet"), "name one with --config")
}

// load makes a policy of the text that the archive has kept.
func (p *keptPolicy) load(ctx context.Context, s store) (*policy.Policy, error) {
	digest, err := parseDigest(p.Policy)
	if err != nil {
		return nil, err
	}
	if len(p.Files) == 0 {
		return policy.Default(), nil
	}
	dir, err := os.MkdirTemp("", "daybook-policy-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := p.writeFiles(ctx, s, dir); err != nil {
		return nil, err
	}
	pol, err := p.read(dir)
	if err == nil {
		err = p.compare(pol)
	}
	if err != nil {
		text := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
		return nil, refuse("policy "+shortDigest(p.Policy), fmt.Errorf("the text that was kept cannot be used by itself: %s", text),
			"name a policy with --config")
	}
	pol.Digest = digest
	return pol, nil
}

// read reads the policy whose files are below a folder, without its tests: the
// messages that they name are not kept.
func (p *keptPolicy) read(dir string) (*policy.Policy, error) {
	var texts []string
	for i := range p.Files {
		name := localName(p.Files[i].Name)
		if !p.Files[i].isText() || filepath.Dir(name) != "." {
			continue
		}
		texts = append(texts, filepath.Join(dir, name))
		if err := prepareText(texts[len(texts)-1]); err != nil {
			return nil, err
		}
	}
	if len(texts) == 1 {
		return policy.Load(texts[0])
	}
	return policy.Load(dir)
}

// prepareText makes a file of a policy's text such that it can be read without what is
// not kept: blanks stand in the place of its test blocks, so that all else keeps its
// line, and password files are made that have a word of no meaning.
func prepareText(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f, diags := hclsyntax.ParseConfig(text, path, hcl.InitialPos)
	if diags.HasErrors() {
		return diags
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return fmt.Errorf("%s: it is not HCL in its own syntax", path)
	}
	for _, b := range body.Blocks {
		switch b.Type {
		case "test":
			blank(text[b.Range().Start.Byte:b.Range().End.Byte])
		case "journal":
			if err := standIn(b.Body, filepath.Dir(path)); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(path, text, 0o600)
}

// standIn makes the password file of a journal below a temporary folder. One whose
// path leads elsewhere is read in its own place.
func standIn(journal *hclsyntax.Body, dir string) error {
	for _, b := range journal.Blocks {
		a := b.Body.Attributes["password_file"]
		if b.Type != "auth" || a == nil {
			continue
		}
		value, diags := a.Expr.Value(nil)
		if diags.HasErrors() || value.Type() != cty.String || value.IsNull() || !filepath.IsLocal(value.AsString()) {
			continue
		}
		path := filepath.Join(dir, value.AsString())
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := f.WriteString("unknown\n"); err != nil {
			return errors.Join(err, f.Close())
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// blank puts a blank in the place of each byte but the ends of lines.
func blank(text []byte) {
	for i := range text {
		if text[i] != '\n' {
			text[i] = ' '
		}
	}
}

// compare finds out whether the files that are not below the policy's folder, and so
// were read from their own places, are still what they were.
func (p *keptPolicy) compare(pol *policy.Policy) error {
	was := make(map[string]string)
	for i := range p.Files {
		was[p.Files[i].Name] = p.Files[i].SHA256
	}
	for i := range pol.Files {
		f := &pol.Files[i]
		if digest, ok := was[f.Name]; !ok || !filepath.IsLocal(f.Name) && digest != fmt.Sprintf("%x", f.SHA256) {
			return fmt.Errorf("%s is not what it was", f.Name)
		}
	}
	return nil
}
