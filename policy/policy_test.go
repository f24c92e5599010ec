package policy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestWrong compares what is said about each wrong file with the file of the
// same name that ends in .want; UPDATE=1 in the environment writes those anew.
func TestWrong(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			_, err := Load(file)
			var wrong *Error
			if !errors.As(err, &wrong) {
				t.Fatalf("Load gave %v, want an *Error", err)
			}
			var got strings.Builder
			for _, d := range wrong.Diagnostics {
				got.WriteString(d.String() + "\n")
				if err := d.WriteSource(&got); err != nil {
					t.Fatal(err)
				}
			}
			golden(t, strings.TrimSuffix(file, ".hcl")+".want", got.String())
		})
	}
}

// TestRight compares what each right configuration means with the file of the same
// name that ends in .want; UPDATE=1 in the environment writes those anew.
func TestRight(t *testing.T) {
	files, err := filepath.Glob("testdata/right/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, file := range append(files, "testdata/right/folder") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			p, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".hcl")+".want", describe(p))
		})
	}
}

// golden compares got with the text of a file, or writes it there.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got:\n%s\nwant:\n%s", file, got, want)
	}
}

// describe writes a policy so that it can be compared with its text: what is set,
// one line each.
func describe(p *Policy) string {
	var b strings.Builder
	fields(&b, "server", p.Server)
	for i := range p.Tenants {
		fields(&b, "tenant", p.Tenants[i])
		if k := p.Tenants[i].known; k != nil {
			fmt.Fprintf(&b, "  (%d primary and %d secondary addresses)\n", len(k.primaries.slots)/slotSize, len(k.secondaries.values))
		}
	}
	for _, m := range p.Milters {
		fields(&b, "milter", m)
	}
	for _, l := range p.Listeners {
		fields(&b, l.Kind, l)
	}
	for _, j := range p.Journals {
		fields(&b, "journal", j)
	}
	for _, f := range p.Files {
		fmt.Fprintf(&b, "%x  %s\n", f.SHA256[:4], f.Name)
	}
	return b.String()
}

func fields(b *strings.Builder, block string, value any) {
	fmt.Fprintf(b, "%s\n", block)
	v := reflect.ValueOf(value)
	for _, f := range reflect.VisibleFields(v.Type()) {
		field := v.FieldByIndex(f.Index)
		if f.Anonymous || !f.IsExported() || field.IsZero() {
			continue
		}
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		fmt.Fprintf(b, "  %s = %+v\n", f.Name, field)
	}
}

