# PgBouncer: clients take turns on server connections, and none ever gets what is
# another's, however a transaction has ended.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
if (!$pgbouncer)
{
	ok(0, 'pgbouncer is needed (Debian: package pgbouncer)');
	done_testing();
	exit 1;
}

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION rbac;
	CREATE ROLE app LOGIN;
	GRANT SET ON PARAMETER rbac.member TO app;
	CREATE ROLE ann LOGIN;
	INSERT INTO rbac.organizations (name) VALUES ('acme');
	INSERT INTO rbac.members (organization, member) SELECT 'acme', m FROM unnest('{ann,bob,cid}'::text[]) m;
	INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'boss', 'Admin');
	CREATE TABLE stacks (id text PRIMARY KEY, organization text NOT NULL, owner text);
	SELECT rbac.protect('stacks', 'stack', 'id', 'organization', 'owner', select_scope => 'stack:read', update_scope => 'stack:write');
	INSERT INTO stacks SELECT 's' || i, 'acme', (ARRAY['ann', 'bob', 'bob', 'cid'])[i % 4 + 1] FROM generate_series(1, 400) i;
	GRANT SELECT, UPDATE ON stacks TO app, ann;
});
my %rows = (ann => 100, bob => 200, cid => 100, boss => 400, '' => 0);

# ---- poolers ----

my $dir = PostgreSQL::Test::Utils::tempdir_short();
my @poolers;

# One that listens at this port; by the name of the database, by what it pools.
sub start_pooler
{
	my ($port, $settings) = @_;
	my $server = 'host=' . $node->host . ' port=' . $node->port . ' dbname=postgres';
	my ($out, $err) = ('', '');

	append_to_file("$dir/users", qq{"app" ""\n"ann" ""\n}) unless -e "$dir/users";
	append_to_file("$dir/$port.ini", <<END);
[databases]
one = $server pool_size=1
two = $server pool_size=2
few = $server pool_size=4
session = $server pool_size=1 pool_mode=session
statement = $server pool_size=1 pool_mode=statement
[pgbouncer]
pool_mode = transaction
listen_addr =
unix_socket_dir = $dir
listen_port = $port
auth_type = trust
auth_file = $dir/users
max_client_conn = 100
admin_users = app
$settings
END
	my $run = IPC::Run::start([ $pgbouncer, '-q', "$dir/$port.ini" ], '<', \undef, '>', \$out, '2>', \$err);
	push @poolers, $run;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last if -S "$dir/.s.PGSQL.$port";
		$run->pump_nb;
		die "pgbouncer: $err" unless $run->pumpable;
		select undef, undef, undef, 0.1;
	}
	return;
}

$SIG{$_} = sub { exit 1 } for qw(HUP INT TERM);

END
{
	my $status = $?;
	$_->kill_kill for @poolers;
	$? = $status;
}

my $port = 6432;
my $ignoring_port = 6433;
start_pooler($port, 'server_reset_query = DISCARD ALL');
start_pooler($ignoring_port, "ignore_startup_parameters = options, extra_float_digits\nserver_reset_query_always = 1");

