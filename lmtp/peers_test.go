package lmtp

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// TestSwaksLogsIn comes over TLS, with a login or with a certificate, and through a balancer.
func TestSwaksLogsIn(t *testing.T) {
	path := peer(t, "swaks")
	for _, test := range []struct {
		name, facts string
		implicit    bool
		args        []string
	}{
		{"PLAIN", "local ESMTPSA alice", false, []string{"-tls", "--auth", "PLAIN"}},
		{"LOGIN", "local ESMTPSA alice", false, []string{"-tls", "--auth", "LOGIN"}},
		{"PLAIN with implicit TLS", "local ESMTPSA alice", true, []string{"-tlsc", "--auth", "PLAIN"}},
		{"balancer", "192.0.2.7:1234 ESMTPSA alice", false, []string{"-tls", "--auth", "PLAIN", "--proxy-version", "1", "--proxy-family", "TCP4",
			"--proxy-source", "192.0.2.7", "--proxy-source-port", "1234", "--proxy-dest", "198.51.100.1", "--proxy-dest-port", "25"}},
		{"balancer, version 2, implicit TLS", "[2001:db8::7]:1234 ESMTPSA alice", true, []string{"-tlsc", "--auth", "LOGIN", "--proxy-version", "2",
			"--proxy-family", "AF_INET6", "--proxy-source", "2001:db8::7", "--proxy-source-port", "1234", "--proxy-dest", "2001:db8::1",
			"--proxy-dest-port", "25"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rec := new(recorder)
			serverTLS, clientTLS := testTLS(t)
			cert, key := pemFiles(t, serverTLS)
			serverTLS.ClientAuth, serverTLS.ClientCAs = tls.RequireAndVerifyClientCert, clientTLS.RootCAs
			cfg := Config{Handler: rec, SMTP: true, TLS: serverTLS, ImplicitTLS: test.implicit, Credentials: testUsers(t),
				authPause: time.Millisecond, Gate: newDoorman("tls+auth")}
			if strings.HasPrefix(test.name, "balancer") {
				cfg.Proxies = loopback()
			}
			_, addr := serve(t, cfg, nil)
			args := append([]string{"--server", addr, "--from", "a@example.org", "--to", "b@example.net", "--data", "@" + peerFile(t),
				"--timeout", "10", "--auth-user", "alice", "--auth-password", "wonderland", "--tls-cert", cert, "--tls-key", key}, test.args...)
			runPeer(t, path, args...)
			checkPeer(t, rec, "ESMTPSA", 1, peerMessage+"\r\n")
			if e := rec.deliveries()[0].env; e.facts() != test.facts || !strings.HasPrefix(e.TLSClient, "CN=sink.example,") {
				t.Errorf("envelope %+v, want %s", e, test.facts)
			}
		})
	}
}

// pemFiles writes a certificate and its key.
func pemFiles(t *testing.T, cfg *tls.Config) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cfg.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: cfg.Certificates[0].Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
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

// TestCurlLogsIn takes curl's choice among the mechanisms, and each by name.
func TestCurlLogsIn(t *testing.T) {
	path := peer(t, "curl")
	for _, scheme := range []string{"smtp", "smtps"} {
		for _, options := range []string{"AUTH=*", "AUTH=PLAIN", "AUTH=LOGIN"} {
			t.Run(scheme+" "+options, func(t *testing.T) {
				rec := new(recorder)
				serverTLS, _ := testTLS(t)
				_, addr := serve(t, Config{Handler: rec, SMTP: true, TLS: serverTLS, ImplicitTLS: scheme == "smtps",
					Credentials: testUsers(t), authPause: time.Millisecond, Gate: newDoorman("tls+auth")}, nil)
				runPeer(t, path, "--silent", "--show-error", "--max-time", "10", "--ssl-reqd", "--insecure", "--user", "alice:wonderland",
					"--login-options", options, "--url", scheme+"://"+addr+"/client.example", "--mail-from", "a@example.org",
					"--mail-rcpt", "b@example.net", "--upload-file", peerFile(t))
				checkPeer(t, rec, "ESMTPSA", 1, peerMessage)
			})
		}
	}
}
