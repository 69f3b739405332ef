# What a policy costs per row of a sequential scan: each figure is a login, a
# policy for it on one of the tables of setup.sql, and a session of its own, which
# counts its rows once in each round.
package Bench::Rows;
use strict;
use warnings;

use Exporter qw(import);

use Bench::Server;

our @EXPORT = qw(per_row);

# More than the table, member and policy:
#   sees    how many rows the policy lets through
#   rows    how many rows the table has
#   cache   rbac.cache_size
#   fresh   each round in a new session
sub per_row
{
	my ($name, $table, $member, $policy, %more) = @_;
	my $cache = delete $more{cache} // '1GB';

	return {
		name => $name, table => $table, member => $member, policy => $policy,
		settings => { 'rbac.cache_size' => $cache },
		over => [], prepare => \&prepare, measure => \&measure, %more
	};
}

sub count_rows
{
	my ($figure, $session) = @_;
	my $before = cpu_time($session);
	my $count = ask($session, "SELECT count(*) FROM $figure->{table}");
	my $used = cpu_time($session) - $before;

	die "$figure->{name}: $count rows instead of $figure->{sees}" if $count != $figure->{sees};
	return $used / $figure->{rows};
}

sub prepare
{
	my $figure = shift;

	return if $figure->{fresh};
	end_session($figure->{session}) if $figure->{session};
	$figure->{session} = session($figure->{login});
	count_rows($figure, $figure->{session});
	return;
}

sub measure
{
	my $figure = shift;
	my $session = $figure->{session} // session($figure->{login});
	my $used = count_rows($figure, $session);

	end_session($session) if $figure->{fresh};
	return $used;
}

1;
