# Other servers that are fed by logical replication, in text and in binary, and
# answer for themselves: prepared, refusing to be written, updated, taking over.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib "$FindBin::Bin/lib";
use OwnExtension;
use Session;

# Servers that can get a next version, made up here.
sub server
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', "autovacuum = off\nmax_prepared_transactions = 5\nlogical_decoding_work_mem = 64kB");
	my ($scripts, $version) = own_extension($node);
	append_to_file("$scripts/rbac--$version--next.sql", q{
		ALTER TABLE rbac.teams ADD COLUMN colour text;
		INSERT INTO rbac.scopes (name, entity_type, builtin) VALUES ('stack:admire', 'stack', true);
		UPDATE rbac.permission_sets SET scopes = scopes OPERATOR(rbac.|) 'stack:admire'::rbac.scope WHERE name = 'Stack Read';
		INSERT INTO rbac.roles (name, builtin) VALUES ('Admirer', true);
		INSERT INTO rbac.role_rules (id, role, permission_set) VALUES (-100, 'Admirer', 'Stack Read');
		DELETE FROM rbac.role_rules WHERE role = 'Billing Manager';
		CREATE TABLE rbac.novelties (name text PRIMARY KEY);
		SELECT pg_catalog.pg_extension_config_dump('rbac.novelties', '');
		CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.novelties FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
	});
	$node->start;
	return $node;
}

my $publisher = server('publisher');

# who has what: everything that can be asked about
my $answers = q{
	SELECT count(*) || ' ' || count(*) FILTER (WHERE has) || ' ' || md5(string_agg(has::text, '' ORDER BY member, entity, scope))
	FROM (
		SELECT m.member, e.entity, s.name AS scope, rbac.has_scope(m.member, e.entity, s.name::rbac.scope) AS has
		FROM (SELECT DISTINCT member FROM rbac.members) m, rbac.entities e JOIN rbac.scopes s USING (entity_type)
		UNION ALL
		SELECT m.member, o.name, s.name, rbac.has_scope(m.member, o.name, s.name::rbac.scope)
		FROM (SELECT DISTINCT member FROM rbac.members) m, rbac.organizations o, rbac.scopes s WHERE s.entity_type = 'organization') x};

$publisher->safe_psql('postgres', q{
	CREATE EXTENSION rbac;
	INSERT INTO rbac.organizations VALUES ('acme'), ('tiny');
	INSERT INTO rbac.entity_types VALUES ('document', 'texts');
	INSERT INTO rbac.scopes (name, entity_type) SELECT 'document:s' || i, 'document' FROM generate_series(1, 20) i;
	INSERT INTO rbac.scopes (name, entity_type, toggle) VALUES ('document:create', 'organization', true);
	INSERT INTO rbac.permission_sets (name, entity_type, scopes)
		SELECT 'acme/d' || i, 'document', ARRAY['document:s' || i, 'document:s' || i % 20 + 1] FROM generate_series(1, 20) i;
	INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Author', 'document', '{document:s1,document:s2}');
	INSERT INTO rbac.entity_type_settings VALUES ('document', 'Author', 'document:s1');
	INSERT INTO rbac.roles (name) VALUES ('acme/reader'), ('acme/writer');
	INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES
		('acme/reader', 'acme/d1', NULL, NULL), ('acme/reader', 'Stack Read', NULL, '$.tier == "critical"'),
		('acme/writer', 'acme/d2', 'd3', NULL), ('acme/writer', 'Stack Write', 's4', NULL);
	INSERT INTO rbac.default_roles VALUES ('tiny', 'Billing Manager');
	INSERT INTO rbac.members (organization, member, role)
		SELECT 'acme', 'm' || i, (ARRAY['Member', 'acme/reader', 'acme/writer', 'Admin'])[least(i % 7, 3) + 1] FROM generate_series(1, 20) i;
	INSERT INTO rbac.members (organization, member) VALUES ('tiny', 'm1'), ('tiny', 'm21');
	INSERT INTO rbac.teams (name) VALUES ('acme/one'), ('acme/two');
	INSERT INTO rbac.team_members (team, member, is_admin) SELECT 'acme/one', 'm' || i, i = 1 FROM generate_series(1, 9) i;
	INSERT INTO rbac.team_members (team, member, expires_at) SELECT 'acme/two', 'm' || i, now() + i % 2 * interval '1 day' FROM generate_series(5, 15) i;
	INSERT INTO rbac.team_roles VALUES ('acme/two', 'acme/writer');
	INSERT INTO rbac.entities SELECT 'document', 'd' || i, CASE WHEN i % 5 = 0 THEN 'tiny' ELSE 'acme' END, 'm' || i % 21 FROM generate_series(1, 50) i;
	INSERT INTO rbac.entities SELECT 'stack', 's' || i, 'acme', NULL, CASE WHEN i % 2 = 0 THEN '{"tier": "critical"}'::jsonb END FROM generate_series(1, 10) i;
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) SELECT 'acme/d' || i, 'd' || i, 'acme', 'm' || i FROM generate_series(1, 20) i;
	INSERT INTO rbac.entity_grants (permission_set, entity, team, expires_at) SELECT 'Stack Read', 's' || i, 'acme/one', 'tomorrow' FROM generate_series(1, 5) i;
	INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'acme/d7');
	INSERT INTO rbac.organization_settings VALUES ('acme', 'document:create'), ('tiny', 'stack:create');
	CREATE PUBLICATION rbac FOR TABLES IN SCHEMA rbac;
	CREATE ROLE feed LOGIN REPLICATION BYPASSRLS;
	GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO feed;
});

