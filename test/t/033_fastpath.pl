# Functions that a client calls by their OID, as libpq's PQfn() does: there is no
# expression then that tells what the arguments are.
use strict;
use warnings;

use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION rbac;
CREATE ROLE mallory LOGIN;
INSERT INTO rbac.organizations (name) VALUES ('acme');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'alice', 'Admin');
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', '42', 'acme');
SQL

my $socket;

# The next message that the server sends: its type and contents.
sub receive
{
	read($socket, my $head, 5) == 5 or return ('gone', '');
	my ($type, $length) = unpack('a N', $head);
	read($socket, my $body, $length - 4) if $length > 4;
	return ($type, $body // '');
}

sub wait_until_ready
{
	while (1)
	{
		my ($type) = receive();
		return $type if $type eq 'Z' || $type eq 'gone';
	}
}

sub connect_as
{
	my $user = shift;
	$socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) or die "cannot connect: $!";
	binmode $socket;
	my $startup = pack('N', 196608) . "user\0$user\0database\0postgres\0\0";
	print $socket pack('N', 4 + length $startup) . $startup;
	$socket->flush;
	return wait_until_ready();
}

# Call by OID with binary arguments (undef: NULL); what comes back, as hex, or the
# error's SQLSTATE.
sub call
{
	my ($signature, @arguments) = @_;
	my $oid = $node->safe_psql('postgres', "SELECT '$signature'::regprocedure::oid");
	my $message = pack('N n n n', $oid, 1, 1, scalar @arguments);
	$message .= defined $_ ? pack('N', length $_) . $_ : pack('N', 0xFFFFFFFF) for @arguments;
	$message .= pack('n', 1);
	print $socket 'F' . pack('N', 4 + length $message) . $message;
	$socket->flush;

	my $result = '';
	while (1)
	{
		my ($type, $body) = receive();
		return $result if $type eq 'Z';
		return 'connection lost' if $type eq 'gone';
		$result = unpack('H*', substr($body, 4)) if $type eq 'V';
		($result) = $body =~ /\0C([^\0]+)\0/ if $type eq 'E';
	}
}

my $bigint = pack('q>', 42);
my $uuid = pack('H*', '01000000000000000000000000000000');

is(connect_as('mallory'), 'Z', 'connected');
is(call('rbac.has_scope(text,bigint,rbac.scope)', 'alice', $bigint, 'stack:read'), '01', 'has_scope, bigint');
is(call('rbac.has_scope(text,text,rbac.scope)', 'alice', '42', 'stack:read'), '01', 'has_scope, text');
is(call('rbac.has_scope(text,uuid,rbac.scope)', 'alice', $uuid, 'stack:read'), '00', 'has_scope, uuid');
is(call('rbac.has_scope(text,rbac.scope)', '42', 'stack:read'), '00', 'has_scope for the login');
is(call('rbac.row_has_scope(text,text,rbac.scope,text,text,jsonb)', 'alice', 'x', 'stack:read', 'acme', undef, undef), '01', 'row_has_scope, text');
is(call('rbac.row_has_scope(text,bigint,rbac.scope,text,text,jsonb)', 'alice', $bigint, 'stack:read', 'acme', undef, undef), '01', 'row_has_scope, bigint');
is(call('rbac.row_has_scope(text,uuid,rbac.scope,text,text,jsonb)', 'alice', $uuid, 'stack:read', 'acme', undef, undef), '01', 'row_has_scope, uuid');
is(call('rbac.row_has_scope(text,bigint,rbac.scope,text,text,jsonb)', 'alice', $bigint, 'stack:read', 'other', undef, undef), '00', 'row_has_scope, elsewhere');
like(call('rbac.row_has_scope(text,"any",rbac.scope,"any","any",jsonb)', 'alice', $bigint, 'stack:read', 'acme', undef, undef), qr/^(42P18|0A000|42883)$/, '"any" cannot be called so');
is(call('rbac.scopes_on(text,text,text)', 'alice', 'stack', '42'), '42501', 'about others not even so');
is(call('rbac.invalidate()'), '42501', 'trigger functions are nobody\'s');
is(call('rbac.has_scope(text,text,rbac.scope)', 'alice', '42', 'stack:raed'), '42704', 'a scope is looked up');
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server is there');

$socket->close;
$node->stop;
done_testing();
