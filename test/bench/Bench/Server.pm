# Sessions on the server that test/server has started, and what their server
# processes have used.
package Bench::Server;
use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempdir);
use IPC::Open2;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time);

our @EXPORT = qw(ask build cpu_time end_pgbench end_session pgbench run_file session start_pgbench);

my $dir = tempdir(CLEANUP => 1);
my $backgrounds = 0;

sub session
{
	my $user = shift;
	my $session = {};

	$session->{psql} = open2($session->{out}, $session->{in}, 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-U', $user);
	$session->{backend} = ask($session, 'SELECT pg_backend_pid()');
	return $session;
}

sub end_session
{
	my $session = shift;

	close $session->{in};
	waitpid $session->{psql}, 0;
	return;
}

# Have psql run this, and return what it prints.
sub ask
{
	my ($session, $commands) = @_;
	my $answer = '';

	print { $session->{in} } "$commands\n;\n\\echo =\n";
	$session->{in}->flush;
	while (my $line = readline $session->{out})
	{
		if ($line eq "=\n")
		{
			chomp $answer;
			return $answer;
		}
		$answer .= $line;
	}
	die "psql ended";
}

# Returns what psql prints: each command, and how long it took.
sub run_file
{
	my ($file, %variables) = @_;
	my @variables = map { ('-v', "$_=$variables{$_}") } sort keys %variables;

	open my $psql, '-|', 'psql', '-Xqe', '-v', 'ON_ERROR_STOP=1', @variables, '-c', '\timing on', '-f', "test/bench/$file"
		or die "psql: $!";
	my $output = join '', readline $psql;
	close $psql or die "$file failed";
	return $output;
}

# Seconds that the session's server process has been running on a CPU.
sub cpu_time
{
	my $session = shift;

	open my $file, '<', "/proc/$session->{backend}/schedstat" or return time;
	return (split ' ', readline $file)[0] / 1e9;
}

# What pgbench runs again and again, the seconds that one takes: of the server
# processes' CPU time, and elapsed for all clients together.  (pgbench takes the
# colon of stack:read for a variable's: write it E'stack\x3aread'.)
#   query      the last statement without its semicolon; :i counts
#   user
#   protocol   simple: sent as it is; prepared
#   times      for each of the
#   clients    (1)
#   variables
sub pgbench
{
	my %run = (clients => 1, variables => {}, @_);
	my $warm = int($run{times} < 10 ? 1 : $run{times} < 1000 ? $run{times} / 10 : 100);
	my $last = $warm + $run{times};
	my $used = 0;

	open my $script, '>', "$dir/script" or die $!;
	print $script <<"SQL";
\\set i :i + 1
\\if :i = $warm + 1
SELECT bench.cpu_time() AS start \\gset
\\endif
$run{query};
\\if :i = $last
SELECT bench.report_cpu_time(:start);
\\endif
SQL
	close $script;
	open my $pgbench, '-|', 'sh', '-c', 'exec pgbench "$@" 2>&1', 'sh',
		'-U', $run{user}, '-M', $run{protocol}, '-n', '-c', $run{clients}, '-t', $last, '-D', 'i=0',
		(map { ('-D', "$_=$run{variables}{$_}") } sort keys %{ $run{variables} }), '-f', "$dir/script"
		or die "pgbench: $!";
	my $output = join '', readline $pgbench;
	close $pgbench or die $output;
	$used += $1 while $output =~ /^NOTICE:  used ([0-9.e-]+) s/mg;
	my ($per_second) = $output =~ /^tps = ([0-9.]+)/m;
	return ($used / $run{times} / $run{clients}, 1 / $per_second);
}

# A script that some clients (1) run until it is ended.
sub start_pgbench
{
	my ($commands, $clients) = @_;
	my $name = 'background' . $backgrounds++;

	open my $script, '>', "$dir/$name" or die $!;
	print $script $commands;
	close $script;
	my $pid = fork // die $!;
	return { name => $name, pid => $pid } if $pid;
	open STDOUT, '>', '/dev/null' or die $!;
	$ENV{PGAPPNAME} = $name;
	exec 'pgbench', '-M', 'prepared', '-n', '-c', $clients // 1, '-T', '100000', '-f', "$dir/$name";
	die "pgbench: $!";
}

# End it, and what its server processes are still doing.
sub end_pgbench
{
	my ($pgbench, $super) = @_;

	die 'pgbench failed' if waitpid $pgbench->{pid}, WNOHANG;
	kill TERM => $pgbench->{pid};
	waitpid $pgbench->{pid}, 0;
	ask($super, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = '$pgbench->{name}'");
	return;
}

# Compile one of our C files; returns the library's name.
sub build
{
	my $file = shift;
	my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
	my ($cc, $include, $pic) =
		map { chomp(my $value = `$pg_config $_`); $value } '--cc', '--includedir-server', '--cflags_sl';

	system("$cc -O2 $pic -shared -I$include -o $dir/$file.so test/bench/$file.c") == 0 or die "cannot build $file.c";
	return "$dir/$file";
}

1;