sub connect_to { my ($database, $login, $at) = @_; return Session->new("host=$dir port=" . ($at // $port) . " dbname=$database user=" . ($login // 'app')) }

my $see = 'SELECT count(*) FROM stacks';
my $who = q{SELECT coalesce(rbac.current_member(), 'nobody')};
my $backend = 'SELECT pg_backend_pid()';

# what a member sees in a transaction of its own
sub as { my ($member, $sql, $end) = @_; return "BEGIN; SELECT 'as ' || rbac.act_as('$member')::text; $sql; " . ($end // 'COMMIT') }

# ---- two clients on one server connection, in turns ----

my ($one, $two) = (connect_to('one'), connect_to('one'));
is($one->must($backend), $two->must($backend), 'the same server connection');
for my $end ('COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN; ROLLBACK', 'SAVEPOINT a; ROLLBACK TO a; COMMIT')
{
	is($one->must(as('ann', "$who; $see", $end)), "as \nann\n100", "one, $end");
	is($two->must("$who; $see"), "nobody\n0", 'the other has no member');
	is($two->must(as('bob', "$who; $see", $end)), "as \nbob\n200", "the other, $end");
	is($one->must("$who; $see"), "nobody\n0", 'the first has none any more');
	is($one->must("BEGIN; $see; SELECT 'as ' || rbac.act_as('boss')::text; $see; COMMIT"), "0\nas \n400", 'a member that comes late');
}
my (undef, $err) = $one->ask(as('ann', 'SELECT 1/0', "COMMIT; $who; $see"));
like($err, qr/division by zero/, 'an error');
is($two->must("$who; $see"), "nobody\n0", 'nothing is left after it');
is($one->must("$who; $see"), "nobody\n0", 'for nobody');
$one->ask("BEGIN; SELECT 'as ' || rbac.act_as('boss')::text; SELECT 1/0");
$one->must('ROLLBACK');
is($two->must("$who; $see"), "nobody\n0", 'nor after a transaction that was rolled back because of it');

# a plan that one client made serves another
$one->must("PREPARE listed AS $see");
is($one->must(as('ann', 'EXECUTE listed')), "as \n100", 'a prepared statement') for 1 .. 6;
is($two->must(as('bob', 'EXECUTE listed')), "as \n200", 'of another client');
is($two->must('EXECUTE listed'), 0, 'and without a member');
is($one->must(as('boss', 'EXECUTE listed')), "as \n400", 'and for another member');

# what another client revokes
is($one->must(as('cid', $see)), "as \n100", 'before a revoke');
$node->safe_psql('postgres', q{DELETE FROM rbac.members WHERE member = 'cid'});
is($two->must(as('cid', $see)), "as \n0", 'after it');
$node->safe_psql('postgres', q{INSERT INTO rbac.members (organization, member) VALUES ('acme', 'cid')});
is($one->must(as('cid', $see)), "as \n100", 'and back again');

# cancelled
$one->send(as('boss', 'SELECT pg_sleep(600)'));
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'}) or die 'no sleep';
# psql cancels, and ends
$one->{run}->signal('INT');
$one->{run}->finish;
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'}) or die 'not cancelled';
is($two->must("$who; $see"), "nobody\n0", 'nothing is left after a client has cancelled');
$one = connect_to('one');
is($one->must(as('bob', $see)), "as \n200", 'and another one comes');

# gone in the middle of a transaction
my $pid = $two->must($backend);
$one->must("BEGIN; SELECT 'as ' || rbac.act_as('boss')::text; $see");
$one->{run}->kill_kill(grace => 0);
is($two->must("$who; $see"), "nobody\n0", 'another client went away in the middle of a transaction');
is($two->must(as('ann', $see)), "as \n100", 'and this one goes on');
$one = connect_to('one');

# a login that is a member itself, beside the application's on another connection
my $ann = connect_to('one', 'ann');
is($ann->must("$who; $see"), "ann\n100", 'a login of its own');
is($two->must("$who; $see"), "nobody\n0", 'beside it');
(undef, $err) = $ann->ask(as('boss', $see));
like($err, qr/permission denied to set parameter "rbac.member"/, 'which cannot pose as another');
is($ann->must("$who; $see"), "ann\n100", 'and stays itself');
$_->quit for $ann, $one, $two;

# ---- many clients, on two server connections ----

my $seed = $ENV{PGBOUNCER_SEED} // 1;
srand($seed);
my @members = ('ann', 'bob', 'cid', 'boss');
my @clients = map { connect_to('two') } 1 .. 12;
my (%ends, @open, @wrong);

# ends that a transaction can have
my %end = (
	commit => sub { $_[0]->must('COMMIT') },
	rollback => sub { $_[0]->must('ROLLBACK') },
	error => sub { $_[0]->ask('SELECT 1/0'); $_[0]->must('ROLLBACK') },
	'failed commit' => sub { $_[0]->ask('SELECT 1/0'); $_[0]->must('COMMIT') },
	'another member' => sub { $_[0]->must(q{SELECT 'as ' || rbac.act_as('boss')::text; COMMIT}) },
	cancel => sub {
		my ($client) = @_;
		$client->must('SAVEPOINT a');
		$client->ask(q{SET LOCAL statement_timeout = 1; SELECT pg_sleep(600)});
		$client->must('ROLLBACK');
	},
	gone => sub { $_[0]->{run}->kill_kill(grace => 0) });

sub look
{
	my ($client, $member) = @_;
	my $seen = $client->must("$who; $see");
	my $expected = ($member || 'nobody') . "\n$rows{$member}";
	push @wrong, "$seen instead of $expected" if $seen ne $expected;
	return;
}

for (1 .. 300)
{
	if (@open < 2 && rand() < 0.6)
	{
		my $client = splice @clients, rand @clients, 1;
		my $member = $members[ rand @members ];
		if (rand() < 0.3)
		{
			# would wait if both connections were taken
			look($client, '');
			push @clients, $client;
			next;
		}
		$client->must("BEGIN; SELECT 'as ' || rbac.act_as('$member')::text");
		push @open, [ $client, $member ];
	}
	elsif (@open)
	{
		my $i = int rand @open;
		my ($client, $member) = @{ $open[$i] };
		look($client, $member);
		next if rand() < 0.4;
		my $how = (sort keys %end)[ rand keys %end ];
		$end{$how}->($client);
		$ends{$how}++;
		splice @open, $i, 1;
		push @clients, $how eq 'gone' ? connect_to('two') : $client;
	}
}
is("@wrong", '', "PGBOUNCER_SEED=$seed: twelve clients on two connections; transactions ended by " . join ', ', map { "$_: $ends{$_}" } sort keys %ends);
is(scalar(keys %ends), scalar(keys %end), 'in each way');
$_->[0]->quit for @open;
$_->quit for @clients;

# thousands of them, in the extended protocol
append_to_file("$dir/turns.sql", <<'END');
\set n random(0, 3)
\if :n = 0
\set rows 0
\elif :n = 2
\set rows 200
\else
\set rows 100
\endif
BEGIN;
SELECT rbac.act_as((ARRAY['', 'ann', 'bob', 'cid'])[:n + 1]);
SELECT 1 / (count(*) = :rows)::integer FROM stacks;
END;
SELECT 1 / (count(*) = 0)::integer FROM stacks;
END
for my $protocol ('simple', 'extended')
{
	$node->command_like(
		[ 'pgbench', '-n', '-M', $protocol, '-c', 10, '-t', $ENV{PGBOUNCER_TURNS} // 100, '-f', "$dir/turns.sql", '-h', $dir, '-p', $port, '-U', 'app', 'few' ],
		qr/number of transactions actually processed: (\d+)\/\1\n/, "ten clients on four connections, $protocol protocol");
}

# ---- by session, and by statement ----

# What psql is told when it is disconnected.  It may not read any more then.
sub refused
{
	my ($database, $sql) = @_;
	my (undef, $stderr) = run_command([ 'psql', '-X', '-d', "host=$dir port=$port dbname=$database user=app", '-c', $sql ]);
	return $stderr;
}

$one = connect_to('session');
$pid = $one->must($backend);
$one->must(q{SET rbac.member = 'boss'});
is($one->must($see), 400, 'by session: a member for the session');
$one->quit;
$two = connect_to('session');
is($two->must($backend), $pid, 'the server connection is used again');
is($two->must("$who; $see"), "nobody\n0", 'DISCARD ALL has left nothing of that');
$two->quit;

$one = connect_to('statement');
(undef, $err) = $one->ask(q{SELECT rbac.act_as('boss')});
like($err, qr/^ERROR:  rbac\.act_as\(\) can only be used in transaction blocks\n/, 'by statement: no member for a statement');
is($one->must("$who; $see"), "nobody\n0", 'and nobody afterwards');
is($one->must("SELECT 'as ' || rbac.act_as('bob')::text \\; $see"), "as \n200", 'but one message');
is($one->must("$who; $see"), "nobody\n0", 'for as long as it lasts');
$one->quit;
like(refused('statement', 'BEGIN'), qr/transaction blocks not allowed in statement pooling mode/, 'nor a transaction block');

# ---- what a client brings along when it connects ----

{
	local $ENV{PGOPTIONS} = '-c rbac.member=boss';
	like(refused('one', $see), qr/unsupported startup parameter/, 'options are refused');
	$one = connect_to('one', 'app', $ignoring_port);
	is($one->must("$who; $see"), "nobody\n0", 'or left out: then the member is nobody');
	$one->quit;
}

# a SET without LOCAL stays with the server connection, unless that is reset after each transaction
($one, $two) = map { connect_to('one', 'app', $ignoring_port) } 1, 2;
$one->must(q{SET rbac.member = 'boss'});
is($two->must("$who; $see"), "nobody\n0", 'server_reset_query_always: a SET is for one transaction');
is($one->must("$who; $see"), "nobody\n0", 'of its own client, too');
$_->quit for $one, $two;

done_testing();
