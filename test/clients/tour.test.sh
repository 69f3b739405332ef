#!/bin/sh
# examples/tour.sql, without a terminal and with one.
echo 1..2

check() {
	if [ "$1" = 0 ]; then echo "ok $2"; else echo "not ok $2"; fi
}

createdb tour
psql -X -d tour -f examples/tour.sql >results/tour.out 2>&1
diff test/clients/tour.out results/tour.out >results/tour.diff
check $? "1 - the tour, as expected"
sed 's/^/# /' results/tour.diff

createdb tour_waits
yes '' | head -n 8 | script -qec 'psql -X -d tour_waits -f examples/tour.sql' /dev/null >results/tour_waits.out
[ "$(grep -c 'Enter to go on' results/tour_waits.out)" = 8 ] && grep -q '^That is all' results/tour_waits.out
check $? "2 - at a terminal it waits for Enter after each step"
