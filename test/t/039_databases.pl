# Many databases in one cluster, with the extension and without, with other data under
# the same names: what one knows is nothing to the others.
#
# DATABASES=n: that many with the extension, at least nine.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# a cluster with many databases loads the library everywhere
$node->append_conf('postgresql.conf', q{
session_preload_libraries = 'rbac'
autovacuum = off
});
$node->start;

# The same in every database, but that ann may read the stack of the database's number.
my $template = q{
	CREATE EXTENSION rbac;
	INSERT INTO rbac.organizations (name) VALUES ('acme');
	INSERT INTO rbac.members (organization, member) VALUES ('acme', 'ann'), ('acme', 'app');
	CREATE TABLE stacks (id text PRIMARY KEY, organization text NOT NULL);
	CREATE INDEX ON stacks (organization);
	SELECT rbac.protect('stacks', 'stack', 'id', 'organization', select_scope => 'stack:read');
	INSERT INTO stacks SELECT i, 'acme' FROM generate_series(0, 99) i;
	GRANT SELECT ON stacks TO PUBLIC};
my $grant = q{INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', '%s', 'acme', 'ann')};
my $seen = q{SELECT string_agg(id, ',' ORDER BY id::integer) FROM stacks};

$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE ROLE ann LOGIN;
	GRANT SET ON PARAMETER rbac.member TO app;
	CREATE DATABASE pattern});
$node->safe_psql('pattern', $template);

# ---- sessions side by side ----

my @with = map { "with$_" } 0 .. ($ENV{DATABASES} // 9) - 1;
my @without = map { "without$_" } 0 .. 1;
$node->safe_psql('postgres', join ";\n", (map { "CREATE DATABASE $_ TEMPLATE pattern" } @with), (map { "CREATE DATABASE $_" } @without));
for my $i (0 .. $#with)
{
	$node->safe_psql($with[$i], sprintf $grant, $i);
}

sub login { my ($database) = @_; return Session->new($node->connstr($database) . ' user=app') }

my %session = map { $_ => login($_) } @with, @without;
my %owner = map { $_ => Session->new($node->connstr($_)) } @with;
my %expected = map { $with[$_] => $_ } 0 .. $#with;

sub differing
{
	return join ' ', map {
		my $got = $session{$_}->must("SET rbac.member = 'ann'; $seen");
		$got eq $expected{$_} ? () : "$_: $got instead of $expected{$_}"
	} sort keys %expected;
}

is(differing(), '', 'databases with other data under the same names');
is($session{$_}->must(q{SET rbac.member = 'ann'; SELECT 1}), 1, "a login to $_, which has no extension") for @without;
like(($session{without0}->ask(q{SELECT rbac.has_scope('ann', '1', 'stack:read')}))[1], qr/schema "rbac" does not exist/, 'where there are no functions');

# a change in one database is none in another
for my $i (0 .. $#with)
{
	my $database = $with[$i];
	$owner{$database}->must($i % 2 ? sprintf $grant, 50 + $i : "UPDATE rbac.entity_grants SET entity = '9$i'");
	$expected{$database} = $i % 2 ? $i . ',' . (50 + $i) : "9$i";
	is(differing(), '', "a change in $database");
}
$owner{with3}->must('TRUNCATE rbac.entity_grants');
$expected{with3} = '';
is(differing(), '', 'TRUNCATE in one');
$owner{with4}->must('ALTER TABLE rbac.entity_grants ADD COLUMN note text');
is(differing(), '', 'ALTER TABLE in one');

# the extension goes and comes, in one
$owner{with5}->must('DROP EXTENSION rbac CASCADE');
delete $expected{with5};
is(differing(), '', 'DROP EXTENSION in one');
is($session{with5}->must('SELECT count(*) FROM stacks'), 0, 'where no policy is left to let anybody in');
$session{without1}->must('SELECT 1');
$node->safe_psql('without1', $template);
$node->safe_psql('without1', sprintf $grant, 7);
$expected{without1} = 7;
is(differing(), '', 'CREATE EXTENSION in another, for a session that was there before');

# ---- databases that come and go ----

$_->quit for delete $session{with6}, delete $owner{with6};
delete $expected{with6};
$node->safe_psql('postgres', 'DROP DATABASE with6');
is(differing(), '', 'DROP DATABASE');
$_->quit for delete $session{with7}, delete $owner{with7};
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE with7');
$session{$_} = login($_) for 'with7', 'copy';
$expected{copy} = $expected{with7};
is(differing(), '', 'CREATE DATABASE from one that is in use');
$node->safe_psql('copy', q{DELETE FROM rbac.entity_grants});
$expected{copy} = '';
is(differing(), '', 'a revoke in the copy');
$node->safe_psql('with7', sprintf $grant, 77);
$expected{with7} .= ',77';
is(differing(), '', 'a grant in the original');
$_->quit for delete $session{with8}, delete $owner{with8};
$expected{renamed} = delete $expected{with8};
$node->safe_psql('postgres', 'ALTER DATABASE with8 RENAME TO renamed');
$session{renamed} = login('renamed');
is(differing(), '', 'ALTER DATABASE RENAME');

# ---- settings of databases ----

sub new_login { my ($database, $login, $sql) = @_; return $node->safe_psql($database, $sql, extra_params => [ '-U', $login ]) }

$node->safe_psql('postgres', q{
	ALTER DATABASE with0 SET rbac.member = 'ann';
	ALTER DATABASE with1 SET rbac.cache_size = '1MB';
	ALTER DATABASE with1 SET rbac.audit = off;
	ALTER ROLE app IN DATABASE with2 SET rbac.member = 'ann';
	ALTER DATABASE without0 SET rbac.member = 'ann'});
my $me = q{SELECT coalesce(rbac.current_member(), 'nobody')};
is(new_login('with0', 'app', "$me; $seen"), "ann\n$expected{with0}", 'a database has a member');
is(new_login('with1', 'app', $me), 'nobody', 'another has not');
is(new_login('with1', 'app', q{SHOW rbac.cache_size; SHOW rbac.audit}), "1MB\noff", 'but other settings');
is(new_login('with0', 'app', q{SHOW rbac.cache_size; SHOW rbac.audit}), "64MB\non", 'which the first has not');
is(new_login('with2', 'app', $me), 'ann', 'a role in a database');
is(new_login('with3', 'app', $me), 'nobody', 'and in another one');
is(new_login('with2', 'ann', $me), 'ann', 'a login of its own');
is(new_login('without0', 'app', 'SHOW rbac.member'), 'ann', 'a setting where the extension is not');
my $rows = $node->safe_psql('with1', 'SELECT count(*) FROM rbac.audit_log');
$node->safe_psql('with1', sprintf $grant, 99);
is($node->safe_psql('with1', 'SELECT count(*) FROM rbac.audit_log'), $rows, 'a database that logs nothing');
$node->safe_psql('with0', sprintf $grant, 99);
is($node->safe_psql('with0', q{SELECT new_row->>'entity' FROM rbac.audit_log ORDER BY id DESC LIMIT 1}), '99', 'and one that does');

$_->quit for values %session, values %owner;
done_testing();