// The digest is what sha256sum gives for what sha256sum prints in the folder.
func TestDigest(t *testing.T) {
	p, err := Load("testdata/right/known.hcl")
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, name := range []string{"known.hcl", "lists/acme.addresses", "lists/globex.addresses"} {
		text, err := os.ReadFile(filepath.Join("testdata/right", name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(text), name)
	}
	if want := sha256.Sum256([]byte(lines.String())); p.Digest != want {
		t.Errorf("digest %x, want that of\n%s", p.Digest, &lines)
	}
	for _, f := range p.Files {
		info, err := os.Stat(f.Path)
		if err != nil || info.Size() != f.Size {
			t.Errorf("%s: size %d, want %d, %v", f.Path, f.Size, info.Size(), err)
		}
	}
}

// A list that lies elsewhere is named by its whole path, and what it says changes
// the digest.
func TestDigestElsewhere(t *testing.T) {
	list := filepath.Join(t.TempDir(), "list")
	conf := filepath.Join(t.TempDir(), "daybook.hcl")
	text := fmt.Sprintf("tenant \"a\" {\n domains = [\"a.example\"]\n known_files = [%q]\n}\n", list)
	write(t, conf, text)
	write(t, list, "anna@a.example\n")
	first, err := Load(conf)
	if err != nil {
		t.Fatal(err)
	}
	write(t, list, "anne@a.example\n")
	second, err := Load(conf)
	if err != nil {
		t.Fatal(err)
	}
	if first.Files[0].Name != "daybook.hcl" || first.Files[1].Name != filepath.ToSlash(list) {
		t.Errorf("files %+v", first.Files)
	}
	if first.Digest == second.Digest {
		t.Error("another list has the same digest")
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLoadNothing(t *testing.T) {
	if _, err := Load("testdata/missing.hcl"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no *.hcl file") {
		t.Errorf("empty folder: %v", err)
	}
}

func TestErrorCounts(t *testing.T) {
	_, err := Load("testdata/wrong/two-servers.hcl")
	if err == nil || strings.Contains(err.Error(), "more)") || strings.Contains(err.Error(), "\n") {
		t.Errorf("one mistake: %v", err)
	}
	_, err = Load("testdata/wrong/sizes.hcl")
	if err == nil || !strings.HasSuffix(err.Error(), "(and 5 more)") {
		t.Errorf("six mistakes: %v", err)
	}
}

func TestDefault(t *testing.T) {
	p := Default()
	golden(t, "testdata/right/default.want", describe(p))
	if p.Digest != sha256.Sum256(nil) || len(p.Files) != 0 {
		t.Errorf("digest %x of files %v", p.Digest, p.Files)
	}
	empty := filepath.Join(t.TempDir(), "empty.hcl")
	write(t, empty, "")
	same, err := Load(empty)
	if err != nil {
		t.Fatal(err)
	}
	same.Files = nil
	golden(t, "testdata/right/default.want", describe(same))
}

// What is far too large is refused in one line, and takes no stack.
func TestBounds(t *testing.T) {
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format+"\n", i)
		}
		return b.String()
	}
	for name, tt := range map[string]struct{ text, want string }{
		"brackets":      {"server {\n data = " + strings.Repeat("[", 1<<16) + "\n}", ":2:108: Too deep:"},
		"parentheses":   {"server {\n data = " + strings.Repeat("(", 101) + "1" + strings.Repeat(")", 101) + "\n}", ": Too deep:"},
		"operators":     {"server {\n data = 1" + strings.Repeat("+1", 1<<16) + "\n}", ": Too deep:"},
		"indexes":       {"server {\n data = a" + strings.Repeat("[0]", 1<<16) + "\n}", ": Too deep:"},
		"calls":         {"server {\n data = a" + strings.Repeat("()", 1<<16) + "\n}", ": Too deep:"},
		"attributes":    {"server {\n data = a" + strings.Repeat(".b", 1<<16) + "\n}", ": Too deep:"},
		"stray closers": {"server {\n data = " + strings.Repeat("}", 1<<16) + strings.Repeat("(", 1<<16) + "\n}", ": Too deep:"},
		"other closers": {"server {\n data = " + strings.Repeat("(]", 1<<16) + "\n}", ": Too deep:"},
		"negations":     {"server {\n data = " + strings.Repeat("!", 1<<16) + "true\n}", ": Too deep:"},
		"templates":     {"server {\n data = " + strings.Repeat("\"${", 1<<16) + "\n}", ": Too deep:"},
		"blocks":        {strings.Repeat("a {\n", 1<<16), ": Too deep:"},
		"tenants":       {many(maxTenants+1, "tenant \"t%d\" { }"), ":10001:1: Too many blocks: There are 10001 tenant blocks"},
		"journals":      {many(maxJournals+1, "journal \"j%d\" { }"), ":10001:1: Too many blocks:"},
		"rules":         {many(maxRules+1, "rule \"r%d\" { }"), ":10001:1: Too many blocks:"},
		"milters":       {many(maxMilters+1, "milter \"m%d\" { }"), ":1001:1: Too many blocks:"},
		"list":          {"tenant \"t\" { domains = [" + strings.Repeat("\"a\",", maxItems+1) + "] }", "The list has 10001 texts"},
		"text":          {strings.Repeat("#", maxText+1), "more than 16 MiB of text"},
		"long list":     {"tenant \"t\" {\n domains = [\"a.example\"]\n known = [" + strings.Repeat("\"a\",", 1<<18) + "]\n}", "The list has 262144 texts"},
	} {
		file := filepath.Join(t.TempDir(), "large.hcl")
		write(t, file, tt.text)
		_, err := Load(file)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %.200v, want %s", name, err, tt.want)
		}
	}
}

// FuzzLoad: whatever the text, parsing gives a policy or an error with a place.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.hcl")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parse([]string{"fuzz.hcl"}, [][]byte{text})
		if (p == nil) == (err == nil) {
			t.Fatalf("policy %v and error %v", p, err)
		}
		var wrong *Error
		if err != nil && (!errors.As(err, &wrong) || wrong.Diagnostics[0].File == "") {
			t.Fatalf("error without a place: %v", err)
		}
		if wrong != nil {
			for _, d := range wrong.Diagnostics {
				if err := d.WriteSource(&strings.Builder{}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
