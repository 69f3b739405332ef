# The binary form of rbac.scope and rbac.scopeset: COPY BINARY there and back,
# and forged files; and what else of their input psql cannot show in any encoding
# and version.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION rbac;
	INSERT INTO rbac.scopes (name, entity_type)
		SELECT s, 'stack' FROM unnest(ARRAY['aaa:first', 'app:read', 'zzz:last', 'zzz:' || repeat('z', 251)]) s;
	CREATE TABLE sets (s rbac.scopeset);
	CREATE TABLE scopes (s rbac.scope);
});

my $file = $node->basedir . '/binary';

# A binary COPY file of rows with one column, undef for NULL.
sub write_rows
{
	my @rows = @_;
	my $content = "PGCOPY\n\xff\r\n\0" . pack('NN', 0, 0);
	$content .= pack('n', 1) . (defined $_ ? pack('N/a*', $_) : pack('N', 0xffffffff)) for @rows;
	$content .= pack('n', 0xffff);
	open(my $fh, '>:raw', $file) or die "$file: $!";
	print $fh $content;
	close $fh;
	return;
}

# The binary form of a set of these names, in this order.
sub set
{
	my @names = @_;
	return pack('CN', 0, scalar @names) . join('', map { pack('C/a*', $_) } @names);
}

# Reads the file into an empty table; returns the rows and the error.
sub copy_in
{
	my ($table, $settings) = @_;
	my ($rc, $out, $err) = $node->psql('postgres',
		($settings // '') . qq{
		\\set VERBOSITY verbose
		BEGIN;
		TRUNCATE $table;
		COPY $table FROM '$file' (FORMAT binary);
		SELECT coalesce(s::text, 'NULL') FROM $table;
		ROLLBACK});
	return ($out, $err);
}

sub accepted
{
	my ($table, $bytes, $expected, $name) = @_;
	write_rows($bytes);
	my ($out, $err) = copy_in($table);
	is("$out$err", $expected, $name);
	return;
}

sub refused
{
	my ($table, $bytes, $code, $detail, $name) = @_;
	write_rows($bytes);
	my ($out, $err) = copy_in($table);
	like($err, qr/ERROR:  $code: .*$detail/s, $name);
	return;
}

# there and back
$node->safe_psql('postgres', q{
	INSERT INTO sets SELECT rbac.scopeset_agg(name) FROM rbac.scopes;
	INSERT INTO sets SELECT name::rbac.scope FROM rbac.scopes;
	INSERT INTO sets VALUES ('{}'), (NULL), ('{aaa:first,stack:read,zzz:last}');
	INSERT INTO sets SELECT rbac.scopeset_agg(name) FROM rbac.scopes GROUP BY length(name);
});
$node->safe_psql('postgres', qq{COPY sets TO '$file' (FORMAT binary)});
is( $node->safe_psql(
		'postgres', qq{
	CREATE TABLE again (s rbac.scopeset);
	COPY again FROM '$file' (FORMAT binary);
	SELECT count(*) > 180, (SELECT count(*) FROM (SELECT s::text FROM sets EXCEPT ALL SELECT s::text FROM again) x),
		(SELECT count(*) FROM (SELECT rbac.scopeset_send(s) FROM again EXCEPT ALL SELECT rbac.scopeset_send(s) FROM sets) x) FROM again}),
	't|0|0',
	'sets survive a binary round trip');
$node->safe_psql('postgres', qq{
	INSERT INTO scopes SELECT name::rbac.scope FROM rbac.scopes;
	COPY scopes TO '$file' (FORMAT binary)});
is( $node->safe_psql(
		'postgres', qq{
	CREATE TABLE scopes_again (s rbac.scope);
	COPY scopes_again FROM '$file' (FORMAT binary);
	SELECT count(*) > 170, (SELECT count(*) FROM (TABLE scopes EXCEPT ALL TABLE scopes_again) x) FROM scopes_again}),
	't|0',
	'scopes survive a binary round trip');

# the writer of this test agrees with the server
is( $node->safe_psql('postgres', q{SELECT encode(rbac.scopeset_send('{zzz:last,stack:read,aaa:first}'), 'hex')}),
	unpack('H*', set('aaa:first', 'stack:read', 'zzz:last')),
	'binary form as expected');

# sets, good and forged
my $longest = 'zzz:' . 'z' x 251;
accepted('sets', set(), '{}', 'empty set');
accepted('sets', undef, 'NULL', 'NULL');
accepted('sets', set('stack:read'), '{stack:read}', 'one built-in scope');
accepted('sets', set('aaa:first', 'stack:read', 'stack:write', $longest), "{aaa:first,stack:read,stack:write,$longest}", 'mixed set');

my $malformed = '22P03';
my $early = 'ends too early';
my $order = 'not in strictly ascending order';
my $name = 'malformed name';
refused('sets', '', $malformed, $early, 'no bytes');
refused('sets', "\0", $malformed, $early, 'flags only');
refused('sets', "\0\0\0\0", $malformed, $early, 'half a count');
refused('sets', pack('CN', $_, 0), $malformed, 'flags', "flags $_") for (1, 2, 128, 255);
refused('sets', pack('CN', 0, 1), $malformed, $early, 'one name promised, none there');
refused('sets', pack('CN', 0, 2) . pack('C/a*', 'stack:read'), $malformed, $early, 'two names promised, one there');
refused('sets', pack('CN', 0, $_) . pack('C/a*', 'stack:read'), $malformed, $early, "$_ names promised")
	for (0x7fffffff, 0x80000000, 0xffffffff);
