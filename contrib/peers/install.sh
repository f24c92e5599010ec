#!/bin/bash
# Installs the mail programs that the end-to-end tests in contrib/e2e talk to
# and that contrib/bench measures, on Debian 12, as root:
#
#   Postfix, Dovecot, swaks, miltertest, curl, jq
#                                         as ordinary packages
#   Sendmail 8.17, Exim 4.96              unpacked beside them, because their
#                                         packages conflict with Postfix
#
# Safe to run again: it does nothing when all is there. It never asks, and it
# leaves no mail server running.
#
#   DAYBOOK_SENDMAIL   where Sendmail is unpacked
#                      (default /var/cache/daybook-peers/sendmail)
#   DAYBOOK_EXIM       where Exim is unpacked
#                      (default /var/cache/daybook-peers/exim)
set -euo pipefail

sendmail_dir=${DAYBOOK_SENDMAIL:-/var/cache/daybook-peers/sendmail}
sendmail_debs=(sendmail-bin sendmail-cf sendmail-base)
exim_dir=${DAYBOOK_EXIM:-/var/cache/daybook-peers/exim}
exim_debs=(exim4-daemon-light)

say() { echo "peers: $*" >&2; }

# has_packages, has_sendmail and has_exim tell whether there is nothing left to do.
has_packages() {
	local file
	for file in /usr/sbin/postfix /usr/bin/swaks /usr/bin/miltertest /usr/bin/curl \
		/usr/sbin/dovecot /usr/lib/dovecot/lmtp /usr/bin/jq /usr/bin/m4 /usr/bin/unshare /usr/bin/mount; do
		[ -x "$file" ] || return 1
	done
	# swaks speaks TLS, and Postfix logs in, only with these.
	perl -MNet::SSLeay -e 1 2>/dev/null && ls /usr/lib/*/sasl2/libscram.so >/dev/null 2>&1
}

has_sendmail() {
	local mta=$sendmail_dir/usr/libexec/sendmail/sendmail
	[ -x "$mta" ] && [ -f "$sendmail_dir/usr/share/sendmail/cf/m4/cf.m4" ] &&
		! missing_libraries "$mta"
}

has_exim() {
	local mta=$exim_dir/usr/sbin/exim4
	# Exim starts itself anew for each delivery, and must be root again then.
	[ -x "$mta" ] && [ -u "$mta" ] && ! missing_libraries "$mta"
}

# missing_libraries names the libraries that a program lacks, and fails if none.
missing_libraries() { ldd "$1" | grep 'not found' >&2; }

# refresh fetches apt's lists, at most once a run, and tries twice.
refreshed=
refresh() {
	[ -z "$refreshed" ] || return 0
	apt-get -qq update || { sleep 3; apt-get -qq update; }
	refreshed=yes
}

# with_lists runs an apt command, and once more with fresh lists if it fails.
with_lists() {
	if ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then
		refresh
	fi
	"$@" || { refresh; "$@"; }
}

# quiet_install installs packages without asking and without starting what
# they bring: the policy file tells Debian's service scripts to start nothing.
quiet_install() {
	local policy=/usr/sbin/policy-rc.d made= rc=0
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		made=yes
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	fi
	with_lists env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
		install --no-install-recommends --no-upgrade "$@" >&2 || rc=$?
	[ -z "$made" ] || rm -f "$policy"
	return "$rc"
}

install_packages() {
	echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
	quiet_install postfix dovecot-core dovecot-lmtpd swaks miltertest curl jq libnet-ssleay-perl libsasl2-modules m4 util-linux mount
	# A Postfix that some other step started must not hold port 25.
	if [ -s /var/spool/postfix/pid/master.pid ]; then
		postfix stop >/dev/null 2>&1 || true
	fi
}

# library_packages names the packages that hold the shared libraries which a
# package needs, as it lists them itself.
library_packages() {
	dpkg-deb -f "$1" Depends | tr ',' '\n' |
		sed -n 's/^ *\(lib[a-z0-9.+-]*\).*/\1/p' | sort -u
}

# unpack puts packages into a folder of their own, and installs the libraries
# that the first of them needs.
unpack() {
	local dir=$1 work deb
	shift
	work=$(mktemp -d)
	# apt fetches as the user _apt, who must be able to write here.
	chmod 777 "$work"
	(cd "$work" && with_lists apt-get -qq download "$@" >&2)
	mapfile -t libs < <(library_packages "$work/$1"_*.deb)
	quiet_install "${libs[@]}"

	# Unpack beside the place and rename, so that a cut leaves nothing half there.
	mkdir -p "$(dirname "$dir")"
	rm -rf "$dir" "$dir.new"
	for deb in "$work"/*.deb; do
		dpkg-deb -x "$deb" "$dir.new"
	done
	mv "$dir.new" "$dir"
	rm -rf "$work"
}

# unpack_exim lets only root at Exim, which is a program that becomes root.
unpack_exim() {
	unpack "$exim_dir" "${exim_debs[@]}"
	chmod 700 "$exim_dir"
}

main() {
	if [ "$(id -u)" != 0 ]; then
		say "must run as root"
		exit 1
	fi
	has_packages || { say "installing Postfix, Dovecot, swaks, miltertest and tools"; install_packages; }
	has_sendmail || { say "unpacking Sendmail into $sendmail_dir"; unpack "$sendmail_dir" "${sendmail_debs[@]}"; }
	has_exim || { say "unpacking Exim into $exim_dir"; unpack_exim; }
	has_packages || { say "a program is still missing after installing"; exit 1; }
	has_sendmail || { say "Sendmail in $sendmail_dir does not run"; exit 1; }
	has_exim || { say "Exim in $exim_dir does not run"; exit 1; }
	say "ready: Postfix $(postconf -d -h mail_version 2>/dev/null), Sendmail in $sendmail_dir, Exim in $exim_dir"
}

main "$@"
