# pg_upgrade from each version in UPGRADE_PATH to the next keeps every answer, and
# gives the objects that a new database would have there; so does a dump of the first
# that is restored in the last.  One database is a subscriber.  Run by test/upgrade.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/t/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Everything;
use Objects;

sub programs
{
	my ($version) = @_;
	return "/usr/lib/postgresql/$version/bin";
}

sub new_node
{
	my ($version, $name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name // "v$version", install_path => programs($version) =~ s|/bin$||r);
	# checksums have to be on before and after, or off; which is the default depends on the version
	$node->init(extra => ['--data-checksums']);
	return $node;
}

sub upgrade
{
	my ($old, $old_version, $new, $new_version) = @_;
	$old->stop;
	chdir $new->basedir;
	my $ok = run_log(
		[
			programs($new_version) . '/pg_upgrade', '--no-sync',
			'-b', programs($old_version), '-B', programs($new_version),
			'-d', $old->data_dir, '-D', $new->data_dir,
			'-s', $new->host, '-p', $old->port, '-P', $new->port ]);
	ok($ok, "from $old_version to $new_version");
	$ok or diag map { slurp_file($_) =~ /^(.*error: .*)/ms } glob $new->data_dir . '/pg_upgrade_output.d/*/log/*.log';
	return $ok;
}

my ($version, @versions) = split ' ', $ENV{UPGRADE_PATH};
my $node = new_node($version);
$node->start;
create_roles($node);
create_everything($node, 'source');
my $before = everything($node, 'source');
# these are printed, and objects have privileges, in each version's own way
delete @$before{qw(catalog dump)};
my $dump = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('source'), '-f', $dump ], "dump of $version");

my $publisher = new_node($version, 'publisher');
$publisher->append_conf('postgresql.conf', "wal_level = logical\nmax_wal_senders = 8");
$publisher->start;
$publisher->safe_psql('postgres', q{CREATE EXTENSION rbac; CREATE PUBLICATION rbac FOR TABLES IN SCHEMA rbac});
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->safe_psql('copy', 'CREATE EXTENSION rbac');
subscribe($node);

sub subscribe
{
	my ($node) = @_;
	$node->safe_psql('copy', 'SELECT rbac.prepare_subscriber(discard => true)');
	$node->safe_psql('copy', sprintf q{CREATE SUBSCRIPTION rbac CONNECTION 'host=%s port=%s dbname=postgres' PUBLICATION rbac}, $publisher->host, $publisher->port);
	$node->wait_for_subscription_sync($publisher, 'rbac', 'copy');
	return;
}

# The subscription goes on and refuses others; up to 17 it has to be made anew.
sub still_subscriber
{
	my ($node, $from, $to) = @_;
	my $organization = "made before $to";
	$publisher->safe_psql('postgres', "INSERT INTO rbac.organizations (name) VALUES ('$organization')");
	if ($from < 17)
	{
		$node->safe_psql('copy', 'DROP SUBSCRIPTION rbac');
		subscribe($node);
	}
	my (undef, undef, $err) = $node->psql('copy', q{INSERT INTO rbac.organizations (name) VALUES ('mine')});
	like($err, qr/cannot write table "organizations": a subscription fills it/, "$to: a subscriber still");
	$publisher->wait_for_catchup('rbac');
	is($node->safe_psql('copy', "SELECT count(*) FROM rbac.organizations WHERE name = '$organization'"), '1', "$to: which is fed");
	return;
}

sub same_as_before
{
	my ($node, $database, $how) = @_;
	same_everything($node, $database, $before, $how);
	create_everything($node, 'made_there');
	is(differences(objects($node, 'made_there'), objects($node, $database)), '', "$how: the objects of a new database");
	$node->safe_psql('postgres', 'DROP DATABASE made_there');
	return;
}

for my $next (@versions)
{
	my $upgraded = new_node($next);
	upgrade($node, $version, $upgraded, $next) or last;
	$upgraded->start;
	same_as_before($upgraded, 'source', $next);
	still_subscriber($upgraded, $version, $next);
	($node, $version) = ($upgraded, $next);
}

$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored'), $dump ], "restored in $version");
same_as_before($node, 'restored', 'restored');

done_testing();
