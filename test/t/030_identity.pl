# Who is asking, as a server decides it that has not loaded the library yet: the
# value that a connection brings along, or sets before the first check, counts
# only if the login may set it.

use strict;
use warnings;

use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $superuser = getpwuid $>;	# as initdb names it
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION rbac;
	CREATE ROLE app LOGIN;
	CREATE ROLE ann LOGIN;
	CREATE ROLE bob LOGIN;
	CREATE ROLE dba LOGIN;
	GRANT SET ON PARAMETER rbac.member TO app;
	INSERT INTO rbac.organizations VALUES ('acme');
	INSERT INTO rbac.entities VALUES ('stack', 's1', 'acme', 'ann'), ('stack', 's2', 'acme', 'bob'), ('stack', 's3', 'acme', 'app');
	INSERT INTO rbac.members VALUES ('acme', 'ann'), ('acme', 'bob'), ('acme', 'app');
	CREATE TABLE stacks (id text);
	INSERT INTO stacks VALUES ('s1'), ('s2'), ('s3');
	ALTER TABLE stacks ENABLE ROW LEVEL SECURITY;
	CREATE POLICY reads ON stacks FOR SELECT USING (rbac.has_scope(id, 'stack:read'));
	GRANT SELECT ON stacks TO PUBLIC;
	CREATE DATABASE owned OWNER dba;
});
$node->safe_psql('owned', 'CREATE EXTENSION rbac');

my $seen = q{SELECT coalesce(string_agg(id, ','), 'nothing') FROM stacks};
my $me = q{SELECT coalesce(rbac.current_member(), 'nobody')};

# What a fresh connection of that login gets; undef options: none.
sub ask
{
	my ($login, $sql, $options, $database) = @_;
	local $ENV{PGOPTIONS} = $options if defined $options;
	my ($rc, $out, $err) = $node->psql($database // 'postgres', $sql, extra_params => [ '-U', $login ], on_error_stop => 0);
	return ($out, $err);
}

sub answers
{
	my ($login, $sql, $options, $expected, $name, $database) = @_;
	my ($out, $err) = ask($login, $sql, $options, $database);
	is($out, $expected, $name) or diag $err;
	return $err;
}

# The member that a connection is which brings these parameters along, as a client may
# that is not libpq.
sub startup_packet
{
	my ($login, %parameters) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) or die "cannot connect: $!";
	binmode $socket;
	my $startup = join '', pack('N', 196608), map { "$_\0" } (user => $login, database => 'postgres', %parameters), '';
	my $query = "SELECT coalesce(rbac.current_member(), 'nobody')\0";
	print $socket pack('N', 4 + length $startup), $startup, 'Q', pack('N', 4 + length $query), $query, 'X', pack('N', 4);
	$socket->flush;
	local $/;
	my $answer = <$socket>;
	return $answer =~ /D\x00\x00\x00.\x00\x01\x00\x00\x00.([a-z]+)/s ? $1 : $answer;
}

# without a value: a member under their own name, an application nobody
answers('ann', "$me; $seen", undef, "ann\ns1", 'a login is the member of its name');
answers('app', "$me; $seen", undef, "nobody\nnothing", 'a login that may set the member is nobody');
answers($superuser, $me, undef, 'nobody', 'a superuser is nobody');

# an ordinary login that sets a value before the library is loaded
my $dropped = qr/WARNING:  permission denied to set parameter "rbac.member"/;
my %smuggle = (
	'SET' => "SET rbac.member = 'bob';",
	'set_config' => "DO \$\$ BEGIN PERFORM set_config('rbac.member', 'bob', false); END \$\$;",
	'SET LOCAL' => "BEGIN; SET LOCAL rbac.member = 'bob';",
	'SET before a savepoint' => "BEGIN; SET rbac.member = 'bob'; SAVEPOINT a; SET LOCAL rbac.member = 'app';",
	'SET, said twice' => "SET rbac.member = 'app'; SET rbac.member = 'bob';",
	'SET in capital letters' => "SET RBAC.MEMBER = 'bob';",
	'SET with quotes' => "SET \"rbac\".\"Member\" = 'bob';",
	'UPDATE pg_settings' => "SET rbac.member = 'app'; DO \$\$ BEGIN UPDATE pg_settings SET setting = 'bob' WHERE name = 'rbac.member'; END \$\$;",
	'set_config in a function with settings of its own' => "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE plpgsql SET work_mem = '1MB' AS "
		. "\$\$ BEGIN PERFORM set_config('rbac.member', 'bob', false); END \$\$; DO \$\$ BEGIN PERFORM pg_temp.f(); END \$\$;",
	'SET before an error' => "SET rbac.member = 'bob'; SELECT 1/0;",
	'SET after an error that was rolled back' => "BEGIN; SAVEPOINT a; SELECT 1/0; ROLLBACK TO a; SET rbac.member = 'bob'; COMMIT;",
	'SET before it is released' => "BEGIN; SAVEPOINT a; SET LOCAL rbac.member = 'bob'; RELEASE a;");
