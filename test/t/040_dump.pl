# What has been dumped and restored gives the same answers, and dumps the same.
#
# The application's schema sorts before rbac, so that everything in it is there
# before the rows of rbac.scopes, which give its scopes their meaning.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $dir = $node->basedir;

$node->safe_psql('postgres', q{
	CREATE ROLE web LOGIN;
	GRANT SET ON PARAMETER rbac.member TO web;
	CREATE DATABASE source;
});

# the model: everything that an application can add to it
$node->safe_psql('source', q{
	CREATE EXTENSION rbac;
	INSERT INTO rbac.organizations VALUES ('acme', 'the first'), ('globex', NULL), ('Ünï "quoted" o''rg', NULL);
	INSERT INTO rbac.entity_types VALUES ('kiln', 'for firing'), ('oven', NULL);
	INSERT INTO rbac.scopes (name, entity_type, scope_group, description, toggle) VALUES
		('kiln:fire', 'kiln', 'Kilns', 'Fire it.', true), ('kiln:cool', 'kiln', NULL, NULL, false),
		('aaa:first', 'kiln', NULL, NULL, false), ('zzz:last', 'oven', NULL, NULL, false),
		('stack:bake', 'stack', NULL, 'An application adds to a built-in type.', false),
		('kiln:create', 'organization', NULL, NULL, true);
	INSERT INTO rbac.permission_sets (name, entity_type, scopes, description) VALUES
		('Kiln All', 'kiln', '{aaa:first,kiln:cool,kiln:fire}', 'shared'), ('Kiln None', 'kiln', '{}', NULL),
		('acme/Kiln Fire', 'kiln', '{kiln:fire}', NULL), ('acme/Bake', 'stack', '{stack:bake,stack:read}', NULL),
		('globex/Oven', 'oven', '{zzz:last}', NULL), ('Create', 'organization', '{kiln:create,stack:create}', NULL);
	INSERT INTO rbac.entity_type_settings VALUES ('stack', NULL, 'stack_access:update'), ('kiln', 'Kiln All', 'kiln:cool');
	INSERT INTO rbac.roles (name, all_scopes, description) VALUES
		('Potter', false, 'shared'), ('acme/Baker', false, NULL), ('acme/Boss', true, NULL), ('globex/Cook', false, NULL);
	INSERT INTO rbac.default_roles VALUES ('globex', 'globex/Cook');
	INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES
		('Potter', 'Kiln All', NULL, '$.hot == true'), ('Potter', 'Create', NULL, NULL),
		('acme/Baker', 'acme/Bake', NULL, NULL), ('acme/Baker', 'acme/Kiln Fire', 'k1', NULL),
		('acme/Baker', 'Environment Read', NULL, '$.tags[*] starts with "te" || $.n >= 1.50'), ('globex/Cook', 'globex/Oven', NULL, NULL);
	INSERT INTO rbac.members (organization, member, kind, role, expires_at) VALUES
		('acme', 'ann', 'user', 'Member', NULL), ('acme', 'bob', 'user', 'acme/Baker', '2999-12-31 23:59:59.123456+00'),
		('acme', 'old', 'user', 'Admin', '2000-01-01'), ('acme', 'boss', 'user', 'acme/Boss', NULL),
		('acme', 'robot', 'organization_token', 'Potter', 'infinity'), ('acme', 'crew token', 'team_token', 'Member', NULL),
		('globex', 'ann', 'user', 'globex/Cook', NULL), ('globex', 'cy', 'user', 'Potter', NULL),
		('Ünï "quoted" o''rg', 'zoë', 'user', 'Billing Manager', NULL);
	INSERT INTO rbac.teams (name, source, description) VALUES ('acme/Crew', 'rbac', NULL), ('acme/Idle', 'github', 'idle'), ('globex/Crew', 'rbac', NULL);
	INSERT INTO rbac.team_members (team, member, is_admin, expires_at) VALUES
		('acme/Crew', 'ann', true, NULL), ('acme/Crew', 'crew token', false, NULL), ('acme/Idle', 'bob', false, '2000-01-01'), ('globex/Crew', 'cy', false, NULL);
	INSERT INTO rbac.team_roles VALUES ('acme/Crew', 'Potter', NULL), ('acme/Idle', 'acme/Boss', NULL), ('globex/Crew', 'Admin', '2000-01-01');
	INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags) VALUES
		('kiln', 'k1', 'acme', NULL, '{"hot": true}'), ('kiln', 'k2', 'acme', 'ann', '{"hot": false, "n": 1.50}'), ('kiln', 'k3', 'globex', 'cy', NULL),
		('oven', 'o1', 'globex', NULL, NULL), ('stack', 'k1', 'acme', 'ann', NULL), ('stack', 's2', 'globex', NULL, NULL),
		('environment', 'e1', 'acme', NULL, '{"tags": ["test"]}'), ('environment', 'e2', 'acme', NULL, '{"n": 1.5}'), ('environment', 'e3', 'acme', NULL, '{"n": "1.5"}'),
		('insights_account', 'a1', 'acme', NULL, NULL), ('stack', E'odd \\\\ "\'', 'Ünï "quoted" o''rg', 'zoë', NULL);
	INSERT INTO rbac.entity_grants (permission_set, entity, team, organization, member, expires_at) VALUES
		('acme/Bake', 'k1', 'acme/Crew', NULL, NULL, NULL), ('Stack Write', 's2', NULL, 'globex', 'ann', NULL),
		('Kiln All', 'k3', NULL, 'globex', 'ann', '2000-01-01'), ('Kiln All', 'not registered', NULL, 'acme', 'bob', NULL);
	INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Account Read'), ('acme', 'acme/Bake');
	INSERT INTO rbac.organization_settings VALUES ('acme', 'kiln:fire'), ('acme', 'stack:create'), ('globex', 'kiln:create');
});

