# Maintenance and DDL of the extension's tables, and of a protected table, while
# members' access is taken and given, and asked for in other sessions in all
# manners: no answer is wrong, nothing fails.
#
# DDL_ROUNDS=n repeats it.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session;
use Ways;

my $rounds = $ENV{DDL_ROUNDS} // 1;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\n");
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION rbac;\n" . ways_setup());
my $connection = $node->connstr('postgres');

my $writer = Session->new($connection);
my @askers = askers($connection);
my $ddl = Session->new($connection);
# TRUNCATE would wait for a concurrent build of an index, that for an open transaction,
# and that for us.  And a query that has to wait for a table to be rewritten may find it
# empty, as PostgreSQL has it, so that no document is what it was.
my @ways = grep { !/^(truncated|apply)$/ } ways();
my $changes = 0;

# Statements of one session, while others do what tells what is wrong.
sub under_load
{
	my ($name, $load, @statements) = @_;
	my $before = $changes;
	my @wrong;
	$ddl->send(join ";\n", @statements);
	do
	{
		push @wrong, $load->();
		$changes++;
	} until @wrong > 20 || ($changes >= $before + @ways && $ddl->is_done);
	my (undef, $err) = $ddl->answer;
	is($err, '', "$name: no error");
	is(join("\n", @wrong), '', "$name: no wrong answer");
	note($changes - $before, ' changes');
	return;
}

# ---- the extension's tables ----

sub maintenance
{
	my ($name) = @_;
	my $t = "rbac.$name";
	my $key = $node->safe_psql('postgres', "SELECT attname FROM pg_attribute WHERE attrelid = '$t'::regclass AND attnum = 1");
	return (
		"VACUUM FULL $t", "CLUSTER $t USING ${name}_pkey", "REINDEX TABLE $t", "REINDEX TABLE CONCURRENTLY $t",
		"CREATE INDEX extra ON $t ($key)", 'DROP INDEX rbac.extra', "CREATE INDEX CONCURRENTLY extra ON $t ($key)",
		'REINDEX INDEX CONCURRENTLY rbac.extra', 'DROP INDEX CONCURRENTLY rbac.extra',
		"ALTER TABLE $t ADD COLUMN extra text", "ALTER TABLE $t DROP COLUMN extra",
		# which rewrites the table
		"ALTER TABLE $t ADD COLUMN extra timestamptz DEFAULT clock_timestamp()", "ALTER TABLE $t DROP COLUMN extra",
		"ALTER TABLE $t SET (fillfactor = 70)", "ALTER TABLE $t RESET (fillfactor)", "ALTER TABLE $t ALTER COLUMN $key SET STATISTICS 10",
		"ANALYZE $t", "VACUUM $t");
}

is(join("\n", map { change_and_ask($writer, \@askers, $_) } ways()), '', 'each way, and each manner of asking, at rest');

my @tables = split /\n/, $node->safe_psql('postgres', q{SELECT relname FROM pg_class WHERE relnamespace = 'rbac'::regnamespace AND relkind = 'r' ORDER BY 1});
cmp_ok(scalar(@tables), '>=', 17, 'the tables of the extension');
under_load(
	'tables of the extension',
	sub { change_and_ask($writer, \@askers, $ways[ $changes % @ways ]) },
	map { maintenance($_) } map { @tables } 1 .. $rounds);
$_->{session}->quit for @askers;

# ---- a protected table ----

my $protect = q{SELECT rbac.protect('papers', 'paper', 'id', 'organization', 'owner', 'tags', select_scope => 'paper:read', insert_scope => 'paper:create',
	update_scope => 'paper:write', delete_scope => 'paper:write', transfer_scope => 'paper:write')};
$writer->must(join ";\n",
	q{INSERT INTO rbac.entity_types (name) VALUES ('paper')},
	q{INSERT INTO rbac.scopes (name, entity_type) VALUES ('paper:read', 'paper'), ('paper:write', 'paper'), ('paper:create', 'organization')},
	q{INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Paper Read', 'paper', '{paper:read}'), ('Paper Owner', 'paper', '{paper:read,paper:write}')},
	q{INSERT INTO rbac.entity_type_settings VALUES ('paper', 'Paper Owner')},
	q{INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'editor', 'Admin'), ('acme', 'reader', 'acme/none')},
	q{CREATE SCHEMA library},
	q{CREATE TABLE papers (id text PRIMARY KEY, organization text NOT NULL, owner text, tags jsonb)},
	q{INSERT INTO papers SELECT 'p' || i, 'acme' FROM generate_series(1, 500) i},
	$protect,
	q{INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) SELECT 'Paper Read', 'p' || i, 'acme', 'reader' FROM generate_series(1, 20) i},
	q{GRANT SELECT, INSERT, UPDATE, DELETE ON papers TO app},
	q{GRANT USAGE ON SCHEMA library TO app},
	'ANALYZE papers');

