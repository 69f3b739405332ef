# The README's SQL, block by block, in one database; and what it shows as output is it.
use strict;
use warnings;

use File::Basename qw(dirname);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# what takes several servers is 036_beyond_one_machine.pl's
my $readme = slurp_file(dirname(__FILE__) . '/../../README.md') =~ s/^## Beyond one machine.*?(?=^## )//msr;
# the first block shows a signature; one without a language, right after another, is its output
my (undef, @blocks) = $readme =~ /^( *```sql\n.*?^ *```\n(?:\n```\n.*?^```\n)?)/msg;
cmp_ok(scalar @blocks, '>', 10, 'blocks of SQL');

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rbac');

# as at a prompt
sub run_sql
{
	my ($sql) = @_;
	my ($out, $err);
	IPC::Run::run([ 'psql', '-X', '-q', '-P', 'footer=off', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') ], '<', \$sql, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# What differs from day to day, and how wide it makes a column, does not count.
sub squeeze
{
	my ($text) = @_;
	return $text =~ s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00/TIME/gr =~ s/ *$//gmr =~ s/ +/ /gr =~ s/-+/-/gr;
}

# Tables, of which those that end in "..." show the beginning.
sub shows
{
	my ($out, $shown) = @_;
	my $from = 0;
	for my $table (split /\n\n+/, squeeze($shown))
	{
		my $end = $table =~ s/^ *\.\.\.\s*\z//m ? '' : "\n\n";
		my $at = index squeeze("$out\n\n"), $table =~ s/\s*\z/\n/r . substr($end, 1), $from;
		return 0 if $at < 0;
		$from = $at + 1;
	}
	return 1;
}

my $compared = 0;
for my $block (@blocks)
{
	my ($sql, $shown) = $block =~ /\A *```sql\n(.*?)^ *```\n(?:\n```\n(.*?)^```\n)?\z/ms;
	my ($title) = $sql =~ /\A *(.{1,60})/;
	# what an application does, as the application's login
	my $login = $sql =~ /act_as/ ? "SET ROLE app;\n" : '';
	my ($rc, $out, $err) = run_sql($login . $sql);
	is($rc, 0, $title) or diag($err);
	like($out, qr/^ web +\| acme/m, 'bob sees web') if $sql =~ /act_as\('bob'\)/;
	next unless defined $shown;
	ok(shows($out, $shown), '... which shows what it says') or diag($out);
	$compared++;
}
cmp_ok($compared, '>=', 2, 'outputs compared');
is($node->safe_psql('postgres', q{SELECT organization FROM stacks UNION SELECT organization FROM rbac.entities}), 'acme-corp', 'renamed');

$node->stop;
done_testing();
