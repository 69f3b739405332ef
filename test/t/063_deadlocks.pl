# Statements of one row each, of all kinds and by many sessions at once, never wait
# for one another in a circle: neither those of the tables' owner, with all that
# cascades from them, nor those of members who govern themselves, nor those on a
# protected table.  Whoever changes several rows in one transaction has to think
# of their order, as ever.
#
# DEADLOCK_SEED=n makes other statements, DEADLOCK_STATEMENTS=n more of them.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib "$FindBin::Bin/lib";
use World;

my $seed = $ENV{DEADLOCK_SEED} // 1;
my $statements = $ENV{DEADLOCK_STATEMENTS} // 500;
srand($seed);
diag("DEADLOCK_SEED=$seed");

my @tables = qw(organizations entity_types scopes permission_sets entity_type_settings roles default_roles role_rules members teams team_members
  team_roles entities entity_grants member_defaults organization_settings);
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "deadlock_timeout = 20ms\nautovacuum = off\njit = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rbac');
$node->safe_psql('postgres', slurp_file("$FindBin::Bin/oracle.sql"));
name_things(3, 5);
$node->safe_psql('postgres', clear_world() . make_world());
$node->safe_psql('postgres', join ";\n",
	'CREATE ROLE app LOGIN', 'GRANT SET ON PARAMETER rbac.member TO app', 'GRANT USAGE ON SCHEMA rbac, oracle TO app',
	'GRANT SELECT ON ALL TABLES IN SCHEMA oracle TO app',
	(map { "GRANT SELECT, INSERT, UPDATE, DELETE ON rbac.$_ TO app" } @tables),
	'CREATE TABLE docs (id text PRIMARY KEY, org text NOT NULL, owner text, tags jsonb)',
	'GRANT SELECT, INSERT, UPDATE, DELETE ON docs TO app',
	q{SELECT rbac.protect('docs', 'app', 'id', 'org', 'owner', 'tags', select_scope => 'app:read', insert_scope => 'stack:create', update_scope => 'app:write', delete_scope => 'app:write', transfer_scope => 'app:write')},
	# those who govern stay where they are: who joins one more organization while a statement of theirs waits for another might deadlock
	q{INSERT INTO rbac.members (organization, member, role) SELECT name, g, CASE g WHEN 'guest' THEN 'Member' ELSE 'Admin' END
		FROM rbac.organizations, unnest(ARRAY['root', 'local', 'guest']) g WHERE g <> 'local' OR name = '42'},
	'CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$',
	q{CREATE TRIGGER skip BEFORE UPDATE OR DELETE ON rbac.members FOR EACH ROW WHEN (OLD.member IN ('root', 'local', 'guest')) EXECUTE FUNCTION skip()},
	# rows stay locked for longer than they usually do
	'CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002 * random()); RETURN coalesce(NEW, OLD); END $$',
	map { "CREATE TRIGGER dawdle BEFORE INSERT OR UPDATE OR DELETE ON $_ FOR EACH ROW EXECUTE FUNCTION dawdle()" } 'docs', map { "rbac.$_" } @tables);

# of one row, and what cascades from it
sub small_change
{
	my $change;
	do { $change = change() } while $change =~ /rbac\.rename/;
	return $change;
}

sub owners_statement
{
	my $org = quoted(pick(@{ $world{orgs} }));
	return small_change() if chance(0.8);
	return pick(
		sprintf('INSERT INTO docs VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET org = excluded.org, owner = %s', quoted(pick(@{ $world{ids} })), $org, quoted(pick(@{ $world{members} }))),
		sprintf('DELETE FROM docs WHERE id = %s', quoted(pick(@{ $world{ids} }))));
}

sub script
{
	my ($n, $login) = @_;
	my $file = "${PostgreSQL::Test::Utils::tmp_check}/deadlocks_$n.sql";
	my @lines = ('\set VERBOSITY sqlstate', 'SET client_min_messages = error;');
	for (1 .. $statements)
	{
		push @lines, 'SET rbac.member = ' . quoted(pick(qw(root root local guest))) . ';' if $login eq 'app';
		push @lines, ($login eq 'app' ? small_change() : owners_statement()) . ';';
	}
	open(my $handle, '>', $file) or die "$file: $!";
	print $handle map { "$_\n" } @lines;
	close $handle;
	return $file;
}

my @sessions = map {
	my $login = $_ <= 4 ? 'postgres' : 'app';
	my %session = (err => '', out => '', file => script($_, $login));
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . " user=$login", '-f', $session{file} ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	\%session;
} 1 .. 8;
$_->{run}->finish for @sessions;
my %errors;
for (map { split /\n/, $_->{err} } @sessions)
{
	$errors{ /ERROR:  (\w+)/ ? $1 : $_ }++;
}
note(join ', ', map { "$_: $errors{$_}" } sort keys %errors);
is($errors{'40P01'} // 0, 0, 'no deadlock');
cmp_ok($node->safe_psql('postgres', 'SELECT count(DISTINCT (table_name, command)) FROM rbac.audit_log'), '>', 30, 'many tables have been written');
$node->stop;
done_testing();
