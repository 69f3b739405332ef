# DROP EXTENSION while other sessions have it cached, in the middle of their
# transactions, plans and cursors, and CREATE EXTENSION again.  It waits for nobody
# who merely has asked before; in between there are errors that say what is missing,
# and afterwards everybody's answers are those of the new one.
#
# DROP_ROUNDS=n drops it more often under load.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session;

my $rounds = $ENV{DROP_ROUNDS} // 6;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\n");
$node->start;
my $connection = $node->connstr('postgres');

# In the first world ann may read and nobody may write; in the second one bob may
# read and write.  What they have in common comes in another order.
$node->safe_psql('postgres', q{
	CREATE EXTENSION rbac;
	CREATE ROLE app LOGIN;
	GRANT SET ON PARAMETER rbac.member TO app;
	CREATE TABLE docs (id text PRIMARY KEY);
	INSERT INTO docs SELECT 'd' || i FROM generate_series(1, 100) i;
	GRANT SELECT ON docs TO app;
	CREATE FUNCTION world(n int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		wiki text[] := CASE n WHEN 1 THEN ARRAY['wiki:read', 'wiki:write'] ELSE ARRAY['wiki:more', 'wiki:write', 'wiki:read'] END;
	BEGIN
		IF n = 2 THEN
			INSERT INTO rbac.entity_types (name) VALUES ('other');
			INSERT INTO rbac.scopes (name, entity_type) VALUES ('other:read', 'other');
		END IF;
		INSERT INTO rbac.entity_types (name) VALUES ('wiki');
		INSERT INTO rbac.scopes (name, entity_type) SELECT unnest(wiki), 'wiki';
		INSERT INTO rbac.organizations VALUES ('acme');
		INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/Set', 'wiki', CASE n WHEN 1 THEN '{wiki:read}' ELSE '{wiki:read,wiki:write}' END);
		INSERT INTO rbac.members (organization, member) VALUES ('acme', 'ann'), ('acme', 'bob');
		INSERT INTO rbac.entities SELECT 'wiki', id, 'acme' FROM docs;
		INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
			SELECT 'acme/Set', 'd1', 'acme', (ARRAY['ann', 'bob'])[n];
		ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
		CREATE POLICY reads ON docs FOR SELECT USING (rbac.has_scope(id, 'wiki:read'));
	END $$;
	SELECT world(1);
	CREATE FUNCTION asked() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		RETURN concat_ws(' ', rbac.has_scope('ann', 'd1', 'wiki:read'), rbac.has_scope('bob', 'd1', 'wiki:read'), rbac.has_scope('bob', 'd1', 'wiki:write'));
	END $$;
});
my %right = (1 => 't f f', 2 => 'f t t');
my $gone = qr/^ERROR:  (schema "rbac" does not exist|function rbac\.\w+\(.*\) does not exist|type "rbac\.scope" does not exist)/;

my $direct = q{SELECT concat_ws(' ', rbac.has_scope('ann', 'd1', 'wiki:read'), rbac.has_scope('bob', 'd1', 'wiki:read'), rbac.has_scope('bob', 'd1', 'wiki:write'))};
my @askers = (
	{ name => 'a statement of its own', ask => $direct },
	{ name => 'READ COMMITTED', ask => $direct, setup => 'BEGIN' },
	{ name => 'REPEATABLE READ', ask => $direct, setup => 'BEGIN ISOLATION LEVEL REPEATABLE READ' },
	{ name => 'SERIALIZABLE', ask => $direct, setup => 'BEGIN ISOLATION LEVEL SERIALIZABLE' },
	{ name => 'a custom plan', ask => 'EXECUTE ask', setup => "SET plan_cache_mode = force_custom_plan; PREPARE ask AS $direct" },
	{ name => 'a generic plan', ask => 'EXECUTE ask', setup => "SET plan_cache_mode = force_generic_plan; PREPARE ask AS $direct" },
	{ name => 'PL/pgSQL', ask => 'SELECT asked()', setup => 'BEGIN' },
	# which an error would end
	{ name => 'a cursor', kept => 1, ask => 'FETCH cur', setup => "SET jit = off; BEGIN; DECLARE cur CURSOR FOR " . ($direct =~ s/'d1'/d/gr) . " FROM unnest(array_fill('d1'::text, '{100}')) d" });
for my $asker (@askers)
{
	$asker->{session} = Session->new($connection);
	# an error is not the end of the transaction
	$asker->{session}->must("\\set ON_ERROR_ROLLBACK on\nSET statement_timeout = '20s'; $asker->{setup}") if $asker->{setup};
}

sub all_answer
{
	my ($name, $right) = @_;
	$_->{session}->send($_->{ask}) for @askers;
	for my $asker (@askers)
	{
		my ($answer, $err) = $asker->{session}->answer;
		is("$answer$err", $right, "$name: $asker->{name}");
	}
	return;
}

sub all_fail
{
	for my $asker (grep { !$_->{kept} } @askers)
	{
		like(join('', $asker->{session}->ask($asker->{ask})), $gone, "dropped: $asker->{name}");
	}
	return;
}

my $ddl = Session->new($connection);
$ddl->must(q{SET lock_timeout = '10s'});
all_answer('at first', $right{1});

# not committed, and rolled back: who has asked before does not even wait
$ddl->must('BEGIN; DROP EXTENSION rbac CASCADE');
all_answer('while it is being dropped', $right{1});
$ddl->must('ROLLBACK');
all_answer('not dropped', $right{1});

# a scan of a protected table is waited for
my $scanner = Session->new("$connection user=app");
$scanner->must(q{SET rbac.member = 'ann'; BEGIN; DECLARE docs CURSOR FOR SELECT id FROM docs});
is($scanner->must('FETCH docs'), 'd1', 'a cursor on a protected table');
like(($ddl->ask(q{SET lock_timeout = '100ms'; DROP EXTENSION rbac CASCADE}))[1], qr/lock timeout/, 'DROP EXTENSION waits for it');
is(join('', $scanner->ask('FETCH ALL docs; COMMIT; SELECT count(*) FROM docs')), 1, 'and it goes on');

for my $world (2, 1, 2)
{
	$ddl->must(q{SET lock_timeout = '10s'; DROP EXTENSION rbac CASCADE});
	all_fail();
	is($scanner->must('SELECT count(*) FROM docs'), 0, 'no policy is left, and no row is seen');
	# other OIDs
	$ddl->must("CREATE TABLE IF NOT EXISTS filler_$world (id int PRIMARY KEY)");
	$ddl->must("CREATE EXTENSION rbac; SELECT world($world)");
	all_answer("world $world", $right{$world});
	$scanner->must(sprintf q{SET rbac.member = '%s'}, $world == 1 ? 'ann' : 'bob');
	is($scanner->must('SELECT string_agg(id, $$ $$) FROM docs'), 'd1', "world $world: policies");
}

# In one transaction: then there is nothing in between.  Who has not asked before has to
# wait for it.  The server itself locks no function that it has found, and may miss it.
sub answer_after_wait
{
	my (@statements) = @_;
	my $cold = Session->new($connection);
	$ddl->must(join '; ', 'BEGIN', @statements);
	$cold->send($direct);
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted}) or die 'nobody waits';
	$ddl->must('COMMIT');
	my $answer = join '', $cold->answer;
	$cold->quit;
	return $answer;
}

