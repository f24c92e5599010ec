package lmtp

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// peer returns the path of a program that is needed as a client. DAYBOOK_REQUIRE_PEERS=1 makes its absence a failure.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("DAYBOOK_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is required: %v", name, err)
	}
	t.Skipf("NOT TESTED AGAINST %s: %v", strings.ToUpper(name), err)
	return ""
}

const peerMessage = "From: a@example.org\r\nSubject: dots\r\n\r\n.\r\n..\r\n.x\r\nlast \xc3\xbc\r\n"

func peerFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "message.eml")
	if err := os.WriteFile(file, []byte(peerMessage), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func runPeer(t *testing.T, path string, args ...string) {
	t.Helper()
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
}

// checkPeer wants one message, with the body as it was sent. swaks adds an empty line to what is in the file.
func checkPeer(t *testing.T, rec *recorder, protocol string, rcpts int, body string) {
	t.Helper()
	got := rec.deliveries()
	if len(got) != 1 {
		t.Fatalf("%d deliveries", len(got))
	}
	if d := got[0]; d.body != body || d.err != nil {
		t.Errorf("got %q, %v", d.body, d.err)
	}
	if e := got[0].env; e.Sender.Address != "a@example.org" || len(e.Recipients) != rcpts || e.Protocol != protocol {
		t.Errorf("envelope %+v", e)
	}
}

func TestSwaks(t *testing.T) {
	path := peer(t, "swaks")
	serverTLS, _ := testTLS(t)
	for _, test := range []struct {
		name, protocol string
		args           []string
	}{
		{"LMTP", "LMTP", []string{"--protocol", "LMTP"}},
		{"ESMTP", "ESMTP", []string{"--protocol", "ESMTP"}},
		{"SMTP", "SMTP", []string{"--protocol", "SMTP"}},
		{"pipelined", "LMTP", []string{"--protocol", "LMTP", "--pipeline"}},
		{"LMTP over TLS", "LMTPS", []string{"--protocol", "LMTP", "-tls"}},
		{"ESMTP over TLS", "ESMTPS", []string{"--protocol", "ESMTP", "-tls"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rec := new(recorder)
			_, addr := serve(t, Config{Handler: rec, SMTP: !strings.HasPrefix(test.protocol, "LMTP"), TLS: serverTLS}, nil)
			args := append([]string{"--server", addr, "--from", "a@example.org", "--to", "b@example.net,c@example.net",
				"--data", "@" + peerFile(t), "--timeout", "10"}, test.args...)
			runPeer(t, path, args...)
			checkPeer(t, rec, test.protocol, 2, peerMessage+"\r\n")
		})
	}
}

func TestSwaksUnixSocket(t *testing.T) {
	path := peer(t, "swaks")
	rec := new(recorder)
	socket := filepath.Join(t.TempDir(), "lmtp")
	serve(t, Config{Handler: rec}, mustListen(t, "unix", socket))
	runPeer(t, path, "--socket", socket, "--protocol", "LMTP", "--from", "a@example.org", "--to", "b@example.net",
		"--data", "@"+peerFile(t), "--timeout", "10")
	checkPeer(t, rec, "LMTP", 1, peerMessage+"\r\n")
}

func TestCurl(t *testing.T) {
	path := peer(t, "curl")
	serverTLS, _ := testTLS(t)
	for protocol, args := range map[string][]string{"ESMTP": nil, "ESMTPS": {"--ssl-reqd", "--insecure"}} {
		t.Run(protocol, func(t *testing.T) {
			rec := new(recorder)
			_, addr := serve(t, Config{Handler: rec, SMTP: true, TLS: serverTLS}, nil)
			runPeer(t, path, append(args, "--silent", "--show-error", "--max-time", "10", "--url", "smtp://"+addr+"/client.example",
				"--mail-from", "a@example.org", "--mail-rcpt", "b@example.net", "--mail-rcpt", "c@example.net",
				"--upload-file", peerFile(t))...)
			checkPeer(t, rec, protocol, 2, peerMessage)
		})
	}
}
