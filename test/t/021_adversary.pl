# A property test.  Random members of random organizations write at random what
# an app's login may write, and try to reach access that they did not have.
# adversary.sql judges, from the tables alone, what each transaction changed:
# nobody may have gained, or may come to gain, what its writer did not hold.
#
# ADVERSARY_SEED=n repeats a run, ADVERSARY_ROUNDS=n makes a longer one.
# ADVERSARY_REFUSED=1 tells what was refused though the judge finds no harm in it.
# What offends is left in tmp_check/log as SQL: the rows before, and the transaction.

use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use JSON::PP;
use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session;
use World qw(chance pick between some quoted);

my $seed = $ENV{ADVERSARY_SEED} // 1;
my $rounds = $ENV{ADVERSARY_ROUNDS} // 50;
my $tell_refused = $ENV{ADVERSARY_REFUSED};
srand($seed);
diag("ADVERSARY_SEED=$seed");

my $copied = "${PostgreSQL::Test::Utils::tmp_check}/copied";
my @tables = qw(organizations entity_types scopes permission_sets entity_type_settings roles default_roles role_rules members
  teams team_members team_roles entities entity_grants member_defaults organization_settings);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\nfsync = off\nsynchronous_commit = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rbac');
$node->safe_psql('postgres', slurp_file(dirname(__FILE__) . "/$_.sql")) for 'oracle', 'adversary';
$node->safe_psql('postgres', join ";\n", 'CREATE ROLE app LOGIN', 'GRANT SET ON PARAMETER rbac.member TO app', 'GRANT USAGE ON SCHEMA rbac TO app',
	map { "GRANT SELECT, INSERT, UPDATE, DELETE ON rbac.$_ TO app" } @tables);

my ($judge, $free) = map { Session->new($node->connstr('postgres')) } 1 .. 2;
my ($app, $other) = map { Session->new($node->connstr('postgres') . ' user=app') } 1 .. 2;
$_->ask('\set VERBOSITY verbose') for $judge, $free, $app, $other;

# ---- random choices ----

sub weighted
{
	my @choices = @_;    # weight, value, ...
	my $sum = 0;
	$sum += $choices[ 2 * $_ ] for 0 .. $#choices / 2;
	my $x = rand($sum);
	while (1)
	{
		my ($weight, $value) = splice(@choices, 0, 2);
		return $value if ($x -= $weight) < 0 || !@choices;
	}
}

# ---- what worlds are made of ----

my @administration = qw(role:create role:update role:delete team:create team:update team:delete team:create_token team:delete_token github_team:create
  org_member:add org_member:update org_member:delete org_member:set_admin org_token:create org_token:delete organization:update);
my @reading = qw(role:read team:read team:list org_member:read org_token:read team:list_tokens);
my %scopes = (
	organization => [ @administration, @reading, qw(organization:delete stack:create billing:audit organization:read_usage) ],
	stack => [qw(stack:read stack:write stack:delete stack_access:read stack_access:update)],
	app => [qw(app:read app:write app:admin app:toggled)],
	doc => [qw(doc:view doc:edit)]);
my @types = qw(stack app doc);
my @toggles = qw(stack:create team:create stack:delete app:toggled billing:audit);
my %builtin_sets = ('Standard' => 'organization', 'Read Only' => 'organization', 'Billing' => 'organization',
	'Stack Read' => 'stack', 'Stack Write' => 'stack', 'Stack Admin' => 'stack', 'Stack Access Read' => 'stack');
my @builtin_roles = ('Member', 'Admin', 'Billing Manager');
my %shared_sets = ('Shared Org' => 'organization', 'Shared Stack' => 'stack', 'Shared App' => 'app', 'Shared Doc' => 'doc');
my %ids = (stack => [qw(s1 s2 s3 s4 s5)], app => [qw(a1 a2 a3 a4)], doc => [qw(d1 d2)]);
my @tags = ('{}', '{"env": "prod"}', '{"env": "dev"}', '{"env": "prod", "tier": 1}', '{"tier": 2}');
my @conditions = ('$.env == "prod"', '$.env == "dev"', '$.tier == 1', '$.tier > 0', '!exists($.env)', 'exists($.env)');
my @people = map { "p$_" } 1 .. 7;
my @tokens = qw(k1 k2);
my @toy_orgs = qw(o1 o2 o3);

my %types_of = (tags => 'jsonb', condition => 'jsonpath', expires_at => 'timestamptz', is_admin => 'boolean', all_scopes => 'boolean', toggle => 'boolean',
	scopes => 'rbac.scopeset', id => 'bigint');
my %key = (
	organizations => ['name'], entity_types => ['name'], scopes => ['name'], permission_sets => ['name'], entity_type_settings => ['entity_type'], roles => ['name'],
	default_roles => ['organization'], role_rules => ['id'], members => [ 'organization', 'member' ], teams => ['name'], team_members => [ 'team', 'member' ],
	team_roles => [ 'team', 'role' ], entities => [ 'entity_type', 'entity' ], entity_grants => ['id'], member_defaults => [ 'organization', 'permission_set' ],
	organization_settings => [ 'organization', 'scope' ]);

# of this round
my (@orgs, @instants, %set_type, %rows, @writers, %rank);
# of this writer: roles and sets that they have themselves, and may give
my (@own_roles, @own_sets);

