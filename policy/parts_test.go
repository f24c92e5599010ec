package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"daybook/archive/message"
)

// BenchmarkPartDecide decides about a mail by 20 rules, none of which is for it.
func BenchmarkPartDecide(b *testing.B) {
	var text strings.Builder
	text.WriteString("tenant \"acme\" { domains = [\"example.org\"] }\n")
	text.WriteString("milter \"m\" {\n  listen = \"off\"\n  tenant = \"acme\"\n}\n")
	for n := range 20 {
		all := terms()
		fmt.Fprintf(&text, "rule \"r%d\" {\n  when   = %s\n  action = \"quarantine\"\n}\n", n, fmt.Sprintf(all[n%len(all)], n+1))
	}
	path := filepath.Join(b.TempDir(), "policy.hcl")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"4KB", "16KB", "75KB"} {
		mail, err := os.ReadFile("../archive/message/testdata/parts/" + name + ".eml")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f := &Facts{
					Source: "m", Received: time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC), Sender: "anna@example.com",
					Recipients: []string{"bert@example.org"}, Size: int64(len(mail)),
					Summary: message.Summarize(mail), Head: func() []byte { return mail },
				}
				if d := p.Decide(f); len(d) != 1 || d[0].Action != Archive {
					b.Fatalf("decided %+v", d)
				}
			}
		})
	}
}
