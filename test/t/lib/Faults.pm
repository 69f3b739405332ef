# A node whose backends fail at will (faults.c), with a small world that goes back
# and forth between two states (faults.sql), and everything that can fail there.
package Faults;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

our @EXPORT = qw(start_faulty_node sweep sweep_new_sessions kept_memory);

# FAULTS_PERCENT=n: how many of the places are tried.  All of them for a check.
my $percent = $ENV{FAULTS_PERCENT} // 5;
my $seed = $ENV{FAULTS_SEED} // 1;
my $t = dirname(dirname(__FILE__));

# The module, built in a directory that the test throws away.
sub build
{
	my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
	my ($cc, $include, $pic) = map { chomp(my $value = `$pg_config $_`); $value } '--cc', '--includedir-server', '--cflags_sl';
	my $library = PostgreSQL::Test::Utils::tempdir_short() . '/faults.so';

	system("$cc -O2 -Wall $pic -shared -D_GNU_SOURCE -I$include -o $library $t/faults.c") == 0 or die "cannot build faults.c\n";
	return $library;
}

sub start_faulty_node
{
	my $node = PostgreSQL::Test::Cluster->new('main');
	my $library = build();

	$node->init;
	$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION rbac');
	$node->safe_psql('postgres', slurp_file("$t/oracle.sql"));
	$node->safe_psql('postgres', slurp_file("$t/faults.sql") =~ s/:library/$library/gr);
	return $node;
}

# ---- what may fail ----

sub as_member
{
	my ($member, $sql) = @_;
	return ("BEGIN; SET LOCAL ROLE app; SET LOCAL rbac.member = '$member'", $sql);
}

