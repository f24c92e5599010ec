// Command bench measures how fast Daybook takes mail: over LMTP beside
// Postfix's smtp-sink, which throws mail away, and over the milter protocol
// beside a milter that does nothing. It makes its own messages, is its own
// client for both protocols, and prints a table. With --storage it measures how
// much room mail takes in the archive, beside zstd, and whether it comes back as
// it was sent.
//
//	bench [flags]           measure; --json prints what was measured instead
//	bench --storage [flags] [DIR ...]
//	                        measure the room that the .eml files of folders take,
//	                        or, without a folder, generated mail
//	bench show A            print the tables of a file made with --json
//	bench compare A B       print what changed between two such files
//
// Everything runs on the loopback interface, on free ports, with a new daemon
// and a new archive for every figure. What is compared is run in turn, and all
// of it in several rounds, because machines are noisy. It reports and judges
// nothing: the exit status is 1 only when messages were not taken, or did not come
// back as they were sent.
package main
