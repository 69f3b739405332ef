# Random organizations, and random changes to them, as SQL.
package World;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(
	chance pick between some quoted
	%world @types %scopes $big $organizations
	name_things clear_world make_world change wholesale_change);

# ---- random choices ----

sub chance { my ($probability) = @_; return rand() < $probability }
sub pick { my @from = @_; return $from[ rand @from ] }
sub between { my ($low, $high) = @_; return $low + int(rand($high - $low + 1)) }

sub some
{
	my ($n, @from) = @_;
	my @taken;
	push @taken, splice(@from, rand @from, 1) while @taken < $n && @from;
	return @taken;
}

sub quoted
{
	my ($value) = @_;
	return 'NULL' unless defined $value;
	$value =~ s/'/''/g;
	return "'$value'";
}

sub expiry
{
	my $x = rand();
	return 'NULL' if $x < 0.5;
	return pick(q{'-infinity'}, q{'infinity'}, q{now()}, q{now() - interval '1 hour'}, q{now() + interval '1 day'}) if $x < 0.75;
	return sprintf q{clock_timestamp() + interval '%d milliseconds'}, between(1, 500);
}

# ---- what worlds are made of ----

our @types = qw(stack environment insights_account app doc);
our %scopes = (
	organization => [qw(stack:create team:create org_member:read audit_logs:read billing:audit)],
	stack => [qw(stack:read stack:write stack:delete stack_access:read stack_access:update stack:custom)],
	environment => [qw(environment:open environment:read environment:delete)],
	insights_account => [qw(insights_account:read insights_account_access:update)],
	app => [qw(app:read app:write app:toggled)],
	doc => [qw(doc:view)]);
my %own_scopes = (
	'stack:custom' => 'stack', 'billing:audit' => 'organization', 'app:read' => 'app', 'app:write' => 'app', 'app:toggled' => 'app',
	'doc:view' => 'doc');
my @toggles = qw(stack:create team:create insights_account:create stack:delete stack:transfer app:toggled billing:audit);
my %builtin_sets = (
	organization => [ 'Standard', 'Billing', 'Read Only' ],
	stack => [ 'Stack Read', 'Stack Write', 'Stack Admin', 'Stack Access Read' ],
	environment => [ 'Environment Read', 'Environment Open', 'Environment Admin' ],
	insights_account => [ 'Account Read', 'Account Admin' ]);
my @builtin_roles = ('Member', 'Admin', 'Billing Manager');

# predicates, what is none, and errors
my @conditions = (
	'$.env == "prod"', '$.env == "dev" || $.level > 3', '$.level < 3', '!exists($.env)', 'exists($.deep.a.b)', '$.list[*] == "x"',
	'$.deep.a.b == 1', '$.env', 'strict $.missing == 1', '$.env starts with "p"', '$.level / 0 == 1', '$.list[5] == null',
	'$.since.datetime() < "2020-01-01T00:00:00+00".datetime()', '$.owner == null', 'true == true', '$.* == "prod"',
	'$.level.double() > 4', '$.env like_regex "^PR" flag "i"');
my @tags = (
	undef, undef, '{}', '{"env": "prod"}', '{"env": "dev", "level": 2}', '{"level": 5, "list": ["x", "y"]}', '{"env": null, "owner": null}',
	'{"env": ["prod"], "deep": {"a": {"b": 1}}}', '{"deep": {"a": [{"b": 2}, {"b": 1}]}}', '{"since": "2019-01-01", "level": "4"}',
	'{"list": [[["x"]]], "env": "preview"}', '{"level": 1e300}');
my @uuids = map { sprintf '%08x-0000-4000-8000-%012x', $_ * 0x1111111, $_ } 1 .. 12;
my @ids = (
	@uuids, (map { uc } @uuids[ 9 .. 11 ]), 10 .. 20,
	qw(0 7 007 -5 -0 +7 32767 -32768 65536 2147483648 9223372036854775807 9223372036854775808 1e3), ' 7', 'a/b', "it's");

# Names by kind.  Not all of them exist at any time.
our %world;
our $big = '';    # the organization that has much, if one does
our $organizations = 0;    # made so far

