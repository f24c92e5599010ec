package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"daybook/archive"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"daybook": main})
}

// TestScript runs testdata/*.txtar. Besides the commands of testscript there are:
//
//	daemon [flags]           starts daybook serve in the background and waits for
//	                         "ready"; its output is then in the files daemon.out
//	                         and daemon.err
//	end [kill]               ends it with SIGTERM, or kills it; daemon.status has
//	                         its exit status
//	hangup                   sends it SIGHUP
//	await FILE COUNT REGEXP  waits until the pattern is in the file so many times
//	deliver SOCKET FROM TO[,TO...] FILE
//	                         sends a message over LMTP to a Unix socket: the file's
//	                         bytes, each LF as CRLF
//	exitcode STATUS ARGS...  runs daybook, which has to exit with this status; its
//	                         output is then in the files out and err
//	flip FILE OFFSET         flips the bits of one byte, counted from the end when
//	                         the offset is negative
//	crlf FILE...             makes CRLF of each LF
//	httpget SOCKET PATH      asks over HTTP on a Unix socket; the answer is then in
//	                         the file answer, status first
//	expand FILE              makes the file from FILE.in, with $WORK filled in
//	certificate NAME DAYS    makes NAME.crt and NAME.key, a certificate for
//	                         archive.example.com that is valid for so many days more;
//	                         it is made new each time
//	prepare DIR FILE         makes an archive of the receipts that the file tells, see
//	                         scriptPrepare
//	correspond DIR TENANT FROM COUNT
//	                         adds so many receipts of a tenant to an archive, numbered
//	                         from FROM on and each a little different
//	mask FILE                replaces in a listing what differs from run to run
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon": scriptDaemon, "end": scriptEnd, "hangup": scriptHangup, "await": scriptAwait,
			"deliver": scriptDeliver, "exitcode": scriptExitCode,
			"flip": scriptFlip, "crlf": scriptCRLF, "httpget": scriptHTTPGet, "mask": scriptMask, "expand": scriptExpand,
			"certificate": scriptCertificate, "prepare": scriptPrepare, "orphan": scriptOrphan,
			"correspond": scriptCorrespond,
		},
	})
}

// program gives the path of daybook as the script sees it.
func program(ts *testscript.TestScript) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, "daybook"); exists(path) {
			return path
		}
	}
	ts.Fatalf("no daybook in PATH")
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// command is daybook run in the script's environment.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command(program(ts), args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// running is the script's daemon, by script.
type running struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func daemonFile(ts *testscript.TestScript) string { return ts.MkAbs("daemon.pid") }

func scriptDaemon(ts *testscript.TestScript, neg bool, args []string) {
	cmd := command(ts, append([]string{"serve"}, args...))
	out, err := os.Create(ts.MkAbs("daemon.out"))
	ts.Check(err)
	log, err := os.Create(ts.MkAbs("daemon.err"))
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = out, log
	ts.Check(cmd.Start())
	ts.Check(out.Close())
	ts.Check(log.Close())
	r := &running{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // the state tells
		os.WriteFile(ts.MkAbs("daemon.status"), []byte(strconv.Itoa(cmd.ProcessState.ExitCode())+"\n"), 0o600)
		close(r.done)
	}()
	ts.Defer(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-r.done
	})
	ts.Check(os.WriteFile(daemonFile(ts), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600))
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text := ts.ReadFile("daemon.out")
		select {
		case <-r.done:
			ts.Fatalf("the daemon ended at once:\n%s%s", text, ts.ReadFile("daemon.err"))
		default:
		}
		if strings.HasSuffix("\n"+text, "\nready\n") {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("the daemon is not ready:\n%s%s", text, ts.ReadFile("daemon.err"))
		}
	}
}

func scriptEnd(ts *testscript.TestScript, neg bool, args []string) {
	pid, err := strconv.Atoi(ts.ReadFile("daemon.pid"))
	ts.Check(err)
	signal := syscall.SIGTERM
	if len(args) == 1 && args[0] == "kill" {
		signal = syscall.SIGKILL
	}
	ts.Check(os.RemoveAll(ts.MkAbs("daemon.status")))
	ts.Check(syscall.Kill(pid, signal))
	for end := time.Now().Add(35 * time.Second); !exists(ts.MkAbs("daemon.status")); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("the daemon does not end:\n%s", ts.ReadFile("daemon.err"))
		}
	}
}

