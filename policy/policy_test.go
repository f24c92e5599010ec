package policy

import (
	"crypto/sha256"
	"errors"
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
			want := strings.TrimSuffix(file, ".hcl") + ".want"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(want, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(text) {
				t.Errorf("got:\n%s\nwant:\n%s", got.String(), text)
			}
		})
	}
}

func TestLoadFull(t *testing.T) {
	got, err := Load("testdata/right/full.hcl")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/right/full.hcl")
	if err != nil {
		t.Fatal(err)
	}
	want := &Policy{
		Server: Server{
			Data: "testdata/right/archive", Hostname: "archive.example.com",
			MinFree: 1 << 30, MaxMessage: 150 << 20,
			Control: Addr{"unix", "/run/daybook/control.sock"}, Metrics: Addr{"tcp", "127.0.0.1:9825"},
			LogLevel: "debug", LogFormat: "json",
		},
		Tenants: []Tenant{
			{Name: "acme", Description: "Acme Ltd, contract 4711", Domains: []string{"acme.example", "*.acme.test"}},
			{Name: "globex"},
		},
		Milters: []Milter{{
			Name: "edge", Listen: Addr{"unix", "/run/daybook/milter.sock"}, Tenant: "acme",
			OnFailure: OnFailureAccept, MaxMessage: 50 << 20,
		}},
		LMTPs: []LMTP{{
			Name: "journal", Listen: Addr{"tcp", "127.0.0.1:8024"}, Tenant: "globex",
			MaxMessage: 200_000_000, MaxRecipients: 1000,
			TLSCert: "/etc/daybook/journal.crt", TLSKey: "testdata/right/journal.key",
		}},
		Digest: sha256.Sum256(text),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A folder is read as one text, in the order of the names; what is not *.hcl is
// not part of it. With one tenant the default sources are that tenant's.
func TestLoadFolder(t *testing.T) {
	got, err := Load("testdata/right/folder")
	if err != nil {
		t.Fatal(err)
	}
	if got.Server.Data != "/srv/mail" || got.Milters[0].Tenant != "acme" || got.LMTPs[0].Tenant != "acme" {
		t.Errorf("got %+v", got)
	}
	if want := sha256.Sum256([]byte("server { data = \"/srv/mail\" }\ntenant \"acme\" { }\n")); got.Digest != want {
		t.Errorf("digest %x, want %x", got.Digest, want)
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
	if err == nil || !strings.HasSuffix(err.Error(), "(and 4 more)") {
		t.Errorf("five mistakes: %v", err)
	}
}

func TestDefault(t *testing.T) {
	p := Default()
	if len(p.Milters) != 1 || p.Milters[0].Listen.String() != "tcp:127.0.0.1:8891" || p.Milters[0].Tenant != "default" ||
		len(p.LMTPs) != 1 || p.LMTPs[0].Listen.String() != "tcp:127.0.0.1:8024" || p.LMTPs[0].Tenant != "default" ||
		p.LMTPs[0].MaxMessage != DefaultMaxMessage {
		t.Errorf("got %+v", p)
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
		if err != nil && (!errors.As(err, &wrong) || wrong.Diagnostics[0].File != "fuzz.hcl") {
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