refused('sets', pack('CN', 0, 0) . pack('C/a*', 'stack:read'), $malformed, 'after the last name', 'more names than promised');
refused('sets', set('stack:read') . "\0", $malformed, 'after the last name', 'a byte too many');
refused('sets', substr(set('stack:read'), 0, -1), $malformed, $early, 'a byte too few');
refused('sets', pack('CN', 0, 1) . "\xffstack:read", $malformed, $early, 'a name longer than the value');
refused('sets', set('stack:write', 'stack:read'), $malformed, $order, 'descending');
refused('sets', set('stack:read', 'stack:read'), $malformed, $order, 'twice the same built-in scope');
refused('sets', set('app:read', 'app:read'), $malformed, $order, 'twice the same scope');
refused('sets', set('stack:read', 'aaa:first'), $malformed, $order, 'built-in scopes before others');
refused('sets', set('stack:read', 'zzz:last', 'stack:write'), $malformed, $order, 'unordered later on');
refused('sets', set($_), $malformed, $name, 'malformed: ' . unpack('H*', $_))
	for ('', 'stack', 'stack:', ':read', 'Stack:read', ' stack:read', "stack:read\0", "stack\0:read", "st\xe4ck:read", "st\xc3\xa4ck:read", '{stack:read}', "\xff" x 255);
refused('sets', set('stack:raed'), '42704', 'Perhaps you meant "stack:read"', 'an unregistered scope');
refused('sets', set('aaa:first', 'stack:read', 'stack:reader_of_tea_leaves'), '42704', 'stack:reader_of_tea_leaves', 'an unregistered scope among others');

# scopes, good and forged
accepted('scopes', 'stack:read', 'stack:read', 'a scope');
accepted('scopes', $longest, $longest, 'the longest scope');
accepted('scopes', undef, 'NULL', 'no scope');
refused('scopes', $_, '22P02', 'object:action', 'malformed: ' . $_) for ('', 'stack', 'Stack:read', ' stack:read', 'stack:read ', "st\xc3\xa4ck:read", $longest . 'z');
refused('scopes', $_, '22021', 'invalid byte sequence', 'not text: ' . unpack('H*', $_)) for ("stack:read\0", "st\xe4ck:read");
refused('scopes', 'stack:raed', '42704', 'Perhaps you meant "stack:read"', 'an unregistered scope');

# text that is not ASCII; here, since the encoding is known here
for my $literal ("st\xc3\xa4ck:read", "stack\xef\xbc\x9aread", "sta\xe2\x80\x8bck:read", "\xc2\xa0stack:read")
{
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT '$literal'::rbac.scope");
	like($err, qr/invalid scope name: "\Q$literal\E"/, 'scope ' . unpack('H*', $literal));
	($rc, $out, $err) = $node->psql('postgres', "SELECT '{$literal}'::rbac.scopeset");
	like($err, qr/invalid scope name: "\Q$literal\E"/, 'scopeset of ' . unpack('H*', $literal));
	($rc, $out, $err) = $node->psql('postgres', "SELECT '$literal\{}'::rbac.scopeset");
	like($err, qr/opening brace/, 'scopeset after ' . unpack('H*', $literal));
}
my $euro = "\xe2\x82\xac";
my (undef, undef, $clipped) = $node->psql('postgres', "SELECT repeat('$euro', 100)::rbac.scope");
like($clipped, qr/invalid scope name: "(?:$euro){85}\.\.\."/, 'a long text is clipped between characters');

# while a dump is loaded, names need not be registered
write_rows(set('not_yet:there', 'stack:read'));
is((copy_in('sets', 'SET check_function_bodies = off;'))[0], '{not_yet:there,stack:read}', 'unregistered, while a dump is loaded');
write_rows(set('not_yet:there', 'Stack:read'));
like((copy_in('sets', 'SET check_function_bodies = off;'))[1], qr/malformed name/, 'malformed, while a dump is loaded');

# errors that can be asked about, from 16 on
SKIP:
{
	skip 'no soft errors before PostgreSQL 16', 1 if $node->pg_version < 16;
	is( $node->safe_psql(
			'postgres', q[
		SELECT type, coalesce((pg_input_error_info(literal, 'rbac.' || type)).sql_error_code, 'valid')
		FROM unnest(ARRAY['scope', 'scopeset']) type,
			unnest(ARRAY['stack:read', 'stack:raed', 'Stack:read', 'app:read', '{stack:read', '{stack:read,stack:raed}', '{stack:read}']) literal]),
		join("\n",
			(map { "scope|$_" } qw(valid 42704 22P02 valid 22P02 22P02 22P02)),
			(map { "scopeset|$_" } qw(valid 42704 22P02 valid 22P02 42704 valid))),
		'soft errors');
}

done_testing();
