package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// corpus is a folder of real messages that is not part of the project.
const corpus = "../../../shared/corpus"

// TestRealReports reads the reports that Microsoft 365 sent in 2018.
func TestRealReports(t *testing.T) {
	tests := []struct {
		file, sender, recipient, subject, messageID, returnPath string
		end                                                     string // of the original
	}{
		{"m365-o365_journaled.eml", "ap@someothercompany.com", "lulu.zingzing@company.com", "INVOICE PDL-06-38776",
			"<13268020124593518925.93733CB7019D1C46@company.com>", "ap@someothercompany.com",
			"--_454f5116-fe0e-4ea1-ac48-e274330363f4_--\n"},
		{"m365-pdf_attachment.eml", "unixfreak0037@gmail.com", "jwdavison@company.com", "canary #1",
			"<CANTOGZuWahvYOEr0NwPELF5ASriGNWjfVsWhMSE_ekiSVw1RbA@mail.gmail.com>", "unixfreak0037@gmail.com",
			"--_13992285-ef1c-4dbd-a2c6-cd16a6ddb5e4_--\n"},
		{"m365-phish_me.eml", "CWare@company.com", "valvphish@integraldefense.com", "[POTENTIAL PHISH] Testing 1-2- 3",
			"<DM5PR2001MB1033AC6DF60D6EE45B25631DBB530@DM5PR2001MB1033.namprd20.prod.outlook.com>", "CWare@company.com",
			"--_eda614f7-d722-4847-9301-3817e21349a1_--\n"},
	}
	for _, lineEnd := range []string{"\n", "\r\n"} {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%s%q", test.file, lineEnd), func(t *testing.T) {
				raw, err := os.ReadFile(filepath.Join(corpus, "journal-reports", test.file))
				if err != nil {
					t.Skipf("SKIPPED: no corpus of real reports: %v", err)
				}
				raw = bytes.ReplaceAll(raw, []byte("\n"), []byte(lineEnd))
				r := mustParse(t, raw, Options{Reports: true})
				want := []Recipient{{Address: test.recipient, Class: Unknown}}
				if r.Kind != Exchange || r.Sender != test.sender || r.Subject != test.subject ||
					r.MessageID != test.messageID || !reflect.DeepEqual(r.Recipients, want) || len(r.Originals) != 1 {
					t.Fatalf("got:\n%s", describe(r))
				}
				o := r.Originals[0]
				got := string(raw[o.Start:o.End])
				end := strings.ReplaceAll(test.end, "\n", lineEnd)
				if !strings.HasPrefix(got, "Received: from ") || !strings.HasSuffix(got, lineEnd+end) {
					t.Errorf("the original begins with %.40q and ends with %q", got, got[len(got)-60:])
				}
				if o.ReturnPath != test.returnPath || len(r.Flags) > 0 || !r.Pure() {
					t.Errorf("got:\n%s", describe(r))
				}
			})
		}
	}
}

// wrap makes a report around a message.
func wrap(original []byte, text ...string) []byte {
	return around("X-MS-Journal-Report:\r\n", original, text...)
}

func around(marker string, original []byte, text ...string) []byte {
	var b bytes.Buffer
	b.WriteString(marker + "Content-Type: multipart/mixed; boundary=\"=_wrapped_\"\r\n\r\n" +
		"--=_wrapped_\r\nContent-Type: text/plain\r\n\r\n" +
		"Sender: a@example.com\r\nSubject: x\r\nMessage-Id: <1@example.com>\r\n")
	for _, line := range text {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n--=_wrapped_\r\nContent-Type: message/rfc822\r\n\r\n")
	b.Write(original)
	b.WriteString("\r\n--=_wrapped_--\r\n")
	return b.Bytes()
}

// TestRealOriginals wraps every real message, however broken, and finds its exact bytes
// again, whatever the size of the blocks in which they are read.
func TestRealOriginals(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus, "*", "*.eml"))
	if len(files) == 0 {
		t.Skip("SKIPPED: no corpus of real messages")
	}
	for _, file := range files {
		original := read(t, file)
		raw := wrap(original, "To: b@example.com")
		for _, block := range []int{1, 1000, blockSize} {
			r, err := parse(&input{r: bytes.NewReader(raw), size: int64(len(raw)), block: block}, Options{Reports: true})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Originals) != 1 || len(r.Recipients) != 1 {
				t.Fatalf("%s, blocks of %d: got:\n%s", file, block, describe(r))
			}
			if o := r.Originals[0]; !bytes.Equal(raw[o.Start:o.End], original) {
				t.Errorf("%s, blocks of %d: the original is not the message", file, block)
			}
		}
	}
}