sub set_type { my ($set) = @_; return $world{set_type}{$set} }

# of an organization, or undef: those that are shared
sub sets_for
{
	my ($org) = @_;
	my @sets = map { @{ $builtin_sets{$_} } } sort keys %builtin_sets;
	return (@sets, @{ $world{shared_sets} }, defined $org ? @{ $world{sets}{$org} } : ());
}

sub entity_sets_for { my ($org) = @_; return grep { set_type($_) ne 'organization' } sets_for($org) }

sub roles_for
{
	my ($org) = @_;
	return (@builtin_roles, 'Member', 'Member', @{ $world{shared_roles} }, @{ $world{roles}{$org} }, @{ $world{roles}{$org} });
}

sub some_scopes
{
	my ($type) = @_;
	return '{' . join(',', some(between(0, 3), @{ $scopes{$type} })) . '}';
}

# an entity for a set: mostly one that the organization has, or had, or may have
sub entity_for
{
	my ($org, $set) = @_;
	my $type = set_type($set);
	my $own = $world{things}{ $org // pick(@{ $world{orgs} }) }{$type};
	return pick(@{ $own && chance(0.85) ? $own : $world{ids} });
}

# an entity and a condition for a rule, of which at most one is given
sub rule_target
{
	my ($org, $set) = @_;
	return (undef, undef) if set_type($set) eq 'organization' || chance(0.25);
	return chance(0.5) ? (entity_for($org, $set), undef) : (undef, pick(@conditions));
}

sub name_things
{
	my ($orgs, $members) = @_;
	%world = (
		orgs => [ (map { "o$_" } 1 .. $orgs - 2), '42', $uuids[0] ],
		members => [ (map { "m$_" } 1 .. $members - 2), '7', $uuids[1] ],
		ids => [ @ids, map { "e$_" } 1 .. ($big ? 1000 : $orgs * 4) ],
		shared_roles => [ 'Shared A', 'Shared B' ],
		shared_sets => [ map { "Shared $_" } 1 .. 4 ]);
	for my $type (sort keys %builtin_sets)
	{
		$world{set_type}{$_} = $type for @{ $builtin_sets{$type} };
	}
	$world{set_type}{$_} = pick('organization', @types) for @{ $world{shared_sets} };
	for my $org (@{ $world{orgs} })
	{
		$world{sets}{$org} = [ map { "$org/set $_" } 1 .. 2 ];
		$world{roles}{$org} = [ map { "$org/role $_" } 1 .. 3 ];
		$world{teams}{$org} = [ map { "$org/team $_" } 1 .. between(1, 3) ];
		$world{set_type}{$_} = pick('organization', @types) for @{ $world{sets}{$org} };
		for (1 .. ($org eq $big ? 1000 : between(5, 10)))
		{
			push @{ $world{things}{$org}{ pick($big ? qw(stack app) : @types) } }, pick(@{ $world{ids} });
		}
	}
	return;
}

# ---- making a world ----

sub insert
{
	my ($table, $columns, @rows) = @_;
	return '' unless @rows;
	return sprintf "INSERT INTO %s (%s) VALUES\n%s\nON CONFLICT DO NOTHING;\n", $table, $columns,
	  join(",\n", map { '(' . join(', ', @$_) . ')' } @rows);
}

sub clear_world
{
	return q{
		DELETE FROM rbac.entity_grants;
		DELETE FROM rbac.entities;
		DELETE FROM rbac.organizations;
		DELETE FROM rbac.entity_type_settings;
		DELETE FROM rbac.roles WHERE NOT builtin;
		DELETE FROM rbac.permission_sets WHERE NOT builtin;
		DELETE FROM rbac.scopes WHERE NOT builtin;
		DELETE FROM rbac.entity_types WHERE NOT builtin;
		TRUNCATE oracle.askers, oracle.probes, oracle.strangers, oracle.rows, oracle.documents;
	};
}

sub make_organization
{
	my ($org) = @_;
	my @teams = @{ $world{teams}{$org} };
	my @members = some(between(3, 6), @{ $world{members} });
	my @rich = $org eq $big ? @members[ 0, 1 ] : ();
	my (@member_rows, @team_member_rows, @grants, @entities);

	for my $member (@members)
	{
		my $is_rich = grep { $_ eq $member } @rich;
		my $kind = pick(('user') x ($is_rich ? 1 : 8), 'organization_token', $is_rich ? () : 'team_token');
		my $role = $kind eq 'team_token' ? 'Member' : pick(roles_for($org), $is_rich ? ("$org/role 1") x 9 : ());
		my @in = $kind eq 'organization_token' ? () : some($kind eq 'team_token' ? 1 : between(0, 2), @teams);
		push @member_rows, [ (map { quoted($_) } $org, $member, $kind, $role), $is_rich ? 'NULL' : expiry() ];
		push @team_member_rows, [ quoted($_), quoted($member), expiry() ] for @in;
	}
	for my $type (sort keys %{ $world{things}{$org} })
	{
		for my $id (@{ $world{things}{$org}{$type} })
		{
			my $owner = pick(undef, @rich ? (@rich, @rich) : (@members, pick(@{ $world{members} })));
			push @entities, [ map { quoted($_) } $type, $id, $org, $owner, pick(@tags) ] unless chance(0.1);
		}
	}
	my @sets = @rich ? @{ $builtin_sets{stack} } : entity_sets_for($org);
	for (1 .. (@rich ? 2000 : between(0, 8)))
	{
		my $set = pick(@sets);
		my @grantee = chance(0.3) ? (pick(@teams), undef, undef) : (undef, $org, pick(@rich ? @rich : @members));
		push @grants, [ (map { quoted($_) } $set, entity_for($org, $set), @grantee), expiry() ];
	}
	$organizations++;
	return insert('rbac.members', 'organization, member, kind, role, expires_at', @member_rows)
	  . insert('rbac.teams', 'name', map { [ quoted($_) ] } @teams)
	  . insert('rbac.team_members', 'team, member, expires_at', @team_member_rows)
	  . insert('rbac.team_roles', 'team, role, expires_at', map { my $team = $_; map { [ quoted($team), quoted($_), expiry() ] } some(between(0, 2), roles_for($org)) } @teams)
	  . insert('rbac.entities', 'entity_type, entity, organization, owner, tags', @entities)
	  . insert('rbac.entity_grants', 'permission_set, entity, team, organization, member, expires_at', @grants)
	  . insert('rbac.member_defaults', 'organization, permission_set', map { [ quoted($org), quoted($_) ] } some(between(0, 2), entity_sets_for($org)))
	  . insert('rbac.organization_settings', 'organization, scope', map { [ quoted($org), quoted($_) ] } some(between(0, 1), @toggles));
}

sub make_world
{
	my (@sets, @roles, @rules);

	for my $org (undef, @{ $world{orgs} })
	{
		for my $set (defined $org ? @{ $world{sets}{$org} } : @{ $world{shared_sets} })
		{
			push @sets, [ map { quoted($_) } $set, set_type($set), some_scopes(set_type($set)) ];
		}
		for my $role (defined $org ? @{ $world{roles}{$org} } : @{ $world{shared_roles} })
		{
			push @roles, [ quoted($role), chance(0.05) ? 'true' : 'false' ];
			my $is_rich = $role eq "$big/role 1";
			for my $set (map { pick($is_rich ? @{ $builtin_sets{stack} } : sets_for($org)) } 1 .. ($is_rich ? 1200 : between(0, 4)))
			{
				push @rules, [ map { quoted($_) } $role, $set, $is_rich ? (entity_for($org, $set), undef) : rule_target($org, $set) ];
			}
		}
	}
	my $row = 0;
	return insert('rbac.entity_types', 'name', [q{'app'}], [q{'doc'}])
	  . insert('rbac.scopes', 'name, entity_type, toggle', map { [ quoted($_), quoted($own_scopes{$_}), /toggled|audit/ ? 'true' : 'false' ] } sort keys %own_scopes)
	  . insert('rbac.organizations', 'name', map { [ quoted($_) ] } @{ $world{orgs} })
	  . insert('rbac.permission_sets', 'name, entity_type, scopes', @sets)
	  . insert('rbac.roles', 'name, all_scopes', @roles)
	  . insert('rbac.role_rules', 'role, permission_set, entity, condition', @rules)
	  . join('', map { make_organization($_) } @{ $world{orgs} })
	  . insert('oracle.askers', 'member', map { [ quoted($_) ] } @{ $world{members} }, 'nobody', 'x' x 300)
	  . insert('oracle.probes', 'scope', map { [ quoted($_) ] } map { @{ $scopes{$_} } } sort keys %scopes)
	  . insert('oracle.strangers', 'entity', map { [ quoted($_) ] } some(12, @{ $world{ids} }), 'nothing', 'x' x 300, '')
	  . insert('oracle.documents', 'entity', map { [ quoted($_) ] } @{ $world{ids} }, 'nothing')
	  . insert('oracle.rows', 'row_id, entity_type, entity, organization, owner, tags',
		map { [ ++$row, map { quoted($_) } pick(@types), pick(@{ $world{ids} }), pick(@{ $world{orgs} }, 'nowhere'), pick(undef, 'nobody', @{ $world{members} }), pick(@tags) ] } 1 .. 60);
}

# ---- changing it ----

# A row of a table, told by its key, at random; as a condition on ctid.
sub a_row
{
	my ($table, $key, $where) = @_;
	return sprintf 'ctid = (SELECT ctid FROM %s WHERE %s ORDER BY hashtextextended(concat_ws(chr(10), %s), %d) LIMIT 1)',
	  $table, $where // 'true', $key, rand(1 << 30);
}

my %key = (
	members => 'organization, member', team_members => 'team, member', team_roles => 'team, role', teams => 'name', roles => 'name',
	role_rules => 'role, permission_set, entity, condition', permission_sets => 'name', entities => 'entity_type, entity',
	entity_grants => 'entity_type, entity, permission_set, team, organization, member', member_defaults => 'organization, permission_set',
	organization_settings => 'organization, scope', entity_type_settings => 'entity_type', default_roles => 'organization');

sub update
{
	my ($table, $set, $where) = @_;
	return "UPDATE rbac.$table SET $set WHERE " . a_row("rbac.$table", $key{$table}, $where);
}

sub delete_from
{
	my ($table, $where) = @_;
	return "DELETE FROM rbac.$table WHERE " . a_row("rbac.$table", $key{$table}, $where);
}

my $unused_role = q{NOT builtin AND NOT EXISTS (SELECT FROM rbac.members m WHERE m.role = roles.name)
	AND NOT EXISTS (SELECT FROM rbac.team_roles t WHERE t.role = roles.name)
	AND NOT EXISTS (SELECT FROM rbac.default_roles d WHERE d.role = roles.name)};
my $unused_set = q{NOT builtin AND NOT EXISTS (SELECT FROM rbac.role_rules r WHERE r.permission_set = permission_sets.name)
	AND NOT EXISTS (SELECT FROM rbac.entity_grants g WHERE g.permission_set = permission_sets.name)
	AND NOT EXISTS (SELECT FROM rbac.member_defaults d WHERE d.permission_set = permission_sets.name)
	AND NOT EXISTS (SELECT FROM rbac.entity_type_settings s WHERE s.owner_permission_set = permission_sets.name)};

# Each gives a statement that makes sense whatever is there, and may change nothing.
my %changes = (
	join => sub {
		my $org = pick(@{ $world{orgs} });
		my $kind = pick(('user') x 8, 'organization_token', 'team_token');
		return sprintf q{INSERT INTO rbac.members (organization, member, kind, role, expires_at)
			SELECT o.name, %s, %s, r.name, %s FROM rbac.organizations o, rbac.roles r WHERE o.name = %s AND r.name = %s
			ON CONFLICT (organization, member) DO UPDATE SET expires_at = EXCLUDED.expires_at},
		  quoted(pick(@{ $world{members} })), quoted($kind), expiry(), quoted($org), quoted($kind eq 'team_token' ? 'Member' : pick(roles_for($org)));
	},
	join_by_default => sub {
		return sprintf q{INSERT INTO rbac.members (organization, member) SELECT name, %s FROM rbac.organizations WHERE name = %s ON CONFLICT DO NOTHING},
		  quoted(pick(@{ $world{members} })), quoted(pick(@{ $world{orgs} }));
	},
	default_role => sub {
		my $org = pick(@{ $world{orgs} });
		return sprintf q{INSERT INTO rbac.default_roles SELECT o.name, r.name FROM rbac.organizations o, rbac.roles r WHERE o.name = %s AND r.name = %s
			ON CONFLICT (organization) DO UPDATE SET role = EXCLUDED.role}, quoted($org), quoted(pick(roles_for($org)));
	},
	change_role => sub {
		my $org = pick(@{ $world{orgs} });
		my $where = sprintf q{organization = %s AND kind <> 'team_token'}, quoted($org);
		return sprintf q{UPDATE rbac.members SET role = r.name FROM rbac.roles r WHERE r.name = %s AND members.%s},
		  quoted(pick(roles_for($org))), a_row('rbac.members', $key{members}, $where);
	},
	member_expires => sub { return update('members', 'expires_at = ' . expiry()) },
	leave => sub { return delete_from('members') },
	join_team => sub {
		my $team = pick(@{ $world{teams}{ pick(@{ $world{orgs} }) } });
		return sprintf q{INSERT INTO rbac.team_members (team, member, expires_at)
			SELECT t.name, m.member, %s FROM rbac.teams t JOIN rbac.members m USING (organization)
			WHERE t.name = %s AND (m.kind = 'user' OR m.kind = 'team_token' AND NOT EXISTS
				(SELECT FROM rbac.team_members o WHERE o.organization = m.organization AND o.member = m.member))
			ORDER BY hashtextextended(m.member, %d) LIMIT 1
			ON CONFLICT (team, member) DO UPDATE SET expires_at = EXCLUDED.expires_at}, expiry(), quoted($team), rand(1 << 30);
	},
	team_member_expires => sub { return update('team_members', 'expires_at = ' . expiry()) },
	leave_team => sub { return delete_from('team_members') },
	team => sub {
		my $org = pick(@{ $world{orgs} });
		return sprintf q{INSERT INTO rbac.teams (name) SELECT %s FROM rbac.organizations WHERE name = %s ON CONFLICT DO NOTHING},
		  quoted(pick(@{ $world{teams}{$org} })), quoted($org);
	},
	drop_team => sub { return delete_from('teams') },
	team_role => sub {
		my $org = pick(@{ $world{orgs} });
		return sprintf q{INSERT INTO rbac.team_roles (team, role, expires_at) SELECT t.name, r.name, %s FROM rbac.teams t, rbac.roles r
			WHERE t.name = %s AND r.name = %s ON CONFLICT (team, role) DO UPDATE SET expires_at = EXCLUDED.expires_at},
		  expiry(), quoted(pick(@{ $world{teams}{$org} })), quoted(pick(roles_for($org)));
	},
	team_role_expires => sub { return update('team_roles', 'expires_at = ' . expiry()) },
	drop_team_role => sub { return delete_from('team_roles') },
	role => sub {
		my $org = pick(@{ $world{orgs} });
		return sprintf q{INSERT INTO rbac.roles (name) SELECT %s FROM rbac.organizations WHERE name = %s ON CONFLICT DO NOTHING},
		  quoted(pick(@{ $world{roles}{$org} })), quoted($org);
	},
	all_scopes => sub { return update('roles', 'all_scopes = NOT all_scopes', 'NOT builtin') },
	drop_role => sub { return delete_from('roles', $unused_role) },
	rule => sub {
		my $org = pick(undef, @{ $world{orgs} });
		my $role = pick($org ? @{ $world{roles}{$org} } : @{ $world{shared_roles} });
		my $set = pick(sets_for($org));
		my ($entity, $condition) = rule_target($org, $set);
		return sprintf q{INSERT INTO rbac.role_rules (role, permission_set, entity, condition)
			SELECT r.name, p.name, %s, %s FROM rbac.roles r, rbac.permission_sets p WHERE r.name = %s AND p.name = %s ON CONFLICT DO NOTHING},
		  map { quoted($_) } $entity, $condition, $role, $set;
	},
	rule_for_another_entity => sub {
		my $id = quoted(pick(@{ $world{ids} }));
		return update('role_rules', "entity = $id", "id > 0 AND entity IS NOT NULL AND NOT EXISTS (SELECT FROM rbac.role_rules o
			WHERE o.role = role_rules.role AND o.permission_set = role_rules.permission_set AND o.entity = $id)");
	},
	rule_with_other_condition => sub {
		return update('role_rules', 'condition = ' . quoted(pick(@conditions)), 'id > 0 AND condition IS NOT NULL');
	},
	drop_rule => sub { return delete_from('role_rules', 'id > 0') },
	set => sub {
		my $org = pick(@{ $world{orgs} });
		my $set = pick(@{ $world{sets}{$org} });
		return sprintf q{INSERT INTO rbac.permission_sets (name, entity_type, scopes) SELECT %s, t.name, (SELECT coalesce(rbac.scopeset_agg(s.name::rbac.scope), '{}')
				FROM rbac.scopes s WHERE s.entity_type = t.name AND s.name = ANY (%s::text[]))
			FROM rbac.organizations o, rbac.entity_types t WHERE o.name = %s AND t.name = %s ON CONFLICT DO NOTHING},
		  map { quoted($_) } $set, some_scopes(set_type($set)), $org, set_type($set);
	},
	scopes_of_set => sub {
		my $type = pick(@types, 'organization');
		return update('permission_sets', sprintf(q{scopes = (SELECT coalesce(rbac.scopeset_agg(s.name::rbac.scope), '{}') FROM rbac.scopes s WHERE s.name = ANY (%s::text[]))},
			quoted(some_scopes($type))), sprintf 'NOT builtin AND entity_type = %s', quoted($type));
	},
	drop_set => sub { return delete_from('permission_sets', $unused_set) },
	scope => sub { return q{INSERT INTO rbac.scopes (name, entity_type) SELECT 'app:later', name FROM rbac.entity_types WHERE name = 'app' ON CONFLICT DO NOTHING} },
	use_scope => sub {
		return update('permission_sets', q{scopes = (SELECT rbac.scopeset_agg(s.name::rbac.scope) FROM rbac.scopes s WHERE s.entity_type = 'app')}, q{NOT builtin AND entity_type = 'app'});
	},
	drop_scope => sub {
		return q{DELETE FROM rbac.scopes WHERE name = 'app:later' AND NOT EXISTS (SELECT FROM rbac.permission_sets WHERE 'app:later' = ANY (scopes::text[]))};
	},
	grant => sub {
		my $org = pick(@{ $world{orgs} });
		my $set = pick(entity_sets_for($org));
		return sprintf q{INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at)
			SELECT p.name, %s, m.organization, m.member, %s FROM rbac.permission_sets p, rbac.members m
			WHERE p.name = %s AND m.organization = %s ORDER BY hashtextextended(m.member, %d) LIMIT 1
			ON CONFLICT (entity_type, entity, permission_set, team, organization, member) DO UPDATE SET expires_at = EXCLUDED.expires_at},
		  quoted(entity_for($org, $set)), expiry(), quoted($set), quoted($org), rand(1 << 30);
	},
	grant_on_own => sub {
		return sprintf q{INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at)
			SELECT p.name, e.entity, m.organization, m.member, %s FROM rbac.entities e
			JOIN rbac.members m USING (organization) JOIN rbac.permission_sets p USING (entity_type) WHERE p.builtin
			ORDER BY hashtextextended(concat_ws(chr(10), m.member, e.entity, p.name), %d) LIMIT 1 ON CONFLICT DO NOTHING}, expiry(), rand(1 << 30);
	},
	grant_to_team => sub {
		return sprintf q{INSERT INTO rbac.entity_grants (permission_set, entity, team, expires_at)
			SELECT p.name, e.entity, t.name, %s FROM rbac.entities e
			JOIN rbac.teams t USING (organization) JOIN rbac.permission_sets p USING (entity_type) WHERE p.builtin
			ORDER BY hashtextextended(concat_ws(chr(10), t.name, e.entity, p.name), %d) LIMIT 1 ON CONFLICT DO NOTHING}, expiry(), rand(1 << 30);
	},
	grant_expires => sub { return update('entity_grants', 'expires_at = ' . expiry()) },
	grant_of_another_set => sub { return update('entity_grants', q{permission_set = 'Stack Write'}, q{permission_set = 'Stack Read' AND NOT EXISTS (SELECT FROM rbac.entity_grants o WHERE o.entity = entity_grants.entity AND o.permission_set = 'Stack Write')}) },
	revoke => sub { return delete_from('entity_grants') },
	register => sub {
		return sprintf q{INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags)
			SELECT t.name, %s, o.name, %s, %s FROM rbac.entity_types t, rbac.organizations o WHERE t.name = %s AND o.name = %s
			ON CONFLICT (entity_type, entity) DO UPDATE SET owner = EXCLUDED.owner, tags = EXCLUDED.tags},
		  map { quoted($_) } pick(@{ $world{ids} }), pick(undef, @{ $world{members} }), pick(@tags), pick($big ? qw(stack app) : @types), pick(@{ $world{orgs} });
	},
	register_owned => sub {
		return sprintf q{INSERT INTO rbac.entities (entity_type, entity, organization, owner)
			SELECT t.name, %s, m.organization, m.member FROM rbac.entity_types t, rbac.members m WHERE t.name = %s
			ORDER BY hashtextextended(concat_ws(chr(10), m.organization, m.member), %d) LIMIT 1 ON CONFLICT DO NOTHING},
		  quoted(pick(@{ $world{ids} })), quoted(pick('stack', @types)), rand(1 << 30);
	},
	register_again => sub { return 'INSERT INTO rbac.entities SELECT * FROM rbac.entities WHERE ' . a_row('rbac.entities', $key{entities}) },
	other_owner => sub { return update('entities', 'owner = ' . quoted(pick(undef, @{ $world{members} }))) },
	own => sub {
		return update('entities', sprintf 'owner = (SELECT member FROM rbac.members m WHERE m.organization = entities.organization ORDER BY hashtextextended(member, %d) LIMIT 1)', rand(1 << 30));
	},
	other_tags => sub { return update('entities', 'tags = ' . quoted(pick(@tags))) },
	move => sub { return update('entities', sprintf 'organization = (SELECT name FROM rbac.organizations ORDER BY hashtextextended(name, %d) LIMIT 1)', rand(1 << 30)) },
	other_id => sub { return update('entities', q{entity = 'renamed ' || entity}, q{entity NOT LIKE 'renamed %' AND NOT EXISTS (SELECT FROM rbac.entities o WHERE o.entity_type = entities.entity_type AND o.entity = 'renamed ' || entities.entity)}) },
	unregister => sub { return delete_from('entities') },
	member_default => sub {
		my $org = pick(@{ $world{orgs} });
		return sprintf q{INSERT INTO rbac.member_defaults (organization, permission_set) SELECT o.name, p.name FROM rbac.organizations o, rbac.permission_sets p
			WHERE o.name = %s AND p.name = %s ON CONFLICT DO NOTHING}, quoted($org), quoted(pick(entity_sets_for($org)));
	},
	drop_member_default => sub { return delete_from('member_defaults') },
	toggle => sub {
		return sprintf q{INSERT INTO rbac.organization_settings (organization, scope) SELECT o.name, s.name FROM rbac.organizations o, rbac.scopes s
			WHERE o.name = %s AND s.name = %s ON CONFLICT DO NOTHING}, quoted(pick(@{ $world{orgs} })), quoted(pick(@toggles));
	},
	drop_toggle => sub { return delete_from('organization_settings') },
	owner_set => sub {
		my $type = pick('stack', @types);
		my $set = pick(undef, grep { set_type($_) eq $type } sets_for(undef));
		return sprintf q{INSERT INTO rbac.entity_type_settings (entity_type, owner_permission_set) SELECT t.name, p.name
			FROM rbac.entity_types t LEFT JOIN rbac.permission_sets p ON p.name = %s AND p.entity_type = t.name WHERE t.name = %s
			ON CONFLICT (entity_type) DO UPDATE SET owner_permission_set = EXCLUDED.owner_permission_set}, quoted($set), quoted($type);
	},
	drop_owner_set => sub { return delete_from('entity_type_settings') },
	organization => sub { return sprintf 'INSERT INTO rbac.organizations (name) VALUES (%s) ON CONFLICT DO NOTHING', quoted(pick(@{ $world{orgs} })) },
	rename => sub {
		my ($kind, $names) = @{
			pick(
				[ 'member', 'SELECT member FROM oracle.members' ], [ 'organization', 'SELECT name FROM rbac.organizations' ],
				[ 'team', 'SELECT name FROM rbac.teams' ], [ 'role', 'SELECT name FROM rbac.roles WHERE NOT builtin' ],
				[ 'permission_set', 'SELECT name FROM rbac.permission_sets WHERE NOT builtin' ], [ 'scope', 'SELECT name FROM rbac.scopes WHERE NOT builtin' ],
				[ 'entity_type', q{SELECT name FROM rbac.entity_types WHERE NOT builtin} ])
		};
		return sprintf q{DO $$ DECLARE n text; BEGIN
			SELECT name INTO n FROM (%s) names(name) WHERE name NOT LIKE '%%x'
				AND NOT EXISTS (SELECT FROM (%s) taken(name) WHERE taken.name = names.name || 'x') ORDER BY hashtextextended(name, %d) LIMIT 1;
			IF FOUND THEN PERFORM rbac.rename(%s, n, n || 'x'); END IF; END $$}, $names, $names, rand(1 << 30), quoted($kind);
	});
