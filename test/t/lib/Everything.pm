# A database with everything that an application can have of rbac, and all that can
# be asked about it, to see that it is the same after a dump or an upgrade.
package Everything;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(create_roles create_everything dump_text everything same_everything);

sub create_roles
{
	my ($node) = @_;
	$node->safe_psql('postgres', q{
		CREATE ROLE web LOGIN;
		CREATE ROLE chief LOGIN;
		GRANT SET ON PARAMETER rbac.member TO web});
	return;
}

sub create_everything
{
	my ($node, $database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, slurp_file(__FILE__ =~ s|lib/[^/]*$|everything.sql|r));
	return;
}

# Every answer, one line for each that is yes.
my $answers = q{
	SELECT count(*) FROM app.questions;
	SELECT member, entity, scope FROM app.questions WHERE rbac.has_scope(member, entity, scope::text) ORDER BY member, entity, scope::text};

# Every row, of the extension's tables and the application's.
my $rows = q{
	SELECT c.oid::regclass, string_agg(row, E'\n' ORDER BY row COLLATE "C")
	FROM pg_class c, LATERAL (SELECT unnest(xpath('//r/text()', query_to_xml(format('SELECT t::text AS r FROM %s t', c.oid::regclass), false, false, '')))::text AS row) r
	WHERE relnamespace IN ('rbac'::regnamespace, 'app'::regnamespace) AND relkind IN ('r', 'm') AND relname <> 'questions'
	GROUP BY c.oid ORDER BY c.oid::regclass::text};

# What guards the tables, and what is dumped of the extension's.
my $catalog = q{
	SELECT oid::regclass, relkind, relrowsecurity, relforcerowsecurity, relacl
	FROM pg_class WHERE relnamespace IN ('rbac'::regnamespace, 'app'::regnamespace) AND relkind <> 'i' ORDER BY oid::regclass::text;
	SELECT * FROM pg_policies ORDER BY schemaname, tablename, policyname;
	SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname;
	SELECT extversion, extnamespace::regnamespace FROM pg_extension WHERE extname = 'rbac';
	SELECT c::regclass, condition FROM pg_extension, unnest(extconfig, extcondition) AS u (c, condition) WHERE extname = 'rbac' ORDER BY c::regclass::text};

# What a web request sees, and may do.
my $web = q{SELECT member, entity, scope FROM app.questions ORDER BY member, entity, scope::text;};
$web .= join '', map { "SET rbac.member = '$_'; SELECT '$_', string_agg(id, ',' ORDER BY id), (SELECT count(*) FROM app.hearths), (SELECT count(*) FROM rbac.team_members) FROM app.kilns;\n" }
	qw(ann bob boss cy robot old nobody);
$web .= q{
	\set VERBOSITY sqlstate
	SET rbac.member = 'nobody';
	INSERT INTO app.kilns (id) VALUES ('n');
	SET rbac.member = 'boss';
	BEGIN;
	INSERT INTO app.kilns (id) VALUES ('n');
	UPDATE app.kilns SET list = '{}' WHERE id = 'k1' RETURNING id;
	UPDATE app.kilns SET gives = '{stack:read}' WHERE id = 'k1';
	ROLLBACK;
	INSERT INTO app.kilns (id, gives) VALUES ('n', '{zzz:last}');
	SET rbac.member = 'bob';
	UPDATE app.kilns SET list = '{}' RETURNING id;
	SET rbac.member = 'ann';
	BEGIN;
	UPDATE app.hearths SET note = 'hot' RETURNING id;
	UPDATE app.hearths SET org = 'acme' WHERE id = 3;
	ROLLBACK;
	INSERT INTO app.hearths VALUES (4, 'globex', 'cy');
	BEGIN;
	DELETE FROM rbac.team_members WHERE member = 'crew token' RETURNING member;
	ROLLBACK;
	SELECT FROM rbac.members;
};

