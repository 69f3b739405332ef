# shellcheck shell=sh
# For test/all and test/versions.
#
# A stage runs a command that prints what test/count understands.  What it prints
# goes to a file in output/, and to the terminal if something failed.

top=$(cd "$(dirname "$0")/.." && pwd)

# NAME COMMAND [ARGUMENT...]
stage() {
	name=$1
	log=$top/output/$name.log
	start=$(date +%s)
	shift
	if "$top/test/count" "$@" >"$log"; then
		# what is worth being seen: coverage, and how much was fuzzed
		grep -E '^ *[0-9.]+ % of |^ok [0-9]+ - [0-9]+ inputs' "$log"
	else
		flock "$top/output" cat "$log"
	fi
	result=$(tail -n 1 "$log")
	case $result in
		*' passed, '*' failed') ;;
		*) result='0 passed, 1 failed' ;;
	esac
	echo "$name: $result, in $(($(date +%s) - start)) s"
}

# All suites on PostgreSQL MAJOR, with an instrument or without.  What the mirror
# does not have is said, and does not count; the instrument is for this machine's, then.
suites_on() {
	major=$1
	made=0
	"$top/test/root" "$major" >/dev/null || made=$?
	if [ $made = 0 ]; then
		stage "$major${2:+-$2}" "$top/test/in-root" "$major" env REGRESS="${REGRESS:-}" ISOLATION="${ISOLATION:-}" \
			PROVE_TESTS="${PROVE_TESTS:-}" OUTPUT="/src/output/$major" INSTRUMENT="${2:-}" test/server test/suites
	elif [ $made != 3 ]; then
		echo "$major: 0 passed, 1 failed, in 0 s"
	elif [ -n "${2:-}" ]; then
		stage "$2" env OUTPUT="$top/output/$2" INSTRUMENT="$2" "$top/test/server" "$top/test/suites"
	fi
}

# Of what stages print, the last lines are what failed, their results, and the sum.
total() {
	results=
	passed=0
	failed=0
	while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
			*': '*' passed, '*' failed, in '*' s')
				results="$results$line
"
				counts=${line#*: }
				passed=$((passed + ${counts%% passed*}))
				counts=${counts#* passed, }
				failed=$((failed + ${counts%% failed*}))
				;;
		esac
	done
	[ $passed -gt 0 ] || failed=1
	[ $failed = 0 ] || (cd "$top/output" && grep -nE '^not ok |\.\.\. FAILED|^  (Non-zero exit status|Parse errors):|: exit status [1-9]' ./*.log)
	printf '%s' "$results"
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
}
