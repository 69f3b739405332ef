# A parallel worker that is the first to load the library.  That happens when
# the leader does not call the check itself, but plans a function that does.  The
# worker cannot take over a member that was set before: this must be an error that
# says what to do, never an answer for nobody or for somebody else.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $superuser = getpwuid $>;	# as initdb names it
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
	min_parallel_table_scan_size = 0
	parallel_setup_cost = 0
	parallel_tuple_cost = 0
	parallel_leader_participation = off
	max_parallel_workers_per_gather = 2
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION rbac;
	CREATE ROLE app LOGIN;
	CREATE ROLE ann LOGIN;
	CREATE ROLE bob LOGIN;
	GRANT SET ON PARAMETER rbac.member TO app;
	INSERT INTO rbac.organizations VALUES ('acme');
	INSERT INTO rbac.members VALUES ('acme', 'ann'), ('acme', 'bob'), ('acme', 'app');
	CREATE TABLE stacks AS SELECT 's' || i AS id, (ARRAY['ann', 'bob', 'bob', 'nobody'])[i % 4 + 1] AS owner FROM generate_series(1, 1000) i;
	INSERT INTO rbac.entities SELECT 'stack', id, 'acme', owner FROM stacks;
	CREATE FUNCTION may_read(id text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE
		AS $$ BEGIN RETURN rbac.has_scope(id, 'stack:read'); END $$;
	ALTER TABLE stacks ENABLE ROW LEVEL SECURITY;
	CREATE POLICY reads ON stacks FOR SELECT USING (may_read(id));
	GRANT SELECT ON stacks TO PUBLIC;
});

my $count = 'SELECT count(*) FROM stacks';
my $refused = qr/ERROR:  the value of "rbac.member" is not known: the library was loaded during a parallel query\nHINT:  Add rbac to session_preload_libraries\./;

sub ask
{
	my ($login, $sql, $options) = @_;
	local $ENV{PGOPTIONS} = $options if defined $options;
	my ($rc, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $login ], on_error_stop => 0);
	return ($out, $err);
}

sub answers
{
	my ($login, $sql, $options, $expected, $name) = @_;
	my ($out, $err) = ask($login, $sql, $options);
	is("$out$err", $expected, $name);
	return;
}

sub refuses
{
	my ($login, $sql, $options, $name) = @_;
	my ($out, $err) = ask($login, $sql, $options);
	is($out, '', "$name: no answer");
	like($err, $refused, "$name: an error that says what to do");
	return;
}

like((ask('app', "EXPLAIN (COSTS OFF) $count"))[0], qr/Workers Planned: 2.*Parallel Seq Scan on stacks/s, 'the plan is parallel');

# the value was set before anything has loaded the library
refuses('app', "SET rbac.member = 'ann'; $count", undef, 'SET');
refuses('app', "BEGIN; SET LOCAL rbac.member = 'ann'; $count", undef, 'SET LOCAL');
refuses('app', "DO \$\$ BEGIN PERFORM set_config('rbac.member', 'ann', false); END \$\$; $count", undef, 'set_config');
refuses('app', $count, '-c rbac.member=ann', 'connection option');
$node->safe_psql('postgres', q{ALTER ROLE app SET rbac.member = 'ann'});
refuses('app', $count, undef, 'ALTER ROLE');
$node->safe_psql('postgres', q{ALTER ROLE app RESET rbac.member});
refuses($superuser, "SET rbac.member = 'ann'; SET ROLE bob; $count", undef, 'superuser');

# once the leader has loaded it, all is well
answers('app', "SET rbac.member = 'ann'; SELECT rbac.current_member(); $count", undef, "ann\n250", 'loaded by the leader');
answers('app', "SELECT rbac.current_member(); SET rbac.member = 'ann'; $count; SET rbac.member = 'bob'; $count; RESET rbac.member; $count",
	undef, "\n250\n500\n0", 'loaded by the leader before');
answers('app', "BEGIN; \\o /dev/null\nSELECT rbac.act_as('ann'); \\o\n$count; COMMIT; $count", undef, "250\n0", 'loaded by act_as()');

# without a value there is nothing to take over
answers('app', $count, undef, '0', 'nobody');
is((ask('app', "SET rbac.member = ''; $count"))[0], '0', 'an empty value');
answers('ann', $count, undef, '250', 'a login that is a member itself');
answers('bob', $count, undef, '500', 'another one');
answers($superuser, "SET ROLE ann; $count", undef, '250', 'SET ROLE');

# what an ordinary login smuggles in gets it nothing
for my $smuggle ([ "SET rbac.member = 'bob'; ", undef ], [ '', '-c rbac.member=bob' ], [ "BEGIN; SET LOCAL rbac.member = 'bob'; ", undef ])
{
	my ($out, $err) = ask('ann', "$smuggle->[0]$count", $smuggle->[1]);
	isnt($out, '500', 'smuggled by ' . ($smuggle->[1] // $smuggle->[0]));
	like("$out$err", qr/^250|$refused/, 'an answer for oneself or none');
}

# with the library loaded at the start of the session
$node->append_conf('postgresql.conf', q{session_preload_libraries = 'rbac'});
$node->reload;
$node->poll_query_until('postgres', q{SELECT current_setting('session_preload_libraries') = 'rbac'}) or die 'configuration was not reloaded';
answers('app', "SET rbac.member = 'ann'; $count; SET rbac.member = 'bob'; $count; RESET rbac.member; $count", undef, "250\n500\n0", 'session_preload_libraries, SET');
answers('app', "BEGIN; SET LOCAL rbac.member = 'ann'; $count; COMMIT; $count", undef, "250\n0", 'session_preload_libraries, SET LOCAL');
answers('app', $count, '-c rbac.member=ann', '250', 'session_preload_libraries, connection option');
answers('ann', $count, undef, '250', 'session_preload_libraries, a login that is a member itself');
is((ask('ann', $count, '-c rbac.member=bob'))[0], '250', 'session_preload_libraries, smuggled');

done_testing();