# the application: scopes of its own in every place where a dump can have them
$node->safe_psql('source', q{
	SET search_path = rbac;
	CREATE SCHEMA app;
	CREATE DOMAIN app.fire AS scope DEFAULT 'kiln:fire' CHECK (VALUE <> 'zzz:last'::scope);
	CREATE TYPE app.pair AS (one scope, many scopeset);
	CREATE TABLE app.kilns (
		id text PRIMARY KEY,
		needs scope NOT NULL DEFAULT 'kiln:fire',
		gives scopeset NOT NULL DEFAULT '{aaa:first,kiln:cool,stack:read}',
		domain app.fire,
		list scope[] DEFAULT '{kiln:cool,aaa:first}',
		pair app.pair DEFAULT ROW('kiln:cool', '{stack:bake}'),
		fires boolean GENERATED ALWAYS AS (gives @> 'kiln:fire'::scope) STORED,
		more scopeset GENERATED ALWAYS AS (gives | '{kiln:fire,stack:write}'::scopeset) STORED,
		CONSTRAINT no_last CHECK (NOT gives && '{zzz:last}'::scopeset),
		EXCLUDE USING hash (needs WITH =) WHERE (needs = 'zzz:last'::scope)
	);
	INSERT INTO app.kilns (id, needs, gives, domain) VALUES
		('k1', DEFAULT, DEFAULT, DEFAULT), ('k2', 'kiln:cool', '{kiln:fire,stack:bake}', 'aaa:first'),
		('k3', 'aaa:first', '{}', NULL), ('x', 'stack:read', '{aaa:first,environment:read,kiln:fire,stack:delete}', NULL);
	CREATE INDEX kilns_gin ON app.kilns USING gin (gives);
	CREATE INDEX kilns_btree ON app.kilns (needs, gives);
	CREATE INDEX kilns_partial ON app.kilns (id) WHERE gives @> '{aaa:first,kiln:cool}'::scopeset;
	CREATE INDEX kilns_expression ON app.kilns ((gives - '{kiln:cool}'::scopeset));
	CREATE STATISTICS app.kilns_statistics ON needs, gives FROM app.kilns;

	CREATE TABLE app.parts (what scope NOT NULL, n int) PARTITION BY LIST (what);
	CREATE TABLE app.parts_fire PARTITION OF app.parts FOR VALUES IN ('kiln:fire', 'stack:read');
	CREATE TABLE app.parts_rest PARTITION OF app.parts DEFAULT;
	INSERT INTO app.parts VALUES ('kiln:fire', 1), ('stack:read', 2), ('kiln:cool', 3), ('zzz:last', 4);

	CREATE VIEW app.hot AS SELECT id FROM app.kilns WHERE gives @> 'kiln:fire'::scope AND rbac.has_scope('boss', id, 'kiln:fire');
	CREATE MATERIALIZED VIEW app.stored AS SELECT scopeset_agg(needs) AS needs, union_agg(gives) AS gives FROM app.kilns WHERE needs <> 'zzz:last'::scope;
	CREATE FUNCTION app.cools(scopeset DEFAULT '{kiln:cool}') RETURNS boolean LANGUAGE sql IMMUTABLE
		BEGIN ATOMIC SELECT $1 @> 'kiln:cool'::scope; END;
	CREATE FUNCTION app.on_hot() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.id || ' hot'; RETURN NEW; END $$;
	CREATE TRIGGER on_hot BEFORE INSERT ON app.kilns FOR EACH ROW WHEN (NEW.needs = 'stack:bake'::scope) EXECUTE FUNCTION app.on_hot();
	CREATE RULE noted AS ON INSERT TO app.parts WHERE NEW.what = 'aaa:first'::scope DO INSTEAD NOTHING;

	ALTER TABLE app.kilns ENABLE ROW LEVEL SECURITY;
	CREATE POLICY reads ON app.kilns FOR SELECT USING (rbac.has_scope(id, 'kiln:fire'));
	CREATE POLICY inserts ON app.kilns FOR INSERT WITH CHECK (rbac.has_scope('acme', 'kiln:create'));
	CREATE POLICY updates ON app.kilns FOR UPDATE USING (rbac.has_scope(id, 'kiln:cool')) WITH CHECK (gives @> '{aaa:first}'::scopeset);

	CREATE TABLE app.hearths (id integer PRIMARY KEY, org text NOT NULL, "own er" text, "ta""gs" jsonb, note text);
	INSERT INTO app.hearths VALUES (1, 'acme', 'ann', '{"hot": true}', 'one'), (2, 'acme', NULL, NULL, NULL), (3, 'globex', 'cy', '{}', NULL);
	SELECT rbac.protect('app.hearths', 'oven', 'id', 'org', 'own er', 'ta"gs', select_scope => 'zzz:last', insert_scope => 'kiln:create',
		update_scope => 'zzz:last', transfer_scope => 'zzz:last', force => true);

	GRANT USAGE ON SCHEMA app TO web;
	GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA app TO web;
});