for my $how (sort keys %smuggle)
{
	like(answers('ann', "$smuggle{$how} $me; $seen", undef, "ann\ns1", "ordinary login, $how: dropped"),
		$dropped, "ordinary login, $how: told so");
	like(answers('ann', "$smuggle{$how} $seen; $me", undef, "s1\nann", "ordinary login, $how: dropped in a policy"),
		$dropped, "ordinary login, $how: told so in a policy");
}
answers('ann', "SET rbac.member = 'bob'; $me; RESET rbac.member; $me; $seen", undef, "ann\nann\ns1", 'nor does RESET bring it back');
answers('ann', "BEGIN; SET LOCAL rbac.member = 'bob'; $me; ROLLBACK; $me; $seen", undef, "ann\nann\ns1", 'nor the end of the transaction');
answers('ann', "BEGIN; SET rbac.member = 'bob'; SAVEPOINT a; $me; ROLLBACK TO a; $me; COMMIT; $me; $seen", undef, "ann\nann\nann\ns1", 'nor a savepoint');
answers('ann', "SET rbac.member = 'bob'; DISCARD ALL; $me; $seen", undef, "ann\ns1", 'DISCARD ALL before the library is loaded');
like(answers('ann', "$me; $seen", '-c rbac.member=bob', "ann\ns1", 'ordinary login, connection option: dropped'),
	$dropped, 'ordinary login, connection option: told so');
like(answers('ann', "$me; SET rbac.member = 'bob'; $me", undef, "ann\nann", 'ordinary login, once the library is loaded: refused'),
	qr/ERROR:  permission denied to set parameter "rbac.member"/, 'ordinary login, once the library is loaded: told so');
like((ask('ann', q{CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET rbac.member = 'bob' AS 'SELECT rbac.current_member()'; SELECT pg_temp.f()}))[1],
	qr/ERROR:  permission denied to set parameter "rbac.member"/, 'ordinary login, a function with a SET clause');
like((ask('ann', q{ALTER ROLE ann SET rbac.member = 'bob'}))[1],
	qr/ERROR:  permission denied to set parameter "rbac.member"/, 'ordinary login, ALTER ROLE');
like((ask('dba', q{ALTER DATABASE owned SET rbac.member = 'bob'}, undef, 'owned'))[1],
	qr/ERROR:  permission denied to set parameter "rbac.member"/, 'owner of a database, ALTER DATABASE');
answers('ann', $me, undef, 'ann', 'and nothing has come of it');

# in the middle of a function that has set it, and with what it leaves behind
answers('ann', "CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE plpgsql SET work_mem = '1MB' AS "
	. "\$\$ BEGIN PERFORM set_config('rbac.member', 'bob', true); RETURN rbac.current_member(); END \$\$; SELECT pg_temp.f(); $me; $seen",
	undef, "ann\nann\ns1", 'ordinary login, loaded inside the function that set it');

