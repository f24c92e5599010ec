package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestHeaderValue(t *testing.T) {
	raw := []byte("X-Spam: yes\r\nx-spam: no\r\nX-Long: a\r\n b\r\nX-Coded: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nX-Empty:\r\n\r\nX-Body: x\r\n")
	for _, c := range []struct {
		name, want string
		ok         bool
	}{
		{"X-SPAM", "yes", true},
		{"X-Long", "a b", true},
		{"X-Coded", "grüße", true},
		{"X-Empty", "", true},
		{"X-Body", "", false},
		{"X", "", false},
		{"", "", false},
	} {
		if got, ok := ReadHeader(raw).Value(c.name); got != c.want || ok != c.ok {
			t.Errorf("%q: got %q %v, want %q %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

func TestHeaderAddresses(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      []string
	}{
		{"list", "To: A <a@x.example>, \"B, C\" <b@x.example>, c@x.example\r\n\r\n", []string{"a@x.example", "b@x.example", "c@x.example"}},
		{"two fields", "To: a@x\r\nTo: b@x\r\n\r\n", []string{"a@x", "b@x"}},
		{"group", "To: team: a@x, b@x;\r\n\r\n", []string{"a@x", "b@x"}},
		{"no list", "To: a@x <broken, b@x>; undisclosed\r\n\r\n", []string{"a@x", "b@x"}},
		{"encoded name", "To: =?utf-8?q?=C3=BC?= <a@x>\r\n\r\n", []string{"a@x"}},
		{"a name that looks like an address", "To: \"z@x\" <a@x>\r\n\r\n", []string{"a@x"}},
		{"undisclosed", "To: undisclosed-recipients:;\r\n\r\n", nil},
		{"other field", "Cc: a@x\r\n\r\n", nil},
	} {
		if got := ReadHeader([]byte(c.raw)).Addresses("to"); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	many := "To: " + strings.Repeat("a@x b@y <", 1<<20) + "\r\n\r\n"
	if n := len(ReadHeader([]byte(many)).Addresses("To")); n > maxAddresses {
		t.Errorf("%d addresses", n)
	}
}

func TestHasAttachment(t *testing.T) {
	nested := "Content-Disposition: attachment\r\n\r\n"
	for range maxDepth + 1 {
		b := fmt.Sprintf("b%d", len(nested))
		nested = "Content-Type: multipart/mixed; boundary=" + b + "\r\n\r\n--" + b + "\r\n" + nested
	}
	for _, c := range []struct {
		name, raw string
		want      bool
	}{
		{"plain", "Subject: x\r\n\r\nContent-Disposition: attachment\r\n", false},
		{"nothing", "", false},
		{"the message is a file", "Content-Disposition: attachment; filename=x.pdf\r\n\r\n", true},
		{"second part", "Content-Type: multipart/mixed; boundary=\"b b\"\r\n\r\n--b b\r\n\r\ntext\r\n--b b\r\nContent-Type: application/pdf; name=x.pdf\r\n\r\n--b b--\r\n", true},
		{"LF alone", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment\n\nx\n--b--\n", true},
		{"attached message", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n--b--\r\n", true},
		{"two texts", "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--\r\n", false},
		{"nested", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\nContent-Disposition: inline; filename=a.png\r\n\r\n--c--\r\n--b--\r\n", true},
		{"behind the end", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--b\r\nContent-Disposition: attachment\r\n\r\n", false},
		{"no boundary", "Content-Type: multipart/mixed\r\n\r\n--\r\nContent-Disposition: attachment\r\n\r\n", false},
		{"too deep to tell", nested, false},
		{"a content type of no form", "Content-Type: multipart/mixed; boundary=b; =\r\nContent-Disposition: attachment; filename\r\n\r\n", true},
	} {
		if got := HasAttachment([]byte(c.raw)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("To: a@x <b, c@y>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b--\r\n"), "To")
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n"), "")
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		HasAttachment(raw)
		if v, ok := ReadHeader(raw).Value(name); !ok && v != "" {
			t.Errorf("no field, but the value %q", v)
		}
		for _, a := range ReadHeader(raw).Addresses(name) {
			if a == "" {
				t.Error("an empty address")
			}
		}
	})
}
