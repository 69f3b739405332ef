# Crashes in the middle of changes: of a backend, of the postmaster, of all at once.
# What was committed is there, all of it or nothing; answers and the audit log
# are what the tables say.
#
# CRASH_ROUNDS=n makes a longer run, CRASH_SEED=n another one.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(sleep);
use World;

my $seed = $ENV{CRASH_SEED} // 1;
my $rounds = $ENV{CRASH_ROUNDS} // 3;
srand($seed);
note("CRASH_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
restart_after_crash = on
max_prepared_transactions = 10
deadlock_timeout = 100ms
autovacuum = off
jit = off
timezone = UTC
log_statement = none
});
$node->start;

# ---- what is changed ----

# In one database, anything.
$node->safe_psql('postgres', 'CREATE DATABASE world');
$node->safe_psql('world', 'CREATE EXTENSION rbac; CREATE TABLE journal (writer integer, n integer, PRIMARY KEY (writer, n))');
$node->safe_psql('world', slurp_file("$FindBin::Bin/oracle.sql"));
name_things(8, 20);
$node->safe_psql('world', make_world());

# In another one each writer has a few rows that all name the number of its latest transaction.
my $writers = 5;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION rbac;
	CREATE TABLE journal (writer integer, n integer, PRIMARY KEY (writer, n));
	CREATE ROLE app LOGIN;
	GRANT SET ON PARAMETER rbac.member TO app;
	GRANT SELECT, INSERT, UPDATE, DELETE ON rbac.entity_grants, rbac.role_rules, rbac.roles, rbac.members TO app;
	GRANT SELECT, INSERT ON journal TO app;
	INSERT INTO rbac.organizations (name) SELECT 'w' || w FROM generate_series(1, 3) w;
	INSERT INTO rbac.roles (name) SELECT 'w' || w || '/role' FROM generate_series(1, 3) w;
	INSERT INTO rbac.members (organization, member, role) SELECT 'w' || w, 'boss', 'Admin' FROM generate_series(1, 3) w;
	INSERT INTO rbac.members (organization, member, role) SELECT 'w' || w, 'writer ' || w, 'w' || w || '/role' FROM generate_series(1, 3) w;
	INSERT INTO rbac.entities (entity_type, entity, organization)
		SELECT 'stack', format('w%s-%s', w, n), 'w' || w FROM generate_series(1, 3) w, generate_series(0, 5000) n;
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
		SELECT 'Stack Read', format('w%s-0', w), 'w' || w, 'writer ' || w FROM generate_series(1, 3) w;
	INSERT INTO rbac.role_rules (role, permission_set, entity) SELECT 'w' || w || '/role', 'Stack Write', format('w%s-0', w) FROM generate_series(1, 3) w;
	INSERT INTO journal SELECT w, 0 FROM generate_series(1, 3) w;
});

# Any change, be it one that fails.
sub try_change { return sprintf 'DO $try$ BEGIN %s; EXCEPTION WHEN OTHERS THEN NULL; END $try$;', change() }

# A transaction, as a script; what it prints at its end is committed.  The first
# writer may write everything and does so in two phases at times, the second
# and third are members who govern themselves, the others write to the world.
sub transaction
{
	my ($writer, $n) = @_;
	my $end = $writer == 1 && rand() < 0.3 ? "PREPARE TRANSACTION 'number $n';\nCOMMIT PREPARED 'number $n';" : 'COMMIT;';

	return join "\n", 'BEGIN;',
	  is_in_world($writer) ? map { try_change() } 1 .. between(1, 3) : (
		$writer == 1 ? () : q{SET LOCAL rbac.member = 'boss';},
		"UPDATE rbac.entity_grants SET entity = 'w$writer-$n' WHERE member = 'writer $writer';",
		"UPDATE rbac.role_rules SET entity = 'w$writer-$n' WHERE role = 'w$writer/role';"),
	  "INSERT INTO journal VALUES ($writer, $n);", $end, "SELECT 'committed ' || max(n) FROM journal WHERE writer = $writer;", '';
}

sub is_in_world { my ($writer) = @_; return $writer > 3 }
sub database_of { my ($writer) = @_; return is_in_world($writer) ? 'world' : 'postgres' }

my @next = (1) x ($writers + 1);

my $dir = PostgreSQL::Test::Utils::tempdir();

sub start_writer
{
	my ($writer) = @_;
	my $login = $writer =~ /[23]/ ? 'app' : 'postgres';
	my $file = "$dir/$writer-$next[$writer]";

	append_to_file("$file.sql", join '', map { transaction($writer, $_) } $next[$writer] .. $next[$writer] + 400);
	$next[$writer] += 401;
	return {
		number => $writer,
		out => "$file.out",
		run => IPC::Run::start([ 'psql', '-XAtq', '-f', "$file.sql", '-d', $node->connstr(database_of($writer)) . " user=$login" ], '>', "$file.out", '2>', "$file.err")
	};
}