# the rights that count are those of whoever sets it, not of whoever is logged in
$node->safe_psql('postgres', q{
	CREATE FUNCTION pose(text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM set_config('rbac.member', $1, false); END $$;
	ALTER FUNCTION pose OWNER TO ann;
	CREATE FUNCTION act(text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM rbac.act_as($1); END $$;
	ALTER FUNCTION act OWNER TO ann});
like(answers('app', "DO \$\$ BEGIN PERFORM pose('bob'); END \$\$; $me; $seen", undef, "nobody\nnothing", 'a function of somebody else\'s, before the library is loaded: dropped'),
	$dropped, 'a function of somebody else\'s, before the library is loaded: told so');
like(answers('app', "$me; SELECT pose('bob'); $me", undef, "nobody\nnobody", 'a function of somebody else\'s'),
	qr/ERROR:  permission denied to set parameter "rbac.member"/, 'a function of somebody else\'s: told so');
like(answers('app', "BEGIN; SELECT act('bob'); ROLLBACK; $me", undef, 'nobody', 'act_as() in a function of somebody else\'s'),
	qr/ERROR:  permission denied to set parameter "rbac.member"/, 'act_as() in a function of somebody else\'s: told so');

# options of the connection, however they come
for my $reset ('RESET rbac.member', 'RESET ALL', 'DISCARD ALL', 'SET rbac.member TO DEFAULT', "SET SESSION AUTHORIZATION DEFAULT", "BEGIN; RESET rbac.member; ROLLBACK")
{
	answers('ann', "$reset; $me; $seen; $reset; $me", '-c rbac.member=bob', "ann\ns1\nann", "ordinary login, connection option and $reset");
}
answers('ann', "$me; $seen", '-c RBAC.Member=bob', "ann\ns1", 'ordinary login, connection option in capital letters');
answers('ann', "$me; $seen", '-c rbac.member=bob -c rbac.member=app', "ann\ns1", 'ordinary login, two connection options');
is(startup_packet('ann', 'rbac.member' => 'bob'), 'ann', 'ordinary login, parameter in the startup packet');
is(startup_packet('ann', 'Rbac.Member' => 'bob', options => '-c rbac.member=app'), 'ann', 'ordinary login, parameter in the startup packet and option');
is(startup_packet('app', 'rbac.member' => 'bob'), 'bob', 'a login that may set it, parameter in the startup packet');

# the other settings are the superuser's, too, whatever is smuggled in; what the
# library does not know is removed
my $settings = q{SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name LIKE 'rbac.%'};
for my $value ('off', 'nonsense', '0', '')
{
	answers('ann', "SET rbac.audit = '$value'; SET rbac.cache_size = '$value'; SET rbac.unheard = '$value'; SET rbac.member.of = '$value'; $me; $settings",
		undef, "ann\nrbac.audit=on rbac.cache_size=65536 rbac.member=", "ordinary login, other settings: '$value'");
}

# two-phase commit does not carry it over
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$node->restart;
answers('app', "BEGIN; SET LOCAL rbac.member = 'bob'; CREATE TABLE pg_temp.t (); DROP TABLE pg_temp.t; ROLLBACK; BEGIN; SET LOCAL rbac.member = 'bob'; $me; PREPARE TRANSACTION 'a'; $me; COMMIT PREPARED 'a'; $me",
	undef, "bob\nnobody\nnobody", 'a prepared transaction');

# only the library's own view of the value is to be trusted: before it is loaded
# current_setting() shows whatever was set
answers('ann', "SET rbac.member = 'bob'; SELECT current_setting('rbac.member'); $me; SELECT current_setting('rbac.member')",
	undef, "bob\nann\n", 'current_setting() can be fooled, current_member() cannot');

# a login that may set it
answers('app', "SET rbac.member = 'bob'; $me; $seen", undef, "bob\ns2", 'SET before the library is loaded');
answers('app', "SET rbac.member = 'bob'; $seen; $me; RESET rbac.member; $me", undef, "s2\nbob\nnobody", 'SET before, RESET after');
answers('app', "BEGIN; SET LOCAL rbac.member = 'bob'; $seen; $me; COMMIT; $me; $seen", undef, "s2\nbob\nnobody\nnothing",
	'SET LOCAL before the library is loaded ends with the transaction');
answers('app', "BEGIN; SELECT rbac.act_as('bob'); $me; COMMIT; $me", undef, "\nbob\nnobody", 'act_as() loads the library');
answers('app', "$me; $seen; SET rbac.member = 'ann'; $seen", '-c rbac.member=bob', "bob\ns2\ns1", 'connection option');
answers('app', "SET rbac.member = ''; $me", undef, 'nobody', 'an empty value is none');
answers('app', "SET rbac.member = ''; $me", '-c rbac.member=bob', 'nobody', 'an empty value over a connection option');
answers('app', "SET rbac.member = 'ann'; DISCARD ALL; $me", '-c rbac.member=bob', 'bob', 'DISCARD ALL goes back to the connection option');
$node->safe_psql('postgres', q{ALTER ROLE app SET rbac.member = 'ann'}, extra_params => [ '-U', 'app' ]);
answers('app', "$me; $seen", undef, "ann\ns1", 'ALTER ROLE by the login itself');
answers('app', $me, '-c rbac.member=bob', 'bob', 'a connection option counts more');
$node->safe_psql('postgres', q{ALTER ROLE app RESET rbac.member}, extra_params => [ '-U', 'app' ]);

# a login whose right comes through another role, and one that has lost it
$node->safe_psql('postgres', q{CREATE ROLE web LOGIN IN ROLE app});
answers('web', "SET rbac.member = 'bob'; $me", undef, 'bob', 'a right through membership in a role');
answers('web', $me, undef, 'nobody', 'and nobody without a value');
$node->safe_psql('postgres', q{REVOKE app FROM web});
answers('web', "SET rbac.member = 'bob'; $me", undef, 'web', 'no right any more');

# a superuser decides for others
$node->safe_psql('postgres', q{ALTER ROLE ann SET rbac.member = 'bob'});
answers('ann', "$me; $seen", undef, "bob\ns2", 'ALTER ROLE by a superuser');
$node->safe_psql('postgres', q{ALTER ROLE ann RESET rbac.member; ALTER DATABASE postgres SET rbac.member = 'bob'});
answers('ann', $me, undef, 'bob', 'ALTER DATABASE by a superuser');
answers('app', "$me; SET rbac.member = 'ann'; $me", undef, "bob\nann", 'ALTER DATABASE by a superuser, and another value');
$node->safe_psql('postgres', q{ALTER DATABASE postgres RESET rbac.member});
$node->append_conf('postgresql.conf', q{rbac.member = 'bob'});
$node->reload;
# sessions hear of it at their next command, so wait until a new one does
$node->poll_query_until('postgres', q{SELECT current_setting('rbac.member', true) = 'bob'}) or die 'configuration was not reloaded';
answers('ann', "$me; $seen", undef, "bob\ns2", 'the configuration file');
$node->adjust_conf('postgresql.conf', 'rbac.member', undef);
$node->reload;
$node->poll_query_until('postgres', q{SELECT coalesce(current_setting('rbac.member', true), '') = ''}) or die 'configuration was not reloaded';

# one server connection, shared by clients with a transaction each, some of which
# fail, as behind a pooler
my @clients = map {
	my $member = (qw(ann bob stranger))[ $_ % 3 ];
	my $set = ("SET LOCAL rbac.member = '$member'", "SELECT rbac.act_as('$member')", "SELECT set_config('rbac.member', '$member', true)")[ $_ / 3 % 3 ];
	my $end = (qw(COMMIT ROLLBACK), 'SELECT 1 / 0; COMMIT')[ $_ / 9 % 3 ];
	my $clean = $_ % 5 == 0 ? 'DISCARD ALL;' : '';
	"BEGIN; \\o /dev/null\n$set; \\o\n$seen; $end;\n$seen;\n$clean";
} 0 .. 53;
my $expected = join "\n", map { ((qw(s1 s2 nothing))[ $_ % 3 ], 'nothing') } 0 .. 53;
for my $mode ('auto', 'force_generic_plan')
{
	my ($out, $err) = ask('app', "SET plan_cache_mode = $mode; @clients");
	is($out, $expected, "members in turn on one connection, plan_cache_mode = $mode");
	unlike($err, qr/ERROR:  (?!division by zero)/, 'no other error');
}

# the library loaded at the start of each session, and with the server: there an
# ordinary login's option is dropped, or the connection refused
$node->append_conf('postgresql.conf', q{session_preload_libraries = 'rbac'});
$node->restart;
answers('ann', "$me; $seen", undef, "ann\ns1", 'session_preload_libraries: ordinary login');
like(answers('ann', "$me; $seen", '-c rbac.member=bob', "ann\ns1", 'session_preload_libraries: option of an ordinary login'),
	$dropped, 'session_preload_libraries: told so');
answers('ann', "SET rbac.member = 'bob'; $me", undef, 'ann', 'session_preload_libraries: SET');
answers('app', "$me; $seen", '-c rbac.member=bob', "bob\ns2", 'session_preload_libraries: option of a login that may');
answers('app', "SET rbac.member = 'ann'; $me; $seen", undef, "ann\ns1", 'session_preload_libraries: SET by a login that may');
$node->adjust_conf('postgresql.conf', 'session_preload_libraries', undef);
$node->append_conf('postgresql.conf', q{shared_preload_libraries = 'rbac'});
$node->restart;
answers('ann', "$me; $seen", undef, "ann\ns1", 'shared_preload_libraries: ordinary login');
{
	# not by ask(): psql does not read what it is to run
	local $ENV{PGOPTIONS} = '-c rbac.member=bob';
	my (undef, $err) = run_command([ 'psql', '-X', '-U', 'ann', '-d', $node->connstr('postgres'), '-c', $me ]);
	like($err, qr/permission denied to set parameter "rbac.member"/, 'shared_preload_libraries: option of an ordinary login');
}
answers('app', "$me; $seen", '-c rbac.member=bob', "bob\ns2", 'shared_preload_libraries: option of a login that may');

done_testing();
