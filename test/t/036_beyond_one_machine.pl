# The README's commands for two servers, block by block, each where it says.
use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($section) = slurp_file(dirname(__FILE__) . '/../../README.md') =~ /^## Beyond one machine\n(.*?)^## /ms;
my @blocks = $section =~ /^```sql\n(.*?)^```/msg;

my %nodes;
for my $name ('publisher', 'subscriber')
{
	my $node = $nodes{$name} = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 'logical');
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE mydb');
}

$nodes{publisher}->safe_psql('mydb', q{
	CREATE EXTENSION rbac;
	INSERT INTO rbac.organizations VALUES ('acme');
	INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'ann', 'Admin'), ('acme', 'bob', 'Admin');
	INSERT INTO rbac.entities VALUES ('stack', 'web', 'acme');
});

my $has = q{SELECT string_agg(member, ' ') FROM rbac.members_with_scope('web', 'stack:read') AS member};
my $ran = 0;

for my $block (@blocks)
{
	my ($where, $rest) = $block =~ /\A-- (publisher|subscriber)\n(.*)\z/s or die "where? $block";
	my ($title) = $rest =~ /(.*)/;

	$rest =~ s{'host=(publisher|subscriber) dbname=mydb}{q{$c$} . $nodes{$1}->connstr('mydb')}e
		and $rest =~ s{user=rbac_feed'}{user=rbac_feed\$c\$};
	# as it would be typed: some commands refuse to be in a transaction
	my ($stdout, $stderr);
	IPC::Run::run([ 'psql', '-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $nodes{$where}->connstr('mydb') ], '<', \$rest, '>', \$stdout, '2>', \$stderr);
	is($?, 0, "$where: $title") or diag($stderr);
	$ran++;

	if ($rest =~ /DELETE/)
	{
		is($nodes{subscriber}->safe_psql('mydb', $has), 'ann', 'the subscriber knows at once');
	}
	elsif ($rest =~ /CREATE SUBSCRIPTION/)
	{
		my ($from) = grep { $_ ne $where } keys %nodes;
		$nodes{$where}->wait_for_subscription_sync($nodes{$from}, 'rbac', 'mydb');
		is($nodes{$where}->safe_psql('mydb', $has), $nodes{$from}->safe_psql('mydb', $has), "as on the $from");
	}
	elsif ($rest =~ /synchronous_standby_names = /)
	{
		$nodes{publisher}->poll_query_until('mydb', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}) or die 'not synchronous';
	}
	elsif ($rest =~ /REFRESH PUBLICATION/)
	{
		$nodes{publisher}->stop('immediate');
	}
	elsif ($rest =~ /promote_subscriber/)
	{
		$nodes{subscriber}->safe_psql('mydb', q{INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'eve', 'Admin')});
		is($nodes{subscriber}->safe_psql('mydb', $has), 'ann eve', 'written again');
		$nodes{publisher}->start;
	}
}
cmp_ok($ran, '>=', 9, 'all blocks');
is($nodes{publisher}->safe_psql('mydb', $has), 'ann eve', 'the other way round');

$_->stop for values %nodes;
done_testing();
