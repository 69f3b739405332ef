# A database's objects, members of extensions included, each with all that makes it
# what it is, for comparison with those of another.
package Objects;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(objects builtin_rows differences);

# For pg_upgrade, pg_dump takes extensions apart.  What says where the parts are to
# be, by OIDs and the like, is left out, and how far sequences are.
sub objects
{
	my ($node, $database) = @_;
	my ($dump) = run_command([ 'pg_dump', '--binary-upgrade', '--schema-only', '-d', $node->connstr($database) ]);
	my %parts;
	for (split /^--\n(?=-- Name: )/m, $dump)
	{
		s/^-- Name: (.*); Type: (.*); Schema: (.*); Owner: .*\n--\n// && $2 ne 'SEQUENCE SET' or next;
		my $name = "$2 $3.$1";
		s/^SELECT pg_catalog\.binary_upgrade_(create|set_next).*\n//mg;
		s/^UPDATE pg_catalog\.pg_class\nSET relfrozenxid.*\nWHERE .*\n//mg;
		s/^(--|SET default_|\\unrestrict).*\n//mg;
		s/^\n//mg;
		push @{ $parts{$name} }, $_;
	}
	my %objects = map { $_ => join '', sort @{ $parts{$_} } } keys %parts;
	%objects = (%objects, map { ($_ => '') } split /\n/, $node->safe_psql(
			$database, q{
		SELECT format('EXTENSION %s, version %s', extname, extversion) FROM pg_extension
		UNION ALL
		SELECT format('DUMPED TABLE %s %s', c::regclass, condition) FROM pg_extension, unnest(extconfig, extcondition) AS u (c, condition)}));
	return \%objects;
}

# The rows that rbac's tables have.
sub builtin_rows
{
	my ($node, $database) = @_;
	my @tables = split /\n/, $node->safe_psql($database,
		q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'rbac'::regnamespace AND relkind = 'r'});
	return { map { ($_ => '') } split /\n/, $node->safe_psql($database, join ' UNION ALL ', map { "SELECT format('ROW OF $_ %s', t::text) FROM $_ t" } @tables) };
}

# The names of those that are not the same, one a line.
sub differences
{
	my ($expected, $actual) = @_;
	my %all = (%$expected, %$actual);
	return join "\n", grep { !(exists $expected->{$_} && exists $actual->{$_} && $expected->{$_} eq $actual->{$_}) } sort keys %all;
}

1;
