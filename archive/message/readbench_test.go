package message

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// everydayHead is a header as mail has it that came through two relays.
const everydayHead = "Return-Path: <ann.archer@sender.example>\r\n" +
	"Received: from mx1.sender.example (mx1.sender.example [192.0.2.17])\r\n" +
	"\tby mx.receiver.example (Postfix) with ESMTPS id 4XyZ1aBcDeFg\r\n" +
	"\tfor <bob@receiver.example>; Sun, 22 Nov 2026 11:00:03 +0100 (CET)\r\n" +
	"Received: from [198.51.100.8] (client.sender.example [198.51.100.8])\r\n" +
	"\tby mx1.sender.example (Postfix) with ESMTPSA id 4XyZ1aBcDeFf;\r\n" +
	"\tSun, 22 Nov 2026 10:00:01 +0000 (UTC)\r\n" +
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.example;\r\n" +
	"\ts=s2026; t=1795341601; h=from:from:reply-to:subject:subject:date:date:\r\n" +
	"\t message-id:message-id:to:to:cc:mime-version:mime-version:content-type;\r\n" +
	"\tbh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n" +
	"\tb=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR\r\n" +
	"From: =?utf-8?q?Ann_Arch=C3=A9r?= <Ann.Archer@sender.example>\r\n" +
	"To: Bob Baker <bob@receiver.example>, Cecil <cecil@receiver.example>\r\n" +
	"Subject: =?utf-8?b?UmU6IE1pbnV0ZXMgb2YgdGhlIG1lZXRpbmcgb24gTW9uZGF5IOKAkw==?=\r\n" +
	" the second draft\r\n" +
	"Date: Sun, 22 Nov 2026 11:00:00 +0100\r\n" +
	"Message-ID: <20261122100000.4711@client.sender.example>\r\n" +
	"References: <20261120083000.4242@client.sender.example>\r\n" +
	"MIME-Version: 1.0\r\n"

// everydayLine is a line of text that repeats itself every ten lines.
func everydayLine(n int) string {
	return fmt.Sprintf("Line %d of the minutes: what was said about the well-known plan.", n%10)
}

// everydayText gives lines of about size bytes, each with the given end.
func everydayText(size int, end string) string {
	var b strings.Builder
	for n := 0; b.Len() < size; n++ {
		b.WriteString(everydayLine(n) + end)
	}
	return b.String()
}

// everydayMail gives the kinds of mail that an archive has most of, of about size bytes.
func everydayMail(size int) map[string]string {
	size -= len(everydayHead)
	attached := base64.StdEncoding.EncodeToString([]byte(everydayText(size*3/4, "\x00\x90\xff")))
	var file strings.Builder
	for ; len(attached) > 76; attached = attached[76:] {
		file.WriteString(attached[:76] + "\r\n")
	}
	return map[string]string{
		"text": everydayHead + "Content-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" +
			everydayText(size, "\r\n"),
		"alternative": everydayHead + "Content-Type: multipart/alternative; boundary=\"=_0815\"\r\n\r\n" +
			"--=_0815\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
			everydayText(size/3, " =E2=80=93 and=\r\n so on\r\n") +
			"--=_0815\r\nContent-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
			everydayText(size*2/3, "<p class=3D\"x\">=\r\n</p>\r\n") + "--=_0815--\r\n",
		"attachment": everydayHead + "Content-Type: multipart/mixed; boundary=\"=_0815\"\r\n\r\n" +
			"--=_0815\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
			everydayText(200, "\r\n") +
			"--=_0815\r\nContent-Type: application/pdf; name=\"minutes.pdf\"\r\n" +
			"Content-Disposition: attachment; filename=\"minutes.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			file.String() + attached + "\r\n--=_0815--\r\n",
	}
}

// BenchmarkRead reads everyday mail in the ways an archive reads each one.
func BenchmarkRead(b *testing.B) {
	for _, kb := range []int{4, 16, 75} {
		for _, kind := range []string{"text", "alternative", "attachment"} {
			raw := []byte(everydayMail(kb << 10)[kind])
			name := fmt.Sprintf("%s-%dKB", kind, kb)
			s := mustScan(b, raw)
			run := func(what string, read func()) {
				b.Run(what+"/"+name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						read()
					}
				})
			}
			run("Scan", func() { mustScan(b, raw) })
			run("Identify", func() {
				if _, err := Identify(context.Background(), inMemory(raw), int64(len(raw)), s); err != nil {
					b.Fatal(err)
				}
			})
			var identifier Identifier
			run("Identifier", func() {
				if _, err := identifier.Identify(context.Background(), inMemory(raw), int64(len(raw)), s); err != nil {
					b.Fatal(err)
				}
			})
			run("Summarize", func() { Summarize(raw) })
		}
	}
}
