# Values that no honest client sends: garbage in the binary formats, strings as long as can
# be, and bytes that mean nothing, in databases of several encodings.  Whatever comes
# of it, the server lives, and nothing was taken for what it is not.
#
# HOSTILE_MEGABYTES=300 for strings of that length, HOSTILE_SEED=n for other garbage,
# HOSTILE_ROUNDS=n for n times as much.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $megabytes = $ENV{HOSTILE_MEGABYTES} // 4;
my $seed = $ENV{HOSTILE_SEED} // 1;
my $rounds = $ENV{HOSTILE_ROUNDS} // 1;
srand($seed);
diag("HOSTILE_SEED=$seed");

my $superuser = getpwuid $>;	# as initdb names it
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = off\njit = off");
$node->start;
my $world = q{
	CREATE EXTENSION rbac;
	INSERT INTO rbac.organizations (name) VALUES ('acme');
	INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'alice', 'Admin');
	INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'web', 'acme');
	CREATE TABLE sets (s rbac.scopeset);
	CREATE TABLE scopes (s rbac.scope);
	CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		answer text;
	BEGIN
		EXECUTE statement INTO answer;
		RETURN left(coalesce(answer, 'NULL'), 30);
	EXCEPTION WHEN OTHERS THEN
		RETURN sqlstate;
	END $$;
	GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
};
$node->safe_psql('postgres', "$world CREATE ROLE mallory LOGIN");
my $postmaster = slurp_file($node->data_dir . '/postmaster.pid');

# ---- COPY BINARY

my $file = "$PostgreSQL::Test::Utils::tmp_check/garbage";

sub copy_binary
{
	my ($table, @values) = @_;
	open my $out, '>:raw', $file or die "$file: $!";
	print $out "PGCOPY\n\xff\r\n\0", pack('N N', 0, 0), (map { pack('n N', 1, length $_) . $_ } @values), pack('n', 0xFFFF);
	close $out;
	my ($rc, $stdout, $stderr) = $node->psql('postgres', "\\copy $table from '$file' (format binary)", extra_params => [ '-U', 'mallory' ]);
	return $stderr =~ /ERROR:  (.*)/ ? $1 : $stderr eq '' ? 'ok' : $stderr;
}

sub name { my $n = shift; return pack('C', length $n) . $n }
my $good = pack('C N', 0, 2) . name('stack:read') . name('stack:write');
is(copy_binary('sets', $good), 'ok', 'a set as it should be');
my %bad = (
	'nothing' => '',
	'flags only' => "\0",
	'flags that are reserved' => pack('C N', 1, 0),
	'a count without names' => pack('C N', 0, 1),
	'the greatest count' => pack('C N', 0, 0xFFFFFFFF),
	'a count that overflows' => pack('C N', 0, 0x80000000) . name('stack:read'),
	'a name of no length' => pack('C N C', 0, 1, 0),
	'a name longer than what there is' => pack('C N C', 0, 1, 255) . 'stack:read',
	'one twice' => pack('C N', 0, 2) . name('stack:read') x 2,
	'the wrong order' => pack('C N', 0, 2) . name('stack:write') . name('stack:read'),
	'more than was counted' => $good . 'x',
	'a name that no scope has' => pack('C N', 0, 1) . name('stack:dance'),
	'a name with a zero byte' => pack('C N', 0, 1) . name("stack:re\0d"),
	'a name in another form' => pack('C N', 0, 1) . name('Stack:read'),
	'bytes of no encoding' => pack('C N', 0, 1) . name("stack:\xff\xfe"));
for my $how (sort keys %bad)
{
	isnt(copy_binary('sets', $bad{$how}), 'ok', "scopeset: $how is refused");
	unlike(copy_binary('sets', $bad{$how}), qr/internal|cache lookup|invalid memory|server closed/, "scopeset: $how is refused with a reason");
}
isnt(copy_binary('scopes', $_), 'ok', 'scope: garbage is refused') for '', "\0", 'stack', "stack:read\0", "stack:\xff", 'stack:dance', 'x' x 100000;

