# Statements that are cancelled: anywhere in the extension's code, at random times,
# and in the middle of something long.  The session lives on, and what it has cached
# is right.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Faults;
use PostgreSQL::Test::Cluster;
use Session;
use Test::More;

my $cancelled = qr/^ERROR:  canceling statement due to /m;
my $node = start_faulty_node();
my $session = Session->new($node->connstr('postgres'));

# ---- anywhere ----

my ($failures, $places) = sweep($session, 'cancel');
cmp_ok($failures, '>', $places / 4, "cancelled at $failures of $places places");
($failures, $places) = sweep_new_sessions($session, 'cancel', 'has_scope', 'many entities', 'policies', 'changes');
cmp_ok($failures, '>', $places / 4, "cancelled at $failures of $places places in new sessions");

# ---- at random times ----

# What another session sends may come too early or too late.
my $other = Session->new($node->connstr('postgres'));
my $pid = $session->must('SELECT pg_backend_pid()');
my ($times, $wrong) = (0, 0);
srand($ENV{FAULTS_SEED} // 1);
for my $round (1 .. 150)
{
	my $statement = ('SELECT faults.wrong()', 'CALL faults.flip()', q{SELECT rbac.explain('bob', '2', 'doc:edit')})[ $round % 3 ];
	$session->must('CALL faults.flip()');
	$session->send($statement);
	$other->must(sprintf 'SELECT pg_sleep(%f); SELECT pg_cancel_backend(%d)', rand(0.003), $pid);
	my (undef, $err) = $session->answer;
	$times++ if $err =~ $cancelled;
	$wrong++ if $session->must('SELECT faults.wrong()') ne '0';
}
is($wrong, 0, "answers are right, after $times of 150 statements were cancelled by another session");
cmp_ok($times, '>', 0, 'some were');

($times, $wrong) = (0, 0);
for my $round (1 .. 150)
{
	my (undef, $err) = $session->ask(sprintf q{CALL faults.flip(); SET statement_timeout = %d; CALL faults.flip(); SELECT faults.wrong()}, 1 + rand(4));
	$times++ if $err =~ $cancelled;
	# which may take too long itself
	do { (undef, $err) = $session->ask('SET statement_timeout = 0') } while $err ne '';
	$wrong++ if $session->must('SELECT faults.wrong()') ne '0';
}
is($wrong, 0, "answers are right, after $times of 150 statements took too long");
cmp_ok($times, '>', 0, 'some did');

# ---- in the middle of something long ----

# A request that comes early is not answered late: by the number of allocations, or
# by what has been cached.
$session->must(q{
	BEGIN;
	SET LOCAL rbac.audit = off;
	INSERT INTO rbac.organizations (name) VALUES ('big');
	INSERT INTO rbac.members (organization, member) VALUES ('big', 'rich');
	INSERT INTO rbac.entities (entity_type, entity, organization, tags) SELECT 'stack', 'b' || i, 'big', '{"tier": "high"}' FROM generate_series(1, 2000) i;
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) SELECT 'Stack Read', 'b' || i, 'big', 'rich' FROM generate_series(1, 2000) i;
	INSERT INTO rbac.members (organization, member) SELECT 'big', 'm' || i FROM generate_series(1, 3000) i;
	COMMIT;
	ANALYZE});

# in the middle of reading what a member has, who has much, where the list of it grows
my $check = q{SELECT rbac.has_scope('rich', 'b1', 'stack:read')};
my $built = q{SELECT misses + rebuilds FROM rbac.cache_stats() WHERE cache = 'members'};
$session->must("SELECT faults.record();\n$check");
my $growing = $session->must(q{SELECT concat_ws(',', n, place) FROM faults.recorded() WHERE size > 30000 ORDER BY n LIMIT 1});
$session->must(q{UPDATE rbac.members SET expires_at = 'infinity' WHERE member = 'rich'});
my $before = $session->must($built);
my (undef, $err) = $session->ask("SELECT faults.cancel_at($growing);\n$check");
like($err, $cancelled, 'who has much: cancelled');
is($session->must($built), $before, 'before all was read');
is($session->must($check), 't', 'read again');

my %long = (
	'entities_with_scope' => q{SELECT count(*) FROM rbac.entities_with_scope('rich', 'stack:read')},
	'members_with_scope' => q{SELECT count(*) FROM rbac.members_with_scope('big', 'org_member:read')},
	'access_changes' => q{DELETE FROM rbac.members WHERE organization = 'big' AND member ~ '^m1' \; SELECT count(*) FROM rbac.access_changes(100000)},
	'export' => q{SELECT rbac.export('big')},
	'registering' => q{SELECT rbac.register_rows('faults.stacks')},
	'registered rows that change' => q{UPDATE faults.stacks SET owner = 'ann'},
	'grants' => q{UPDATE rbac.entity_grants SET expires_at = now() WHERE member = 'rich'});
$session->must(q{INSERT INTO faults.stacks SELECT 'new' || i, 'big' FROM generate_series(1, 2000) i});
for my $name (sort keys %long)
{
	$session->must("BEGIN; SELECT faults.cancel_at(1000000000, 0);\n$long{$name}; ROLLBACK");
	my $all = $session->must('SELECT faults.counted()');
	my (undef, $err) = $session->ask(sprintf "BEGIN; SELECT faults.cancel_at(%d, 0);\n$long{$name};\nROLLBACK", $all / 4);
	like($err, $cancelled, "$name: cancelled");
	my $made = $session->must('SELECT faults.counted()');
	cmp_ok($made, '<', $all / 2, "before half of it was done, which are $all allocations");
}
is($session->must('SELECT faults.wrong()'), 0, 'answers are right in the end');

$session->quit;
$other->quit;
done_testing();
