# ALTER EXTENSION UPDATE while access is changed and asked for: to a version, made up
# here, that replaces functions, drops and makes some anew, adds columns, an index and
# built-in rows, and rewrites tables.  No answer is wrong, and nothing fails.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib "$FindBin::Bin/lib";
use OwnExtension;
use Session;
use Ways;

my $versions = $ENV{UPDATE_VERSIONS} // 12;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\n");
my ($scripts, $version) = own_extension($node);
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION rbac;\n" . ways_setup());
my $connection = $node->connstr('postgres');

# Functions as they were, but for what does not matter.
my @functions = split /;;\n/, $node->safe_psql('postgres', q{
	SELECT pg_get_functiondef(oid) || ';;' FROM pg_proc
	WHERE pronamespace = 'rbac'::regnamespace AND prokind = 'f' AND proname IN ('has_scope', 'row_has_scope', 'scopes_on', 'explain', 'invalidate', 'authorize', 'candidate_entities')});

sub update_script
{
	my ($n) = @_;
	return join ";\n", @functions,
	  'ALTER FUNCTION rbac.has_scope(text, text, rbac.scope) COST ' . (10 + $n),
	  $n % 2
	  # what no policy depends on can go and come
	  ? ('DROP FUNCTION rbac.role_scopes(text)', q{CREATE FUNCTION rbac.role_scopes(role text) RETURNS rbac.scopeset AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE})
	  : ("CREATE FUNCTION rbac.novelty_$n() RETURNS int LANGUAGE sql RETURN 1"),
	  "ALTER TABLE rbac.entity_grants ADD COLUMN note_$n text",
	  "ALTER TABLE rbac.members ADD COLUMN since_$n timestamptz DEFAULT clock_timestamp()",
	  "ALTER TABLE rbac.scopes ADD COLUMN since_$n timestamptz DEFAULT clock_timestamp()",
	  "CREATE INDEX extra_$n ON rbac.role_rules (role)",
	  "INSERT INTO rbac.scopes (name, entity_type, builtin) VALUES ('stack:novelty_$n', 'stack', true)",
	  "INSERT INTO rbac.permission_sets (name, entity_type, scopes, builtin) VALUES ('Novelty $n', 'stack', '{stack:novelty_$n}', true)",
	  "UPDATE rbac.permission_sets SET scopes = scopes OPERATOR(rbac.|) 'stack:novelty_$n'::rbac.scope WHERE name = 'Stack Access Read'",
	  'SELECT pg_sleep(0.05);';
}

my $from = $version;
for my $n (1 .. $versions)
{
	append_to_file("$scripts/rbac--$from--next_$n.sql", update_script($n));
	$from = "next_$n";
}

my $writer = Session->new($connection);
my @askers = askers($connection);
my $updater = Session->new($connection);
# a query of apply() that has to wait for a table to be rewritten may find it empty
my @ways = grep { $_ ne 'apply' } ways();
my $changes = 0;
my @wrong;

# Who locks several tables may deadlock with those who read and write them.  With a
# short deadlock_timeout it is never these that fail, and it can be tried again.
$updater->send(qq{
	SET deadlock_timeout = '10ms';
	DO \$\$
	DECLARE
		done boolean;
	BEGIN
		FOR n IN 1 .. $versions LOOP
			done := false;
			WHILE NOT done LOOP
				BEGIN
					EXECUTE format('ALTER EXTENSION rbac UPDATE TO %L', 'next_' || n);
					done := true;
				EXCEPTION WHEN deadlock_detected THEN NULL;
				END;
			END LOOP;
			COMMIT;
			PERFORM pg_sleep(0.1);
		END LOOP;
	END \$\$});
do
{
	push @wrong, change_and_ask($writer, \@askers, $ways[ $changes++ % @ways ]);
} until @wrong > 20 || ($changes >= @ways && $updater->is_done);
is(($updater->answer)[1], '', 'updated without an error');
is(join("\n", @wrong), '', 'no wrong answer');
note("$changes changes");
is($writer->must(q{SELECT extversion FROM pg_extension WHERE extname = 'rbac'}), "next_$versions", 'it was the last version');
is($writer->must(qq{SELECT 'stack:novelty_$versions'::rbac.scope, (SELECT scopes OPERATOR(rbac.@>) 'stack:novelty_$versions'::rbac.scope FROM rbac.permission_sets WHERE name = 'Stack Access Read')}), "stack:novelty_$versions|t", 'and what it gives is there');
$_->quit for $writer, $updater, map { $_->{session} } @askers;
$node->stop;
done_testing();