// TestForgedMatrix has each shape of a report twice: from a peer and to an address
// that are a journal's, and otherwise. Nobody may be believed who must not be, and
// nobody may be lost who is.
func TestForgedMatrix(t *testing.T) {
	mail := []byte("From: a@example.com\r\nTo: b@example.com\r\nMessage-ID: <1@example.com>\r\n\r\nx\r\n")
	other := bytes.Replace(mail, []byte("<1@"), []byte("<2@"), 1)
	forged := bytes.ReplaceAll(wrap(mail, "Bcc: victim@example.com"), []byte("=_wrapped_"), []byte("=_forged_"))
	attach := func(media string) []byte {
		return []byte("Content-Type: " + media + "; boundary=q\r\n\r\n--q\r\nContent-Type: message/rfc822\r\n\r\n" +
			string(forged) + "\r\n--q--\r\n")
	}
	second := func(m []byte) []byte {
		return bytes.Replace(wrap(mail, "To: b@example.com"), []byte("--=_wrapped_--"),
			[]byte("--=_wrapped_\r\nContent-Type: message/rfc822\r\n\r\n"+string(m)+"\r\n--=_wrapped_--"), 1)
	}
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("Bcc: u%d@example.com", i)
	}
	tests := []struct {
		name       string
		raw        []byte
		kind       Kind // from a trusted source
		recipients int
		originals  int
		flag       string
	}{
		{"report", wrap(mail, "To: b@example.com"), Exchange, 1, 1, ""},
		{"Exchange 2003 marker", around("Content-Identifer: ExJournalReport\r\n", mail, "To: b@example.com"), Exchange2003, 1, 1, FlagOtherGrammar},
		{"other vendor", around("X-WM-Journal-Report: journal\r\n", mail, "To: b@example.com"), WM, 1, 1, ""},
		{"only the Message-ID of a report", around("Message-ID: <1@journal.report.generator>\r\n", mail, "To: b@example.com"), Exchange, 1, 1, FlagMarkerMissing},
		{"report in a report", wrap(forged, "To: b@example.com"), Exchange, 1, 1, FlagNestedReport},
		{"forwarded report", attach("multipart/mixed"), None, 0, 0, ""},
		{"bounce with a report", attach("multipart/report; report-type=delivery-status"), NDR, 1, 1, FlagNDRMarkerMissing},
		{"two originals of one mail", second(mail), Exchange, 1, 2, FlagProtectionUnseen},
		{"two originals of two mails", second(other), Exchange, 1, 2, FlagOriginalsDiffer},
		{"other Message-ID", wrap(other, "To: b@example.com"), Exchange, 1, 1, FlagMessageIDMismatch},
		{"10,000 recipients", wrap(mail, many...), Exchange, 10_000, 1, FlagRecipientsDiffer},
		{"marker on plain mail", append([]byte("X-MS-Journal-Report:\r\n"), mail...), Exchange, 0, 0, FlagNoText},
	}
	for _, test := range tests {
		for _, trusted := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, trusted %t", test.name, trusted), func(t *testing.T) {
				r := mustParse(t, test.raw, Options{Reports: trusted, NDR: true})
				checkBounds(t, r, int64(len(test.raw)))
				if !trusted {
					if r.Kind != None {
						t.Errorf("believed:\n%s", describe(r))
					}
					return
				}
				if r.Kind != test.kind || len(r.Recipients) != test.recipients || len(r.Originals) != test.originals {
					t.Errorf("got:\n%s", describe(r))
				}
				if flags := strings.Join(r.Flags, " "); !strings.Contains(flags, test.flag) {
					t.Errorf("flags %q, want %s", flags, test.flag)
				}
			})
		}
	}
}

// TestOpen decodes originals that are encoded.
func TestOpen(t *testing.T) {
	plain := read(t, "testdata/001-usual.original1")
	for name, want := range map[string][]byte{
		"001-usual":                     plain,
		"027-original-base64":           plain,
		"028-original-quoted-printable": bytes.ReplaceAll(plain, []byte("The figures."), []byte("1 + 1 = 2, caf\xe9")),
	} {
		raw := read(t, "testdata/"+name+".eml")
		r := mustParse(t, raw, Options{Reports: true})
		if len(r.Originals) != 1 {
			t.Fatalf("%s: %d originals", name, len(r.Originals))
		}
		got, err := io.ReadAll(r.Originals[0].Open(bytes.NewReader(raw)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

// failing reads until it comes to a byte that it cannot read.
type failing struct {
	*bytes.Reader
	at int64
}

var _ io.ReaderAt = failing{}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.at {
		return 0, errBroken
	}
	return f.Reader.ReadAt(p, off)
}

var errBroken = errors.New("broken disk")

// TestReaderFails has the reader fail at every byte: the error comes out, unless the
// byte was not needed.
func TestReaderFails(t *testing.T) {
	raw := read(t, "testdata/035-protected-and-decrypted.eml")
	want := mustParse(t, raw, Options{Reports: true})
	for at := range len(raw) {
		r, err := Parse(failing{bytes.NewReader(raw), int64(at)}, int64(len(raw)), Options{Reports: true})
		if err == nil && !reflect.DeepEqual(r, want) || err != nil && (r != nil || !errors.Is(err, errBroken)) {
			t.Fatalf("at %d: %v, %v", at, r, err)
		}
		if err == nil && at < len(raw)-2 {
			t.Fatalf("at %d: no error", at)
		}
	}
	if _, err := Parse(bytes.NewReader(raw), int64(len(raw))+1, Options{Reports: true}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a reader that ends too early: %v", err)
	}
}