# What goes before, and the statement.
my %statements = (
	'load' => [ '', q{LOAD 'rbac'} ],
	'one check' => [ '', q{SELECT rbac.has_scope('crow', 'c1', 'stack:read')} ],
	'has_scope' => [ '', q{SELECT rbac.has_scope('ann', 's3', 'stack:read')} ],
	'checks of everything' => [ '', 'SELECT faults.wrong()' ],
	'checks of everything, caught' => [ '', q{SELECT faults.caught('SELECT faults.wrong()')} ],
	'many entities' => [ '', q{SELECT count(*) FROM generate_series(1, 1100) i WHERE rbac.has_scope('crow', 'c' || i, 'stack:read')} ],
	'scopes_on' => [ '', q{SELECT rbac.scopes_on('bob', 'stack', 's4'), rbac.scopes_on('eve', 'doc', '2')} ],
	'entities_with_scope' => [ '', q{SELECT rbac.entities_with_scope('bob', 'doc:view', '1', 3)} ],
	'members_with_scope' => [ '', q{SELECT rbac.members_with_scope('2', 'doc:edit'), rbac.members_with_scope('s4', 'stack:write', 'bob', 1)} ],
	'explain' => [ '', q{SELECT rbac.explain('bob', '2', 'doc:edit'), rbac.explain('eve', 's2', 'stack:write')} ],
	'role_scopes' => [ '', q{SELECT rbac.role_scopes('acme/Ops'), rbac.role_scopes('acme/Boss')} ],
	'unknown scope' => [ '', q{DO $$ BEGIN PERFORM rbac.has_scope('ann', 's3', 'stack:raed'::text); EXCEPTION WHEN undefined_object THEN NULL; END $$} ],
	'policies' => [ as_member('ann', 'SELECT count(*), count(note) FROM faults.stacks') ],
	'policies, by index' => [ as_member('tim', q{SELECT id FROM faults.stacks ORDER BY id}) ],
	'act_as' => [ 'BEGIN; SET LOCAL ROLE app', q{SELECT rbac.act_as('boss'), count(*) FROM faults.stacks} ],
	'policies of the tables' => [ as_member('boss', 'SELECT (SELECT count(*) FROM rbac.members), (SELECT count(*) FROM rbac.entity_grants), (SELECT count(*) FROM rbac.audit_log)') ],
	'an insert into a protected table' => [ as_member('boss', q{INSERT INTO faults.stacks VALUES ('new', 'acme', 'boss', '{"tier": "critical"}')}) ],
	'an update of a protected table' => [ as_member('boss', q{UPDATE faults.stacks SET owner = 'bob', tags = '{"level": 5}' WHERE id = 's2'}) ],
	'a delete from a protected table' => [ as_member('boss', q{DELETE FROM faults.stacks WHERE organization = 'acme'}) ],
	'a grant by a member' => [ as_member('root', q{INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's1', 'tiny', 'ann')}) ],
	'a role by a member' => [ as_member('luna', q{INSERT INTO rbac.roles (name) VALUES ('moon/New') \\; INSERT INTO rbac.role_rules (role, permission_set) VALUES ('moon/New', 'Stack Write') \\;
		UPDATE rbac.members SET role = 'moon/New' WHERE member = 'bob'}) ],
	'changes' => [ 'BEGIN', 'CALL faults.flip()' ],
	'changes, caught' => [ 'BEGIN', q{SELECT faults.caught('CALL faults.flip()')} ],
	'changes and checks' => [ 'BEGIN', 'CALL faults.flip_and_check()' ],
	'changes and checks, caught' => [ 'BEGIN', q{SELECT faults.caught('CALL faults.flip_and_check()')} ],
	'look at changes' => [ 'BEGIN; CALL faults.flip()', q{SELECT rbac.access_changes()} ],
	'a set of scopes' => [ 'BEGIN', q{INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/New', 'doc', '{doc:edit,doc:view}')} ],
	'rename' => [ 'BEGIN', q{SELECT rbac.rename('member', 'eve', 'adam')} ],
	'protect' => [ 'BEGIN', q{SELECT rbac.protect('faults.stacks', 'stack', 'id', 'organization', 'owner', select_scope => 'stack:read')} ],
	'truncate' => [ 'BEGIN', q{TRUNCATE rbac.entity_grants} ]);

# ---- failing ----

my %message = (fail => qr/^(?:.*\n)*?ERROR:  out of memory\n/, cancel => qr/^(?:.*\n)*?ERROR:  canceling statement due to user request\n/);

sub run
{
	my ($session, $name, $first) = @_;
	my ($before, $sql) = @{ $statements{$name} };
	my $end = $before eq '' ? '' : 'ROLLBACK;';
	$session->must(sprintf "$before;\n%s;\n$sql;\n$end", $first // '');
	return;
}

# Where a statement allocates by way of the extension, and when, as "n, place".
sub places
{
	my ($session, $name) = @_;
	my $percent = $name =~ /^load$|^one check$/ ? 100 : $percent;
	my $much = $name eq 'many entities' ? 'size >= 16384' : 'false';
	run($session, $name, 'SELECT faults.record()');
	my $places = $session->must("SELECT n, place FROM faults.recorded() WHERE $much OR hashint8extended(place, $seed) & 1023 < 10.24 * $percent");
	my %by_place = map { my ($n, $place) = split /\|/; $place => $n } split /\n/, $places;
	# what makes tables and plans allocates more or less every time
	return map { ($name =~ /^protect$|^look/ ? 0 : $by_place{$_}) . ", $_" } sort keys %by_place;
}

# Let a statement fail there, after something else; did it, and how many of the
# session's answers are wrong?
sub try_statement
{
	my ($session, $kind, $at, $after, $name) = @_;
	my ($before, $sql) = @{ $statements{$name} };
	my $end = $before eq '' ? '' : 'ROLLBACK;';
	my ($out, $err) = $session->ask("$after; $before;\nSELECT faults.${kind}_at($at);\n$sql;\n$end\nSELECT faults.was_hit(), faults.wrong()");
	my ($hit, $wrong) = $out =~ /^([tf])\|(\d+)\z/m;
	ok(0, "$name, $kind at $at: $err$out") if !defined $wrong || $err ne '' && $err !~ $message{$kind};
	return ($hit eq 't' && ($err ne '' || $out =~ /^caught$/m), $wrong != 0);
}

# Let a statement fail at each place in turn, between changes that make stale what
# the session has cached.  After each its answers must be right.
sub sweep_statement
{
	my ($session, $kind, $name) = @_;
	my ($failures, $all_wrong) = (0, 0);

	# not what is done once in a session
	run($session, $name);
	$session->must('SELECT faults.wrong(); CALL faults.flip()');
	my @places = places($session, $name);
	for my $at (@places)
	{
		my ($failed, $wrong) = try_statement($session, $kind, $at, 'CALL faults.flip(); CALL faults.flip()', $name);
		$failures++ if $failed;
		$all_wrong++ if $wrong;
	}
	is($all_wrong, 0, sprintf '%s: answers are right, after it failed at %d of %d places', $name, $failures, scalar @places);
	return ($failures, scalar @places);
}

# What is kept for ever, and what of it is the extension's own: bytes, and contexts.
# Entities that have changed are kept until there are too many of them, so
# they do not count.
sub kept_memory
{
	my ($session) = @_;
	my $ours = q{FILTER (WHERE name LIKE 'rbac%')};
	return split /\|/, $session->must(
		"SELECT sum(total_bytes), sum(total_bytes) $ours, count(*) $ours FROM pg_backend_memory_contexts WHERE name <> 'rbac entities'");
}

# All of them in one session.
sub sweep
{
	my ($session, $kind, @names) = @_;
	my ($failures, $places) = (0, 0);

	for my $name (@names ? @names : grep { $_ ne 'load' } sort keys %statements)
	{
		my @counts = sweep_statement($session, $kind, $name);
		$failures += $counts[0];
		$places += $counts[1];
	}
	return ($failures, $places);
}

# The library takes over a value that was set before it is loaded.  If that fails
# there is no way back but to connect again, so load it first.
sub new_session
{
	my ($session, $before) = @_;
	$session->must('\c');
	$session->must('SELECT rbac.current_member()') if $before =~ /rbac\.member/;
	return;
}

# The same in new sessions, where all has to be found out.
sub sweep_new_sessions
{
	my ($session, $kind, @names) = @_;
	my ($failures, $places) = (0, 0);

	for my $name (@names)
	{
		my ($before) = @{ $statements{$name} };
		my $all_wrong = 0;
		new_session($session, $before);
		my @places = places($session, $name);
		for my $at (@places)
		{
			new_session($session, $before);
			my ($failed, $wrong) = try_statement($session, $kind, $at, '', $name);
			$failures++ if $failed;
			$all_wrong++ if $wrong || $session->must('CALL faults.flip(); SELECT faults.wrong()') ne '0';
		}
		$places += @places;
		is($all_wrong, 0, "$name: answers are right, after it failed in new sessions");
	}
	return ($failures, $places);
}

1;
