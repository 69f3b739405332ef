# The README's SQL, block by block, in one database.
use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# what takes several servers is 036_beyond_one_machine.pl's
my $readme = slurp_file(dirname(__FILE__) . '/../../README.md') =~ s/^## Beyond one machine.*?(?=^## )//msr;
# the first block shows a signature
my (undef, @blocks) = $readme =~ /^```sql\n(.*?)^```/msg;
cmp_ok(scalar @blocks, '>', 10, 'blocks of SQL');

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rbac');

for my $block (@blocks)
{
	my ($title) = $block =~ /\A(.{1,60})/;
	# what an application does, as the application's login
	my $login = $block =~ /act_as/ ? "SET ROLE app;\n" : '';
	my ($rc, $out, $err) = $node->psql('postgres', $login . $block, on_error_stop => 1);
	is($rc, 0, $title) or diag($err);
	is($out, "\nweb|acme|alice|{\"tier\": \"critical\"}|", 'bob sees web') if $block =~ /act_as\('bob'\)/;
}
is($node->safe_psql('postgres', q{SELECT organization FROM stacks UNION SELECT organization FROM rbac.entities}), 'acme-corp', 'renamed');

$node->stop;
done_testing();