my ($editor, $scanner, $searcher) = map { Session->new("$connection user=app") } 1 .. 3;
$editor->must(q{SET rbac.member = 'editor'});
for ($scanner, $searcher)
{
	$_->must(q{SET rbac.member = 'reader'; PREPARE papers AS SELECT count(*) FROM papers});
}
$scanner->must('SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off');
$searcher->must('SET enable_seqscan = off');

# One member sees what is theirs, whatever another one writes.
sub read_and_write
{
	my $id = "n$changes";
	my @wrong;
	for my $write ("INSERT INTO papers VALUES ('$id', 'acme', 'editor')", "UPDATE papers SET tags = '{}' WHERE id = '$id'", $changes % 2 ? "DELETE FROM papers WHERE id = '$id'" : ())
	{
		my $answer = join '', $editor->ask("$write RETURNING id");
		push @wrong, "$write: $answer" if $answer ne $id;
		for my $read ('EXECUTE papers', 'SELECT count(*) FROM papers')
		{
			$_->send($read) for $scanner, $searcher;
			my @seen = map { join '', $_->answer } $scanner, $searcher;
			push @wrong, "after $write: @seen" if "@seen" ne '20 20';
		}
	}
	return @wrong;
}

sub for_a_moment { my ($there, $back) = @_; return ('BEGIN', $there, 'SELECT pg_sleep(0.02)', $back, 'COMMIT') }

# in the order in which those lock them who write a partition by its own name
sub as_partition { return ('BEGIN', 'LOCK papers', "ALTER TABLE shelves $_[0]", 'COMMIT') }

sub other_type
{
	my ($type) = @_;
	return ('BEGIN', q{SELECT rbac.unprotect('papers')}, "ALTER TABLE papers ALTER COLUMN id TYPE $type", $protect, 'COMMIT', 'SELECT pg_sleep(0.05)');
}

# nothing that rewrites the table, see above
under_load(
	'a protected table',
	\&read_and_write,
	map { (
		'ALTER TABLE papers ADD COLUMN extra text', 'ALTER TABLE papers DROP COLUMN extra',
		'ALTER TABLE papers RENAME COLUMN owner TO author', 'ALTER TABLE papers RENAME COLUMN organization TO tenant', 'SELECT pg_sleep(0.05)',
		'ALTER TABLE papers RENAME COLUMN author TO owner', 'ALTER TABLE papers RENAME COLUMN tenant TO organization',
		for_a_moment('ALTER TABLE papers RENAME COLUMN id TO key', 'ALTER TABLE papers RENAME COLUMN key TO id'),
		for_a_moment('ALTER TABLE papers RENAME TO articles', 'ALTER TABLE articles RENAME TO papers'),
		for_a_moment('ALTER TABLE papers SET SCHEMA library', 'ALTER TABLE library.papers SET SCHEMA public'),
		'CLUSTER papers USING papers_pkey', 'VACUUM FULL papers', 'REINDEX TABLE papers', 'REINDEX TABLE CONCURRENTLY papers',
		'CREATE INDEX CONCURRENTLY papers_organization ON papers (organization, id)', 'ANALYZE papers', 'SELECT pg_sleep(0.05)', 'DROP INDEX CONCURRENTLY papers_organization',
		other_type('varchar'), other_type('text'), $protect,
		'ALTER TABLE papers SET (fillfactor = 50)', 'ALTER TABLE papers REPLICA IDENTITY FULL', 'ALTER TABLE papers REPLICA IDENTITY DEFAULT',
		# it stays protected when it is read by its own name
		'CREATE TABLE shelves (LIKE papers) PARTITION BY LIST (organization)', as_partition('ATTACH PARTITION papers DEFAULT'), 'SELECT pg_sleep(0.05)',
		as_partition('DETACH PARTITION papers'), 'DROP TABLE shelves',
		'ALTER TABLE papers DISABLE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY') } 1 .. $rounds);

my (undef, $err) = $ddl->ask('ALTER TABLE papers ALTER COLUMN id TYPE varchar');
like($err, qr/cannot alter type of a column used in a policy definition/, 'a column of a policy keeps its type');
is($writer->must(q{SELECT count(*) > 500, count(*) FILTER (WHERE p.id IS NULL OR e.entity IS NULL OR (p.owner, p.tags) IS DISTINCT FROM (e.owner, e.tags))
		FROM papers p FULL JOIN (SELECT * FROM rbac.entities WHERE entity_type = 'paper') e ON e.entity = p.id}),
	't|0', 'the registry is in step');

$_->quit for $writer, $ddl, $editor, $scanner, $searcher;
$node->stop;
done_testing();
