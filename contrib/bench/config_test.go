package main

import (
	"os"
	"path/filepath"
	"testing"

	"daybook/policy"
)

func TestConfigurations(t *testing.T) {
	const dir, addr, other = "/tmp/instance", "127.0.0.1:2525", "127.0.0.1:8891"
	for name, make := range map[string]func() (string, error){
		"dovecot.conf":          func() (string, error) { return dovecotConfig(dir, addr, 65534, false) },
		"dovecot-sis.conf":      func() (string, error) { return dovecotConfig(dir, addr, 65534, true) },
		"main.cf":               func() (string, error) { return postfixWay{}.mainCF(dir) },
		"main.cf.milter":        func() (string, error) { return postfixWay{milter: other}.mainCF(dir) },
		"main.cf.milter-socket": func() (string, error) { return postfixWay{milter: "/tmp/milter.sock"}.mainCF(dir) },
		"main.cf.bcc":           func() (string, error) { return postfixWay{bcc: other}.mainCF(dir) },
		"master.cf":             func() (string, error) { return masterCF(addr), nil },
		"sendmail.mc":           func() (string, error) { return sendmailConfig(dir, addr, "") },
		"sendmail.mc.milter":    func() (string, error) { return sendmailConfig(dir, addr, other) },
		"policy.hcl":            func() (string, error) { return policyText(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			text, err := make()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, text)
		})
	}
}

func TestConfigurationsWantAnAddress(t *testing.T) {
	for name, err := range map[string]error{
		"dovecot":  errorOf(dovecotConfig("/tmp", "127.0.0.1", 1, false)),
		"postfix":  errorOf(postfixWay{bcc: "127.0.0.1"}.mainCF("/tmp")),
		"sendmail": errorOf(sendmailConfig("/tmp", "127.0.0.1", "")),
		"milter":   errorOf(sendmailConfig("/tmp", "127.0.0.1:25", "127.0.0.1")),
	} {
		if err == nil {
			t.Errorf("%s: an address without a port was taken", name)
		}
	}
}

func errorOf(_ string, err error) error { return err }

// The policy is one that Daybook takes, and has its rules.
func TestPolicyLoads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.hcl")
	if err := os.WriteFile(path, []byte(policyText()), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rules) != policyRules || len(p.Milters) != 1 || len(p.Listeners) != 1 {
		t.Errorf("%d rules, %d milters, %d listeners", len(p.Rules), len(p.Milters), len(p.Listeners))
	}
}
