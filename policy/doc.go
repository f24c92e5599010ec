// Package policy reads what an administrator writes: which ways in Daybook
// opens, whose mail they carry, and how the server runs. A configuration is one
// HCL file, or a folder whose *.hcl files are read together as if they were one.
// Without any configuration, [Default] applies.
//
// A mistake is reported with file, line, column and the source line; all
// mistakes of a configuration are reported at once, and nothing of it is used
// until there are none. Unknown blocks and keys are mistakes.
//
// # server
//
// At most one. Every key may be left out.
//
//	server {
//	  data        = "/var/lib/daybook"     # the data folder; ./daybook-data
//	  hostname    = "archive.example.com"  # the name in greetings; the machine's
//	  min_free    = "1GiB"                 # below this, mail is deferred
//	  max_message = "256MiB"               # larger messages are not taken
//	  control     = "unix:/run/daybook/control.sock"  # control.sock in the data folder
//	  metrics     = "tcp:127.0.0.1:9825"   # /metrics and /healthz; off
//	  log_level   = "info"                 # debug, info, warn or error
//	  log_format  = "text"                 # text or json
//	}
//
// # tenant
//
// Whose mail it is. Without any tenant block there is one, "default".
//
//	tenant "acme" {
//	  description = "Acme Ltd, contract 4711"
//	  domains     = ["acme.example", "acme.test"]
//	}
//
// # milter and lmtp
//
// The ways in, called sources; their names are unique over both kinds. Without
// any of these blocks there are two: milter "milter" on tcp:127.0.0.1:8891 and
// lmtp "lmtp" on tcp:127.0.0.1:8024. The tenant may be left out when there is
// only one.
//
//	milter "edge" {
//	  listen      = "unix:/run/daybook/milter.sock"
//	  tenant      = "acme"
//	  on_failure  = "tempfail"   # or "accept": let mail pass unarchived
//	  max_message = "50MiB"      # in place of the server's; for more see on_failure
//	}
//
//	lmtp "journal" {
//	  listen         = "tcp:127.0.0.1:8024"
//	  tenant         = "acme"
//	  max_message    = "150MiB"       # in place of the server's
//	  max_recipients = 1000
//	  tls_cert       = "journal.crt"  # both or neither: offers STARTTLS
//	  tls_key        = "journal.key"
//	}
//
// # Values
//
// An address is "tcp:host:port", "unix:/path" or "off"; "host:port" is short for
// "tcp:host:port". A size is a number of bytes or a string with a unit: kB, MB,
// GB, TB count in thousands, KiB, MiB, GiB, TiB in 1024s. A name is at most 63
// letters, digits, dots, underscores and hyphens. A relative path starts at the
// folder of the file that names it.
package policy
