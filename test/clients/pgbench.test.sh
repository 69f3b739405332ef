#!/bin/sh
# examples/pgbench, on the tables of examples/app.
echo 1..8

number=0
check() {
	status=$?
	number=$((number + 1))
	if [ $status = 0 ]; then echo "ok $number - $1"; else echo "not ok $number - $1"; fi
}

createdb -T app pgbench
cd examples/pgbench || exit
export PGDATABASE=pgbench PGOPTIONS='-c client_min_messages=warning'

sample() {
	rows=$(psql -XAtq -f sample.sql -v table=documents -v key=id -v tenant=tenant -v scope="$1")
	[ "$rows" = 4 ]
}
runs() {
	pgbench -n -r -t 50 -U "$2" -f "$1.sql" -D rows="$rows" -D table=documents -D key=id -D tenant=tenant -D column=title >out 2>&1
	grep -q 'actually processed: 50/50' out && return
	sed 's/^/# /' out
	return 1
}

sample document:read
check "a sample"
seen=$(psql -XAtq -U app <<'SQL'
SELECT format('SET rbac.member = %s', member), format('SELECT 1 FROM documents WHERE id = %s', id) FROM rbac_sample \gexec
SQL
)
[ "$(echo "$seen" | tr -d '\n')" = 1111 ]
check "members see the rows that they are sampled with"
for script in point page; do
	runs $script app
	check "$script with policies"
	runs $script postgres
	check "$script without"
done
sample document:write
runs write app
check "write with policies"
runs write postgres
check "write without"
