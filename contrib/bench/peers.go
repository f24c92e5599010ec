package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// peers are the programs of others that are measured, or that measure. What is not
// installed is empty.
type peers struct {
	sink     string // smtp-sink, of Postfix
	source   string // smtp-source, of Postfix
	postfix  string // Postfix's master
	dovecot  string
	sendmail string // the folder that Sendmail is unpacked in
}

// installHint is how to get what is missing.
const installHint = "contrib/peers/install.sh installs it on Debian"

// findPeers looks for them where Debian and install.sh put them.
func findPeers() peers {
	p := peers{
		sink:    find("smtp-sink"),
		source:  find("smtp-source"),
		postfix: find("/usr/lib/postfix/sbin/master", "/usr/libexec/postfix/master"),
		dovecot: find("dovecot"),
	}
	if find("/usr/lib/dovecot/lmtp", "/usr/libexec/dovecot/lmtp") == "" {
		p.dovecot = "" // the package of the daemon alone takes no mail
	}
	dir := os.Getenv("DAYBOOK_SENDMAIL")
	if dir == "" {
		dir = "/var/cache/daybook-peers/sendmail"
	}
	if find(sendmailIn(dir)) != "" && find("m4") != "" && find("unshare") != "" {
		p.sendmail = dir
	}
	return p
}

func sendmailIn(dir string) string { return filepath.Join(dir, "usr/libexec/sendmail/sendmail") }

// find gives the first of these programs that is there. Servers stand in no user's
// path as a rule.
func find(names ...string) string {
	for _, name := range names {
		for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
			if dir != "" && strings.Contains(name, "/") {
				continue
			}
			if path, err := exec.LookPath(dir + name); err == nil {
				return path
			}
		}
	}
	return ""
}

// missing says why something cannot be measured here, nothing when it can.
func (p *peers) missing(server string) string {
	root := func(found, what string) string {
		switch {
		case found == "":
			return what + " is not installed; " + installHint
		case os.Geteuid() != 0:
			return what + " is measured as root only"
		}
		return ""
	}
	switch server {
	case nameSink:
		if p.sink == "" {
			return "smtp-sink is not installed, it comes with Postfix; " + installHint
		}
	case nameDovecot, nameDovecotSIS, nameDovecotEach, nameBcc:
		return root(p.dovecot, "Dovecot LMTP")
	case pathPostfix:
		if p.source == "" {
			return "smtp-source is not installed, it comes with Postfix; " + installHint
		}
		return root(p.postfix, "Postfix")
	case pathSendmail:
		return root(p.sendmail, "Sendmail")
	}
	return ""
}

// versions asks the programs which ones they are.
func (p *peers) versions(ctx context.Context, daybook string) map[string]string {
	ask := map[string][]string{"daybook": {daybook, "version"}}
	if p.sink != "" {
		ask["postfix"] = []string{find("postconf"), "-d", "-h", "mail_version"}
	}
	if p.dovecot != "" {
		ask["dovecot"] = []string{p.dovecot, "--version"}
	}
	found := map[string]string{}
	for name, command := range ask {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
		cancel()
		if line, _, _ := strings.Cut(string(out), "\n"); err == nil {
			found[name] = strings.TrimSpace(line)
		}
	}
	return found
}
