# A database that ALTER EXTENSION has updated is like a new one, object by object.
#
# From every release: test/released/ has the install script of each, as make wrote it.
# To release a version, copy rbac--VERSION.sql there.  From then on this test fails if
# that version's script changes; and once rbac.control has the next number, as long as
# sql/rbac--VERSION--NEXT.sql does not make of the old version all that the new one is.
#
# And to a version that is made up here, to see that what is missing is found.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Objects;
use OwnExtension;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;

my ($scripts, $version) = own_extension($node);
my @released = map { m|rbac--(.*)\.sql$| } glob 'test/released/rbac--*.sql';
my @old = grep { $_ ne $version } @released;
my @older = (glob('sql/rbac--*--*.sql'), map { "test/released/rbac--$_.sql" } @old);
system_or_bail('cp', @older, $scripts) if @older;
$node->start;

my $questions = q{
	SELECT member, scope, rbac.has_scope(member, 'acme', scope)
	FROM unnest('{ann,bob}'::text[]) member, unnest('{stack:create,organization:delete}'::text[]) scope ORDER BY 1, 2};
my $answers = "ann|organization:delete|t\nann|stack:create|t\nbob|organization:delete|f\nbob|stack:create|t";

# A database with an old version, in which access has been given, and with a table
# whose policy and columns depend on the extension's objects.
sub create_old
{
	my ($database, $old) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, qq{
		CREATE EXTENSION rbac VERSION '$old';
		INSERT INTO rbac.organizations (name) VALUES ('acme');
		INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'ann', 'Admin'), ('acme', 'bob', 'Member');
		INSERT INTO rbac.organization_settings VALUES ('acme', 'stack:create');
		CREATE TABLE stacks (id text, needs rbac.scope DEFAULT 'stack:read', gives rbac.scopeset UNIQUE);
		CREATE POLICY readers ON stacks USING (rbac.has_scope(id, needs) AND rbac.row_has_scope('ann', id, 'stack:read', 'acme'))});
	is($node->safe_psql($database, $questions), $answers, "$old: the library gives the old objects' answers");
	return;
}

# Then what create_old() has put in goes.
sub update
{
	my ($database, $to) = @_;
	$node->safe_psql($database, "ALTER EXTENSION rbac UPDATE TO '$to'");
	is($node->safe_psql($database, $questions), $answers, "$database: updated, the same answers");
	$node->safe_psql($database, 'SET rbac.audit = off; DROP TABLE stacks; DELETE FROM rbac.organizations; DELETE FROM rbac.audit_log');
	return;
}

sub description
{
	my ($database) = @_;
	return { %{ objects($node, $database) }, %{ builtin_rows($node, $database) } };
}

sub create_new
{
	my ($database, $new) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE EXTENSION rbac VERSION '$new'");
	return description($database);
}

my $new = create_new('new', $version);
cmp_ok(scalar(keys %$new), '>', 1000, 'many objects and rows');

for my $old (@old)
{
	my $database = "from_$old" =~ s/\W/_/gr;
	create_old($database, $old);
	update($database, $version);
	is(differences($new, description($database)), '', "$old: updated to what $version is");
}
ok(slurp_file("rbac--$version.sql") eq slurp_file("test/released/rbac--$version.sql"), "$version: not changed since its release") if @old < @released;

# The made-up version: what it adds and changes, and by what name that would be missed.
my @news = (
	[ 'FUNCTION rbac.novelty()', q{CREATE FUNCTION rbac.novelty() RETURNS integer LANGUAGE sql IMMUTABLE RETURN 1;} ],
	[ 'FUNCTION rbac.role_scopes(text)', q{ALTER FUNCTION rbac.role_scopes(text) COST 7;} ],
	[ 'COMMENT rbac.FUNCTION role_scopes', q{COMMENT ON FUNCTION rbac.role_scopes(text) IS 'as never before';} ],
	[ 'ACL rbac.FUNCTION role_scopes', q{REVOKE EXECUTE ON FUNCTION rbac.role_scopes(text) FROM PUBLIC;} ],
	[ 'TABLE rbac.teams', q{ALTER TABLE rbac.teams ADD COLUMN colour text COLLATE "C";} ],
	[ 'TABLE rbac.members', q{ALTER TABLE rbac.members DROP CONSTRAINT members_kind;} ],
	[ 'COMMENT rbac.COLUMN teams.name', q{COMMENT ON COLUMN rbac.teams.name IS 'organization/team';} ],
	[ 'ACL rbac.TABLE teams', q{GRANT SELECT ON rbac.teams TO PUBLIC;} ],
	[ 'INDEX rbac.teams_source', q{CREATE INDEX teams_source ON rbac.teams (source);} ],
	[ 'CONSTRAINT rbac.teams teams_once', q{ALTER TABLE rbac.teams ADD CONSTRAINT teams_once UNIQUE (name, source);} ],
	[ 'TRIGGER rbac.teams !log', q{ALTER TABLE rbac.teams ENABLE REPLICA TRIGGER "!log";} ],
	[ 'POLICY rbac.teams everything', q{CREATE POLICY everything ON rbac.teams FOR SELECT USING (true);} ],
	[ 'ROW SECURITY rbac.scopes', q{ALTER TABLE rbac.scopes DISABLE ROW LEVEL SECURITY;} ],
	[ 'VIEW rbac.member_roles', q{ALTER VIEW rbac.member_roles SET (security_invoker = false);} ],
	[ 'TYPE rbac.scope', q{ALTER TYPE rbac.scope SET (STORAGE = external);} ],
	[ 'DUMPED TABLE rbac.teams', q{SELECT pg_extension_config_dump('rbac.teams', 'WHERE true');} ],
	[ 'ROW OF rbac.scopes (stack:admire,', q{INSERT INTO rbac.scopes (name, entity_type, builtin) VALUES ('stack:admire', 'stack', true);} ],
	[ 'ROW OF rbac.permission_sets ("Stack Read",', q{UPDATE rbac.permission_sets SET scopes = scopes OPERATOR(rbac.-) 'stack:read' WHERE name = 'Stack Read';} ]);

sub write_script
{
	my ($name, @parts) = @_;
	my $file = "$scripts/rbac--$name.sql";
	unlink $file;
	append_to_file($file, join "\n", @parts);
	return;
}

write_script('made_up', slurp_file("$scripts/rbac--$version.sql"), map { $_->[1] } @news);
my $made_up = create_new('made_up', 'made_up');
create_old('old', $version);
$node->safe_psql('postgres', 'CREATE DATABASE neglected TEMPLATE old');

write_script("$version--made_up", map { $_->[1] } @news);
update('old', 'made_up');
is(differences($made_up, description('old')), '', 'nothing is missing after a complete update script');

write_script("$version--made_up");
update('neglected', 'made_up');
my @missing = split /\n/, differences($made_up, description('neglected'));
for my $step (@news)
{
	my ($name, $sql) = @$step;
	my @this = grep { index($_, $name) == 0 } @missing;
	ok(@this > 0, "found to be missing: $sql");
	@missing = grep { index($_, $name) != 0 } @missing;
}
is_deeply(\@missing, [], 'nothing else is missing');

done_testing();
