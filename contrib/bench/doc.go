// Command bench measures how fast Daybook takes mail, beside what people use: over
// LMTP beside Postfix's smtp-sink, which throws mail away, and Dovecot; on one
// connection beside a file that is synced for each message; as Postfix's milter
// beside Postfix without one, with do-nothing milters, and with always_bcc to
// Dovecot; as Sendmail's milter; and over the milter protocol alone beside a milter
// that does nothing. It makes its own messages, is its own client for LMTP, SMTP and
// milters, and prints tables with ratios. With --storage it measures how much room
// mail takes in the archive, beside zstd, and whether it comes back as it was sent.
// With --grow it measures how fast an archive takes mail, and finds it, as it grows.
//
//	bench [flags]           measure; --json prints what was measured instead
//	bench --storage [flags] [DIR ...]
//	                        measure the room that the .eml files of folders take,
//	                        or, without a folder, generated mail
//	bench --grow [flags]    measure an archive that grows
//	bench show A            print the tables of a file made with --json
//	bench compare A B       print what changed between two such files
//
// Everything runs on the loopback interface, on free ports, with a new server and
// an empty store for every figure. The daemon has the timer slack of its systemd unit,
// unless --plain is given, and where servers are services its weight. What is compared is
// run in turn, and all of it in several rounds, because machines are noisy. What is not
// installed, or fails, is named and left out. It reports and judges nothing: the exit
// status is 1 only when messages were not taken, or did not come back as they were sent,
// or a figure could not be measured.
package main
