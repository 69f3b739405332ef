# What a policy costs in a query that finds few rows: executed as a prepared
# statement again and again, and planned; and what a check costs by itself.
package Bench::Queries;
use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max min);

use Bench::Server;

our @EXPORT = qw(first_check planning query);

my $chunk = 0.05;	# seconds of CPU time that a query is measured for in each round

# More than the table, member and policy (undef: none):
#   protocol   simple (planned each time) or prepared
#   variables  parameters
#   sees       what the query returns
#   plan       what its plan has to look like
#   settings   of the login
sub query
{
	my ($name, $query, $table, $member, $policy, %more) = @_;

	return {
		name => $name, query => $query, table => $table, member => $member, policy => $policy,
		protocol => 'prepared', variables => {}, settings => { plan_cache_mode => 'force_generic_plan' }, over => [],
		prepare => \&prepare_query, measure => \&execute, %more
	};
}

# What it takes to plan, once it is parsed and has the policy in it.
sub planning
{
	return query(@_, prepare => \&prepare_planning, measure => \&plan);
}

# With the parameters' values in it.
sub literally
{
	my $figure = shift;

	return $figure->{query} =~ s/:(\w+)/'$figure->{variables}{$1}'/gr;
}

sub check
{
	my ($figure, $session) = @_;
	my $query = literally($figure);
	my $sees = ask($session, $query);
	my $plan = ask($session, "EXPLAIN (COSTS off) $query");

	die "$figure->{name}: $sees instead of $figure->{sees}" if defined $figure->{sees} && $sees ne $figure->{sees};
	die "$figure->{name}: another plan than meant:\n$plan\n" if defined $figure->{plan} && $plan !~ $figure->{plan};
	return;
}

sub run_query
{
	my ($figure, $times) = @_;
	my $protocol = $figure->{protocol};
	my ($cpu) = pgbench(
		user => $figure->{login}, protocol => $protocol, times => $times,
		$protocol eq 'simple'
		? (query => literally($figure))
		: (query => $figure->{query}, variables => $figure->{variables}));

	return $cpu;
}

sub prepare_query
{
	my $figure = shift;
	my $session = session($figure->{login});

	check($figure, $session);
	end_session($session);
	my $time = run_query($figure, 1);
	$time = run_query($figure, 100) if $time < $chunk / 10;
	$figure->{times} = int(max(1, $chunk / $time));
	return;
}

sub execute
{
	my $figure = shift;

	return run_query($figure, $figure->{times});
}

sub prepare_planning
{
	my $figure = shift;

	end_session($figure->{session}) if $figure->{session};
	$figure->{session} = session($figure->{login});
	check($figure, $figure->{session});
	plan($figure);
	return;
}

sub plan
{
	my $figure = shift;
	my $query = literally($figure);

	return ask($figure->{session}, "SELECT bench.planning_time(\$\$$query\$\$, 1000)");
}

# The first statement of a session that has loaded the library, beyond the first
# call of a function that does nothing.
sub first_check
{
	my ($name, $check, $nothing, %more) = @_;

	return {
		name => $name, check => $check, nothing => $nothing, member => 'direct', settings => {},
		over => [], prepare => sub { }, measure => \&measure_first, %more
	};
}

sub first_statement
{
	my ($login, $expression) = @_;
	my $session = session($login);
	my $before = cpu_time($session);

	ask($session, "SELECT $expression");
	my $used = cpu_time($session) - $before;
	end_session($session);
	return $used;
}

sub measure_first
{
	my $figure = shift;

	return first_statement($figure->{login}, $figure->{check}) - first_statement($figure->{login}, $figure->{nothing});
}

1;