# Every answer, one line for each that is yes.
my $answers = q{
	SELECT m.member, e.entity, s.name
	FROM (SELECT DISTINCT member FROM rbac.members) m,
		(SELECT DISTINCT entity FROM (SELECT entity FROM rbac.entities UNION SELECT name FROM rbac.organizations UNION SELECT entity FROM rbac.entity_grants) e) e,
		rbac.scopes s
	WHERE rbac.has_scope(m.member, e.entity, s.name) ORDER BY 1, 2, 3};
# Every row, of the extension's tables and the application's.
my $rows = q{
	SELECT c.oid::regclass, string_agg(row, E'\n' ORDER BY row COLLATE "C")
	FROM pg_class c, LATERAL (SELECT unnest(xpath('//r/text()', query_to_xml(format('SELECT t::text AS r FROM %s t', c.oid::regclass), false, false, '')))::text AS row) r
	WHERE relnamespace IN ('rbac'::regnamespace, 'app'::regnamespace) AND relkind IN ('r', 'm')
	GROUP BY c.oid ORDER BY c.oid::regclass::text};

# What a web request sees, and may do.
my $web = join '', map { "SET rbac.member = '$_'; SELECT '$_', string_agg(id, ',' ORDER BY id) FROM app.kilns;\n" } qw(ann bob boss cy robot old nobody);
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
};