my $missed = qr/ERROR:  (XX000: )?cache lookup failed for function \d+/;
like(answer_after_wait('DROP EXTENSION rbac CASCADE', 'CREATE EXTENSION rbac', 'SELECT world(1)'), qr/^(t f f\z|$missed)/, 'dropped and created at once: waited for');
all_answer('dropped and created at once', $right{1});
like(answer_after_wait('DROP EXTENSION rbac CASCADE'), $gone, 'dropped: waited for');
$ddl->must('CREATE EXTENSION rbac; SELECT world(1)');
all_answer('created again', $right{1});
$_->{session}->quit for @askers;
$scanner->quit;

# ---- under load ----

my @load = map { Session->new($connection) } 1 .. 4;
my $load = join ";\n", map { ($direct, 'SELECT asked()', q{SELECT scopes FROM rbac.permission_sets WHERE NOT builtin}, 'SELECT pg_sleep(0.005)') } 1 .. 50;
$_->must("\\set VERBOSITY verbose") for @load;
$_->send($load) for @load;
my %seen;

sub listen_to
{
	my ($session) = @_;
	my ($out, $err) = $session->answer;
	$seen{$_}++ for split /\n/, $out;
	$seen{$1}++ while $err =~ /^ERROR:  (\w{5}): /mg;
	push @{ $seen{strange} }, grep { !/^$missed/ } $err =~ /^((?:ERROR:  XX|FATAL|PANIC|WARNING).*\n)/mg;
	return;
}

# Whoever drops many tables may deadlock with who reads two of them; with a short
# deadlock_timeout it is never the reader who fails.
$ddl->must(q{SET deadlock_timeout = '10ms'});

sub must_at_last
{
	my ($sql) = @_;
	for (1 .. 100)
	{
		my (undef, $err) = $ddl->ask($sql);
		return if $err eq '';
		die "$err$sql\n" if $err !~ /deadlock detected/;
	}
	die "$sql\n";
}

for my $round (1 .. $rounds)
{
	for my $session (grep { $_->is_done } @load)
	{
		listen_to($session);
		$session->send($load);
	}
	must_at_last('DROP EXTENSION rbac CASCADE');
	$ddl->must($_) for $round % 2 ? ('CREATE EXTENSION rbac', "SELECT world(1)") : "BEGIN; CREATE EXTENSION rbac; SELECT world(2); COMMIT";
}
listen_to($_) for @load;
is(join('', @{ delete $seen{strange} }), '', 'no strange errors');
note(join ', ', map { "$_: $seen{$_}" } sort keys %seen);
$_->quit for @load, $ddl;
$node->stop;
done_testing();
