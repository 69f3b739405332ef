# A property test.  oracle.sql states in plain SQL who has what.  Here random
# organizations are made and changed at random: in autocommit, in transactions
# with savepoints, by two sessions, while grants expire.  After each change the
# module's answers are compared with what oracle.sql says.
#
# ORACLE_SEED=n repeats a run, as far as grants expire at the same moments;
# ORACLE_ROUNDS=n makes a longer one.

use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session;
use World;

my $seed = $ENV{ORACLE_SEED} // 1;
my $rounds = $ENV{ORACLE_ROUNDS} // 80;
srand($seed);
diag("ORACLE_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
max_prepared_transactions = 2
autovacuum = off
jit = off
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
min_parallel_index_scan_size = 0
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rbac');
$node->safe_psql('postgres', slurp_file(dirname(__FILE__) . '/oracle.sql'));

# the one that makes most of the changes, in all of the rounds; and another one
my $mine = Session->new($node->connstr('postgres'));
my $other = Session->new($node->connstr('postgres'));
must($_, 'PREPARE ask(text, text, rbac.scope) AS SELECT rbac.has_scope($1, $2, $3)') for $mine, $other;
my %count = (comparisons => 0);
my $failures = 0;

sub failed
{
	my ($what) = @_;
	my @log = grep { !/oracle\./ } @{ $mine->{log} };
	splice(@log, 0, -20) if @log > 20;
	diag("$what\nstatements before, of ORACLE_SEED=$seed:", map { "\n  " . substr($_, 0, 1000) } @log);
	$failures++;
	die "too many failures\n" if $failures >= 5;
	return;
}

# Statements that must succeed.
sub must
{
	my ($session, $sql) = @_;
	my ($out, $err) = $session->ask($sql);
	failed("$err$sql") if $err ne '';
	return $out;
}

sub report
{
	my ($session, $name, $found) = @_;
	my @differences = split /\n/, $found;
	my $more = @differences - 10;
	my (undef, undef, @first) = split /\|/, $differences[0], -1;
	my $facts = sprintf 'SELECT * FROM oracle.facts(%s)', join ', ', map { quoted($_ eq '' ? undef : $_) } @first[ 0 .. 2 ];
	splice(@differences, 10) if $more > 0;
	failed(join "\n", "$name: what | row | member | type | entity | expected | found", @differences,
		($more > 0 ? "... and $more more" : ()), 'facts about the first:', ($session->ask($facts))[0]);
	return;
}

# Do the functions differ from the views, as the session sees things?
sub compare
{
	my ($session, $name, @percent) = @_;
	@percent = $big ? (8, 1) : (100, 2) unless @percent;
	my $found = must($session, sprintf 'SELECT * FROM oracle.differences(%d, %d, %d)', rand(1 << 30), @percent);
	$count{comparisons}++;
	report($session, $name, $found) if $found ne '';
	return;
}

# ---- what happens to it ----

# The other session must not wait for this one's locks.
sub other_changes
{
	my $sql = change();
	my (undef, $err) = $other->ask("SET lock_timeout = '100ms'; $sql; RESET lock_timeout");
	failed("$err$sql") if $err ne '' && $err !~ /lock timeout/;
	push @{ $mine->{log} }, "the other session: $sql $err";
	return;
}

sub autocommit
{
	must($mine, change()) for 1 .. between(1, 3);
	compare($mine, 'after changes');
	compare($other, 'after the changes of another session') if chance(0.5);
	return;
}

sub changes_elsewhere
{
	other_changes() for 1 .. between(1, 3);
	compare($mine, 'after the changes of another session');
	return;
}

# In a transaction that takes no lock any more the other session's change counts, too.
sub revoked_elsewhere
{
	my $held = must($mine, sprintf q{SELECT quote_literal(member), quote_literal(entity), quote_literal(scope) FROM oracle.effective
		WHERE row_id = 0 ORDER BY hashtextextended(concat_ws(chr(10), member, entity, scope), %d) LIMIT 1}, rand(1 << 30));
	my ($member, @thing) = split /\|/, $held;
	my $ask = 'EXECUTE ask(' . join(', ', $member, @thing) . ')';
	must($mine, "BEGIN; $ask; $ask");
	must($other, "UPDATE rbac.members SET expires_at = 'epoch' WHERE member = $member");
	my $answer = must($mine, $ask);
	failed("$ask: $answer, but no longer a member") if $answer ne 'f';
	must($mine, 'COMMIT');
	compare($mine, 'after the end of memberships');
	return;
}

sub savepoint_undone
{
	my $rollback = pick('ROLLBACK TO undo', 'ROLLBACK TO undo; RELEASE undo');
	must($mine, 'SAVEPOINT undo');
	if (chance(0.5))
	{
		must($mine, $_) for pick(wholesale_change(), change()), chance(0.5) ? change() : ();
		compare($mine, 'after a savepoint');
	}
	else
	{
		must($mine, change());
		compare($mine, 'after a savepoint');
		my (undef, $err) = $mine->ask(q{INSERT INTO rbac.team_members (team, member) VALUES ('none/none', 'nobody')});
		failed('a foreign key was not enforced') if $err eq '';
	}
	must($mine, $rollback);
	compare($mine, 'after ROLLBACK TO');
	return;
}

sub transaction
{
	must($mine, 'BEGIN');
	for (1 .. between(2, 5))
	{
		my $x = rand();
		if ($x < 0.4) { must($mine, change()) }
		elsif ($x < 0.5) { must($mine, 'SAVEPOINT kept; ' . change() . '; RELEASE kept') }
		elsif ($x < 0.7) { savepoint_undone() }
		elsif ($x < 0.8) { must($mine, sprintf 'SELECT pg_sleep(%f)', rand(0.1)) }
		else { other_changes() }
		compare($mine, 'in a transaction') if chance(0.7);
		compare($other, 'during a transaction of another session') if chance(0.15);
	}
	my $end = pick(('COMMIT') x 3, 'ROLLBACK', 'ROLLBACK', q{PREPARE TRANSACTION 'p'});
	must($mine, $end);
	compare($mine, "after $end");
	if ($end =~ /PREPARE/)
	{
		must(pick($mine, $other), pick(q{COMMIT PREPARED 'p'}, q{ROLLBACK PREPARED 'p'}));
		compare($mine, 'after the end of a prepared transaction');
	}
	compare($other, "after $end of another session");
	return;
}

sub undone_transaction
{
	must($mine, 'BEGIN');
	must($mine, wholesale_change());
	compare($mine, 'after a wholesale change');
	must($mine, 'ROLLBACK');
	compare($mine, 'after its ROLLBACK');
	return;
}

sub single_statement
{
	my @percent = $big ? (4, 0) : (100, 0);
	my $found = must($mine, sprintf 'SELECT * FROM oracle.change_and_compare(ARRAY[%s], %d, %d, %d)', join(', ', map { quoted(change()) } 1 .. 3), rand(1 << 30), @percent);
	$count{comparisons} += 4;
	report($mine, 'in a single statement', $found) if $found ne '';
	compare($mine, 'after a single statement');
	return;
}

# all of one message of the protocol, at one statement_timestamp()
sub single_message
{
	my @percent = $big ? (4, 0) : (100, 0);
	my $compare = sprintf 'SELECT * FROM oracle.differences(%d, %d, %d)', rand(1 << 30), @percent;
	my $found = must($mine, join(' \; ', $compare, change(), $compare, change(), $compare));
	$count{comparisons} += 3;
	report($mine, 'in a single message', $found) if $found ne '';
	return;
}

sub expiry_of_grants
{
	must($mine, sprintf 'SELECT pg_sleep(%f)', 0.02 + rand(0.2));
	compare($mine, 'after a while');
	return;
}

# What scans find, of what the views say before and after: a grant may expire
# meanwhile, but none comes to life.
sub compare_found
{
	my ($name, $expected, $find) = @_;
	$expected = "SET LOCAL max_parallel_workers_per_gather = 0; $expected";
	my %before = map { $_ => 1 } split(/\|/, must($mine, $expected));
	my %found = map { $_ => 1 } split(/\|/, must($mine, $find));
	my %after = map { $_ => 1 } split(/\|/, must($mine, $expected));
	my @wrong = ((grep { !$before{$_} } sort keys %found), (grep { !$found{$_} } sort keys %after));
	failed("$name: @wrong") if @wrong;
	$count{comparisons}++;
	return;
}

sub list { my ($what) = @_; return "SELECT coalesce(string_agg($what, '|'), '')" }

# a sequential scan by parallel workers, inside a transaction with changes
sub parallel_scan
{
	my $type = pick(@types);
	my ($scope, $member) = map { quoted($_) } pick(@{ $scopes{$type} }), pick(@{ $world{members} });
	must($mine, 'BEGIN; ' . change());
	return must($mine, 'ROLLBACK') if must($mine, "SELECT count(*) FROM rbac.scopes WHERE name = $scope") == 0;
	compare_found("parallel scan: $scope of $member",
		list('DISTINCT entity') . qq{ FROM oracle.effective
			WHERE row_id = 0 AND entity_type = '$type' AND member = $member AND scope = $scope},
		'SET LOCAL max_parallel_workers_per_gather = 2; ' . list('entity') . qq{ FROM rbac.entities
			WHERE entity_type = '$type' AND rbac.has_scope($member, entity, $scope)});
	must($mine, pick('COMMIT', 'ROLLBACK'));
	return;
}

# Index scans of candidates, in plans that stay from world to world and from
# member to member, between changes.
my @scans = ('enable_indexscan', 'enable_indexonlyscan', 'enable_bitmapscan', 'enable_seqscan');
my %kept;     # prepared statements
my $candidates = 0;    # of the plans that were looked at, those that have them

sub keep_plan
{
	my ($scope, $key) = @_;
	my $from = $key eq 'row_id'
	  ? "oracle.rows WHERE entity_type = (SELECT entity_type FROM rbac.scopes WHERE name = '$scope') AND rbac.row_has_scope(rbac.current_member(), entity, '$scope', organization, owner, tags)"
	  : "oracle.documents WHERE rbac.has_scope($key, '$scope')";
	my $what = $key eq 'row_id' ? 'row_id::text' : 'entity';
	return $kept{$scope}{$key} //= do
	{
		my $name = "kept$scope$key" =~ s/\W/_/gr;
		must($mine, "PREPARE $name AS " . list($what) . " FROM $from");
		$name;
	};
}

sub scans_by_index
{
	my $type = pick('stack', 'environment', 'insights_account');
	my $scope = pick(@{ $scopes{$type} });
	my $key = pick('entity', 'u', 'n', 'row_id');
	my $name = keep_plan($scope, $key);
	my $expected = $key eq 'row_id' ? list('DISTINCT row_id::text') . ' FROM oracle.effective WHERE row_id > 0'
	  : list('DISTINCT entity') . " FROM oracle.effective JOIN oracle.documents USING (entity) WHERE row_id = 0 AND $key IS NOT NULL";
	must($mine, 'BEGIN');
	for my $member (some(3, @{ $world{members} }))
	{
		my @settings = map { "$_ = " . (chance(0.5) ? 'on' : 'off') } @scans;
		$settings[3] = 'enable_seqscan = off' if chance(0.7);
		must($mine, change()) if chance(0.3);
		must($mine, join('; ', map { "SET LOCAL $_" } @settings, 'rbac.member = ' . quoted($member)));
		compare_found("$key by @settings: $scope of $member", "$expected AND member = rbac.current_member() AND scope = '$scope'", "EXECUTE $name");
		$candidates++ if must($mine, "EXPLAIN EXECUTE $name") =~ /candidate_/;
	}
	must($mine, pick('COMMIT', 'ROLLBACK'));
	return;
}

sub maintenance
{
	must($mine, $_) for pick('VACUUM FULL rbac.entity_grants', 'REINDEX TABLE rbac.members', 'CLUSTER rbac.entities USING entities_pkey', 'VACUUM rbac.team_members',
		'ALTER TABLE rbac.role_rules ADD COLUMN note text', 'ANALYZE rbac.role_rules');
	compare($mine, 'after maintenance');
	must($mine, 'ALTER TABLE rbac.role_rules DROP COLUMN IF EXISTS note');
	return;
}

# Scopes that are not registered are errors, whatever was so a moment ago.
sub scope_comes_and_goes
{
	my $check = sprintf q{SELECT rbac.has_scope(%s, 'x', 'app:passing'::text)}, quoted(pick(@{ $world{members} }));
	my $scope = q{INSERT INTO rbac.scopes (name, entity_type) VALUES ('app:passing', 'app')};
	my $unknown = sub {
		my ($session, $when) = @_;
		my (undef, $err) = $session->ask($check);
		failed("no error for an unknown scope, $when: $err") if $err !~ /"app:passing" does not exist/;
	};
	return if must($mine, q{SELECT count(*) FROM rbac.entity_types WHERE name = 'app'}) == 0;
	$unknown->($mine, 'at first');
	must($mine, "BEGIN; $scope");
	must($mine, $check);
	compare($mine, 'with a new scope');
	$unknown->($other, 'uncommitted');
	must($mine, 'ROLLBACK');
	$unknown->($mine, 'after rollback');
	must($other, $scope);
	must($mine, $check);
	compare($mine, 'with a new scope of another session');
	must($other, q{DELETE FROM rbac.scopes WHERE name = 'app:passing'});
	$unknown->($mine, 'deleted by another session');
	return;
}

# ---- the test ----

my @steps = (
	\&autocommit, \&changes_elsewhere, \&revoked_elsewhere, \&transaction, \&transaction, \&undone_transaction, \&single_statement, \&single_message,
	\&expiry_of_grants, \&parallel_scan, (\&scans_by_index) x 3, \&maintenance, \&scope_comes_and_goes);
my %alone;    # by rule: answers that are true because of it alone

for my $round (1 .. $rounds)
{
	note(scalar(localtime), " round $round");
	$big = $round % 15 == 5 ? 'o1' : '';
	name_things($big ? (3, 6) : (between(4, 36), between(6, 60)));
	# one that a large organization does not fit into, and many small ones hardly do
	must($mine, sprintf q{SET rbac.cache_size = '%s'}, pick('64MB', '256kB', $big ? '256kB' : ('64MB', '1MB')));
	must($mine, sprintf 'SET rbac.member = %s', quoted(pick(@{ $world{members} })));
	must($mine, 'BEGIN;' . clear_world() . make_world() . 'COMMIT; VACUUM ANALYZE');
	for (split /\n/, must($mine, q{SELECT rule, count(*) FROM (SELECT min(rule) FROM oracle.effective
			GROUP BY row_id, member, entity_type, entity, scope HAVING count(DISTINCT rule) = 1) alone(rule) GROUP BY rule}))
	{
		my ($rule, $answers) = split /\|/;
		$alone{$rule} += $answers;
	}
	compare($mine, 'a new world');
	compare($other, 'a new world');
	pick(@steps)->() for 1 .. 6;
}

$mine->quit;
$other->quit;
$node->stop;
note("$candidates plans with candidates");
note("answers that were true because of one rule alone, in new worlds: ", join ', ', map { "$_: $alone{$_}" } sort keys %alone);
is(scalar(keys %alone), 9, 'each rule mattered');
cmp_ok($candidates, '>', 0, 'indexes were searched for candidates');
is($failures, 0, "no difference in $count{comparisons} comparisons on $organizations organizations");
done_testing();
