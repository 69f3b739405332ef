# A psql that stays connected, and remembers what it was last asked.
package Session;

use strict;
use warnings;

use File::Temp;
use IPC::Run;
use PostgreSQL::Test::Utils;

sub new
{
	my ($class, $connection) = @_;
	my $self = bless { in => '', out => '', err => '', count => 0, log => [] }, $class;
	$self->{timeout} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default, exception => 'timed out');
	$self->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $connection ], '<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, $self->{timeout});
	$self->ask('SET client_min_messages = warning');
	return $self;
}

# What does not fit into a pipe goes by a file: IPC::Run gives up after two seconds in which
# psql does not read.
sub by_file
{
	my ($self, $sql) = @_;
	$self->{file} = File::Temp->new;
	print { $self->{file} } "$sql\n;\n";
	$self->{file}->close or die "could not write a file: $!";
	return "\\i $self->{file}";
}

# Begin to run statements, and do not wait for them.
sub send
{
	my ($self, $sql) = @_;
	$self->{asked} = $sql;
	push @{ $self->{log} }, $sql;
	shift @{ $self->{log} } if @{ $self->{log} } > 100;
	$self->{end} = 'end of answer ' . ++$self->{count};
	$sql = $self->by_file($sql) if length $sql > 4_000;
	$self->{in} .= "$sql\n;\n\\echo $self->{end}\n\\warn $self->{end}\n";
	$self->{timeout}->start;
	$self->{run}->pump_nb;
	return;
}

sub has_answer
{
	my ($self) = @_;
	return $self->{out} =~ /^$self->{end}\n/m && $self->{err} =~ /^$self->{end}\n/m;
}

# Have they come to their end?
sub is_done
{
	my ($self) = @_;
	return 1 unless $self->{run}->pumpable;
	$self->{run}->pump_nb;
	return $self->has_answer;
}

# What they print, and their errors.
sub answer
{
	my ($self) = @_;
	my $end = $self->{end};
	until ($self->has_answer)
	{
		die "ended: $self->{err}$self->{asked}\n" unless $self->{run}->pumpable;
		eval { $self->{run}->pump; 1 } or die "$@$self->{err}$self->{asked}\n";
	}
	my ($out, $err) = @$self{qw(out err)};
	s/^$end\n//m for $out, $err;
	$self->{out} = $self->{err} = $self->{asked} = '';
	chomp $out;
	return ($out, $err);
}

sub ask
{
	my ($self, $sql) = @_;
	$self->send($sql);
	return $self->answer;
}

# Statements that must succeed.
sub must
{
	my ($self, $sql) = @_;
	my ($out, $err) = $self->ask($sql);
	die "$err$sql\n" if $err ne '';
	return $out;
}

sub abandon
{
	my ($self) = @_;
	$self->{run}->kill_kill;
	return;
}

# A session that answers no more is not waited for.
sub quit
{
	my ($self) = @_;
	return $self->abandon if $self->{asked};
	$self->{in} .= "\\q\n";
	$self->{timeout}->start;
	$self->{run}->finish;
	return;
}

1;
