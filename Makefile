EXTENSION = rbac
MODULE_big = rbac
PGFILEDESC = "rbac - role-based access control by scopes"

EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" rbac.control)

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
HEADERS_rbac = src/rbac.h src/scopeset.h src/compat.h

# the install script is these, one after the other
SQL_PARTS = $(addprefix sql/,head.sql types.sql tables.sql catalog.sql functions.sql triggers.sql audit.sql policies.sql protection.sql subscriber.sql views.sql code.sql diagram.sql)
DATA_built = rbac--$(EXTVERSION).sql
DATA = $(wildcard sql/rbac--*--*.sql)

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=rbac
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=. --load-extension=rbac
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

# pg_regress prefers sql/x.sql to test/sql/x.sql
CLASH = $(filter $(notdir $(wildcard sql/*.sql)),$(notdir $(wildcard test/sql/*.sql)))
ifneq ($(CLASH),)
$(error also in sql/, please rename in test/sql/: $(CLASH))
endif

EXTRA_CLEAN = output rbac--*.sql rbac-*.zip

all:

# These bring their own server, and PostgreSQL itself where it is missing.

# PostgreSQL's own headers have unused parameters
WARNINGS = -Wall -Wextra -Werror -Wno-unused-parameter

# everything
test:
	@PG_CFLAGS='$(WARNINGS)' test/all

# the suites on one PostgreSQL; REGRESS=, ISOLATION= or PROVE_TESTS= names: only these
suites:
	@PG_CFLAGS='$(WARNINGS)' test/run

# the suites on each of these
VERSIONS = 15 17 18 19

versions:
	@test/versions $(VERSIONS)

# pg_upgrade from the first of them to the last
pg-upgrade:
	@test/count test/upgrade $(VERSIONS)

# the suites, watched
coverage sanitizers valgrind:
	@INSTRUMENT=$@ test/run

analyze:
	@test/count test/analyze

fuzz:
	@test/count test/fuzz/run $(SECONDS)

clients:
	@test/count test/clients/run

# hours by hand: random changes, restarts and crashes, with oracle.sql as judge
soak:
	@rm -rf output
	@SOAK_MINUTES=$(or $(MINUTES),10) PROVE_TESTS=test/soak test/run

demo:
	@test/server psql -X -q -P pager=off -v ON_ERROR_STOP=1 -f demo/demo.sql

# what is loaded before it is measured is not worth logging
BENCH_SERVER = -c shared_buffers=2GB -c max_wal_size=8GB -c jit=off -c rbac.audit=off

bench:
	@test/server -o '$(BENCH_SERVER)' test/bench/bench

bench-scale:
	@ORGANIZATIONS=$(or $(ORGANIZATIONS),10000) MEMBERS=$(or $(MEMBERS),10) ENTITIES=$(or $(ENTITIES),100) \
		test/server -o '$(BENCH_SERVER)' test/bench/bench --sizes

bench-churn:
	@test/server -o '$(BENCH_SERVER)' test/bench/churn

bench-copy:
	@test/server -o '-c shared_buffers=512MB -c max_wal_size=4GB -c rbac.audit=off' psql -X -f test/bench/copy.sql

# docs/reference.md, from the database's own descriptions
reference:
	@test/server sh -c 'psql -X -q -c "CREATE EXTENSION rbac"; psql -X -q -v ON_ERROR_STOP=1 -f docs/reference.sql' > docs/reference.new
	@mv docs/reference.new docs/reference.md

# the archive for PGXN
dist:
	grep -q '"version": "$(EXTVERSION)"' META.json
	git archive --format=zip --prefix=rbac-$(EXTVERSION)/ -o rbac-$(EXTVERSION).zip HEAD

.PHONY: test suites versions pg-upgrade coverage sanitizers valgrind analyze fuzz clients soak demo bench bench-scale bench-churn bench-copy reference dist
.DELETE_ON_ERROR:

# PGXS does the rest.  Without it the targets above must work nevertheless.

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifneq ($(PGXS),)
include $(PGXS)
else
all install installcheck:
	@echo "$(PG_CONFIG) knows no PGXS: install PostgreSQL's server development files or set PG_CONFIG" >&2; exit 1
endif

$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h)

rbac--$(EXTVERSION).sql: $(SQL_PARTS) Makefile rbac.control
	cat $(SQL_PARTS) > $@
