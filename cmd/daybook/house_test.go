package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The rooms of the house and the rooms each may look into. A room that is not
// named here may not be imported by another.
func rooms() map[string][]string {
	return map[string][]string{
		"lmtp":               {},
		"milter":             {},
		"archive/ledger":     {},
		"archive/message":    {},
		"policy":             {"archive/message", "policy/condition"},
		"policy/condition":   {},
		"archive/recipe":     {"archive/message"},
		"archive/dictionary": {},
		"archive":            {"archive/dictionary", "archive/ledger", "archive/message", "archive/recipe"},
		"archive/journal":    {"archive/message"},
		"archive/ingest":     {"archive", "archive/journal", "archive/message", "lmtp", "milter", "policy"},
		"archive/index":      {"archive", "archive/message"},
		"archive/web":        {"archive", "archive/index", "archive/message", "policy"},
		"archive/pull":       {},
		"cmd/daybook": {"archive", "archive/index", "archive/ingest", "archive/journal", "archive/ledger", "archive/message",
			"archive/pull", "archive/web", "lmtp", "milter", "policy"},
	}
}

// Mail flows one way: a room imports only what stands below it.
func TestLayers(t *testing.T) {
	for path, file := range sources(t) {
		room := filepath.ToSlash(filepath.Dir(path))
		allowed, known := rooms()[room]
		if strings.HasPrefix(room, "contrib/") {
			continue
		}
		if !known {
			t.Errorf("%s: the room %s is not in the plan of the house", path, room)
		}
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if inner, ours := strings.CutPrefix(name, "daybook/"); ours && !slices.Contains(allowed, inner) {
				t.Errorf("%s imports %s, which does not stand below it", path, inner)
			}
		}
	}
}

// The libraries of the protocols stay behind the doors of their rooms.
// The benchmark has one of its own: the bystanders that Daybook's milter is measured
// beside are none of ours.
func TestProtocolLibrariesStayInside(t *testing.T) {
	doors := map[string]string{"emersion/go-smtp": "lmtp", "emersion/go-milter": "milter"}
	for path, file := range sources(t) {
		for _, spec := range file.Imports {
			for library, room := range doors {
				bystander := path == filepath.Join("contrib", "bench", "bystander.go")
				if strings.Contains(spec.Path.Value, library) && filepath.Dir(path) != room && !bystander {
					t.Errorf("%s imports %s, which belongs into %s", path, library, room)
				}
			}
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for path, file := range sources(t) {
		if file.Name.Name == "main" {
			continue
		}
		for _, d := range file.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s has no comment", path, name)
			}
		}
	}
}

// undocumented gives the exported names of a declaration that has no comment.
func undocumented(d ast.Decl) []string {
	var names []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && !ofHiddenType(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					names = append(names, s.Names[0].Name)
				}
			}
		}
	}
	return names
}

// ofHiddenType tells that a method belongs to a type that is not exported: such
// methods carry out an interface, which says what they do.
func ofHiddenType(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	name, ok := t.(*ast.Ident)
	return !ok || !name.IsExported()
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	const fileLines, funcLines = 600, 100
	fset := token.NewFileSet()
	for path := range sources(t) {
		file, err := parser.ParseFile(fset, filepath.Join("..", "..", path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if n := fset.Position(file.End()).Line; n > fileLines {
			t.Errorf("%s has %d lines; over %d it should be two files", path, n, fileLines)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if n := fset.Position(d.End()).Line - fset.Position(d.Pos()).Line; ok && n > funcLines {
				t.Errorf("%s: %s has %d lines; over %d it should be two functions", path, f.Name.Name, n, funcLines)
			}
		}
	}
}

// sources gives the Go files of the project, without tests, by their path from
// its root.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		inner, err := filepath.Rel(root, path)
		files[inner] = file
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files found: the test does not look at the project", len(files))
	}
	return files
}