# Good sets with some bytes changed, many in one function, which says how many were taken.
my @garbage = map {
	my $g = $good;
	substr($g, int rand length $g, 1) = chr int rand 256 for 0 .. int rand 3;
	$g = substr $g, 0, int rand length $g if rand() < 0.2;
	$g
} 1 .. 500 * $rounds;
open my $sql, '>:raw', "$file.sql" or die "$file.sql: $!";
print $sql "BEGIN;\n";
for my $i (0 .. $#garbage)
{
	open my $out, '>:raw', "$file.$i" or die "$file.$i: $!";
	print $out "PGCOPY\n\xff\r\n\0", pack('N N n N', 0, 0, 1, length $garbage[$i]), $garbage[$i], pack('n', 0xFFFF);
	close $out;
	print $sql "SAVEPOINT a;\n\\copy sets from '$file.$i' (format binary)\nROLLBACK TO a;\n";
}
print $sql "ROLLBACK;\nSELECT 'alive';\n";
close $sql;
my ($rc, $out, $err) = $node->psql('postgres', undef, extra_params => [ '-U', 'mallory', '-f', "$file.sql" ], on_error_stop => 0);
like($out, qr/alive$/, 'sets with bytes changed: the session lives');
unlike($err, qr/XX000|internal error|invalid memory alloc|unexpected/, 'and refuses with a reason');
my $refused = () = $err =~ /ERROR:/g;
cmp_ok($refused, '>', @garbage / 2, 'most are refused');
unlink glob "$file*";

# ---- long strings

my $long = "repeat('x', $megabytes * 1000000)";
my @calls = (
	"rbac.has_scope($long, 'web', 'stack:read')", "rbac.has_scope('alice', $long, 'stack:read')", "rbac.has_scope('alice', 'web', $long)",
	"rbac.row_has_scope('alice', $long, 'stack:read', $long, $long, jsonb_build_object('a', $long))", "rbac.row_has_scope('alice', 'web', 'stack:read', 'acme', $long)",
	"('{' || repeat('stack:read,', $megabytes * 100000) || 'stack:read}')::rbac.scopeset", "array_fill('stack:read'::text, ARRAY[$megabytes * 100000])::rbac.scopeset",
	"('{' || $long || '}')::rbac.scopeset", "rbac.explain('alice', $long, 'stack:read')", "rbac.scopes_on('alice', $long, 'web')", "rbac.scopes_on($long, 'stack', $long)",
	"rbac.members_with_scope($long, 'stack:read')", "rbac.entities_with_scope('alice', 'stack:read', $long)", "rbac.role_scopes($long)", "rbac.is_name($long)", "rbac.is_slug($long || '/')",
	"rbac.is_my_role($long)", "rbac.is_my_team('acme/' || $long)", "rbac.may_manage_access('acme', $long, $long)", "rbac.rename('organization', $long, 'x')", "rbac.rename('organization', 'acme', $long)",
	"rbac.rename($long, 'acme', 'x')", "rbac.export($long)", "rbac.apply(rbac.export('acme') || jsonb_build_object('organization', $long))",
	"rbac.apply(rbac.export('acme') || jsonb_build_object('members', jsonb_build_array(jsonb_build_object('name', $long, 'role', 'Member'))))",
	"rbac.apply((repeat('{\"a\":', 4000) || '1' || repeat('}', 4000))::jsonb)",
	"rbac.apply(rbac.export('acme') || jsonb_build_object('roles', jsonb_build_array(jsonb_build_object('name', './r', 'rules', jsonb_build_array("
	  . "jsonb_build_object('permission_set', 'Stack Read', 'condition', '\$' || repeat('.a', 100000) || ' == 1'))))))",
	"rbac.act_as($long)", "set_config('rbac.member', $long, true)", "rbac.current_member()", "rbac.has_scope('web', 'stack:read')", "set_config('rbac.member', '', true)");
for my $login ($superuser, 'mallory')
{
	my $queries = join '', map { my $q = $_ =~ s/'/''/gr; "SELECT outcome('SELECT $q');\n" } @calls;
	($rc, $out, $err) = $node->psql('postgres', "SELECT pg_backend_pid();\nBEGIN;\n$queries\nROLLBACK;\nSELECT pg_backend_pid()", extra_params => [ '-U', $login ], on_error_stop => 0);
	my ($first, @answers) = split /\n/, $out;
	is(pop @answers, $first, "strings of $megabytes MB, $login: the session lives");
	is(scalar @answers, scalar @calls, "strings of $megabytes MB, $login: all are answered");
	is(join(' ', grep { /^XX/ } @answers), '', "strings of $megabytes MB, $login: no internal error");
}

# ---- encodings

# In each, bytes of a name; whether it can be one.
my %names = (
	SQL_ASCII => { "caf\xe9" => 1, "\xff\xfe" => 1, "caf\xc3" => 1, "a\x9bb" => 1, "a\x1bb" => 0, "\xc2\x9b" => 1 },
	LATIN1 => { "caf\xe9" => 1, "\xff\xfe" => 1, "caf\xc3" => 1, "a\x9bb" => 0, "a\x80b" => 0, "a\xa0b" => 1, "a\x1bb" => 0 },
	WIN1252 => { "caf\xe9" => 1, "\x80" => 1, "a\x1bb" => 0 },
	EUC_JP => { "caf\xe9" => 0, "\xa4\xa2" => 1, "\xa4" => 0, "\x8e\xb1" => 1 },
	UTF8 => { "caf\xe9" => 0, "caf\xc3\xa9" => 1, "\xc2\x9b" => 0, "\xc0\xaf" => 0, "\xed\xa0\x80" => 0, "\xf4\x90\x80\x80" => 0, "\xe2\x80\xae" => 1 });
for my $encoding (sort keys %names)
{
	my $database = lc $encoding;
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' TEMPLATE template0 LOCALE 'C'");
	local $ENV{PGCLIENTENCODING} = $encoding;
	$node->safe_psql($database, $world);
	for my $name (sort keys %{ $names{$encoding} })
	{
		my $escaped = join '', map { sprintf '\\x%02x', ord } split //, $name;
		my $literal = "E'$escaped'";
		my $shown = "$encoding $escaped";
		($rc, $out, $err) = $node->psql($database, "INSERT INTO rbac.organizations (name) VALUES ($literal)", on_error_stop => 0);
		is($err eq '' ? 1 : 0, $names{$encoding}{$name}, "$shown " . ($names{$encoding}{$name} ? 'is a name' : 'is none')) or diag $err;
		next unless $names{$encoding}{$name};
		is( $node->safe_psql($database, qq{
				INSERT INTO rbac.members (organization, member, role) VALUES ($literal, $literal, 'Admin');
				INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', $literal, $literal);
				SET rbac.member = $literal;
				SELECT rbac.has_scope($literal, 'stack:read') AND rbac.current_member() = $literal
					AND rbac.export($literal) ->> 'organization' = $literal
					AND (SELECT count(*) FROM rbac.apply(rbac.export($literal))) = 0
					AND (SELECT old_row IS NULL AND new_row ->> 'entity' IS NULL AND new_row ->> 'member' = $literal FROM rbac.audit_log WHERE table_name = 'members' ORDER BY id DESC LIMIT 1)}),
			't', "$shown means the same everywhere");
		# a message is not cut inside of a character
		like(($node->psql($database, "SELECT rbac.role_scopes(repeat('x', 254) || $literal || $literal)", on_error_stop => 0))[2],
			qr/ERROR:  role "x{254}/, "$shown in a message");
	}
}

is(slurp_file($node->data_dir . '/postmaster.pid'), $postmaster, 'the server has not been restarted');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, 'and nothing in it has crashed');

done_testing();