# ---- crashes ----

sub wait_until_up
{
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server is not back';
	return;
}

my %crash = (
	'kill -9 of a backend' => sub {
		my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 1});
		kill 9, $pid if $pid;
		return $pid;
	},
	'kill -9 of the postmaster' => sub {
		$node->kill9;
		# not before the backends have noticed
		my $started;
		for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
		{
			last if $started = $node->start(fail_ok => 1);
			$node->{_pid} = undef;
			sleep 0.1;
		}
		return $started;
	},
	'immediate shutdown' => sub {
		$node->stop('immediate');
		return $node->start;
	});

# ---- what has to be true afterwards ----

# Rows that the log has made and not taken away again, and are not there; and the
# other way round.
my @logged = grep { $_ ne 'entities' } qw(organizations entity_types scopes permission_sets entity_type_settings roles default_roles role_rules members
	teams team_members team_roles entity_grants member_defaults organization_settings);
my $unlogged = "WITH changes(name, row, n) AS (
		SELECT table_name, new_row, 1 FROM rbac.audit_log WHERE new_row IS NOT NULL
		UNION ALL SELECT table_name, old_row, -1 FROM rbac.audit_log WHERE old_row IS NOT NULL"
  . join('', map { " UNION ALL SELECT '$_', to_jsonb(t), -1 FROM rbac.$_ t" } @logged)
  . ") SELECT name, row, sum(n) FROM changes WHERE name <> 'entities' AND coalesce(NOT (row->'builtin')::boolean, true)
		AND NOT (name = 'role_rules' AND (row->'id')::integer < 0) GROUP BY name, row HAVING sum(n) <> 0";

# The numbers that each writer's rows name, and what is granted by them.
my $torn = q{SELECT j.writer, j.n, g.entity, r.entity
	FROM (SELECT writer, max(n) AS n FROM journal GROUP BY writer) j
	LEFT JOIN rbac.entity_grants g ON g.member = 'writer ' || writer LEFT JOIN rbac.role_rules r ON r.role = format('w%s/role', writer)
	WHERE g.entity IS DISTINCT FROM format('w%s-%s', writer, n) OR r.entity IS DISTINCT FROM g.entity
		OR NOT rbac.has_scope('writer ' || writer, g.entity, 'stack:write')
		OR ARRAY(SELECT rbac.entities_with_scope('writer ' || writer, 'stack:read')) <> ARRAY[g.entity]};

sub compare
{
	my ($session, $name) = @_;
	is($session->must(sprintf 'SELECT * FROM oracle.differences(%d, 100, 5)', rand(1 << 30)), '', $name);
	return;
}

sub check
{
	my ($name, @writers) = @_;
	my %session = map { $_ => Session->new($node->connstr($_)) } 'postgres', 'world';

	for my $prepared (split /\n/, $session{postgres}->must('SELECT gid FROM pg_prepared_xacts'))
	{
		$session{postgres}->must((rand() < 0.5 ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$prepared'");
	}
	for my $writer (@writers)
	{
		my ($number, $said) = ($writer->{number}, slurp_file($writer->{out}));
		my ($committed) = $said =~ /.*committed (\d+)\n/s;
		ok(defined $committed && $session{ database_of($number) }->must("SELECT max(n) >= $committed FROM journal WHERE writer = $number") eq 't',
			"$name: what writer $number was told is committed is there");
	}
	is($session{postgres}->must($torn), '', "$name: no transaction is there by half");
	is($session{$_}->must($unlogged), '', "$name: the log tells of all changes, and no others, in database $_") for sort keys %session;
	compare($session{world}, "$name: answers are right");
	$session{world}->must(try_change()) for 1 .. 5;
	compare($session{world}, "$name: answers are right after more changes");
	$_->quit for values %session;
	return;
}

# ---- the test ----

for my $round (1 .. $rounds)
{
	my $name = (sort keys %crash)[ $round % 3 ];
	my @writers = map { start_writer($_) } 1 .. $writers;
	
	for my $writer (@writers)
	{
		$node->poll_query_until(database_of($writer->{number}), "SELECT count(*) > 0 FROM journal WHERE writer = $writer->{number} AND n >= $next[$writer->{number}] - 401")
		  or die "writer $writer->{number} does not write";
	}
	sleep rand 0.5;
	ok($crash{$name}->(), $name);
	eval { $_->{run}->finish } for @writers;
	wait_until_up();
	check("round $round, $name", @writers);
}
$node->stop;
done_testing();
