// Package e2e tests Daybook from outside, as a mail administrator would: a real
// daybook program, real Postfix, Sendmail and Exim servers in front of it, and swaks
// and curl as clients. What comes out of the archive is compared byte for byte
// with what the mail server queued, delivered or sent.
//
// Everything runs on the loopback interface on free ports, in temporary
// folders, and is stopped by process id at the end of its test.
//
// The mail servers are installed by contrib/peers/install.sh. A test whose peer
// is missing is skipped and says so; with DAYBOOK_REQUIRE_PEERS=1 in the
// environment it fails instead. Other settings, also from the environment:
//
//	DAYBOOK_BIN       test this program instead of building cmd/daybook
//	DAYBOOK_SENDMAIL  where install.sh unpacked Sendmail
//	DAYBOOK_EXIM      where install.sh unpacked Exim
//
// The messages are of two kinds: several hundred made by oddMessages, each with
// a name that says what is odd about it, and the message corpus beside the
// checkout (../shared/corpus), which nobody in this project wrote.
package e2e
