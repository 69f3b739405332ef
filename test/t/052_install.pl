# What make install installs, no more and no less, and who may create the extension.
use strict;
use warnings;

use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($version) = slurp_file('rbac.control') =~ /^default_version = '(.*)'/m;
my $make = ($ENV{MAKE} // 'make') . ' -s with_llvm=no';
my $destination = PostgreSQL::Test::Utils::tempdir;

sub directory
{
	my ($out) = run_command([ $ENV{PG_CONFIG} // 'pg_config', "--$_[0]" ]);
	return $out;
}

sub installed
{
	my @files;
	find({ no_chdir => 1, wanted => sub { push @files, s/^\Q$destination\E//r unless -d } }, $destination);
	return [ sort @files ];
}

my @expected = (
	directory('includedir-server') . '/extension/rbac/compat.h',
	directory('includedir-server') . '/extension/rbac/rbac.h',
	directory('includedir-server') . '/extension/rbac/scopeset.h',
	directory('pkglibdir') . '/rbac.so',
	directory('sharedir') . "/extension/rbac--$version.sql",
	directory('sharedir') . '/extension/rbac.control');
is(system("$make install DESTDIR=$destination >/dev/null"), 0, 'make install');
is_deeply(installed(), [ sort @expected ], 'these files');
is(system("$make uninstall DESTDIR=$destination >/dev/null"), 0, 'make uninstall');
is_deeply(installed(), [], 'nothing is left');

# Not trusted: who creates it has to be a superuser, whatever else they may.
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE builder LOGIN CREATEROLE; CREATE DATABASE built OWNER builder');
my @as_builder = (extra_params => [ '-U', 'builder' ]);
like(($node->psql('built', 'CREATE EXTENSION rbac', @as_builder))[2],
	qr/ERROR:  permission denied to create extension "rbac"\nHINT:  Must be superuser to create this extension\./, 'not by the owner of the database');

# What the owner does instead: a superuser makes the extension, and a role that
# administers it.
$node->safe_psql('built', q{
	CREATE EXTENSION rbac;
	CREATE ROLE administrator BYPASSRLS;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO administrator WITH GRANT OPTION;
	GRANT EXECUTE ON FUNCTION rbac.register_entities() TO builder;
	GRANT SET ON PARAMETER rbac.member TO builder WITH GRANT OPTION;
	GRANT administrator TO builder;
});
$node->safe_psql('built', q{
	CREATE ROLE app LOGIN;
	GRANT SET ON PARAMETER rbac.member TO app;
	CREATE TABLE stacks (id text PRIMARY KEY, organization text NOT NULL, owner text);
	SET client_min_messages = error;
	SELECT rbac.protect('stacks', 'stack', 'id', 'organization', 'owner', select_scope => 'stack:read');
	GRANT SELECT ON stacks TO app;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO app;
	SET ROLE administrator;
	INSERT INTO rbac.organizations VALUES ('acme');
	INSERT INTO rbac.members VALUES ('acme', 'ann');
	RESET ROLE;
	INSERT INTO stacks VALUES ('web', 'acme', 'ann'), ('db', 'acme', NULL);
}, @as_builder);
is($node->safe_psql('built', q{SET rbac.member = 'ann'; SELECT id FROM stacks}, extra_params => [ '-U', 'app' ]), 'web', 'but all the rest they can do');
is($node->safe_psql('built', q{SET rbac.member = 'ann'; SELECT member FROM rbac.members}, extra_params => [ '-U', 'app' ]), 'ann', 'let members govern themselves, for one');

$node->stop;
done_testing();
