package main

import (
	"fmt"
	"log/slog"
	"slices"

	"daybook/policy"
)

// warnings says of a policy that is right what may not be meant.
func warnings(pol *policy.Policy) (list []string) {
	for i := range pol.Journals {
		j := &pol.Journals[i]
		var open, mute []string
		for k := range pol.Listeners {
			l := &pol.Listeners[k]
			if !slices.Contains(j.Via, l.Name) || staysHere(l) {
				continue
			}
			open = append(open, l.Name)
			if l.TLSCert == "" {
				mute = append(mute, l.Name)
			}
		}
		switch {
		case j.Auth != nil && mute != nil:
			list = append(list, fmt.Sprintf("journal %q: nobody can log in at %s, which listens beyond this machine without a certificate, "+
				"so nothing can be delivered there: add tls_cert and tls_key", j.Name, quoted(mute)))
		case j.Auth == nil && j.AllowFrom == nil && open != nil && (j.Format == policy.FormatEnvelope || j.HeaderEnvelope != nil):
			list = append(list, fmt.Sprintf("journal %q: everybody may deliver at %s, so a report that comes from elsewhere than "+
				"this machine is archived, but not believed: add allow_from or auth", j.Name, quoted(open)))
		}
	}
	return list
}

// quoted names a few.
func quoted(list []string) string {
	if len(list) == 1 {
		return fmt.Sprintf("%q", list[0])
	}
	return fmt.Sprintf("%q and %d more", list[0], len(list)-1)
}

// maxWarnings bounds the warnings about a policy that are logged.
const maxWarnings = 50

// warnOf logs the warnings about a policy.
func warnOf(log *slog.Logger, pol *policy.Policy) {
	all := warnings(pol)
	for _, text := range all[:min(len(all), maxWarnings)] {
		log.Warn("perhaps not meant in the policy", "warning", text)
	}
}