func scriptHangup(ts *testscript.TestScript, neg bool, args []string) {
	pid, err := strconv.Atoi(ts.ReadFile("daemon.pid"))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, syscall.SIGHUP))
}

func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	pattern := regexp.MustCompile(args[2])
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text := ts.ReadFile(args[0])
		if len(pattern.FindAllString(text, -1)) >= count {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s is not %d times in %s:\n%s", args[2], count, args[0], text)
		}
	}
}

func scriptExitCode(ts *testscript.TestScript, neg bool, args []string) {
	cmd := command(ts, args[1:])
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the state tells
	ts.Check(os.WriteFile(ts.MkAbs("out"), stdout.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), stderr.Bytes(), 0o600))
	ts.Logf("%s%s", stdout.String(), stderr.String())
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("daybook %s exits with %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func scriptDeliver(ts *testscript.TestScript, neg bool, args []string) {
	message := strings.ReplaceAll(ts.ReadFile(args[3]), "\n", "\r\n")
	err := deliver(ts.MkAbs(args[0]), args[1], strings.Split(args[2], ","), message)
	if neg == (err == nil) {
		ts.Fatalf("deliver: %v", err)
	}
}

// deliver sends a message over LMTP.
func deliver(socket, from string, to []string, message string) error {
	raw, err := dialUnix(context.Background(), socket)
	if err != nil {
		return err
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	c := textproto.NewConn(raw)
	say := func(code int, line string) error {
		if line != "" {
			if err := c.PrintfLine("%s", line); err != nil {
				return err
			}
		}
		_, _, err := c.ReadResponse(code)
		return err
	}
	lines := []string{"", "LHLO client.example", "MAIL FROM:<" + from + ">"}
	for _, r := range to {
		lines = append(lines, "RCPT TO:<"+r+">")
	}
	for _, line := range lines {
		if err := say(2, line); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
	}
	if err := say(354, "DATA"); err != nil {
		return err
	}
	message = "\r\n" + message
	message = strings.TrimPrefix(strings.ReplaceAll(message, "\r\n.", "\r\n.."), "\r\n")
	if !strings.HasSuffix(message, "\r\n") {
		message += "\r\n"
	}
	if err := c.PrintfLine("%s.", message); err != nil {
		return err
	}
	for range to {
		if err := say(2, ""); err != nil {
			return err
		}
	}
	return say(2, "QUIT")
}

func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	if at < 0 {
		at += len(text)
	}
	text[at] ^= 0xff
	ts.Check(os.WriteFile(path, text, 0o600))
}

func scriptCRLF(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		text := strings.ReplaceAll(ts.ReadFile(name), "\n", "\r\n")
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func scriptHTTPGet(ts *testscript.TestScript, neg bool, args []string) {
	var conn net.Conn
	conn, err := dialUnix(context.Background(), ts.MkAbs(args[0]))
	ts.Check(err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.0\r\n\r\n", args[1])
	var answer bytes.Buffer
	_, err = bufio.NewReader(conn).WriteTo(&answer)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("answer"), answer.Bytes(), 0o600))
}

func scriptExpand(ts *testscript.TestScript, neg bool, args []string) {
	text := strings.ReplaceAll(ts.ReadFile(args[0]+".in"), "$WORK", ts.Getenv("WORK"))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func scriptCertificate(ts *testscript.TestScript, neg bool, args []string) {
	days, err := strconv.Atoi(args[1])
	ts.Check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), DNSNames: []string{"archive.example.com"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, days), IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for name, block := range map[string]*pem.Block{
		args[0] + ".crt": {Type: "CERTIFICATE", Bytes: certificate},
		args[0] + ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(block), 0o600))
	}
}

// scriptOrphan has an append fail in an archive that is not in use: its contents are
// left, and nothing needs them.
func scriptOrphan(ts *testscript.TestScript, neg bool, args []string) {
	a, err := archive.Open(ts.MkAbs(args[0]), archive.Options{})
	ts.Check(err)
	body := make([]byte, 3<<20)
	rand.Read(body) // or it would be small, and wait for its entry
	_, err = a.Append(context.Background(), &archive.Receipt{
		Tenant: "default", Source: "test", Body: bytes.NewReader(body), Size: int64(len(body)),
		SHA256: archive.Digest{1}, // not that of the body
	})
	ts.Check(a.Close())
	if err == nil {
		ts.Fatalf("a body with another digest was archived")
	}
}
