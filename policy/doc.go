// Package policy reads what an administrator writes: whose mail is archived, which
// ways in Daybook opens for it, what becomes of each message, and how the server
// runs. [Policy.Decide] is a pure function of a message's facts. The rest of this
// text is the reference of the language; "daybook policy doc" prints it.
//
// A configuration is one HCL file, or a folder whose *.hcl files are read together
// as if they were one, in the order of their names. Without any configuration there
// are one tenant, one milter and one LMTP listener, and all mail is archived.
//
// A mistake is reported with file, line, column and the source line; all mistakes
// of a configuration are reported at once, and nothing of it is used until there
// are none. Unknown blocks and keys are mistakes. Every key may be left out unless
// it says "required".
//
// # Words
//
// An address is internal when its domain is one of a tenant's domains. It is known
// when the tenant's list of addresses has it, or when the tenant has no list; else
// it is unknown internal. All other addresses are external.
//
// The addresses of a message are those of its envelope: the sender and the
// recipients that the mail servers used, or those that a journal report or a
// configured header field gives for them. What stands in From, To and Cc decides
// nothing here. Upper and lower case are the same in addresses, a domain may be
// written with its own letters or as xn--, and an extension behind the tenant's
// delimiter does not count.
//
// The direction of a message is inbound when it goes from elsewhere to at least one
// internal address, outbound when it goes from an internal address to at least one
// elsewhere, internal when it stays inside, external when it has no internal
// address, and unknown when it is not known for sure who sent and who received it. It
// is what one tenant sees: mail from one tenant to another is outbound for the first
// and inbound for the second.
//
// A message is archived: kept in full. Or it is quarantined: kept in full too, but
// flagged and listed apart, until somebody has looked at it. Or it is skipped: no
// more is kept than a record that it came, with its envelope, size and digest and
// with the rule that said so; so the count of what came in always adds up. The mail
// server gets the same reply in all three cases. Nothing is ever refused by a rule.
//
// What decides: the rules are tried in the order of the text, and the first that
// matches decides. When none matches, the source's words do, in this order:
// non_internal, unknown_internal, on_old. Else the message is archived. A rule that
// cannot be evaluated for a message has it archived and flagged.
//
// Nothing is skipped by guess. Where it is not known for sure who sent and who received
// a message, neither a rule that looks at sender, recipients or direction nor a word
// of the source skips it. That is so for a journal's delivery that is no report, or
// from a peer that the journal does not name; for a report that is damaged, or names
// somebody by something else than an address; for one without the envelope's sender,
// as the author it names is the author's own word; and for an envelope with an address
// that has no domain.
//
// # server
//
// How the server runs. At most one.
//
//	server {
//	  data          = "/var/lib/daybook"     # the data folder; ./daybook-data
//	  hostname      = "archive.example.com"  # the name in greetings; the machine's
//	  min_free      = "1GiB"                 # below this, mail is deferred
//	  max_message   = "256MiB"               # larger messages are not taken
//	  max_in_flight = "1GiB"                 # for all that is coming in
//	  control       = "unix:/run/daybook/control.sock"  # control.sock in the data folder
//	  metrics       = "tcp:127.0.0.1:9825"   # /metrics and /healthz; off
//	  log_level     = "info"                 # debug, info, warn or error
//	  log_format    = "text"                 # text or json
//	}
//
// max_in_flight is what all messages that are coming in, by all milters and listeners,
// may take together of memory and of the spool, which is in the data folder. It must be
// three times the largest max_message at least, and 64MiB; without it, it is 1GiB, or
// three times the largest max_message where that is more. A message that finds no room waits
// for it: 10 seconds at a listener and 5 at a milter. Then its sender is told to come again,
// with 452 4.3.1. An eighth is kept for messages up to 256 KiB, so that they do not wait
// for large ones.
//
// # tenant
//
// Whose mail it is. Without any tenant block there is one, "default", without
// domains: then no address is internal.
//
//	tenant "acme" {
//	  description = "Acme Ltd, contract 4711"
//	  domains     = ["acme.example", "*.acme.example"]
//	  delimiter   = "+"
//	  known       = ["anna@acme.example", "info@acme.example sales@acme.example"]
//	  known_files = ["acme.addresses"]
//	}
//
//	tenant "globex" {
//	  domains = ["globex.example"]
//	}
//
// domains are the internal ones. "*.acme.example" is every name below acme.example,
// at any depth, but not acme.example itself. A domain has one tenant: what falls
// under the domains of two is a mistake.
//
// delimiter is the one character, neither letter nor digit, that separates a user
// from an extension: with "+", anna+lists@acme.example is known if
// anna@acme.example is, and counts as that address. None by default.
//
// known and known_files list the known addresses; without either all addresses of
// the domains are known. An item of known, and a line of such a file, is a primary
// address and behind it the secondary addresses of the same person, separated by
// blanks or commas. An address can have one primary address only. In a file, "#" at
// the beginning of a word starts a comment, and empty lines are nothing; it is
// UTF-8 text with lines of at most 64 KiB. A list without any address is a mistake,
// because it would make all addresses unknown. The files are read when the
// configuration is.
//
// Lists may be large: an address takes about 5 bytes of memory, a secondary one
// about 10 and the text of its primary one. What is kept is a hash of each address,
// so one in about ninety thousand million unknown addresses is taken for a known
// one. While a configuration is read anew, there are the old lists and the new.
//
// # Keys of all sources
//
// The milters and journals are called sources, and their names are unique over
// milter, lmtp, smtp and journal blocks. They have these keys in common:
//
//	tenant           = "acme"              # whose mail comes in here
//	tenants          = ["acme", "globex"]  # in place of it: for several
//	unclaimed        = "acme"              # whose mail it is that is nobody's
//	non_internal     = "archive"           # archive, skip or quarantine
//	unknown_internal = "archive"           # archive, skip or quarantine
//	max_age          = "10d"               # what is older is old; no limit
//	on_old           = "archive"           # archive or quarantine
//	inactivity       = "180m"              # "0" for never; see below
//	suspended        = false
//	log              = true
//	extended_dedup {
//	  window = "10m"
//	  match  = "content"                   # content or message-id
//	}
//
// tenant or tenants: one of the two is required when there is more than one tenant.
// A source with several tenants gives a message to each of them that has an
// internal address in it, and each decides for itself. Its bytes are stored for
// each, because tenants share nothing: keys, retention and erasure are theirs alone.
//
// unclaimed is required with several tenants, and a mistake with one. Mail in which
// none of them has an address goes to this tenant, so that no mail is nobody's. Where it
// is not known for sure whose a message is, this tenant has it too.
//
// non_internal says what becomes of a message without any internal address.
//
// unknown_internal says what becomes of a message with an unknown internal address
// and no known one.
//
// max_age and on_old say what becomes of a message whose Date field is that much
// older than its arrival. Such a message is flagged as old in any case. It is never
// skipped, because its age comes from the sender's clock.
//
// inactivity is the time without any message after which a source counts as down
// in the status. For milters there is none by default, for journals it is 180m.
//
// suspended sources take no mail: it is deferred, and stays with the sender.
//
// log = false leaves out the line that the log has for each message; trouble is
// logged in any case.
//
// extended_dedup says which copies of a mail that arrive by several ways, and are not
// the same byte for byte, are one message in lists and searches: those that arrive
// within window of the first one, and are the same in content (Message-ID, From, Date,
// Subject and the parts), or with match = "message-id" in Message-ID, From and Date
// alone, as when a server writes the parts anew. "0" joins exact copies only. Of two
// sources the shorter window counts, and "message-id" only if both have it. A mail
// without a Message-ID is joined to exact copies only. Joining never removes a copy:
// each is kept, listed with its message, and comes out byte for byte. What a journal's
// report is compared by is the original in it, if that is one and stands there alone.
//
// # milter
//
// A way in for a mail server that asks filters: Postfix or Sendmail. Without any
// milter, lmtp or smtp block there are two ways in: the milter "milter" on
// tcp:127.0.0.1:8891, and the LMTP listener "lmtp" on tcp:127.0.0.1:8024.
//
//	milter "edge" {
//	  listen      = "unix:/run/daybook/milter.sock"  # required
//	  tenants     = ["acme", "globex"]
//	  unclaimed   = "acme"
//	  on_failure  = "tempfail"  # or "accept": let mail pass unarchived
//	  max_message = "50MiB"     # in place of the server's
//	}
//
// on_failure says what becomes of a message that cannot be archived, or is larger
// than max_message: the sender tries again later, or it passes without a copy.
//
// # lmtp and smtp
//
// Listeners that take deliveries for the journals, by LMTP or by SMTP. Nothing is
// ever sent on. A listener that no journal uses is a journal itself: it has the keys
// of all sources, takes every recipient address and archives each message as it is
// (format = "plain").
//
//	lmtp "local" {
//	  listen         = "tcp:127.0.0.1:8024"  # required
//	  tenant         = "acme"                # as no journal uses it
//	  max_message    = "150MiB"              # in place of the server's
//	  max_recipients = 1000                  # of one delivery; 10000
//	}
//
//	smtp "outside" {
//	  listen          = "tcp::25"       # required
//	  tls_cert        = "journal.crt"   # both or neither: offers STARTTLS
//	  tls_key         = "journal.key"
//	  tls_on_connect  = false           # true: TLS at once, without STARTTLS
//	  client_ca       = "partners.crt"  # asks for client certificates of these; none
//	  proxies         = ["10.0.0.7"]    # balancers whose PROXY header is believed; none
//	  max_connections            = 500  # at a time; 1000
//	  max_connections_per_client = 50   # at a time; no limit of its own
//	  messages_per_minute        = 600  # of one client; no limit
//	}
//
// Both kinds have the same keys, but tls_on_connect is for smtp alone. An lmtp block
// cannot be named "smtp" nor the other way round.
//
// # journal
//
// What a server delivers as a journal: Exchange, Microsoft 365, Google Workspace, or
// one with always_bcc. When there are journal blocks, their addresses are the only
// recipients that are taken at their listeners, and the sources' keys stand in them.
//
//	journal "exchange" {
//	  description     = "Exchange of the head office"
//	  tenant          = "acme"
//	  address         = "acme-7f3k@archive.example.com"  # "*"
//	  via             = ["outside"]                      # all listeners
//	  format          = "envelope"                       # or "plain"
//	  allow_from      = ["192.0.2.0/24", "2001:db8::7"]  # everybody
//	  tls             = "required"                       # or "optional"
//	  unknown_internal = "quarantine"
//	  auth {
//	    user          = "exchange"
//	    password_file = "exchange.password"
//	  }
//	}
//
//	journal "google" {
//	  tenant          = "globex"
//	  address         = "globex-p2x9@archive.example.com"
//	  via             = ["smtp"]
//	  format          = "plain"
//	  header_envelope = ["X-Gm-Original-To"]
//	  prefer_clear_text = true
//	  hide_headers      = [
//	    "X-MS-Exchange-Organization-BCC", "X-MS-Exchange-CrossPremises-BCC",
//	  ]
//	}
//
// address is the recipient address that its deliveries have, "*" by default: any. At
// one listener an address has one journal; a journal with that very address goes
// before one with "*".
//
// via names the listeners that take its deliveries; "lmtp" and "smtp" stand for all
// of a kind. By default it is all of them.
//
// format says how the mail is wrapped. "envelope" is a journal report with the
// message inside, in any of the forms that are in use; what is no report is archived
// as it is, and flagged. "plain" is the message itself.
//
// header_envelope names the header fields that tell the envelope of this journal's
// messages. They are believed, so name only what the server sets itself. None by
// default.
//
// allow_from names the networks and addresses that may deliver. It cannot be used
// at a Unix socket, whose peers have no address.
//
// auth has the peer log in, with this user and the password in the first line of the
// file; both keys are required. It is for smtp listeners only. The password stands
// in a file of its own because the text of every policy is kept in the archive; what
// SCRAM-SHA-256 stores of a password can stand in its place. A login is offered over
// TLS only, but for a listener without a certificate that is on loopback and has no
// proxies.
//
// tls = "required" takes deliveries over encrypted connections only; all listeners
// of the journal must have a certificate.
//
// prefer_clear_text is for a report with two originals, one protected and one
// decrypted: true shows the decrypted one. hide_headers names the fields to leave
// out where a message is shown to those who may not see its Bcc recipients, with
// --redact; the example has the default. Bcc, Resent-Bcc and the fields of
// header_envelope are left out in any case. What is stored is never changed by them.
//
// # rule
//
// What becomes of the messages for which its condition is true.
//
//	rule "newsletters" {
//	  when   = source == "edge" && sender.domain == "news.example"
//	  action = "skip"                      # required: archive, skip or quarantine
//	  tags   = ["newsletter"]              # words to search for
//	  reason = "not business mail, see minutes of 2026-03-02"
//	}
//
//	rule "invoices" {
//	  when   = matches(message.subject, "(?i)invoice")
//	  action = "archive"
//	  tags   = ["invoice", "keep:10y"]
//	}
//
// when is required; see Expressions. when = true is every message, and a rule behind
// such a one is a mistake. At most 16 tags of 1 to 64 letters, digits and . _ : / -
// can be given. A rule that skips by the facts that are marked with * alone, which a
// sender can bring about at will, is refused unless it says trust_headers = true; so is
// one by source where there is only one.
//
// # Expressions
//
// A condition is an HCL expression of these facts. Those marked with * the sender can
// choose, or they leave open who that is. Where a condition needs what is not there,
// as the time in a Date field that is missing, the rule cannot be evaluated; can and
// try help.
//
//	source               the milter or journal that the message came in by
//	tenant             * whose decision this is
//	direction          * inbound, outbound, internal, external or unknown
//	received           * when the message came in, a time
//	sender.address     * in lower case; "" for the null sender
//	sender.domain      * what stands behind its @
//	sender.primary     * the primary address in the tenant's list, else the address
//	sender.internal    * whether the domain is the tenant's
//	sender.known       * whether it is internal and in the list
//	recipients           the recipients: recipients[*].domain is a list of their
//	                     domains; address, domain, primary, internal and known are
//	                     as those of the sender
//	client.address       the IP address of the client; "" for a Unix socket
//	client.name          its host name, as the mail server found it
//	client.helo        * what it said in HELO
//	client.user          who it logged in as; "" for nobody
//	client.protocol    * SMTP, ESMTPS, LMTP ...
//	client.tls         * whether its connection is encrypted
//	message.size       * in bytes
//	message.subject    * the Subject field, decoded
//	message.message_id * the Message-ID field, with its angle brackets
//	message.from       * the addresses of the From field, a list in lower case
//	message.to         * those of To
//	message.cc         * those of Cc
//	message.date       * the Date field, a time; can(message.date): is there one?
//	message.age        * seconds from its date to its arrival; 0 without a date
//	message.has_attachment * whether there is a file in its first 256 KiB
//	header("name")     * a header field, decoded; "" when there is none
//	journal.kind       * the form of a journal's delivery; "" for plain mail
//	journal.flags      * what was odd about it, a list of words
//
// They are put together with ! && || == != < <= > >= + - * / % and a ? b : c, with
// parentheses, lists ["a", "b"], texts "size ${message.size}", and
// [for r in recipients : r.domain if r.internal]. Values of different types are
// never compared: size == "4096" is a mistake. The functions are
//
//	any(list)  all(list)               of true and false: one of them, none not
//	contains(list, value)              whether the value is in the list
//	matches(text, "pattern")           whether the text, or one of a list, matches (RE2)
//	cidr_contains("10.0.0.0/8", addr)  whether the network, or one of a list, has it
//	starts_with(text, start)  ends_with(text, end)
//	lower(text)  upper(text)
//	length(list)  length(text)
//	time("2026-01-31")                 a time, also "2026-01-31T12:00:00Z"
//	size("10MiB")                      bytes, to compare with message.size
//	duration("30d")                    seconds, to compare with message.age
//	try(a, b)                          the first that has a value
//	can(a)                             whether it has a value
//
// # test
//
// A message's facts and what must be decided about it. "daybook policy test" runs
// the tests, and a reload runs them too: when one fails, the old policy stays.
//
//	test "newsletters are left out" {
//	  source     = "edge"
//	  sender     = "bounce@news.example"
//	  recipients = ["anna@acme.example"]
//	  header     = { Subject = "Our offers" }
//	  expect {
//	    action = "skip"
//	    rule   = "newsletters"
//	  }
//	}
//
// source may be left out when there is one. sender is "" by default, the null
// sender; recipients are none, which means that they are not known. received is a
// time as "2026-01-31" or "2026-01-31T12:00:00Z", by default that of the Date field.
// size is that of the message. header is a set of header fields; in place of it,
// message names a file with a message. A client block has address, name, helo,
// protocol, user and tls, all texts; a journal block has kind and flags. An expect
// block, which is required, has tenant, action, rule ("" for none, or
// "non_internal", "unknown_internal", "on_old"), tags and flags; what is left out is
// not looked at. When several tenants decide, each gets a block with its tenant.
//
// # Values
//
// An address to listen on is "tcp:host:port", "unix:/path" or "off"; "host:port" is
// short for "tcp:host:port". A size is a number of bytes or a text with a unit: kB,
// MB, GB, TB count in thousands, KiB, MiB, GiB, TiB in 1024s. A length of time is
// whole numbers with the units w, d, h, m and s, the longer first: "90s", "1h30m",
// "10d"; a day has 24 hours, and years differ in length, so write "365d". A network
// is "10.0.0.0/8" or a single address, IPv4 or IPv6. A name is at most 63 letters,
// digits, dots, underscores and hyphens. A relative path starts at the folder of the
// file that names it.
//
// # Bounds
//
// The *.hcl files have at most 16 MiB together, with at most 10,000 blocks of
// tenants, journals, rules and tests each and 1,000 of milter, lmtp and smtp each.
// A list in them has at most 10,000 texts, and the lists of addresses of one tenant
// 100 million addresses.
//
// # Reload
//
// SIGHUP and "daybook policy reload" have a daemon read its configuration and the
// files it names again. It is checked, its tests are run, and then it takes the
// place of the old one at once; when anything is wrong the old one stays, and what is
// wrong is logged and returned. Each message is judged by exactly one policy: the one
// in force when all of it has arrived. Certificates are read again as well. How the
// server runs and where it listens cannot change: that needs a restart, and a reload
// that would change it is refused.
//
// # Digest
//
// A policy has a digest, and each decision bears that of its policy. It is the
// SHA-256 of what sha256sum prints in the folder of the configuration for the *.hcl
// files in the order of their names, and then for the lists of addresses likewise. A
// list that lies elsewhere has its absolute path. Certificates and passwords are
// not part of it. The text of every policy that was ever used is kept in the archive.
package policy
