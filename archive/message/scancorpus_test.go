package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const corpus = "../../../shared/corpus"

// corpusMail gives the messages of the corpus by name, as they are and with CRLF line
// ends.
func corpusMail(t testing.TB) map[string][]byte {
	t.Helper()
	if _, err := os.Stat(corpus); err != nil {
		t.Skipf("no real messages to test with: %v", err)
	}
	all := make(map[string][]byte)
	err := filepath.WalkDir(corpus, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".md" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(corpus, path)
		all[name] = raw
		if bytes.HasPrefix(raw, []byte("From ")) {
			_, raw, _ = bytes.Cut(raw, []byte("\n"))
		}
		lf := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
		all[name+" (CRLF)"] = bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n"))
		return nil
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d messages in %s: %v", len(all), corpus, err)
	}
	return all
}

func TestScanCorpus(t *testing.T) {
	for name, raw := range corpusMail(t) {
		t.Run(name, func(t *testing.T) { checkScan(t, raw, 1, 63, 4096) })
	}
}

var errNotCompared = errors.New("not compared")

// goLeaves gives the raw bodies of the leaves of a message as net/mail and
// mime/multipart find them.
func goLeaves(raw []byte) ([][]byte, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return nil, err
	}
	return goPart(m.Header.Get, body, "text/plain")
}

func goPart(field func(string) string, body []byte, defaultType string) ([][]byte, error) {
	contentType := field("Content-Type")
	if contentType == "" {
		contentType = defaultType
	}
	media, params, err := mime.ParseMediaType(contentType)
	switch encoding := strings.ToLower(field("Content-Transfer-Encoding")); {
	case err != nil:
		return nil, err
	case isMessage(media) && encoding != "base64" && encoding != "quoted-printable":
		return goLeaves(body)
	case !isMultipart(media):
		return [][]byte{body}, nil
	case params["boundary"] == "":
		return nil, errNotCompared
	}
	defaultType = "text/plain"
	if media == "multipart/digest" {
		defaultType = "message/rfc822"
	}
	var leaves [][]byte
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF && leaves != nil {
			return leaves, nil
		}
		if err != nil {
			return nil, err
		}
		part, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		inner, err := goPart(p.Header.Get, part, defaultType)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, inner...)
	}
}

// otherwise are the messages of which the standard library finds other leaves, and why.
func otherwise(name string) string {
	const (
		opened = "the last delimiter begins a part that is empty: the library passes over it"
		blanks = "the boundary ends with blanks, which RFC 2046 forbids: delimiters are compared without them"
		bareCR = "lines end with CR alone: the library takes all of it for one header line"
		mixed  = "LF ends some lines and CRLF others: the library knows only the line end of the first delimiter"
	)
	return map[string]string{
		"stalwart/malformed__014.eml":             opened,
		"stalwart/malformed__020.eml":             opened,
		"stalwart/malformed__021.eml":             opened,
		"mime4j/testmsgs__weird-boundary.msg":     blanks,
		"mime4j/testmsgs__very-long-boundary.msg": blanks,
		"sisimai/mac__rhost-cox-01.eml":           bareCR,
		"sisimai/mac__rhost-spectrum-01.eml":      bareCR,
		"stalwart/thirdparty__001.eml":            mixed,
	}[strings.TrimSuffix(name, " (CRLF)")]
}

// Where the standard library reads a message, it finds the same leaves.
func TestScanAgreesWithTheStandardLibrary(t *testing.T) {
	compared, parts := 0, 0
	for name, raw := range corpusMail(t) {
		want, err := goLeaves(raw)
		if err != nil || otherwise(name) != "" {
			continue
		}
		var got [][]byte
		s := mustScan(t, raw)
		for _, p := range s.Parts {
			if p.Kind == PartLeaf {
				got = append(got, raw[p.Body.Start:p.Body.End])
			}
		}
		compared++
		parts += len(got)
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%s: %d leaves, want %d:\n%s%.200q", name, len(got), len(want), describe(raw, s), want)
		}
	}
	t.Logf("%d messages with %d leaves are the same", compared, parts)
	if compared < 500 {
		t.Errorf("only %d messages could be compared", compared)
	}
}

// randomMail is made of pieces that matter to a scan, in any order.
func randomMail(r *rand.Rand) []byte {
	pieces := []string{
		"\r\n", "\n", "\r", "\r\n\r\n", "\n--b", "\r\n--b", "--b--", "\r\n--b--\r\n", "\n--bb\n", "\r\n--c\r\n", "\r\n--c--", "-", "--", " ", "\t",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "Content-Type: multipart/digest; boundary=\"bb\"\n\n--bb\n", "Content-Type: ",
		"Content-Type: multipart/alternative; boundary=c\r\n\r\n", "Content-Type: message/rfc822\r\n\r\n", "Content-Transfer-Encoding: base64\r\n",
		"multipart/mixed; boundary=b", "Subject: x\r\n", "x", "text of more than one word", ":", ";", "\x00", "\xff", "\"", "(", ")", "boundary=b",
	}
	var b []byte
	if r.IntN(4) > 0 {
		b = append(b, pieces[15+r.IntN(5)]...)
	}
	for range r.IntN(60) {
		b = append(b, pieces[r.IntN(len(pieces))]...)
	}
	return b
}

// Whatever stands in a message, its structure holds what it promises, and the way in
// which it is read makes no difference.
func TestScanOfRandomMail(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	most := 0
	for range n {
		raw := randomMail(r)
		s := checkScan(t, raw, 1, 1+r.IntN(70))
		most = max(most, len(s.Parts))
	}
	if most < 10 {
		t.Errorf("no message had more than %d parts", most)
	}
}

func FuzzScan(f *testing.F) {
	files, err := filepath.Glob("testdata/scan/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		_, cases := readCases(f, file)
		for _, c := range cases {
			f.Add(c.raw(f), uint16(1))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, window uint16) {
		checkScan(t, raw, 1, 1+int(window)%4096)
	})
}
