package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// filler makes up what differs from mail to mail. The same seed makes up the same.
type filler struct {
	random *rand.Rand
	hole   *regexp.Regexp
	// unix is the time of the mail at hand.
	unix int64
}

func newFiller(seed uint64) *filler {
	return &filler{random: rand.New(rand.NewPCG(seed, 7)), hole: regexp.MustCompile(`\{[A-Za-z0-9:]+\}`)}
}

// next begins another mail.
func (f *filler) next() { f.unix = 1_600_000_000 + f.random.Int64N(400_000_000) }

// fill fills the holes of a text.
func (f *filler) fill(text string) string {
	return f.hole.ReplaceAllStringFunc(text, func(hole string) string {
		name, size, _ := strings.Cut(strings.Trim(hole, "{}"), ":")
		n, _ := strconv.Atoi(size)
		return f.value(name, n)
	})
}

// value makes up one value.
func (f *filler) value(name string, n int) string {
	t := time.Unix(f.unix, 0).UTC()
	switch name {
	case "address":
		return f.address()
	case "name":
		return f.pick(firstNames) + " " + f.title(f.word())
	case "host":
		return f.pick("mail. mx. smtp. www. mx1. out. ") + f.domain()
	case "relay":
		return "mail-" + f.word()[:2] + "1-f" + f.digits(2) + ".google.com"
	case "ip":
		return f.digits(2) + "." + f.digits(3) + "." + f.digits(2) + "." + f.digits(2)
	case "date":
		return t.Format("Mon, 2 Jan 2006 15:04:05 ") + f.pick("+0000 +0100 +0200 -0500 -0700")
	case "day":
		return t.Format("Mon")
	case "date2":
		return t.Format("2 Jan 2006 15:04:05 +0000")
	case "unix":
		return strconv.FormatInt(f.unix, 10)
	case "uuid":
		return f.hex(8) + "-" + f.hex(4) + "-4" + f.hex(3) + "-" + f.hex(4) + "-" + f.hex(12)
	case "hex":
		return f.hex(16)
	case "hex4":
		return f.hex(4)
	case "queue":
		return "4" + f.from("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz", 10) + "z" + f.from("0123456789BCDFGHJK", 3)
	case "google":
		return f.from("abcdefghijklmnopqrstuvwxyz0123456789", 28)
	case "exchange", "EXCHANGE":
		return f.exchange(name == "EXCHANGE")
	case "boundary":
		return f.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 24)
	case "base64":
		return f.base64(n)
	case "number":
		return f.digits(1 + f.random.IntN(3))
	case "words":
		return f.title(f.words(2 + f.random.IntN(5)))
	}
	return f.word()
}

func (f *filler) pick(list string) string {
	all := strings.Split(list, " ")
	return all[f.random.IntN(len(all))]
}

func (f *filler) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[f.random.IntN(len(alphabet))]
	}
	return string(b)
}

func (f *filler) hex(n int) string    { return f.from("0123456789abcdef", n) }
func (f *filler) digits(n int) string { return f.from("123456789", 1) + f.from("0123456789", n-1) }

func (f *filler) base64(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(f.random.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)[:n]
}

// exchange is the name of a mailbox server, or a Message-ID on it.
func (f *filler) exchange(id bool) string {
	server := f.from("ABDEGHILMOPSTVWX", 2) + f.digits(1) + "P" + f.from("123456789R", 3) + "MB" + f.digits(4)
	if !id {
		return server
	}
	return server + strings.ToUpper(f.hex(30)) + "@" + server
}

func (f *filler) domain() string {
	if f.random.IntN(3) == 0 {
		return f.pick("gmail.com outlook.com hotmail.com yahoo.com gmx.de web.de icloud.com googlemail.com t-online.de")
	}
	return f.word() + f.pick("- . -group. .co ") + f.word() + f.pick(".com .com .com .de .de .org .net .co.uk .fr .it .nl .ch .at .eu .io .edu")
}

func (f *filler) address() string {
	first, last := strings.ToLower(f.pick(firstNames)), f.word()
	switch f.random.IntN(8) {
	case 0, 1, 2:
		return first + "." + last + "@" + f.domain()
	case 3:
		return first[:1] + "." + last + "@" + f.domain()
	case 4:
		return first + f.digits(2) + "@" + f.domain()
	case 5:
		return first + "@" + f.domain()
	case 6:
		return f.pick("info no-reply noreply support office service sales notifications newsletter bounces postmaster MAILER-DAEMON") + "@" + f.domain()
	}
	return last + "@" + f.domain()
}

func (f *filler) title(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// word is a common one, or made up of syllables.
func (f *filler) word() string {
	if f.random.IntN(2) == 0 {
		return f.pick(commonWords)
	}
	var b strings.Builder
	for range 2 + f.random.IntN(2) {
		b.WriteString(f.pick("b br c ch d f fr g h k l m n p r s sch st t tr v w"))
		b.WriteString(f.pick("a e i o u er en el an in on ar or ie ei au"))
	}
	return b.String()
}

func (f *filler) words(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = f.word()
	}
	return strings.Join(list, " ")
}

// date is the Date field in words that a summary has.
func (f *filler) summaryDate() int64 { return f.unix - f.random.Int64N(20) }

func (f *filler) version() string {
	return fmt.Sprintf("3.%d.%d", 5+f.random.IntN(6), f.random.IntN(20))
}

const firstNames = "Anna Andreas Michael Thomas Peter Stefan Martin Christian Daniel Maria Julia Sandra Claudia Susanne John David James Robert Mark Paul Andrew Richard Laura Sarah Emma Jennifer Lisa Karen Pierre Jean Marie Luca Marco Giulia Jan Eva Olga"

const commonWords = "invoice meeting please order project report update account team office price offer payment contract delivery schedule question review request confirmation newsletter support service status your the for and new from of in to with on is re information reminder ticket weekly monthly document file server backup system alert message change data customer test issue release version training travel booking room holiday agenda minutes draft final feedback rechnung angebot termin anfrage bestellung"