# by table, each as likely as the others
my @changes = (
	[qw(join join_by_default default_role change_role change_role member_expires leave)],
	[qw(join_team join_team team_member_expires leave_team leave_team team drop_team)],
	[qw(team_role team_role team_role_expires drop_team_role drop_team_role)],
	[qw(role all_scopes all_scopes drop_role)],
	[qw(rule rule rule_for_another_entity rule_with_other_condition drop_rule drop_rule)],
	[qw(set scopes_of_set scopes_of_set scopes_of_set use_scope drop_set)],
	[qw(scope drop_scope organization rename rename)],
	[qw(grant grant_on_own grant_to_team grant_expires grant_of_another_set revoke revoke)],
	[qw(register register_again other_tags other_tags move other_id unregister)],
	[qw(own own register_owned register_owned other_owner)],
	[qw(member_default drop_member_default)],
	[qw(toggle drop_toggle)],
	[qw(owner_set owner_set drop_owner_set)]);

sub change { return $changes{ pick(@{ pick(@changes) }) }->() }

# for a transaction that is rolled back
sub wholesale_change
{
	my $to = quoted(pick(@{ $world{orgs} }));
	return pick(
		(map { "TRUNCATE rbac.$_" } qw(entity_grants team_members team_roles member_defaults organization_settings entities entity_type_settings)),
		'TRUNCATE rbac.members CASCADE', 'TRUNCATE rbac.teams CASCADE', 'DELETE FROM rbac.role_rules WHERE id > 0', 'DELETE FROM rbac.members',
		'UPDATE rbac.entities SET owner = NULL', 'UPDATE rbac.members SET expires_at = NULL', q{UPDATE rbac.members SET role = 'Member'},
		# as a subscriber applies it: grants stay when their entity moves
		map { "SET LOCAL session_replication_role = replica; $_; SET LOCAL session_replication_role = origin" }
		  'UPDATE rbac.team_members SET expires_at = NULL; UPDATE rbac.entity_grants SET expires_at = NULL',
		"UPDATE rbac.entities SET organization = $to WHERE owner IS NULL AND EXISTS (SELECT FROM rbac.organizations WHERE name = $to)");
}

1;
