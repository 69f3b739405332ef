# What has been dumped and restored gives the same answers, and dumps the same.

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
my $dir = $node->basedir;
create_roles($node);
create_everything($node, 'source');
my $before = everything($node, 'source');

sub create_database
{
	my ($database, $options) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0 " . ($options // ''));
	return;
}

sub psql_file
{
	my ($database, $file) = @_;
	return ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr($database), '-f', $file);
}

# there is something to compare
my $yes = $before->{answers};
ok($yes =~ s/^(\d+)\n// && $1 > 20000, 'thousands of questions');
cmp_ok($yes =~ tr/\n//, '>', 300, 'many a yes');
ok($yes =~ /^$_$/m, $_) for 'ann\|k1\|stack:bake', 'cy\|k3\|aaa:first', 'robot\|k1\|kiln:cool', 'bob\|e1\|environment:read', 'ann\|o1\|zzz:last';
my $web = $before->{web};
ok($web =~ s/^\Q$yes\E//, 'the same answers from a policy');
is($web, q{ann|k1,k2|1|3
bob|k1,k2|0|1
boss|k1,k2|2|3
cy|k3|0|1
robot|k1|0|0
old||0|0
nobody||0|0
k1
3
crew token
psql:<stdin>:11: ERROR:  42501
psql:<stdin>:16: ERROR:  42501
psql:<stdin>:18: ERROR:  23514
psql:<stdin>:24: ERROR:  42501
psql:<stdin>:26: ERROR:  42501
psql:<stdin>:30: ERROR:  42501}, 'what is seen through policies');
like($before->{objects}, qr/^k2\n\{aaa:first,.*\|t\|t\nd hot\|stack:bake\|.*\napp.parts_fire\|stack:read\napp.parts_rest\|kiln:cool\n115\|kiln:cool\nk2,x\n.*k1\n.*k1\napp.hearths\|oven\|id\|org\|own er\|ta"gs\|zzz:last\|kiln:create\|.*\noven\|11\|acme\|ann\|\{"x": 1\}\noven\|12\|.*23514\n.*42704\n.*23503$/s, 'what uses scopes');
like($before->{catalog}, qr/^app.notes\|never\|D\n.*^rbac.members\|!invalidate\|A\n.*^rbac.role_rules\|WHERE id >= 0\n/ms, 'what guards the tables');
is($before->{model}, q{7|stack
5|kiln
globex/Cook
69|INSERT|{"kind": "user", "role": "globex/Cook", "member": "new", "expires_at": null, "organization": "globex"}
t
t
psql:<stdin>:3: ERROR:  23503
psql:<stdin>:4: ERROR:  42501
psql:<stdin>:5: ERROR:  23503
psql:<stdin>:6: ERROR:  23514
psql:<stdin>:7: ERROR:  23505
psql:<stdin>:15: ERROR:  55000}, 'what guards the model');

$node->command_ok([ 'pg_dump', '-d', $node->connstr('source'), '-f', "$dir/plain.sql" ], 'plain dump');
create_database('plain');
$node->command_ok([ psql_file('plain', "$dir/plain.sql") ], 'plain: restored');
same_everything($node, 'plain', $before, 'plain');

$node->command_ok([ 'pg_dump', '-d', $node->connstr('source'), '-Fc', '-f', "$dir/custom.dump" ], 'custom dump');
create_database('custom');
$node->command_ok([ 'pg_restore', '--single-transaction', '-d', $node->connstr('custom'), "$dir/custom.dump" ], 'custom, in one transaction: restored');
same_everything($node, 'custom', $before, 'custom, in one transaction');

# in place of what has changed meanwhile, and row by row
$node->safe_psql('plain', q{DELETE FROM rbac.entity_grants; INSERT INTO rbac.members VALUES ('acme', 'eve', 'user', 'Admin'); DROP POLICY reads ON app.kilns});
$node->command_ok([ 'pg_restore', '-e', '--clean', '--if-exists', '-d', $node->connstr('plain'), "$dir/custom.dump" ], 'in place: restored');
ok(dump_text($node, 'plain') eq $before->{dump}, 'in place: the same dump');

append_to_file("$dir/inserts.sql", dump_text($node, 'source', '--inserts'));
create_database('inserts');
$node->command_ok([ psql_file('inserts', "$dir/inserts.sql") ], 'inserts: restored');
ok(dump_text($node, 'inserts') eq $before->{dump}, 'inserts: the same dump');

# Nobody dumps a part unawares.
$node->safe_psql('postgres', 'CREATE ROLE backup LOGIN IN ROLE pg_read_all_data');
$node->command_fails_like([ 'pg_dump', '-U', 'backup', '-d', $node->connstr('source') ],
	qr/query would be affected by row-level security policy/, 'dump by one whom policies apply to: refused');
$node->safe_psql('postgres', 'ALTER ROLE backup BYPASSRLS');
ok(dump_text($node, 'source', '-U', 'backup') eq $before->{dump}, 'dump by one whom they do not: the same');

# data only, into the same schema with a fresh extension
$node->command_ok([ 'pg_dump', '-d', $node->connstr('source'), '--data-only', '-f', "$dir/data.sql" ], 'dump of the data only');
create_database('data');
$node->command_ok([ 'pg_restore', '-e', '--schema-only', '-d', $node->connstr('data'), "$dir/custom.dump" ], 'data only, the schema: restored');
$node->command_ok([ psql_file('data', "$dir/data.sql") ], 'data only: restored');
$node->safe_psql('data', 'REFRESH MATERIALIZED VIEW app.stored');
same_everything($node, 'data', $before, 'data only');

# In several jobs pg_restore does not order the rows of an extension's tables by
# their foreign keys.  What cannot be loaded is missing, and gives nothing.
my $directory = "$dir/directory";
$node->command_ok([ 'pg_dump', '-d', $node->connstr('custom'), '-Fd', '-j', '4', '-f', $directory ], 'directory dump in 4 jobs');
create_database('unordered');
my ($out, $err) = run_command([ 'pg_restore', '-j', '4', '-d', $node->connstr('unordered'), $directory ]);
like($err, qr/violates foreign key constraint.*errors ignored on restore/s, 'in 4 jobs: refused');
my %was_yes = map { $_ => 1 } split /\n/, $yes;
my @now_yes = split /\n/, $node->safe_psql('unordered', q{
	SELECT member, entity, scope FROM app.questions
	WHERE CASE WHEN EXISTS (SELECT FROM rbac.scopes WHERE name = scope::text) THEN rbac.has_scope(member, entity, scope) END});
is_deeply([ grep { !$was_yes{$_} } @now_yes ], [], 'in 4 jobs: nothing is given that was not before');

# So its rows come first, in one job.  Then the database's owner may restore the rest.
system_or_bail('sh', '-ec', q{
	cd "$1"
	pg_restore -l directory | grep -E '(EXTENSION|EXTENSION -|TABLE DATA|SEQUENCE SET|ACL) rbac ' >rbac.list
	pg_restore -l directory | grep -v -x -F -f rbac.list >rest.list}, 'sh', $dir);
sub restore_in_two
{
	my ($database, @options) = @_;
	my @command = ('pg_restore', '-e', '-d', $node->connstr($database), $directory);
	$node->command_ok([ @command, '-L', "$dir/rbac.list" ], "$database: restored what is of rbac");
	$node->command_ok([ @command, '-L', "$dir/rest.list", '-j', '4', @options ], "$database: restored the rest in 4 jobs");
	return;
}
create_database('jobs');
restore_in_two('jobs');
same_everything($node, 'jobs', $before, 'jobs');

create_database('owned', 'OWNER chief');
$node->command_fails_like([ 'pg_restore', '-e', '-U', 'chief', '--no-owner', '-L', "$dir/rbac.list", '-d', $node->connstr('owned'), $directory ],
	qr/permission denied to create extension "rbac"\nHINT:  Must be superuser/, 'owned: its owner is refused');
restore_in_two('owned', '-U', 'chief', '--no-owner');
same_everything($node, 'owned', { map { $_ => $before->{$_} } qw(answers rows web model) }, 'owned');

done_testing();
