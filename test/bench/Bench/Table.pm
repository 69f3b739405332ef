# What was measured, and the table that tells it.
#
# A figure has a name, and `over`, pairs: another figure, and how many times its
# time is allowed (undef: any).  What one round measures, it measures shortly one
# after the other; so compared are the times of a round, and told is the median of
# the rounds.  Others who use the machine then disturb little.
package Bench::Table;
use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max);
use Time::HiRes qw(time);

our @EXPORT = qw(forget heading line median note print_table record report report_grown time_text values_of);

my $started = time;
my $values = {};	# of each figure, by round, in seconds
my @table;

sub note
{
	printf STDERR "%4.0f s  %s\n", time - $started, shift;
	return;
}

sub record
{
	my ($name, $value) = @_;

	push @{ $values->{$name} }, $value;
	return;
}

sub values_of
{
	my $name = shift;

	return @{ $values->{$name} // [] };
}

# Start anew; returns what was measured.
sub forget
{
	my $old = $values;

	$values = {};
	return $old;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;

	return ($sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ]) / 2;
}

# How many times as long as another figure.
sub ratio
{
	my ($of, $name, $over) = @_;

	return median(map { $of->{$name}[$_] / $of->{$over}[$_] } 0 .. $#{ $of->{$name} });
}

sub time_text
{
	my $seconds = shift;

	return $seconds < 1e-6 ? sprintf('%.1f ns', $seconds * 1e9)
		: $seconds < 1e-3 ? sprintf('%.1f us', $seconds * 1e6)
		: $seconds < 1 ? sprintf('%.1f ms', $seconds * 1e3)
		: sprintf('%.1f s', $seconds);
}

sub heading
{
	push @table, [shift];
	return;
}

# No ratio: the figure is something that others are compared with.
sub line
{
	my ($figure, $measured, $over, $ratio, $target) = @_;

	push @table, [
		$figure, $measured, $over // '', defined $ratio ? sprintf('%.2f', $ratio) : '',
		$target // '', defined $target && $ratio > $target ? 'OVER' : ''
	];
	return;
}

# A line for each pair.
sub report
{
	my $figure = shift;
	my $name = $figure->{name};
	my @over = @{ $figure->{over} };

	return if !$values->{$name};
	my $measured = time_text(median(values_of($name)));
	line($name, $measured) if !@over;
	while (my ($over, $target) = splice @over, 0, 2)
	{
		line($name, $measured, $over, ratio($values, $name, $over), $target) if $values->{$over};
	}
	return;
}

# Its ratio to the first of its pairs, over what that was before.
sub report_grown
{
	my ($figure, $before, $target) = @_;
	my ($name, $over) = ($figure->{name}, $figure->{over}[0]);

	return if !$values->{$name} || !defined $over;
	my $now = ratio($values, $name, $over);
	my $was = ratio($before, $name, $over);
	line($name, sprintf('%.2f x', $now), sprintf('%.2f x', $was), $now / $was, $target);
	return;
}

sub print_table
{
	my @lines = ([ 'figure', 'measured', 'over', 'ratio', 'at most', '' ], @table);
	my @widths = (0) x 6;

	for my $line (grep { @$_ > 1 } @lines)
	{
		$widths[$_] = max($widths[$_], length $line->[$_]) for 0 .. 5;
	}
	my ($figure, $measured, $over, $ratio, $target) = @widths;
	for my $line (@lines)
	{
		my $text = @$line == 1
			? "\n$line->[0]"
			: sprintf "%-${figure}s  %${measured}s  %-${over}s  %${ratio}s  %${target}s  %s", @$line;

		print $text =~ s/ +$//r, "\n";
	}
	return;
}

1;