# That the application's own objects work as before.
my $objects = q{
	SET search_path = rbac;
	\set VERBOSITY sqlstate
	SELECT * FROM app.hot ORDER BY 1;
	SELECT *, app.cools(), app.cools(gives) FROM app.stored;
	BEGIN;
	INSERT INTO app.kilns (id, needs) VALUES ('d', 'stack:bake') RETURNING *;
	INSERT INTO app.parts VALUES ('aaa:first', 9), ('stack:read', 9), ('kiln:cool', 9);
	SELECT tableoid::regclass, what FROM app.parts WHERE n = 9 ORDER BY 1;
	ROLLBACK;
	INSERT INTO app.kilns (id, domain) VALUES ('d', 'zzz:last');
	INSERT INTO app.kilns (id, needs) VALUES ('d', 'kiln:frie');
	SET enable_seqscan = off;
	SELECT string_agg(id, ',' ORDER BY id) FROM app.kilns WHERE gives @> 'kiln:fire'::scope;
	SELECT string_agg(id, ',' ORDER BY id) FROM app.kilns WHERE gives @> '{aaa:first,kiln:cool}'::scopeset;
	SELECT string_agg(id, ',' ORDER BY id) FROM app.kilns WHERE needs = 'kiln:fire'::scope;
	SELECT * FROM rbac.protected_tables ORDER BY relation::text;
	BEGIN;
	UPDATE app.hearths SET id = id + 10, "ta""gs" = '{"x": 1}' WHERE id < 3;
	INSERT INTO app.hearths VALUES (5, 'globex');
	DELETE FROM app.hearths WHERE id = 3;
	SELECT * FROM rbac.entities WHERE entity_type = 'oven' ORDER BY entity;
	ROLLBACK;
	INSERT INTO app.hearths VALUES (6, 'nowhere');
	SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname;
};

# That the model is still guarded, and its sequences go on.
my $model = q{
	\set VERBOSITY sqlstate
	DELETE FROM rbac.scopes WHERE name = 'kiln:fire';
	DELETE FROM rbac.scopes WHERE name = 'stack:read';
	DELETE FROM rbac.permission_sets WHERE name = 'acme/Bake';
	INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Mixed', 'oven', '{kiln:fire}');
	INSERT INTO rbac.team_members (team, member) VALUES ('acme/Idle', 'crew token');
	BEGIN;
	INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Baker', 'Stack Read') RETURNING id, entity_type;
	INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Kiln All', 'k1', 'acme/Crew') RETURNING id, entity_type;
	INSERT INTO rbac.members (organization, member) VALUES ('globex', 'new') RETURNING role;
	SELECT rbac.has_scope('crew token', 'k1', 'kiln:cool');
	DELETE FROM rbac.entity_grants WHERE team = 'acme/Crew';
	SELECT rbac.has_scope('crew token', 'k1', 'stack:bake');
	ROLLBACK;
};

# All of this, and a dump, without the random word that newer versions put into it.
sub everything
{
	my ($database) = @_;
	my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr($database) ]);
	my %result = (dump => join "\n", grep { !/^\\(un)?restrict / } split /\n/, $dump);
	for ([ answers => $answers ], [ rows => $rows ], [ objects => $objects ], [ model => $model ], [ web => $web, '-U', 'web' ])
	{
		my ($name, $sql, @login) = @$_;
		my ($rc, $out, $err) = $node->psql($database, $sql, extra_params => \@login, on_error_stop => 0);
		$result{$name} = "$out\n$err";
	}
	return \%result;
}

