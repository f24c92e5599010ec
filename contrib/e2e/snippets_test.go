package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The addresses that the snippets in contrib/postfix and contrib/sendmail use.
// The tests put their own in their place.
const (
	snippetMilter         = "inet:127.0.0.1:8891"
	snippetLMTP           = "inet:[127.0.0.1]:8024"
	snippetSendmailMilter = "inet:8891@127.0.0.1"
)

// snippet reads a file that an administrator would copy, and replaces the
// address in it by that of the daemon under test. It must be there.
func snippet(t testing.TB, path, address, by string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if address == "" {
		return string(b)
	}
	if !strings.Contains(string(b), address) {
		t.Fatalf("%s does not mention %s", path, address)
	}
	return strings.ReplaceAll(string(b), address, by)
}

// postfixAddr writes a listening address as main.cf does.
func postfixAddr(addr string) string {
	network, address := socketOf(addr)
	if network == "unix" {
		return "unix:" + address
	}
	return "inet:" + address
}

// milterSnippet is contrib/postfix/main.cf.milter for this daemon.
func milterSnippet(t testing.TB, d *daybook) string {
	t.Helper()
	return snippet(t, "../postfix/main.cf.milter", snippetMilter, postfixAddr(d.milter))
}

// journalSnippets are contrib/postfix/main.cf.journal and master.cf.journal for
// this daemon.
func journalSnippets(t testing.TB, d *daybook) postfixConfig {
	t.Helper()
	network, address := socketOf(d.lmtp)
	to := "unix:" + address
	if network == "tcp" {
		to = inetBrackets(address)
	}
	return postfixConfig{
		mainCF:   snippet(t, "../postfix/main.cf.journal", snippetLMTP, to),
		masterCF: snippet(t, "../postfix/master.cf.journal", "", ""),
	}
}

// sendmailSnippet is contrib/sendmail/daybook.mc for this daemon.
func sendmailSnippet(t testing.TB, d *daybook) string {
	t.Helper()
	network, address := socketOf(d.milter)
	to := "local:/mnt/" + filepath.Base(address)
	if network == "tcp" {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		to = "inet:" + port + "@" + host
	}
	return snippet(t, "../sendmail/daybook.mc", snippetSendmailMilter, to)
}

// TestPostfixSnippetsLoad reads the snippets with Postfix's own tools: every
// parameter must be known and must have the value that the snippet gives it.
func TestPostfixSnippetsLoad(t *testing.T) {
	needPostfix(t)
	milter, err := os.ReadFile("../postfix/main.cf.milter")
	if err != nil {
		t.Fatal(err)
	}
	journal, err := os.ReadFile("../postfix/main.cf.journal")
	if err != nil {
		t.Fatal(err)
	}
	conf := postfixConfig{mainCF: string(milter) + string(journal), masterCF: snippet(t, "../postfix/master.cf.journal", "", "")}
	checkMainCF(t, conf, map[string]string{
		"smtpd_milters":                snippetMilter,
		"milter_default_action":        "tempfail",
		"milter_protocol":              "6",
		"internal_mail_filter_classes": "bounce",
		"always_bcc":                   "journal@daybook.invalid",
		"in_flow_delay":                "0",
	})
	if !strings.Contains(conf.masterCF, "lmtp_line_length_limit=0") {
		t.Error("master.cf.journal lets Postfix break long lines")
	}
}

// TestServePrintsMainCF checks that Postfix understands the lines that "daybook
// serve" prints for pasting.
func TestServePrintsMainCF(t *testing.T) {
	needPostfix(t)
	for _, kind := range []string{"tcp", "unix"} {
		d := startDaybook(t, kind, kind)
		lines, _, ok := strings.Cut(d.proc.output(), "\nready\n")
		if !ok {
			t.Fatalf("daybook serve printed no lines before \"ready\": %q", d.proc.output())
		}
		var mainCF strings.Builder
		for line := range strings.Lines(lines + "\n") {
			if !strings.HasPrefix(line, "time=") { // the log goes to the same file
				mainCF.WriteString(line)
			}
		}
		checkMainCF(t, postfixConfig{mainCF: mainCF.String()}, map[string]string{
			"smtpd_milters":         postfixAddr(d.milter),
			"milter_default_action": "tempfail",
			"milter_protocol":       "6",
		})
	}
}

// checkMainCF writes a configuration and asks postconf for it.
func checkMainCF(t *testing.T, conf postfixConfig, want map[string]string) {
	t.Helper()
	p := &postfix{dir: workDir(t), port: freePort(t)}
	p.configure(t, conf)
	out, err := exec.Command("/usr/sbin/postconf", "-c", p.dir, "-n", "-x").CombinedOutput()
	if err != nil {
		t.Fatalf("postconf: %v: %s", err, out)
	}
	for _, args := range [][]string{{"-c", p.dir, "-n"}, {"-c", p.dir, "-M"}, {"-c", p.dir, "-P"}} {
		all, err := exec.Command("/usr/sbin/postconf", args...).CombinedOutput()
		if err != nil || strings.Contains(string(all), "warning") {
			t.Errorf("postconf %s: %v: %s", args[2], err, all)
		}
	}
	for name, value := range want {
		if !strings.Contains(string(out), "\n"+name+" = "+value+"\n") {
			t.Errorf("postconf does not show %s = %s:\n%s", name, value, out)
		}
	}
}

// TestSendmailSnippetLoads makes sendmail.cf and looks for the filter in it.
func TestSendmailSnippetLoads(t *testing.T) {
	needSendmail(t)
	mc := "divert(0)dnl\nOSTYPE(`linux')dnl\n" + snippet(t, "../sendmail/daybook.mc", "", "") + "MAILER(`smtp')dnl\n"
	cf := string(makeCF(t, workDir(t), mc))
	for _, line := range []string{
		"O InputMailFilters=daybook",
		"Xdaybook, S=inet:8891@127.0.0.1, F=T, T=C:10s;S:30s;R:30s;E:5m",
		"O Milter.macros.connect=j, _, {daemon_name}, {if_name}, {if_addr}, {client_addr}, {client_name}",
		"O Milter.macros.envfrom=i, {auth_type}, {auth_authen}, {auth_ssf}, {auth_author}, {mail_mailer}, {mail_host}, {mail_addr}",
		"O Milter.macros.eom={msg_id}, i",
	} {
		if !strings.Contains(cf, "\n"+line+"\n") {
			t.Errorf("sendmail.cf lacks the line %q", line)
		}
	}
}