sub sets_for
{
	my ($org) = @_;
	return (sort(keys %builtin_sets), sort(keys %shared_sets), defined $org ? (own_sets($org)) x 3 : ());
}
sub own_sets { my ($org) = @_; return map { "$org/set $_" } 1 .. 6 }
sub own_roles { my ($org) = @_; return map { "$org/role $_" } 1 .. 5 }
sub own_teams { my ($org) = @_; return map { "$org/team $_" } 1 .. 3 }
sub roles_for { my ($org) = @_; return (@builtin_roles, 'Member', 'Shared Ops', (own_roles($org)) x 2) }
sub type_of { my ($set) = @_; return $builtin_sets{$set} // $shared_sets{$set} // $set_type{$set} // 'stack' }

sub some_scopes
{
	my ($type) = @_;
	my @of_type = @{ $scopes{$type} };
	my $n = $type eq 'organization' ? pick(1, 4, 8, 16, (scalar @of_type) x 3) : between(0, scalar @of_type);
	return '{' . join(',', some($n, @of_type)) . '}';
}

# something that the writer has, more often than not
sub offer { my ($own, @from) = @_; return @$own && chance(0.55) ? pick(@$own) : pick(@from) }
sub empty_role { my ($org) = @_; return (own_roles($org))[-1] }
sub offer_role { my ($org) = @_; return chance(0.2) ? empty_role($org) : offer(\@own_roles, roles_for($org)) }
sub offer_set { my ($org, $entities) = @_; return offer([ grep { !$entities || type_of($_) ne 'organization' } @own_sets ], grep { !$entities || type_of($_) ne 'organization' } sets_for($org)) }

sub look_at_writer
{
	my ($org, $me) = @_;
	my %mine = map { $_->{team} => 1 } grep { $_->{member} eq $me } rows_of('team_members', $org);
	@own_roles = ((map { $_->{role} } grep { $_->{member} eq $me } rows_of('members', $org)), map { $_->{role} } grep { $mine{ $_->{team} } } rows_of('team_roles', $org));
	my %role = map { $_ => 1 } @own_roles;
	@own_sets = (map { $_->{permission_set} } grep { $role{ $_->{role} // '' } || ($_->{member} // '') eq $me } rows_of('role_rules'), rows_of('entity_grants', $org));
	return;
}

sub expiry { return chance(0.5) ? undef : pick(@instants) }
sub known { my ($table, $column, $org) = @_; return map { $_->{$column} } rows_of($table, $org) }

sub rows_of
{
	my ($table, $org) = @_;
	return map { $_->{row} //= decode_json($_->{json}) } grep { !defined $org || defined $_->{org} && $_->{org} eq $org } @{ $rows{$table} // [] };
}

# mostly one that exists
sub known_or
{
	my ($table, $column, $org, @else) = @_;
	my @known = known($table, $column, $org);
	return pick(@known && chance(0.85) ? @known : @else);
}

sub target
{
	my ($type) = @_;
	return weighted(
		5 => sub { return () },
		4 => sub { return (entity => pick(@{ $ids{$type} })) },
		4 => sub { return (condition => pick(@conditions)) })->() if $type ne 'organization';
	return ();
}

# New rows of an organization, as columns and values.
my %new = (
	organizations => sub { my ($org) = @_; return { name => chance(0.5) ? $org : 'o9', description => 'x' } },
	permission_sets => sub {
		my ($org) = @_;
		my $set = pick(own_sets($org));
		my $type = chance(0.9) ? type_of($set) : pick('organization', @types);
		return { name => $set, entity_type => $type, scopes => some_scopes($type) };
	},
	roles => sub { my ($org) = @_; return { name => pick(own_roles($org)), all_scopes => chance(0.1) ? 'true' : 'false' } },
	default_roles => sub { my ($org) = @_; return { organization => $org, role => offer_role($org) } },
	role_rules => sub {
		my ($org) = @_;
		my $set = offer_set($org);
		return { role => known_or('roles', 'name', $org, own_roles($org)), permission_set => $set,
			(chance(0.15) ? (entity_type => type_of($set)) : ()), target(type_of($set)) };
	},
	members => sub {
		my ($org) = @_;
		my $kind = weighted(8 => 'user', 1 => 'organization_token', 1 => 'team_token');
		return { organization => $org, member => $kind eq 'user' ? pick(@people) : pick(@tokens, @people), kind => $kind, expires_at => expiry(),
			($kind eq 'team_token' ? (role => 'Member') : chance(0.4) ? (role => empty_role($org)) : chance(0.6) ? (role => offer_role($org)) : ()) };
	},
	teams => sub { my ($org) = @_; return { name => pick(own_teams($org)), source => weighted(4 => 'rbac', 1 => 'github') } },
	team_members => sub {
		my ($org) = @_;
		return { team => known_or('teams', 'name', $org, own_teams($org)), member => known_or('members', 'member', $org, @people),
			is_admin => chance(0.3) ? 'true' : 'false', expires_at => expiry() };
	},
	team_roles => sub { my ($org) = @_; return { team => known_or('teams', 'name', $org, own_teams($org)), role => offer_role($org), expires_at => expiry() } },
	entities => sub {
		my ($org) = @_;
		my $type = pick(@types, 'stack');
		return { entity_type => $type, entity => pick(@{ $ids{$type} }), organization => $org, owner => pick(undef, @people), tags => pick(undef, @tags) };
	},
	entity_grants => sub {
		my ($org) = @_;
		my $set = offer_set($org, 1);
		return { permission_set => $set, entity => pick(@{ $ids{ type_of($set) } }), expires_at => expiry(),
			chance(0.4) ? (team => known_or('teams', 'name', $org, own_teams($org)))
			: (organization => $org, member => known_or('members', 'member', $org, @people)) };
	},
	member_defaults => sub { my ($org) = @_; return { organization => $org, permission_set => offer_set($org, 1) } },
	organization_settings => sub { my ($org) = @_; return { organization => $org, scope => pick(@toggles) } },
	# rows of no organization
	entity_types => sub { return { name => pick('app', 'toy') } },
	scopes => sub { return { name => pick('app:new', 'app:read'), entity_type => pick('app', 'doc'), toggle => pick('true', 'false') } },
	entity_type_settings => sub { return { entity_type => pick(@types), owner_permission_set => pick(undef, 'Stack Admin', 'Shared App'), access_scope => pick(undef, 'app:read') } });
my %shared_new = (
	permission_sets => sub { my $set = pick(sort keys %shared_sets); return { name => $set, entity_type => $shared_sets{$set}, scopes => some_scopes($shared_sets{$set}) } },
	roles => sub { return { name => pick('Shared Ops', 'Shared New'), all_scopes => pick('true', 'false') } },
	role_rules => sub { return { role => pick('Shared Ops', 'Member'), permission_set => pick(sort(keys %builtin_sets), sort keys %shared_sets) } });
my @table_weights = (
	12 => 'members', 5 => 'teams', 11 => 'team_members', 9 => 'team_roles', 5 => 'roles', 11 => 'role_rules', 9 => 'permission_sets', 4 => 'default_roles',
	11 => 'entities', 12 => 'entity_grants', 5 => 'member_defaults', 4 => 'organization_settings', 1.5 => 'organizations', 0.3 => 'entity_types', 0.3 => 'scopes',
	0.4 => 'entity_type_settings');

sub new_row
{
	my ($table, $org) = @_;
	return $shared_new{$table}->() if $shared_new{$table} && chance(0.03);
	my $new = $new{$table}->($org);
	$new->{id} = between(1, 300) if $key{$table}[0] eq 'id' && chance(0.02);
	return $new;
}

# ---- making a world ----

sub insert
{
	my ($table, @new) = @_;
	return map { sprintf "INSERT INTO rbac.%s (%s) VALUES (%s) ON CONFLICT DO NOTHING;\n", $table, join(', ', sort keys %$_),
		  join(', ', map { quoted($_) } @{$_}{ sort keys %$_ }) } @new;
}

# one row for each key
sub distinct
{
	my ($columns, @new) = @_;
	my %seen;
	return grep { !$seen{ join "\n", map { $_ // '' } @{$_}{@$columns} }++ } @new;
}

sub make_organization
{
	my ($org) = @_;
	my @sql = insert('organizations', { name => $org });
	my @sets = own_sets($org);
	for (0 .. $#sets)
	{
		my $type = $set_type{ $sets[$_] };
		push @sql, insert('permission_sets', { name => $sets[$_], entity_type => $type, scopes => some_scopes($type) }) unless chance(0.1);
	}
	push @sql, insert('roles', map { { name => $_, all_scopes => chance(0.1) && $_ ne empty_role($org) ? 'true' : 'false' } } grep { chance(0.85) } own_roles($org));
	my $have = join '', @sql;
	my @roles = grep { index($have, "'$_'") >= 0 } own_roles($org);
	my $usable = sub {
		my ($name) = @_;
		return defined $name && ($name !~ m{/} || index($have, "'$name'") >= 0);
	};
	for my $role (@roles)
	{
		# the last one is empty, and may be given by whoever may give roles
		last if $role eq empty_role($org);
		# several of the organization's own scopes in most of the others, which makes a writer
		my @with = (chance(0.5) ? ('Standard', 'Stack Access Read') : (), pick(grep { type_of($_) eq 'organization' } own_sets($org)), map { pick(sets_for($org)) } 1 .. between(0, 3));
		for my $set (grep { $usable->($_) } @with)
		{
			push @sql, insert('role_rules', { role => $role, permission_set => $set, target(type_of($set)) });
		}
	}
	my $role = sub { my $r; do { $r = chance(0.15) ? empty_role($org) : pick(roles_for($org)) } until $usable->($r); return $r };
	my @members = some(between(4, 6), @people);
	my @member_rows = map { { organization => $org, member => $_, role => $role->(), expires_at => expiry() } } @members;
	my @admin_roles = ('Admin', map { /'(.*)'.*'true'/ || /'true', '(.*?)'/ ? $1 : () } grep { /INTO rbac.roles/ } @sql);
	$member_rows[0] = { organization => $org, member => $members[0], role => $admin_roles[-1] };
	push @member_rows, { organization => $org, member => 'k1', kind => 'organization_token', role => $role->(), expires_at => expiry() } if chance(0.4);
	push @member_rows, { organization => $org, member => 'k2', kind => 'team_token', role => 'Member' } if chance(0.3);
	push @sql, insert('members', @member_rows);
	my @teams = some(between(2, 3), own_teams($org));
	push @sql, insert('teams', map { { name => $_ } } @teams);
	push @sql, insert('team_members', map { { team => pick(@teams), member => pick(@members), is_admin => chance(0.4) ? 'true' : 'false', expires_at => expiry() } } 1 .. 5);
	push @sql, insert('team_members', { team => pick(@teams), member => 'k2' }) if grep { $_->{member} eq 'k2' } @member_rows;
	push @sql, insert('team_roles', map { { team => pick(@teams), role => $role->(), expires_at => expiry() } } 1 .. 2);
	push @sql, insert('entities', map { $new{entities}->($org) } 1 .. 5);
	my @entity_sets = grep { type_of($_) ne 'organization' && $usable->($_) } sets_for($org);
	push @sql, insert('member_defaults', { organization => $org, permission_set => pick(@entity_sets) }) if chance(0.7);
	push @sql, insert('organization_settings', { organization => $org, scope => pick(@toggles) }) if chance(0.4);
	push @sql, insert('default_roles', { organization => $org, role => $role->() }) if chance(0.3);
	for (1 .. 5)
	{
		my $set = pick(@entity_sets);
		push @sql, insert('entity_grants', { permission_set => $set, entity => pick(@{ $ids{ type_of($set) } }), expires_at => expiry(),
			chance(0.4) ? (team => pick(@teams)) : (organization => $org, member => pick(@members)) });
	}
	return @sql;
}

sub clear_world
{
	return qq{
		DELETE FROM rbac.entity_grants;
		DELETE FROM rbac.entities;
		DELETE FROM rbac.organizations;
		DELETE FROM rbac.entity_type_settings;
		DELETE FROM rbac.roles WHERE NOT builtin;
		DELETE FROM rbac.permission_sets WHERE NOT builtin;
		DELETE FROM rbac.scopes WHERE NOT builtin;
		DELETE FROM rbac.entity_types WHERE NOT builtin;
	};
}

sub make_world
{
	@orgs = some(between(2, 3), @toy_orgs);
	my $now = time;
	@instants = map { strftime('%Y-%m-%d %H:%M:%S+00', gmtime($now + $_)) } -3600, 1800, 43200, 86400 * 30, 86400 * 4000;
	push @instants, 'infinity';
	%set_type = ();
	%rows = ();
	@own_roles = @own_sets = ();
	for my $org (@orgs)
	{
		my @of = ('organization', 'organization', 'stack', 'stack', 'app', pick(@types));
		@set_type{ own_sets($org) } = @of;
	}
	my @sql = (
		insert('entity_types', { name => 'app' }, { name => 'doc' }),
		insert('scopes', { name => 'billing:audit', entity_type => 'organization', toggle => 'true' },
			map { { name => $_, entity_type => /^app/ ? 'app' : 'doc', toggle => /toggled/ ? 'true' : 'false' } } @{ $scopes{app} }, @{ $scopes{doc} }),
		insert('permission_sets', map { { name => $_, entity_type => $shared_sets{$_}, scopes => some_scopes($shared_sets{$_}) } } sort keys %shared_sets),
		insert('roles', { name => 'Shared Ops', all_scopes => 'false' }),
		insert('role_rules', map { { role => 'Shared Ops', permission_set => $_ } } some(2, sort keys %shared_sets)),
		(chance(0.7) ? insert('entity_type_settings', { entity_type => 'app', owner_permission_set => pick(undef, 'Shared App'), access_scope => 'app:admin' }) : ()),
		(chance(0.2) ? insert('entity_type_settings', { entity_type => 'stack', owner_permission_set => 'Stack Write', access_scope => pick(undef, 'stack_access:update') }) : ()),
		(chance(0.2) ? insert('entity_type_settings', { entity_type => 'doc', owner_permission_set => 'Shared Doc', access_scope => pick(undef, 'doc:edit') }) : ()),
		map { make_organization($_) } @orgs);
	$judge->must(join '', 'BEGIN;', clear_world(), @sql, 'COMMIT;');
	refresh('begin');
	return;
}

# What is there now: to choose from, and to judge the next transaction by.
sub refresh
{
	my ($how) = @_;
	my $found = $judge->must(qq{SELECT judge.$how();
		SELECT concat_ws(E'\\t', 'r', relation, coalesce(organization, ''), row) FROM judge.before_rows ORDER BY relation, key;
		SELECT concat_ws(E'\\t', 'w', m.organization, m.row ->> 'member', (SELECT count(*) FILTER (WHERE scope ~ '^(role|team|org_member|organization|org_token):' OR scope LIKE '%_access:%')
				+ 100 * count(*) FILTER (WHERE scope = '(all)' AND until = 'infinity') + 50 * count(*) FILTER (WHERE scope = '(all)') FROM judge.before b
				WHERE b.class = 'member' AND b.holder = m.row ->> 'member' AND b.organization = m.organization))
			FROM judge.before_rows m WHERE relation = 'members' ORDER BY key;});
	%rows = ();
	@writers = ();
	%rank = ();
	for (split /\n/, $found)
	{
		my ($what, @fields) = split /\t/;
		next unless defined $what;
		push @{ $rows{ $fields[0] } }, { org => $fields[1] eq '' ? undef : $fields[1], json => $fields[2] } if $what eq 'r';
		$rank{"@fields[0, 1]"} = $fields[2] if $what eq 'w';
		push @writers, $fields[2] >= 50 ? 4 : $fields[2] > 0 ? 6 : 1, [ @fields[ 0, 1 ] ] if $what eq 'w';
	}
	return;
}

# ---- random writes ----

sub render
{
	my ($column, $value, $typed) = @_;
	my $type = $types_of{$column} // 'text';
	return $typed ? quoted($value) . "::$type" : quoted($value);
}

sub assignments { my ($set) = @_; return join ', ', map { "$_ = " . render($_, $set->{$_}) } sort keys %$set }

# other values for a row; the key only seldom
sub other_values
{
	my ($table, $org) = @_;
	my $new = new_row($table, $org);
	my %is_key = map { $_ => 1 } @{ $key{$table} }, $table eq 'role_rules' ? 'role' : $table eq 'entity_grants' ? qw(organization member team) : ();
	my @columns = grep { chance(0.08) || !$is_key{$_} } sort keys %$new;
	@columns = sort keys %$new unless @columns;
	return { map { $_ => $new->{$_} } some(pick(1, 1, 2, 3), @columns) };
}

sub is_of
{
	my ($table, $row) = @_;
	return join ' AND ', map { "$_ = " . render($_, $row->{$_}, 1) } @{ $key{$table} };
}

sub where
{
	my ($table, $org) = @_;
	my @there = rows_of($table, $org);
	@there = rows_of($table) if !@there || chance(0.04);
	return is_of($table, pick(@there)) if @there && chance(0.8);
	return join ' OR ', map { is_of($table, $_) } some(2, @there) if @there && chance(0.5);
	my $row = new_row($table, $org);
	my $column = pick(grep { defined $row->{$_} && $_ !~ /^(condition|scopes)$/ } sort keys %$row);
	return "$column = " . render($column, $row->{$column}, 1);
}

sub same_columns
{
	my ($table, $org, $n) = @_;
	my @new = map { new_row($table, $org) } 1 .. $n;
	my %columns = map { $_ => 1 } map { keys %$_ } @new;
	# a column that one of them leaves to its default is left out by all
	delete $columns{role} if $table eq 'members' && grep { !exists $_->{role} } @new;
	return (\@new, sort keys %columns);
}

sub values_of
{
	my ($new, $typed, @columns) = @_;
	return join ', ', map { my $row = $_; '(' . join(', ', map { render($_, $row->{$_}, $typed) } @columns) . ')' } @$new;
}

sub insert_rows
{
	my ($table, $org) = @_;
	my ($new, @columns) = same_columns($table, $org, pick(1, 1, 1, 2, 3));
	return sprintf 'INSERT INTO rbac.%s (%s) VALUES %s', $table, join(', ', @columns), values_of($new, 0, @columns);
}

my %statement = (
	INSERT => \&insert_rows,
	UPSERT => sub {
		my ($table, $org) = @_;
		my $insert = insert_rows($table, $org);
		return "$insert ON CONFLICT DO NOTHING" if chance(0.2) || $key{$table}[0] eq 'id';
		return sprintf '%s ON CONFLICT (%s) DO UPDATE SET %s', $insert, join(', ', @{ $key{$table} }), assignments(other_values($table, $org));
	},
	UPDATE => sub { my ($table, $org) = @_; return sprintf 'UPDATE rbac.%s SET %s WHERE %s', $table, assignments(other_values($table, $org)), where($table, $org) },
	DELETE => sub { my ($table, $org) = @_; return sprintf 'DELETE FROM rbac.%s WHERE %s', $table, where($table, $org) },
	MERGE => sub {
		my ($table, $org) = @_;
		my ($new, @columns) = same_columns($table, $org, pick(1, 2));
		my @key = $key{$table}[0] eq 'id' ? grep { $_ =~ /^(role|permission_set|entity)$/ } @columns : @{ $key{$table} };
		return sprintf 'MERGE INTO rbac.%s t USING (VALUES %s) AS n (%s) ON %s WHEN MATCHED THEN %s WHEN NOT MATCHED THEN INSERT (%s) VALUES (%s)',
		  $table, values_of($new, 1, @columns), join(', ', @columns), join(' AND ', map { "t.$_ = n.$_" } @key),
		  chance(0.2) ? 'DELETE' : 'UPDATE SET ' . assignments(other_values($table, $org)), join(', ', @columns), join(', ', map { "n.$_" } @columns);
	},
	# from a file, as psql would take what a refused COPY leaves for commands
	COPY => sub {
		my ($table, $org) = @_;
		my ($new, @columns) = same_columns($table, $org, 1);
		open(my $file, '>', $copied) or die "$copied: $!";
		print $file join("\t", map { $_ // '\N' } @{ $new->[0] }{@columns}), "\n";
		close($file);
		return sprintf "\\copy rbac.%s (%s) FROM '%s'", $table, join(', ', @columns), $copied;
	});

# kind, table and SQL of a statement on an organization's rows
sub statement
{
	my ($org) = @_;
	my $table = weighted(@table_weights);
	my $op = weighted(36 => 'INSERT', 30 => 'UPDATE', 14 => 'DELETE', 12 => 'UPSERT', 7 => 'MERGE', 1 => 'COPY');
	return [ $op, $table, $statement{$op}->($table, $org) ];
}

sub several_at_once
{
	my ($org) = @_;
	my @inner = map { statement($org) } 1 .. pick(1, 1, 2);
	my $last = statement($org);
	return $last if grep { $_->[0] =~ /COPY|MERGE/ } @inner, $last;
	my $n = 0;
	return [ 'WITH', $last->[1], sprintf 'WITH %s %s', join(', ', map { sprintf 'w%d AS (%s RETURNING 1)', ++$n, $_->[2] } @inner), $last->[2] ];
}

# What the writer has on some, on others.
my $on_others = sub {
	my ($org, $me) = @_;
	my %mine = map { $_ => 1 } @own_roles;
	my $rule = pick(grep { $mine{ $_->{role} } && $_->{entity_type} ne 'organization' } rows_of('role_rules')) // return;
	my %target = target($rule->{entity_type});
	my ($entity, $condition) = map { quoted($_) } @target{qw(entity condition)};
	my $role = known_or('roles', 'name', $org, own_roles($org));
	return pick("INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES ('$role', '$rule->{permission_set}', $entity, $condition)",
		"UPDATE rbac.role_rules SET entity = $entity, condition = $condition WHERE id = $rule->{id}",
		$target{entity} ? "INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('$rule->{permission_set}', $entity, '$org', '" . pick($me, @people) . "')" : ());
};
# What another one has for a time, for longer.
my $for_longer = sub {
	my ($org, $me) = @_;
	my $table = pick(qw(members members team_members team_roles entity_grants));
	my $row = pick(grep { defined $_->{expires_at} } rows_of($table, $org)) // return;
	return "UPDATE rbac.$table SET expires_at = " . quoted(expiry()) . ' WHERE ' . is_of($table, $row);
};

# Attempts that take two steps, or a turn that single writes seldom take.
my @tricks = (
	# a set deleted and created again under its users
	sub {
		my ($org, $me) = @_;
		my $set = pick(own_sets($org));
		my $type = type_of($set);
		my @do = ("DELETE FROM rbac.permission_sets WHERE name = '$set'",
			"INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('$set', '$type', '{" . join(',', @{ $scopes{$type} }) . "}')");
		return ('SET CONSTRAINTS ALL DEFERRED', @do);
	},
	# a rule, default or grant that waits for its set
	sub {
		my ($org, $me) = @_;
		my $type = pick('organization', @types);
		my $user = pick(
			"INSERT INTO rbac.role_rules (role, permission_set, entity_type) VALUES ('" . known_or('roles', 'name', $org, own_roles($org)) . "', '$org/set 9', '$type')",
			$type eq 'organization' ? () : ("INSERT INTO rbac.member_defaults (organization, permission_set, entity_type) VALUES ('$org', '$org/set 9', '$type')",
				"INSERT INTO rbac.entity_grants (organization, member, permission_set, entity_type, entity) VALUES ('$org', '$me', '$org/set 9', '$type', '" . pick(@{ $ids{$type} }) . "')"));
		return ('SET CONSTRAINTS ALL DEFERRED', $user, "INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('$org/set 9', '$type', '" . some_scopes($type) . "')");
	},
	# a set of another type, with its users
	sub {
		my ($org, $me) = @_;
		my $set = pick(own_sets($org));
		my $type = pick('organization', @types);
		return ('SET CONSTRAINTS ALL DEFERRED', some(9, "UPDATE rbac.permission_sets SET entity_type = '$type', scopes = '" . some_scopes($type) . "' WHERE name = '$set'",
			(map { "UPDATE rbac.$_ SET entity_type = '$type' WHERE permission_set = '$set'" } qw(role_rules entity_grants member_defaults))));
	},
	# a role deleted and created again under its holders, or given before it is there
	sub {
		my ($org, $me) = @_;
		my $role = pick(own_roles($org), "$org/role 9");
		my @do = ("DELETE FROM rbac.roles WHERE name = '$role'", "INSERT INTO rbac.roles (name, all_scopes) VALUES ('$role', " . pick('true', 'false') . ")",
			"INSERT INTO rbac.role_rules (role, permission_set) VALUES ('$role', '" . pick(sets_for($org)) . "')");
		unshift @do, pick("UPDATE rbac.members SET role = '$role' WHERE organization = '$org' AND member = '$me'",
			"INSERT INTO rbac.team_roles (team, role) VALUES ('" . known_or('teams', 'name', $org, own_teams($org)) . "', '$role')",
			"UPDATE rbac.default_roles SET role = '$role' WHERE organization = '$org'") if chance(0.6);
		return ('SET CONSTRAINTS ALL DEFERRED', @do);
	},
	# what waits for a member
	sub {
		my ($org, $me) = @_;
		my $who = pick(@people);
		my @do = (chance(0.5) ? "DELETE FROM rbac.members WHERE organization = '$org' AND member = '$who'" : (),
			some(2, $statement{INSERT}->('team_members', $org) =~ s/'p\d'/'$who'/gr, "UPDATE rbac.entities SET owner = '$who' WHERE " . where('entities', $org),
				"INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Admin', '" . pick(@{ $ids{stack} }) . "', '$org', '$who')"),
			"INSERT INTO rbac.members (organization, member, role) VALUES ('$org', '$who', '" . pick(offer_role($org), 'Member') . "')");
		return ('SET CONSTRAINTS ALL DEFERRED', @do);
	},
	# a team deleted and created again, or filled and then armed, or armed and then filled
	sub {
		my ($org, $me) = @_;
		my $team = pick(own_teams($org));
		return (chance(0.5) ? 'SET CONSTRAINTS ALL DEFERRED' : (), chance(0.5) ? "DELETE FROM rbac.teams WHERE name = '$team'" : (), some(3,
			"INSERT INTO rbac.teams (name) VALUES ('$team')", "INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('$team', '$me', true)",
			"INSERT INTO rbac.team_roles (team, role) VALUES ('$team', '" . pick(roles_for($org)) . "')",
			"INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('" . pick('Stack Read', 'Stack Admin') . "', '" . pick(@{ $ids{stack} }) . "', '$team')"));
	},
	# an entity retagged, made one's own, and given back
	sub {
		my ($org, $me) = @_;
		my $row = pick(rows_of('entities', $org)) // return;
		my $is = is_of('entities', $row);
		return some(between(1, 3), "UPDATE rbac.entities SET tags = '" . pick(@tags) . "' WHERE $is", "UPDATE rbac.entities SET owner = '$me' WHERE $is",
			"UPDATE rbac.entities SET entity = '" . pick(@{ $ids{ $row->{entity_type} } }) . "' WHERE $is", "DELETE FROM rbac.entities WHERE $is",
			"INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags) VALUES ('$row->{entity_type}', '$row->{entity}', '$org', '$me', '" . pick(@tags) . "')");
	},
	# moved to another organization, and back
	sub {
		my ($org, $me) = @_;
		my $row = pick(rows_of('entities')) // return;
		my $is = is_of('entities', $row);
		my $there = pick(@orgs);
		return (chance(0.3) ? $statement{INSERT}->('entity_grants', $there) : (), "UPDATE rbac.entities SET organization = '$there'" . pick('', ", owner = '$me'", ", tags = '" . pick(@tags) . "'") . " WHERE $is",
			chance(0.3) ? "UPDATE rbac.entities SET organization = '$org' WHERE $is" : ());
	},
	# what the writer has for a time, for longer
	sub {
		my ($org, $me) = @_;
		return pick("UPDATE rbac.members SET expires_at = " . quoted(expiry()) . " WHERE organization = '$org' AND member = '$me'",
			"UPDATE rbac.team_members SET expires_at = " . quoted(expiry()) . " WHERE organization = '$org' AND member = '$me'",
			"UPDATE rbac.entity_grants SET expires_at = " . quoted(expiry()) . " WHERE organization = '$org' AND member = '$me'",
			"UPDATE rbac.team_roles SET expires_at = " . quoted(expiry()) . " WHERE team IN (SELECT team FROM rbac.team_members WHERE organization = '$org' AND member = '$me')");
	},
	# back again, without what cannot be given
	sub {
		my ($org, $me) = @_;
		my $row = pick(rows_of('members', $org)) // return;
		my $is = is_of('members', $row);
		return ("DELETE FROM rbac.members WHERE $is", "INSERT INTO rbac.members (organization, member, role) VALUES ('$org', '$row->{member}', '" . pick(offer_role($org), 'Member') . "')");
	},
	# rows that go to another organization
	sub {
		my ($org, $me) = @_;
		my $there = pick(@orgs);
		return pick("UPDATE rbac.members SET organization = '$there' WHERE organization = '$org' AND member = '$me'",
			"UPDATE rbac.team_members SET team = '$there/team 1' WHERE organization = '$org'", "UPDATE rbac.role_rules SET role = '$there/role 1' WHERE role LIKE '$org/%'",
			"UPDATE rbac.entity_grants SET organization = '$there', team = NULL, member = '$me' WHERE organization = '$org'",
			"UPDATE rbac.roles SET name = '$there/role 9' WHERE name = '$org/role 1'", "UPDATE rbac.teams SET name = '$there/team 9' WHERE name = '$org/team 1'",
			"UPDATE rbac.permission_sets SET name = '$there/set 9' WHERE name = '$org/set 1'", "UPDATE rbac.organizations SET name = 'o9' WHERE name = '$org'",
			"UPDATE rbac.default_roles SET organization = '$there' WHERE organization = '$org'", "UPDATE rbac.organization_settings SET organization = '$there' WHERE organization = '$org'",
			"UPDATE rbac.member_defaults SET organization = '$there' WHERE organization = '$org'");
	},
	# renamed, perhaps to a name that something waits for
	sub {
		my ($org, $me) = @_;
		my ($kind, $of, $n) = @{ pick([ 'role', 'role', between(1, 5) ], [ 'permission_set', 'set', between(1, 6) ], [ 'team', 'team', between(1, 3) ]) };
		my $rename = "SELECT rbac.rename('$kind', '$org/$of $n', '$org/$of 9')";
		return $rename if chance(0.3);
		my $role = known_or('roles', 'name', $org, own_roles($org));
		my $type = type_of("$org/set $n");
		my $someone = known_or('members', 'member', $org, @people);
		my %waiting = (
			role => [ "UPDATE rbac.members SET role = '$org/role 9' WHERE organization = '$org' AND member = '$someone'",
				"UPDATE rbac.default_roles SET role = '$org/role 9' WHERE organization = '$org'", "INSERT INTO rbac.default_roles (organization, role) VALUES ('$org', '$org/role 9')",
				"INSERT INTO rbac.team_roles (team, role) VALUES ('" . known_or('teams', 'name', $org, own_teams($org)) . "', '$org/role 9')" ],
			permission_set => [ "INSERT INTO rbac.role_rules (role, permission_set, entity_type) VALUES ('$role', '$org/set 9', '$type')",
				"UPDATE rbac.role_rules SET permission_set = '$org/set 9', entity_type = '$type' WHERE role = '$role'" ],
			team => [ "INSERT INTO rbac.team_members (team, member) VALUES ('$org/team 9', '" . pick($me, $someone) . "')" ]);
		return ('SET CONSTRAINTS ALL DEFERRED', pick(@{ $waiting{$kind} }), $rename);
	},
	# all of the organization at once, with other names in some places
	sub {
		my ($org, $me) = @_;
		my ($old, $new) = @{
			pick([ './role 1', './role 2' ], [ 'Member', './role 3' ], [ './role 4', 'Admin' ], [ 'stack:read', 'stack:delete' ], [ 'app:read', 'app:admin' ],
				[ './set 3', './set 4' ], [ './team 1', './team 2' ], [ pick(@people), $me ])
		};
		return qq{SELECT count(*) FROM rbac.apply(replace(rbac.export('$org')::text, '"$old"', '"$new"')::jsonb)};
	},
	# what no member may rename
	sub {
		my ($org, $me) = @_;
		return pick("SELECT rbac.rename('member', '$me', '" . pick(@people) . "')", "SELECT rbac.rename('organization', '$org', 'o9')",
			"SELECT rbac.rename('role', 'Shared Ops', 'Shared Ops 9')", "SELECT rbac.rename('scope', 'app:read', 'app:reads')");
	},
	# the admins one after the other
	sub {
		my ($org, $me) = @_;
		return pick("UPDATE rbac.members SET role = 'Member' WHERE organization = '$org' AND kind <> 'team_token'", "DELETE FROM rbac.members WHERE organization = '$org'",
			"UPDATE rbac.members SET expires_at = '$instants[1]' WHERE organization = '$org'", "UPDATE rbac.roles SET all_scopes = false WHERE organization = '$org'",
			"DELETE FROM rbac.members WHERE organization = '$org' AND role = 'Admin'");
	},
	# an empty role or set given, then filled
	sub {
		my ($org, $me) = @_;
		my ($role, $set) = ("$org/role 9", "$org/set 9");
		my $type = pick('organization', @types);
		return ("INSERT INTO rbac.roles (name) VALUES ('$role')", "INSERT INTO rbac.permission_sets (name, entity_type) VALUES ('$set', '$type')",
			some(4, pick("UPDATE rbac.members SET role = '$role' WHERE organization = '$org' AND member = '$me'", "INSERT INTO rbac.team_roles (team, role) SELECT name, '$role' FROM rbac.teams WHERE organization = '$org' LIMIT 1"),
				"INSERT INTO rbac.role_rules (role, permission_set) VALUES ('$role', '$set')", "UPDATE rbac.permission_sets SET scopes = '" . some_scopes($type) . "' WHERE name = '$set'",
				"UPDATE rbac.roles SET all_scopes = true WHERE name = '$role'"));
	});

# The statements of a transaction: one to be run alone, or several.
sub transaction
{
	my ($org, $me) = @_;
	my $x = rand();
	return (0, statement($org)) if $x < 0.5;
	return (0, several_at_once($org)) if $x < 0.57;
	if ($x < 0.88)
	{
		my @steps = map { [ 'trick', 'several', $_ ] } grep { defined } pick(@tricks, ($for_longer, $on_others) x 3)->($org, $me);
		return (1, @steps, chance(0.2) ? statement($org) : ());
	}
	my @steps = map { statement($org) } 1 .. between(2, 4);
	unshift @steps, [ 'SET', '', 'SET CONSTRAINTS ALL DEFERRED' ] if chance(0.4);
	splice(@steps, -1, 0, [ 'SET', '', 'SAVEPOINT s' ]), push @steps, [ 'SET', '', 'ROLLBACK TO s' ], statement($org) if chance(0.2);
	return (1, @steps);
}

# ---- judging ----

my %count;       # by table, kind and outcome
my %refusals;    # by message to admins: a statement
my (%offences, %harmless);
my $failures = 0;
my $transactions = 0;

sub failed
{
	my ($what, $writer, @sql) = @_;
	my $file = sprintf '%s/offence_%d_%d.sql', $PostgreSQL::Test::Utils::log_path, $seed, ++$failures;
	append_to_file($file, join "\n", "-- ADVERSARY_SEED=$seed\n" . ($what =~ s/^/-- /mgr), $judge->must('SELECT judge.as_sql();'), "\nSET ROLE app; SET rbac.member = " . quoted($writer) . ';', (map { ended($_) } @sql), '');
	diag("ADVERSARY_SEED=$seed, $file:\n$what\n  SET rbac.member = " . quoted($writer), map { ";\n  $_" } @sql);
	die "too many failures\n" if $failures >= ($ENV{ADVERSARY_FAILURES} // 10);
	return;
}

sub ended { my ($sql) = @_; return $sql =~ /^\\/ ? $sql : "$sql;" }

# an error of the kind that a member's write may end in
sub is_ordinary
{
	my ($err, $sql) = @_;
	my @codes = $err =~ /^ERROR:  (\w{5}):/mg;
	return !grep {
		!(/^(42501|23\w{3}|21000|25P02|27000)$/
			|| /^0A000$/ && $sql =~ /^.copy/
			|| /^42704$/ && $sql =~ /rename/
			|| /^(22|42)/ && $sql =~ /rbac.apply/)
	} @codes;
}

# Run a transaction as the writer; returns whether it changed anything.
sub attempt
{
	my ($session, $org, $me, $block, @steps) = @_;
	my @sql = map { $_->[2] } @steps;
	my @outcome;
	my $refused = '';

	$transactions++;
	my $go_on = $block && chance(0.6);
	my $begin = 'BEGIN' . (chance(0.15) ? ' ISOLATION LEVEL ' . pick('REPEATABLE READ', 'SERIALIZABLE') : '');
	$session->ask('SET rbac.member = ' . quoted($me) . ';' . ($block ? "\n\\set ON_ERROR_ROLLBACK " . ($go_on ? 'on' : 'off') . "\n$begin;" : ''));
	for my $step (@steps)
	{
		my ($op, $table, $sql) = @$step;
		my ($out, $err) = $session->ask(ended($sql) . "\n\\echo rows :ROW_COUNT");
		failed("an error of its own kind: $err", $me, @sql) unless $session == $free || is_ordinary($err, $sql);
		if ($op ne 'SET')
		{
			my $what = $err =~ /^ERROR:  42501/m ? 'refused' : $err ne '' ? 'error' : $out =~ /^rows [1-9]/m ? 'accepted' : 'nothing';
			$count{$table}{$op}{$what}++;
			$refused = $err if $what eq 'refused';
		}
		last if $err ne '' && !$go_on;
	}
	if ($block)
	{
		my (undef, $err) = $session->ask(chance(0.95) ? 'COMMIT;' : 'ROLLBACK;');
		failed("an error of its own kind at the end: $err", $me, @sql) unless $session == $free || is_ordinary($err, '');
		unshift @sql, ($go_on ? '\set ON_ERROR_ROLLBACK on' : ()), $begin;
		push @sql, 'COMMIT';
	}
	for (@sql)
	{
		next unless /rename\('(\w+)', '(.*)', '(.*)'\)/;
		$judge->must(sprintf q{SELECT judge.renamed('%ss', '%s', '%s');}, $1, $2, $3);
	}
	# what a single statement did is undone by its error; that is looked at now and then
	my @verdict = $refused ne '' && !$block && chance(0.8) ? () : split /\n/, $judge->must('SELECT judge.verdict(' . quoted($me) . ');');
	my @offences = map { s/^v\t//r } grep { /^v/ } @verdict;
	push @offences, 'refused, but something changed' if !$block && $refused ne '' && @verdict;
	$offences{ (split /:| in /)[0] }++ for @offences;
	failed(join("\n", @verdict), $me, @sql) if @offences && $session == $app;
	look_at_refusal($org, $me, $refused, @{ $steps[0] }) if $tell_refused && $refused ne '' && !$block;
	weigh_refusal($org, $me, $refused, @{ $steps[0] }) if $refused ne '' && !$block && chance($tell_refused ? 1 : 0.05) && $steps[0][0] ne 'COPY';
	refresh('advance') if @verdict;
	return scalar @verdict;
}

# Why was somebody refused who has all scopes there, for good?
sub look_at_refusal
{
	my ($org, $me, $refused, $op, $table, $sql) = @_;
	my ($message) = $refused =~ /^ERROR:  42501: (.*)/m;
	my $elsewhere = grep { $_ ne $org && $sql =~ /\b$_\b/ } @toy_orgs;
	return if $elsewhere || ($rank{"$org $me"} // 0) < 100 || $message =~ /belongs to the owner|made by the owner|would have no admin|change a name|built-in row/;
	$refusals{"$table $op: $message"} //= "$me: $sql";
	return;
}

# Two members at once: one writes while the other is in a transaction.  Together
# they may give what either of them has.
sub interleaved
{
	my (@me, @org, @sql);
	($org[$_], $me[$_]) = @{ weighted(@writers) } for 0, 1;
	$org[1] = $org[0] if chance(0.7);
	for my $i (chance(0.7) ? (0, 1, 0) : (1, 0))
	{
		look_at_writer($org[$i], $me[$i]);
		push @sql, [ $i, ended(statement($org[$i])->[2]) ];
	}
	unshift @sql, [ 0, 'BEGIN' . pick('', ' ISOLATION LEVEL REPEATABLE READ', ' ISOLATION LEVEL SERIALIZABLE') . '; SELECT count(*) FROM rbac.members;' ];
	push @sql, [ 0, 'COMMIT;' ];
	my @sessions = ($app, $other);
	$sessions[$_]->must("\\set ON_ERROR_ROLLBACK off\nSET rbac.member = " . quoted($me[$_]) . "; SET lock_timeout = '20ms';") for 0, 1;
	my @log;
	for (@sql)
	{
		my (undef, $err) = $sessions[ $_->[0] ]->ask($_->[1]);
		push @log, "/* $me[$_->[0]] */ $_->[1] " . ($err =~ s/^(ERROR.*)\n(?s).*/-- $1/r);
		failed("an error of its own kind: $err", $me[0], @log) unless is_ordinary($err, $_->[1]) || $err =~ /^ERROR:  (55P03|40001|40P01):/m;
	}
	$_->must('RESET lock_timeout;') for @sessions;
	my ($a, $b) = map { [ split /\n/, $judge->must('SELECT judge.verdict(' . quoted($_) . ');') ] } @me;
	my %offends = map { $_ => 1 } grep { /^v/ } @$b;
	failed(join("\n", @$a, "together with $me[1]"), $me[0], @log) if grep { $offends{$_} } @$a;
	$transactions += 2;
	refresh('advance') if @$a;
	return;
}

# Would it have done any harm?
sub weigh_refusal
{
	my ($org, $me, $refused, $op, $table, $sql) = @_;
	my ($out, $err) = $judge->ask("BEGIN;\n$sql;\nSELECT judge.verdict(" . quoted($me) . ");\nROLLBACK;");
	return if $err ne '' || $out !~ /^c\t/m;
	my ($message) = $refused =~ /^ERROR:  42501: (.*)/m;
	my $harmless = $out !~ /^v\t/m;
	$harmless{ $harmless ? 'harmless' : 'harmful' }++;
	note("refused, without harm: $message\n  $me: $sql") if $tell_refused && $harmless;
	return;
}

sub round
{
	my ($session, $n) = @_;
	make_world();
	for my $line (split /\n/, $judge->must('SELECT judge.differences();'))
	{
		diag("the judge and the oracle differ: $line");
		$failures++;
	}
	for (1 .. $n)
	{
		last unless @writers;
		interleaved(), next if $session == $app && chance(0.05);
		my ($org, $me) = @{ weighted(@writers) };
		look_at_writer($org, $me);
		$org = pick(@orgs) if chance(0.07);
		attempt($session, $org, $me, transaction($org, $me));
	}
	return;
}

sub told
{
	my %sum;
	for my $table (sort keys %count)
	{
		note(sprintf '%-22s %s', $table, join ', ', map {
			my $op = $_;
			my $c = $count{$table}{$op};
			$sum{$_} += $c->{$_} for keys %$c;
			"$op " . join '/', map { $c->{$_} // 0 } qw(accepted refused error nothing)
		} sort keys %{ $count{$table} });
	}
	note(join ', ', "$transactions transactions; statements", map { "$_ " . ($sum{$_} // 0) } qw(accepted refused error nothing));
	return %sum;
}

# ---- what must not be refused ----

# An admin does each kind of write, and so does a member who holds what it takes.
my $organization_with_all = q{
	INSERT INTO rbac.entity_types (name) VALUES ('app'), ('doc');
	INSERT INTO rbac.scopes (name, entity_type) VALUES ('app:read', 'app'), ('doc:view', 'doc');
	INSERT INTO rbac.organizations (name) VALUES ('o1'), ('o2');
	INSERT INTO rbac.members (organization, member, role) VALUES ('o1', 'boss', 'Admin'), ('o2', 'boss', 'Admin'), ('o1', 'p1', 'Member');
	INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('o1/Managing', 'organization',
		'{role:create,role:update,role:delete,role:read,team:create,team:update,team:delete,org_member:add,org_member:update,org_member:delete,organization:update}');
	INSERT INTO rbac.roles (name) VALUES ('o1/Manager');
	INSERT INTO rbac.role_rules (role, permission_set) VALUES ('o1/Manager', 'o1/Managing'), ('o1/Manager', 'Standard'), ('o1/Manager', 'Stack Access Read'), ('o1/Manager', 'Stack Admin');
	INSERT INTO rbac.members (organization, member, role) VALUES ('o1', 'manager', 'o1/Manager');
};
my @admins_writes = (
	q{INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('o1/Set', 'stack', '{stack:read}'), ('o1/Apps', 'app', '{app:read}')},
	q{UPDATE rbac.permission_sets SET scopes = '{stack:read,stack:delete}' WHERE name = 'o1/Set'},
	q{INSERT INTO rbac.roles (name, all_scopes) VALUES ('o1/Role', false), ('o1/All', true)},
	q{UPDATE rbac.roles SET description = 'x' WHERE name = 'o1/Role'},
	q{UPDATE rbac.roles SET all_scopes = NOT all_scopes WHERE organization = 'o1'},
	q{INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES ('o1/Role', 'o1/Set', NULL, NULL), ('o1/Role', 'Stack Admin', 's1', NULL), ('o1/Role', 'o1/Apps', NULL, '$.env == "prod"')},
	q{UPDATE rbac.role_rules SET condition = '$.env == "dev"' WHERE role = 'o1/Role' AND condition IS NOT NULL},
	q{INSERT INTO rbac.members (organization, member) VALUES ('o1', 'p2')},
	q{INSERT INTO rbac.members (organization, member, role) VALUES ('o1', 'p3', 'o1/Role'), ('o1', 'p4', 'Admin') ON CONFLICT (organization, member) DO UPDATE SET role = EXCLUDED.role},
	q{INSERT INTO rbac.members (organization, member, kind, role) VALUES ('o1', 't1', 'organization_token', 'o1/Role'), ('o1', 't2', 'team_token', 'Member')},
	q{UPDATE rbac.members SET expires_at = '2100-01-01' WHERE organization = 'o1' AND member IN ('p2', 't1', 't2')},
	q{UPDATE rbac.members SET expires_at = NULL WHERE organization = 'o1'},
	q{UPDATE rbac.members SET role = 'Admin' WHERE organization = 'o1' AND member = 'p2'},
	q{UPDATE rbac.members SET role = 'Billing Manager' WHERE organization = 'o1' AND member = 'p2'},
	q{INSERT INTO rbac.teams (name, source) VALUES ('o1/Team', 'rbac'), ('o1/Hub', 'github')},
	q{UPDATE rbac.teams SET description = 'x' WHERE organization = 'o1'},
	q{INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('o1/Team', 'p1', true), ('o1/Team', 't2', false), ('o1/Hub', 'p2', false)},
	q{UPDATE rbac.team_members SET expires_at = '2100-01-01', is_admin = false WHERE team = 'o1/Team'},
	q{UPDATE rbac.team_members SET expires_at = NULL WHERE team = 'o1/Team'},
	q{INSERT INTO rbac.team_roles (team, role) VALUES ('o1/Team', 'o1/Role'), ('o1/Hub', 'Admin')},
	q{UPDATE rbac.team_roles SET expires_at = '2100-01-01' WHERE team LIKE 'o1/%'},
	q{INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags) VALUES ('stack', 's1', 'o1', 'p1', '{"env": "prod"}'), ('app', 'a1', 'o1', NULL, NULL), ('doc', 'd1', 'o1', 'p2', '{}')},
	q{UPDATE rbac.entities SET owner = 'p2', tags = '{"env": "dev"}' WHERE organization = 'o1'},
	q{UPDATE rbac.entities SET entity = 'd2' WHERE entity = 'd1'},
	q{UPDATE rbac.entities SET organization = 'o2' WHERE entity = 'd2'},
	q{INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('app', 'a1', 'o1') ON CONFLICT (entity_type, entity) DO UPDATE SET owner = 'p1'},
	q{INSERT INTO rbac.entity_grants (permission_set, entity, team, organization, member) VALUES ('Stack Admin', 's1', 'o1/Team', NULL, NULL), ('o1/Apps', 'a1', NULL, 'o1', 'p1'), ('o1/Apps', 'not yet', NULL, 'o1', 'p1')},
	q{UPDATE rbac.entity_grants SET expires_at = '2100-01-01', permission_set = 'o1/Apps' WHERE organization = 'o1'},
	q{INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('o1', 'Stack Read'), ('o1', 'o1/Apps')},
	q{UPDATE rbac.member_defaults SET permission_set = 'Stack Write' WHERE organization = 'o1' AND permission_set = 'Stack Read'},
	q{INSERT INTO rbac.organization_settings (organization, scope) VALUES ('o1', 'stack:create')},
	q{UPDATE rbac.organization_settings SET scope = 'stack:delete' WHERE organization = 'o1'},
	q{INSERT INTO rbac.default_roles (organization, role) VALUES ('o1', 'o1/Role')},
	q{UPDATE rbac.default_roles SET role = 'Admin' WHERE organization = 'o1'},
	q{MERGE INTO rbac.default_roles d USING (VALUES ('o1', 'Billing Manager')) n (o, r) ON organization = o WHEN MATCHED THEN UPDATE SET role = r WHEN NOT MATCHED THEN INSERT (organization, role) VALUES (o, r)},
	q{WITH r AS (INSERT INTO rbac.roles (name) VALUES ('o1/Later') RETURNING name) INSERT INTO rbac.members (organization, member, role) SELECT 'o1', 'p5', 'Member' FROM r},
	q{UPDATE rbac.organizations SET description = 'x' WHERE name = 'o1'},
	q{DELETE FROM rbac.default_roles WHERE organization = 'o1'},
	q{DELETE FROM rbac.organization_settings WHERE organization = 'o1'},
	q{DELETE FROM rbac.member_defaults WHERE organization = 'o1'},
	q{DELETE FROM rbac.entity_grants WHERE organization = 'o1'},
	q{DELETE FROM rbac.team_roles WHERE team LIKE 'o1/%'},
	q{DELETE FROM rbac.team_members WHERE team = 'o1/Team'},
	q{DELETE FROM rbac.teams WHERE organization = 'o1'},
	q{DELETE FROM rbac.members WHERE organization = 'o1' AND member NOT IN ('boss', 'manager')},
	q{DELETE FROM rbac.entities WHERE organization = 'o1'},
	q{DELETE FROM rbac.role_rules WHERE role = 'o1/Role'},
	q{DELETE FROM rbac.roles WHERE name LIKE 'o1/%' AND name <> 'o1/Manager'},
	q{DELETE FROM rbac.permission_sets WHERE name IN ('o1/Set', 'o1/Apps')});
# for a member who is no admin; each of them would be harmful with more
my @managers_writes = (
	q{INSERT INTO rbac.members (organization, member) VALUES ('o1', 'p2')},
	q{UPDATE rbac.members SET expires_at = '2100-01-01' WHERE organization = 'o1' AND member = 'p2'},
	q{UPDATE rbac.members SET expires_at = NULL WHERE organization = 'o1' AND member = 'p2'},
	q{INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('o1/Set', 'stack', '{stack:read}'), ('o1/More', 'organization', '{organization:delete}')},
	q{UPDATE rbac.permission_sets SET scopes = '{stack:read,stack:delete}' WHERE name = 'o1/Set'},
	q{INSERT INTO rbac.roles (name) VALUES ('o1/Role')},
	q{INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES ('o1/Role', 'o1/Set', NULL, NULL), ('o1/Role', 'Stack Admin', 's1', NULL), ('o1/Role', 'o1/Set', NULL, '$.env == "prod"')},
	q{UPDATE rbac.members SET role = 'o1/Role' WHERE organization = 'o1' AND member = 'p2'},
	q{UPDATE rbac.members SET role = 'o1/Manager' WHERE organization = 'o1' AND member = 'p2'},
	q{INSERT INTO rbac.teams (name) VALUES ('o1/Team')},
	q{INSERT INTO rbac.team_roles (team, role) VALUES ('o1/Team', 'o1/Role')},
	q{INSERT INTO rbac.team_members (team, member) VALUES ('o1/Team', 'p1'), ('o1/Team', 'p2'), ('o1/Team', 'manager')},
	q{INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags) VALUES ('stack', 's1', 'o1', 'p1', '{"env": "prod"}')},
	q{UPDATE rbac.entities SET owner = 'p2', tags = '{"env": "dev"}' WHERE organization = 'o1'},
	q{INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Write', 's1', 'o1/Team')},
	q{INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('o1', 'Stack Read')},
	q{INSERT INTO rbac.organization_settings (organization, scope) VALUES ('o1', 'stack:delete')},
	q{INSERT INTO rbac.default_roles (organization, role) VALUES ('o1', 'o1/Role')},
	q{UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'o1/Set'},
	q{DELETE FROM rbac.members WHERE organization = 'o1' AND member = 'p1'});

sub must_write
{
	my ($me, @writes) = @_;
	my $wrong = 0;
	$judge->must('BEGIN;' . clear_world() . $organization_with_all . 'COMMIT;SELECT judge.begin();');
	$app->must('SET rbac.member = ' . quoted($me) . ';');
	for my $sql (@writes)
	{
		my ($out, $err) = $app->ask("$sql;\n\\echo rows :ROW_COUNT");
		my @offences = grep { /^v/ } split /\n/, $judge->must('SELECT judge.verdict(' . quoted($me) . '); SELECT judge.advance();');
		next if $err eq '' && $out =~ /^rows [1-9]/m && !@offences;
		diag("$me: $sql", $err, $out, map { "\n  $_" } @offences);
		$wrong++;
	}
	is($wrong, 0, "$me can do what $me may do");
	return;
}

# ---- the test ----

$judge->must('INSERT INTO judge.probes SELECT unnest(' . quoted('{' . join(',', map { @$_ } @scopes{ sort keys %scopes }) . '}') . '::text[]);'
	  . join '', map { 'INSERT INTO judge.tags VALUES (' . quoted($_) . ');' } @tags);
# and one for each choice of built-in sets
$judge->must(q{INSERT INTO judge.probes
	SELECT min(scope) FROM (
		SELECT scope, array_agg(p.name ORDER BY p.name) AS sets FROM rbac.permission_sets p, unnest(scopes::text[]) scope WHERE entity_type IN ('organization', 'stack') GROUP BY scope) s
	GROUP BY sets ON CONFLICT DO NOTHING;});

# Who is free of the rules is soon found out.
my @kinds = ('gains', 'given away', 'out of bounds', 'no lasting admin left');
for (1 .. 10)
{
	round($free, 60);
	last unless grep { !$offences{$_} } @kinds;
}
ok($offences{$_}, "without self-government the judge finds: $_") for @kinds;
note(join ', ', map { "$_: $offences{$_}" } sort keys %offences);
(%count, %offences) = ();
$transactions = 0;

must_write('boss', @admins_writes);
must_write('manager', @managers_writes);

my $ran = eval { round($app, 60) for 1 .. $rounds; 1 };
diag($@) unless $ran;
my %sum = told();
note("refused to an admin: $_\n  $refusals{$_}") for sort keys %refusals;
note(join ', ', 'refused statements that were weighed', map { "$_: $harmless{$_}" } sort keys %harmless);
is($failures, 0, "nobody gained what the writer did not have, in $transactions transactions");
$_->quit for $app, $other, $free, $judge;
$node->stop;
done_testing();
