# shellcheck shell=sh
# For test/all and test/versions.
#
# A stage runs a command that prints what test/count understands.  What it prints
# goes to a file in output/, and to the terminal if something failed.

top=$(cd "$(dirname "$0")/.." && pwd)

# NAME COMMAND [ARGUMENT...]
stage() {
	name=$1
	shift
	start=$(date +%s)
	if ! "$top/test/count" "$@" >"$top/output/$name.log"; then
		flock "$top/output" cat "$top/output/$name.log"
	fi
	echo "$name: $(tail -n 1 "$top/output/$name.log"), in $(($(date +%s) - start)) s"
}

# All suites on PostgreSQL MAJOR, with an instrument or without; what the mirror
# does not have is said, and does not count.
suites_on() {
	major=$1
	if "$top/test/root" "$major" >/dev/null || [ $? != 3 ]; then
		stage "$major${2:+-$2}" "$top/test/in-root" "$major" env REGRESS="${REGRESS:-}" ISOLATION="${ISOLATION:-}" \
			PROVE_TESTS="${PROVE_TESTS:-}" OUTPUT="/src/output/$major" INSTRUMENT="${2:-}" test/server test/suites
	fi
}

# Of what stages print, the last line is the sum.
total() {
	awk '
		{ print; fflush() }
		/: [0-9]+ passed, [0-9]+ failed, in [0-9]+ s$/ { passed += $(NF - 6); failed += $(NF - 4) }
		END {
			print passed + 0 " passed, " failed + (passed == 0) " failed"
			exit failed > 0 || passed == 0
		}'
}
