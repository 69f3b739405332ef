# COPY BINARY takes all rows, of the extension's tables and of others with scopes in
# them, to a database with another history.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Everything;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $file = $node->basedir . '/copy';
create_roles($node);
create_everything($node, 'one');

# Other OIDs, and scopes that came in another order, some of which went again.
$node->safe_psql('postgres', 'CREATE DATABASE two');
$node->safe_psql(
	'two', q{
	CREATE TABLE others (a int, b int);
	CREATE EXTENSION rbac;
	DROP EXTENSION rbac;
	CREATE EXTENSION rbac;
	INSERT INTO rbac.entity_types (name) VALUES ('oven'), ('kiln'), ('other');
	INSERT INTO rbac.scopes (name, entity_type) VALUES ('zzz:last', 'oven'), ('mmm:other', 'other'), ('kiln:fire', 'kiln');
	DELETE FROM rbac.scopes WHERE NOT builtin;
	DELETE FROM rbac.entity_types WHERE NOT builtin;
	SET rbac.audit = off;
	DELETE FROM rbac.audit_log});

sub copy_schema
{
	my ($section) = @_;
	system_or_bail('pg_dump', '-d', $node->connstr('one'), '--schema=app', "--section=$section", '-f', "$file.sql");
	system_or_bail('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('two'), '-f', "$file.sql");
	return;
}
copy_schema('pre-data');

# each table with its columns but the generated ones, and which rows a dump takes;
# the extension's are in an order that foreign keys allow
my @tables = split /\n/, $node->safe_psql(
	'one', q{
	SELECT t.oid, string_agg(quote_ident(attname), ', ' ORDER BY attnum), condition
	FROM (SELECT u.oid::regclass, n, condition FROM pg_extension, unnest(extconfig, extcondition) WITH ORDINALITY AS u (oid, condition, n) WHERE extname = 'rbac'
			UNION ALL SELECT oid, 1000, '' FROM pg_class WHERE relnamespace = 'app'::regnamespace) t
		JOIN pg_class c USING (oid) JOIN pg_attribute a ON attrelid = oid
	WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
	GROUP BY n, t.oid, condition
	ORDER BY n, t.oid});
cmp_ok(scalar(@tables), '>', 20, 'many tables');
for (@tables)
{
	my ($table, $columns, $condition) = split /\|/, $_, -1;
	unlink $file;
	$node->safe_psql('one', "COPY (SELECT $columns FROM $table $condition) TO '$file' (FORMAT binary)");
	$node->safe_psql('two', "SET check_function_bodies = off; COPY $table ($columns) FROM '$file' (FORMAT binary)");
}

for my $sequence (qw(rbac.role_rules_id_seq rbac.entity_grants_id_seq rbac.audit_log_id_seq app.notes_id_seq))
{
	my $last = $node->safe_psql('one', "SELECT last_value FROM $sequence");
	$node->safe_psql('two', "SELECT setval('$sequence', $last)");
}
copy_schema('post-data');
$node->safe_psql('two', 'REFRESH MATERIALIZED VIEW app.stored; GRANT SELECT, DELETE ON rbac.team_members TO web');

my $before = everything($node, 'one');
same_everything($node, 'two', { map { $_ => $before->{$_} } qw(answers rows web objects model) }, 'copied');

done_testing();
