package main

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

type journalAddressCmd struct {
	Name   string `arg:"" help:"Whose address it is, as a customer's name or domain."`
	Domain string `placeholder:"DOMAIN" help:"The domain of the address; without it the server's hostname in the configuration."`
	Config string `placeholder:"PATH" help:"Configuration: an HCL file, or a folder with *.hcl files."`
}

// Help is the long help of the command.
func (*journalAddressCmd) Help() string {
	return `Makes an address for journal deliveries: the name, and 120 random bits that nobody can guess. Who knows the address can put mail into the archive, so tell it to nobody but the journaling mail server.

Standard output gets the address, standard error the line for the journal block of the configuration. Nothing is changed: it counts when that line was written and the policy reloaded.

Exit status: 0, or 2 for wrong flags, a name that has no letter or digit, and a domain that is missing or none.`
}

const (
	// secretBytes are the random ones; base32 makes 24 letters and digits of them.
	secretBytes = 15
	// maxLocalPart is how long a local part can be (RFC 5321 section 4.5.3.1.1).
	maxLocalPart = 64
)

// Run makes an address.
func (c *journalAddressCmd) Run(env *environment) error {
	domain, err := c.domain()
	if err != nil {
		return err
	}
	secret := make([]byte, secretBytes)
	rand.Read(secret) // never fails
	end := "-" + strings.ToLower(base32.StdEncoding.EncodeToString(secret))
	name := foldName(c.Name, maxLocalPart-len(end))
	if name == "" {
		return refuse(c.Name, errors.New("there is no letter or digit in the name"), "name the customer, as in acme")
	}
	address := name + end + "@" + domain
	if _, err := fmt.Fprintln(env.stdout, address); err != nil {
		return err
	}
	fmt.Fprintf(env.stderr, "  address = %q\n", address)
	return nil
}

// domain gives the domain of the address.
func (c *journalAddressCmd) domain() (string, error) {
	const wayOut = "name one with --domain, as in journal.example.com"
	domain, where := c.Domain, "--domain"
	if domain == "" && c.Config != "" {
		pol, err := loadPolicy(c.Config, "--config")
		if err != nil {
			return "", err
		}
		domain, where = pol.Server.Hostname, "hostname"
	}
	if domain == "" {
		return "", refuse("", errors.New("the domain is missing"), "name it with --domain, or with hostname in the server block of --config")
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil || ascii == "" || len(ascii) > 253 {
		return "", refuse(where+" "+domain, errors.New("it is not a domain"), wayOut)
	}
	for _, label := range strings.Split(ascii, ".") {
		if label == "" || len(label) > 63 {
			return "", refuse(where+" "+domain, errors.New("it is not a domain"), wayOut)
		}
	}
	return strings.ToLower(ascii), nil
}

// foldName gives a name as the beginning of a local part: letters and digits in
// lower case, with one hyphen in the place of all else between them.
func foldName(name string, most int) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	folded := strings.Join(words, "-")
	return strings.TrimRight(folded[:min(len(folded), most)], "-")
}
