# docs/reference.md is what the database says of itself, and the README names nothing else.
use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = dirname(__FILE__) . '/../..';
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rbac');

my ($printed, $errors) = run_command([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', "$top/docs/reference.sql" ]);
is($errors, '', 'no error');
my $reference = slurp_file("$top/docs/reference.md");
chomp $reference;
ok($printed eq $reference, 'as it is: otherwise make reference');

my ($section) = slurp_file("$top/README.md") =~ /^## Reference\n(.*?)^## /ms;
my @rows = $section =~ /^\| `(\w+)/mg;
cmp_ok(scalar @rows, '>', 20, 'rows of the README\'s tables');
is(join(' ', grep { $reference !~ /^(\| `$_\(|### $_$)/m } @rows), '', 'name what there is');

$node->stop;
done_testing();