# Subscribers with a past of their own.
my %subscribers;

sub subscriber
{
	my ($name, $options) = @_;

	my $node = $subscribers{$name} = server($name);
	$node->safe_psql('postgres', q{
		CREATE EXTENSION rbac;
		INSERT INTO rbac.organizations VALUES ('acme'), ('gone');
		INSERT INTO rbac.entity_types VALUES ('poem'), ('document');
		INSERT INTO rbac.scopes (name, entity_type) VALUES ('poem:read', 'poem'), ('document:s7', 'document'), ('document:s3', 'document');
		INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/d3', 'document', '{document:s7}');
		INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'mallory', 'Admin');
		INSERT INTO rbac.entities VALUES ('document', 'd1', 'gone');
		CREATE ROLE app LOGIN;
		GRANT SET ON PARAMETER rbac.member TO app;
		CREATE TABLE documents (id text PRIMARY KEY, tenant text NOT NULL);
		INSERT INTO documents SELECT 'd' || i, 'acme' FROM generate_series(1, 50) i;
		SELECT rbac.protect('documents', 'document', 'id', 'tenant', select_scope => 'document:s3', register => false);
		DROP POLICY rbac_select ON documents;
		CREATE POLICY see ON documents FOR SELECT USING (rbac.has_scope(id, 'document:s3'));
		CREATE VIEW reads AS SELECT count(*) FROM rbac.permission_sets WHERE scopes OPERATOR(rbac.@>) 'document:s3';
		GRANT SELECT ON documents TO app;
	});

	my ($stdout, $stderr) = ('', '');
	is($node->psql('postgres', 'SELECT rbac.prepare_subscriber()', stderr => \$stderr), 3, "$name: rows of its own");
	like($stderr, qr/ERROR:  table rbac\.organizations has rows that are not built in.*HINT: .*discard => true/s, 'are not discarded by mistake');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM rbac.members}), 1, 'nothing is lost');
	$node->safe_psql('postgres', 'SELECT rbac.prepare_subscriber(discard => true)');
	is($node->psql('postgres', q{SELECT rbac.promote_subscriber()}, stderr => \$stderr), 3, 'an empty one');
	like($stderr, qr/ERROR:  the tables of schema rbac are empty/, 'cannot take over');

	my $source = $publisher->connstr('postgres') . ' user=feed';
	$node->safe_psql('postgres', "CREATE SUBSCRIPTION $name CONNECTION \$c\$$source\$c\$ PUBLICATION rbac WITH ($options)");
	$node->wait_for_subscription_sync($publisher, $name);
	return $node;
}