# If not, some of the lines that differ; if there are none, the order does.
sub same
{
	my ($database, $before, $how) = @_;
	my $after = everything($database);
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

# Into a new database; then it is to be as the source was.
sub restore
{
	my ($database, $how, @command) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	return ok(run_log(\@command), "$how: restored");
}

sub psql_file
{
	my ($database, $file) = @_;
	return ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr($database), '-f', $file);
}

# before anything is asked, since asking moves sequences on
my $source = $node->connstr('source');
$node->command_ok([ 'pg_dump', '-d', $source, '-f', "$dir/plain.sql" ], 'plain dump');
$node->command_ok([ 'pg_dump', '-d', $source, '-Fc', '-f', "$dir/custom.dump" ], 'custom dump');
$node->command_ok([ 'pg_dump', '-d', $source, '--data-only', '-f', "$dir/data.sql" ], 'dump of the data only');
my $before = everything('source');

# there is something to compare
cmp_ok($before->{answers} =~ tr/\n//, '>', 300, 'many a yes');
like($before->{answers}, qr/^$_$/m, $_) for 'ann\|k1\|stack:bake', 'cy\|k3\|aaa:first', 'robot\|k1\|kiln:cool', 'bob\|e1\|environment:read', 'ann\|o1\|zzz:last';
is($before->{web}, q{ann|k1,k2
bob|k1,k2
boss|k1,k2
cy|k3
robot|k1
old|
nobody|
k1
3
psql:<stdin>:11: ERROR:  42501
psql:<stdin>:16: ERROR:  42501
psql:<stdin>:18: ERROR:  23514
psql:<stdin>:24: ERROR:  42501
psql:<stdin>:26: ERROR:  42501}, 'what is seen through policies');
like($before->{objects}, qr/^k2\n\{aaa:first,.*\|t\|t\nd hot\|stack:bake\|.*\napp.parts_fire\|stack:read\napp.parts_rest\|kiln:cool\nk2,x\nk1\nk1\napp.hearths\|oven\|id\|org\|own er\|ta"gs\|zzz:last\|kiln:create\|.*\noven\|11\|acme\|ann\|\{"x": 1\}\noven\|12\|.*23514\n.*42704\n.*23503$/s, 'what uses scopes');
is($before->{model}, q{7|stack
5|kiln
globex/Cook
t
t
psql:<stdin>:3: ERROR:  23503
psql:<stdin>:4: ERROR:  42501
psql:<stdin>:5: ERROR:  23503
psql:<stdin>:6: ERROR:  23514
psql:<stdin>:7: ERROR:  23505}, 'what guards the model');

restore('plain', 'plain', psql_file('plain', "$dir/plain.sql")) and same('plain', $before, 'plain');

# What was restored is dumped and restored once more.  In one job: for several,
# pg_restore does not order the rows of an extension's tables by their foreign keys.
if (restore('custom', 'custom', 'pg_restore', '-e', '-d', $node->connstr('custom'), "$dir/custom.dump"))
{
	$node->command_ok([ 'pg_dump', '-d', $node->connstr('custom'), '-Fd', '-j', '2', '-f', "$dir/directory" ], 'directory dump');
	same('custom', $before, 'custom');
	restore('again', 'again', 'pg_restore', '-e', '-d', $node->connstr('again'), "$dir/directory") and same('again', $before, 'again');
}

# data only, into the same schema with a fresh extension
restore('data', 'data only, the schema', 'pg_restore', '-e', '--schema-only', '-d', $node->connstr('data'), "$dir/custom.dump");
$node->command_ok([ psql_file('data', "$dir/data.sql") ], 'data only: restored');
$node->safe_psql('data', 'REFRESH MATERIALIZED VIEW app.stored');
same('data', $before, 'data only');

done_testing();
