package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSwaksLMTP delivers with swaks straight to Daybook.
func TestSwaksLMTP(t *testing.T) {
	needPeer(t, "swaks", "/usr/bin/swaks")
	d := startDaybook(t, "off", "tcp")
	env := envelopeFor(3)
	msg := head("swaks over LMTP") + "\r\n.one\r\n..two\r\nthree\r\n"
	swaks(t, strings.TrimPrefix(d.lmtp, "tcp:"), "LMTP", env, msg)
	checkArchive(t, d, []want{{name: "swaks", env: env, data: []byte(msg), client: "127.0.0.1"}})
}

// TestClientsThroughPostfix submits with swaks and curl to Postfix, whose milter
// is Daybook.
func TestClientsThroughPostfix(t *testing.T) {
	needPeer(t, "swaks", "/usr/bin/swaks")
	needPeer(t, "curl", "/usr/bin/curl")
	d := startDaybook(t, "unix", "off")
	p := startPostfix(t, postfixConfig{mainCF: milterSnippet(t, d) + hold})
	msgs := []string{head("swaks") + "\r\n.dots\r\n..\r\n", head("curl") + "\r\n.dots\r\n..\r\nlatin \xe9\r\n"}
	swaks(t, p.addr(), "ESMTP", envelopeFor(1), msgs[0])
	curl(t, p.addr(), envelopeFor(3), msgs[1])
	checkArchive(t, d, []want{
		{name: "swaks", env: envelopeFor(1), data: []byte(msgs[0]), client: "127.0.0.1"},
		{name: "curl", env: envelopeFor(3), data: []byte(msgs[1]), client: "127.0.0.1"},
	})
}

// swaks sends one message. It wants LF line ends in a file and writes CRLF, and
// adds the last line end itself.
func swaks(t *testing.T, addr, protocol string, env envelope, msg string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	file := filepath.Join(workDir(t), "message")
	writeFile(t, file, strings.TrimSuffix(strings.ReplaceAll(msg, "\r\n", "\n"), "\n"), 0o644)
	from := env.from
	if from == "" {
		from = "<>"
	}
	mustRun(t, "/usr/bin/swaks", "--protocol", protocol, "--server", host, "--port", port, "--silent", "2",
		"--helo", "client.example.org", "--from", from, "--to", strings.Join(env.to, ","), "--data", "@"+file)
}

// curl sends one message as it is in the file.
func curl(t *testing.T, addr string, env envelope, msg string) {
	t.Helper()
	file := filepath.Join(workDir(t), "message")
	if err := os.WriteFile(file, []byte(msg), 0o644); err != nil {
		t.Fatal(err)
	}
	argv := []string{"/usr/bin/curl", "--silent", "--show-error", "--max-time", "30", "--url", "smtp://" + addr + "/client.example.org",
		"--mail-from", env.from, "--upload-file", file}
	for _, to := range env.to {
		argv = append(argv, "--mail-rcpt", to)
	}
	mustRun(t, argv...)
}