subscriber('as_text', 'synchronous_commit = on');
subscriber('as_binary', 'synchronous_commit = on, binary = true, streaming = true');

# A session on each, in which everything happens.
my %sessions = (
	publisher => Session->new($publisher->connstr('postgres')),
	app => Session->new($subscribers{as_text}->connstr('postgres') . ' user=app'),
	map { $_ => Session->new($subscribers{$_}->connstr('postgres')) } keys %subscribers);

sub ask
{
	my ($name, $sql) = @_;
	return $sessions{$name}->must($sql);
}

my %seen;

sub compare
{
	my ($what, $same) = @_;

	my $truth = ask('publisher', $answers);
	for my $name (sort keys %subscribers)
	{
		$publisher->wait_for_catchup($name);
		is(ask($name, $answers), $truth, "$name: $what");
	}
	ok($same || !$seen{$truth}++, 'which makes a difference');
	return;
}

compare('the initial copy');
like(ask('publisher', $answers), qr/^\d{4,} \d{3,} /, 'thousands of checks');

# one transaction each, in sessions that have everything cached
for my $change (
	q{UPDATE rbac.members SET role = 'Member' WHERE member = 'm3'},
	q{DELETE FROM rbac.members WHERE member = 'm4'},
	q{UPDATE rbac.permission_sets SET scopes = '{document:s9}' WHERE name = 'acme/d1'},
	q{INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('Member', 'Stack Write', '!($.tier == "critical")')},
	q{INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/writer', 'acme/d9')},
	q{DELETE FROM rbac.team_roles},
	q{DELETE FROM rbac.entities WHERE entity = 'd1'},
	q{UPDATE rbac.entities SET organization = 'tiny' WHERE entity = 'd2'},
	q{UPDATE rbac.entities SET owner = 'm8', tags = '{"tier": "critical"}' WHERE entity_type = 'stack'},
	q{UPDATE rbac.entity_type_settings SET owner_permission_set = NULL},
	q{INSERT INTO rbac.scopes (name, entity_type) VALUES ('document:late', 'document');
		UPDATE rbac.permission_sets SET scopes = '{document:late}' WHERE name = 'acme/d7'},
	q{SELECT rbac.rename('scope', 'document:s9', 'document:nine')},
	q{SELECT rbac.rename('organization', 'tiny', 'huge')},
	q{SELECT rbac.rename('member', 'm8', 'm''8')},
	q{SELECT count(*) FROM rbac.apply(jsonb_set(rbac.export('acme'), '{member_defaults}', '["./d7", "./d9"]'))},
	q{DELETE FROM rbac.organization_settings},
	q{TRUNCATE rbac.entity_grants},
	q{BEGIN; INSERT INTO rbac.entities SELECT 'document', 'x' || i, 'acme', 'm5' FROM generate_series(1, 3000) i; SAVEPOINT s; DELETE FROM rbac.members; ROLLBACK TO s;
		DELETE FROM rbac.entities WHERE entity LIKE 'x%' AND entity <> 'x1'; COMMIT},
	q{BEGIN; DELETE FROM rbac.team_members WHERE member = 'm7'; UPDATE rbac.members SET role = 'Admin' WHERE member = 'm7'; PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'})
{
	ask('publisher', $change);
	compare($change =~ s/\s+/ /gr);
}
is($subscribers{as_binary}->safe_psql('postgres', q{SELECT count(*) > 20 FROM rbac.audit_log}), 't', 'the log comes along');
is($subscribers{as_text}->safe_psql('postgres', 'TABLE reads'), $publisher->safe_psql('postgres', q{SELECT count(*) FROM rbac.permission_sets WHERE scopes OPERATOR(rbac.@>) 'document:s3'}),
	'a view that was made before');

# As one who is neither owner nor superuser.
my $as_m6 = q{BEGIN; SET LOCAL rbac.member = 'm6'; SELECT count(*) FROM documents; COMMIT};
is(ask('app', $as_m6), ask('publisher', q{SELECT count(*) FROM rbac.entities WHERE entity ~ '^d' AND rbac.has_scope('m6', entity, 'document:s3')}),
	'under a policy');
$publisher->safe_psql('postgres', q{UPDATE rbac.members SET role = 'Member' WHERE member = 'm6'});
$publisher->wait_for_catchup('as_text');
is(ask('app', $as_m6), 0, 'a revoke');

# Nobody else writes there.
my $copy = $subscribers{as_text};
$copy->safe_psql('postgres', q{
	CREATE FUNCTION attempt(command text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE command;
		RETURN 'done';
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
	END $$;
});
is($copy->safe_psql('postgres', q{
		SELECT string_agg(c.relname || ': ' || answer, E'\n')
		FROM pg_class c, unnest(ARRAY['INSERT INTO %s DEFAULT VALUES', 'UPDATE %s SET ' || (SELECT quote_ident(attname) || ' = DEFAULT' FROM pg_attribute WHERE attrelid = c.oid AND attnum = 1), 'DELETE FROM %s', 'TRUNCATE %s CASCADE']) AS command,
			attempt(format(command, c.oid::regclass)) AS answer
		WHERE c.relnamespace = 'rbac'::regnamespace AND c.relkind = 'r'
			AND answer NOT LIKE '25006 cannot write table "%": a subscription fills it'}),
	'', 'every table refuses every command');
for my $command (
	q{SELECT rbac.apply(jsonb_set(rbac.export('acme'), '{toggles}', '["stack:create"]'))}, q{SELECT rbac.rename('member', 'm1', 'other')},
	q{CREATE TABLE more (id text PRIMARY KEY, org text); INSERT INTO more VALUES (1, 'acme'); SELECT rbac.protect('more', 'document', 'id', 'org', select_scope => 'document:s3')})
{
	my $stderr;
	$copy->psql('postgres', $command, stderr => \$stderr);
	like($stderr, qr/cannot write table "\w+": a subscription fills it.*HINT:  Write to the publisher/s, $command);
}
for my $function ('prepare', 'promote')
{
	my $stderr;
	$copy->psql('postgres', "SELECT rbac.${function}_subscriber()", stderr => \$stderr);
	like($stderr, qr/ERROR:  the tables of schema rbac are filled by a subscription.*HINT:  Drop the subscription/s, "$function while subscribed");
	$copy->psql('postgres', "SELECT rbac.${function}_subscriber()", stderr => \$stderr, extra_params => [ '-U', 'app' ]);
	like($stderr, qr/permission denied for function ${function}_subscriber/, 'and not by anybody');
}
compare('after all that', 1);

# A new version, which the subscribers get first.  Its built-in rows are the publisher's.
$_->safe_psql('postgres', q{ALTER EXTENSION rbac UPDATE TO 'next'}) for values %subscribers;
is($copy->safe_psql('postgres', q{SELECT (SELECT count(*) FROM rbac.scopes WHERE name = 'stack:admire') + (SELECT count(*) FROM rbac.role_rules WHERE role IN ('Admirer', 'Billing Manager'))}),
	1, 'built-in rows are left as they are');
is($copy->safe_psql('postgres', q{SELECT attempt('INSERT INTO rbac.novelties VALUES (1)')}), '25006 cannot write table "novelties": a subscription fills it', 'a new table is refused before it is subscribed');
$publisher->safe_psql('postgres', q{ALTER EXTENSION rbac UPDATE TO 'next'; GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO feed; INSERT INTO rbac.novelties VALUES ('new')});
for my $name (keys %subscribers)
{
	$subscribers{$name}->safe_psql('postgres', "ALTER SUBSCRIPTION $name REFRESH PUBLICATION");
	$subscribers{$name}->wait_for_subscription_sync($publisher, $name);
	is($subscribers{$name}->safe_psql('postgres', 'TABLE rbac.novelties'), 'new', "$name: the new table");
}
ask('publisher', q{UPDATE rbac.members SET role = 'Admirer' WHERE member = 'm10'});
compare('a new version');
is(ask('as_text', q{SELECT rbac.has_scope('m10', 's1', 'stack:admire')}), 't', 'what the new version brings');

# Revoking where it counts: when COMMIT returns, the others know.
$publisher->safe_psql('postgres', q{
	ALTER SYSTEM SET synchronous_standby_names = 'FIRST 2 (as_text, as_binary)';
	ALTER SYSTEM SET synchronous_commit = local;
	SELECT pg_reload_conf();
});
$publisher->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pg_stat_replication WHERE sync_state = 'sync'});
ask('publisher', 'SET synchronous_commit = remote_apply');
my ($asked, $late) = (0, 0);
for my $round (1 .. 750)
{
	for my $role ('Admin', 'Member')
	{
		ask('publisher', "UPDATE rbac.members SET role = '$role' WHERE member = 'm7'");
		for my $name (sort keys %subscribers)
		{
			$asked++;
			$late++ if ask($name, q{SELECT rbac.has_scope('m7', 's1', 'stack:delete')}) ne ($role eq 'Admin' ? 't' : 'f');
		}
	}
}
is("$late of $asked", '0 of 3000', 'no late answer');
$publisher->safe_psql('postgres', q{ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()});

# Taking over, when the publisher is gone.
$sessions{$_}->quit for 'publisher', 'app';
my $grants = $copy->safe_psql('postgres', 'SELECT max(id) FROM rbac.role_rules');
$publisher->stop('immediate');
$copy->safe_psql('postgres', q{ALTER SUBSCRIPTION as_text DISABLE});
$copy->safe_psql('postgres', q{ALTER SUBSCRIPTION as_text SET (slot_name = NONE)});
$copy->safe_psql('postgres', q{DROP SUBSCRIPTION as_text});
$copy->safe_psql('postgres', q{SELECT rbac.promote_subscriber()});
is($copy->safe_psql('postgres', q{INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/reader', 'acme/d13') RETURNING id}), $grants + 1, 'taken over: ids go on');
is(ask('as_text', q{SELECT count(*) FROM rbac.audit_log WHERE transaction_id = (SELECT transaction_id FROM rbac.audit_log ORDER BY id DESC LIMIT 1)}), 1, 'so do those of the log');
is(ask('as_text', q{SELECT rbac.has_scope('m15', 'd6', 'document:s13')}), 't', 'and access is given');

# ... and the former one is fed by it
$publisher->start;
$publisher->safe_psql('postgres', q{DROP PUBLICATION rbac});
$publisher->safe_psql('postgres', q{SELECT rbac.prepare_subscriber(discard => true)});
$copy->safe_psql('postgres', q{
	CREATE PUBLICATION rbac FOR TABLES IN SCHEMA rbac;
	CREATE ROLE feed LOGIN REPLICATION BYPASSRLS;
	GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO feed});
$publisher->safe_psql('postgres', q{CREATE SUBSCRIPTION back CONNECTION $c$} . $copy->connstr('postgres') . q{ user=feed$c$ PUBLICATION rbac});
$publisher->wait_for_subscription_sync($copy, 'back');
$copy->safe_psql('postgres', q{DELETE FROM rbac.members WHERE member = 'm5'});
$copy->wait_for_catchup('back');
is($publisher->safe_psql('postgres', $answers), ask('as_text', $answers), 'roles changed');

# who may not write the tables keeps nobody from writing them by a subscription
my $write = q{SET rbac.audit = off; INSERT INTO rbac.organizations VALUES ('new')};
$publisher->safe_psql('postgres', q{CREATE ROLE deputy SUPERUSER});
$publisher->safe_psql('postgres', q{ALTER SUBSCRIPTION back OWNER TO deputy});
is($publisher->psql('postgres', $write, stderr => \my $refused), 3, 'a deputy\'s subscription');
$publisher->safe_psql('postgres', q{ALTER ROLE deputy NOSUPERUSER});
is($publisher->psql('postgres', $write), 0, 'one of somebody without rights');

$sessions{$_}->quit for keys %subscribers;
done_testing();