# That the application's own objects work as before.
my $objects = q{
	SET search_path = rbac;
	\set VERBOSITY sqlstate
	SELECT * FROM app.hot ORDER BY 1;
	SELECT *, app.cools(), app.cools(gives) FROM app.stored;
	INSERT INTO app.kilns (id, needs) VALUES ('d', 'stack:bake') RETURNING *;
	INSERT INTO app.parts VALUES ('aaa:first', 9), ('stack:read', 9), ('kiln:cool', 9);
	SELECT tableoid::regclass, what FROM app.parts WHERE n = 9 ORDER BY 1;
	INSERT INTO app.notes DEFAULT VALUES RETURNING *;
	INSERT INTO app.kilns (id, domain) VALUES ('e', 'zzz:last');
	INSERT INTO app.kilns (id, needs) VALUES ('e', 'kiln:frie');
	SET enable_seqscan = off;
	SELECT string_agg(id, ',' ORDER BY id) FROM app.kilns WHERE gives @> 'kiln:fire'::scope;
	SELECT string_agg(id, ',' ORDER BY id) FROM app.kilns WHERE gives @> '{aaa:first,kiln:cool}'::scopeset;
	SELECT string_agg(id, ',' ORDER BY id) FROM app.kilns WHERE needs = 'kiln:fire'::scope;
	SELECT * FROM rbac.protected_tables ORDER BY relation::text;
	UPDATE app.hearths SET id = id + 10, "ta""gs" = '{"x": 1}' WHERE id < 3;
	INSERT INTO app.hearths VALUES (5, 'globex');
	DELETE FROM app.hearths WHERE id = 3;
	SELECT * FROM rbac.entities WHERE entity_type = 'oven' ORDER BY entity;
	INSERT INTO app.hearths VALUES (6, 'nowhere');
};

# That the model is still guarded, and its sequences go on.
my $model = q{
	\set VERBOSITY sqlstate
	DELETE FROM rbac.scopes WHERE name = 'kiln:fire';
	DELETE FROM rbac.scopes WHERE name = 'stack:read';
	DELETE FROM rbac.permission_sets WHERE name = 'acme/Bake';
	INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Mixed', 'oven', '{kiln:fire}');
	INSERT INTO rbac.team_members (team, member) VALUES ('acme/Idle', 'crew token');
	INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Baker', 'Stack Read') RETURNING id, entity_type;
	INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Kiln All', 'k1', 'acme/Crew') RETURNING id, entity_type;
	INSERT INTO rbac.members (organization, member) VALUES ('globex', 'new') RETURNING role;
	SELECT id, command, new_row FROM rbac.audit_log ORDER BY id DESC LIMIT 1;
	SELECT rbac.has_scope('crew token', 'k1', 'kiln:cool');
	DELETE FROM rbac.entity_grants WHERE team = 'acme/Crew';
	SELECT rbac.has_scope('crew token', 'k1', 'stack:bake');
	DELETE FROM rbac.audit_log;
};

# Without the random word that it may have in it.
sub dump_text
{
	my ($node, $database, @options) = @_;
	my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr($database), @options ]);
	return $dump =~ s/^\\(un)?restrict .*\n//mgr;
}

# All of this, by name, and a dump.  What is asked moves sequences on, so a copy of
# the database is.
sub everything
{
	my ($node, $database) = @_;
	my %told = (dump => dump_text($node, $database));
	$node->safe_psql('postgres', "CREATE DATABASE asked TEMPLATE $database");
	for ([ answers => $answers ], [ rows => $rows ], [ catalog => $catalog ], [ web => $web, '-U', 'web' ], [ objects => $objects ], [ model => $model ])
	{
		my ($what, $sql, @login) = @$_;
		my ($rc, $out, $err) = $node->psql('asked', $sql, extra_params => \@login, on_error_stop => 0);
		$told{$what} = "$out\n$err";
	}
	$node->safe_psql('postgres', 'DROP DATABASE asked');
	return \%told;
}

# If not, some of the lines that differ; if there are none, the order does.
sub same_everything
{
	my ($node, $database, $before, $how) = @_;
	my $after = everything($node, $database);
	for my $what (sort keys %$before)
	{
		my %count;
		$count{$_}++ for split /\n/, $after->{$what};
		$count{$_}-- for split /\n/, $before->{$what};
		my @differing = map { ($count{$_} > 0 ? "only after:  $_" : "only before: $_") } grep { $count{$_} } sort keys %count;
		splice @differing, 10, @differing, '...' if @differing > 10;
		ok($after->{$what} eq $before->{$what}, "$how: the same $what") or diag join "\n", @differing;
	}
	return;
}

1;
