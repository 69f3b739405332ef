# Members who have thing:read on an entity, each in one way only, which can be taken
# from them and given back; and sessions that ask about it, each in its own manner.
# What they answer is known: it is what was committed last.
package Ways;

use strict;
use warnings;

use Exporter qw(import);
use Session;

our @EXPORT = qw(ways_setup ways %ways askers change_and_ask);

sub grant_to { my ($who) = @_; return "INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Thing Read', 'e', 'acme', '$who')" }
sub expires { my ($table, $at, $where) = @_; return "UPDATE rbac.$table SET expires_at = $at WHERE $where" }
sub transaction { return join '; ', 'BEGIN', @_, 'COMMIT' }

# a document in which the member has another role
sub apply
{
	my ($role) = @_;
	return qq{DO \$\$ BEGIN PERFORM rbac.apply(jsonb_set(d, '{members}', (SELECT jsonb_agg(CASE m ->> 'name' WHEN 'apply' THEN m || '{"role": "$role"}' ELSE m END)
		FROM jsonb_array_elements(d -> 'members') m))) FROM rbac.export('acme') d; END \$\$};
}

# How access is taken from the member of that name, and given back.
our %ways = (
	grant => [ q{DELETE FROM rbac.entity_grants WHERE member = 'grant'}, grant_to('grant') ],
	grant_expiry => [ expires('entity_grants', q{'-infinity'}, q{member = 'grant_expiry'}), expires('entity_grants', 'NULL', q{member = 'grant_expiry'}) ],
	grant_set => [
		q{UPDATE rbac.entity_grants SET permission_set = 'Thing Write' WHERE member = 'grant_set'},
		q{UPDATE rbac.entity_grants SET permission_set = 'Thing Read' WHERE member = 'grant_set'} ],
	team_grant => [
		q{DELETE FROM rbac.entity_grants WHERE team = 'acme/team_grant'},
		q{INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Thing Read', 'e', 'acme/team_grant')} ],
	direct => [
		q{DELETE FROM rbac.role_rules WHERE role = 'acme/direct'},
		q{INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/direct', 'Thing Read', 'e')} ],
	direct_entity => [
		q{UPDATE rbac.role_rules SET entity = 'elsewhere' WHERE role = 'acme/direct_entity'},
		q{UPDATE rbac.role_rules SET entity = 'e' WHERE role = 'acme/direct_entity'} ],
	wide => [
		q{DELETE FROM rbac.role_rules WHERE role = 'acme/wide'},
		q{INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/wide', 'Thing Read')} ],
	tagged => [
		q{UPDATE rbac.role_rules SET condition = '$.env == "dev"' WHERE role = 'acme/tagged'},
		q{UPDATE rbac.role_rules SET condition = '$.env == "prod"' WHERE role = 'acme/tagged'} ],
	tags => [
		q{UPDATE rbac.entities SET tags = '{}' WHERE entity = 'tags'},
		q{UPDATE rbac.entities SET tags = '{"env": "prod"}' WHERE entity = 'tags'} ],
	role => [
		q{UPDATE rbac.members SET role = 'acme/none' WHERE member = 'role'},
		q{UPDATE rbac.members SET role = 'acme/reader' WHERE member = 'role'} ],
	apply => [ apply('./none'), apply('./reader') ],
	all => [
		q{UPDATE rbac.roles SET all_scopes = false WHERE name = 'acme/all'},
		q{UPDATE rbac.roles SET all_scopes = true WHERE name = 'acme/all'} ],
	member => [
		q{DELETE FROM rbac.members WHERE member = 'member'},
		q{INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'member', 'acme/reader')} ],
	member_expiry => [ expires('members', q{'-infinity'}, q{member = 'member_expiry'}), expires('members', q{'infinity'}, q{member = 'member_expiry'}) ],
	renamed => [ q{SELECT rbac.rename('member', 'renamed', 'other name')}, q{SELECT rbac.rename('member', 'other name', 'renamed')} ],
	team => [
		transaction(q{DELETE FROM rbac.teams WHERE name = 'acme/team'}),
		transaction(q{INSERT INTO rbac.teams (name) VALUES ('acme/team')}, q{INSERT INTO rbac.team_members (team, member) VALUES ('acme/team', 'team')},
			q{INSERT INTO rbac.team_roles (team, role) VALUES ('acme/team', 'acme/reader')}) ],
	team_member => [
		q{DELETE FROM rbac.team_members WHERE member = 'team_member'},
		q{INSERT INTO rbac.team_members (team, member) VALUES ('acme/team_member', 'team_member')} ],
	team_member_expiry => [
		expires('team_members', q{'-infinity'}, q{member = 'team_member_expiry'}), expires('team_members', 'NULL', q{member = 'team_member_expiry'}) ],
	team_role => [
		q{DELETE FROM rbac.team_roles WHERE team = 'acme/team_role'},
		q{INSERT INTO rbac.team_roles (team, role) VALUES ('acme/team_role', 'acme/reader')} ],
	team_role_expiry => [
		expires('team_roles', q{'-infinity'}, q{team = 'acme/team_role_expiry'}), expires('team_roles', 'NULL', q{team = 'acme/team_role_expiry'}) ],
	set => [
		q{UPDATE rbac.permission_sets SET scopes = '{thing:write}' WHERE name = 'acme/set'},
		q{UPDATE rbac.permission_sets SET scopes = '{thing:read,thing:write}' WHERE name = 'acme/set'} ],
	default => [
		q{DELETE FROM rbac.member_defaults WHERE organization = 'acme'},
		q{INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'acme/default')} ],
	toggle => [
		q{DELETE FROM rbac.organization_settings WHERE organization = 'beta'},
		q{INSERT INTO rbac.organization_settings (organization, scope) VALUES ('beta', 'thing:read')} ],
	owner => [
		q{UPDATE rbac.entities SET owner = 'nobody' WHERE entity = 'owner'},
		q{UPDATE rbac.entities SET owner = 'owner' WHERE entity = 'owner'} ],
	owner_set => [
		q{UPDATE rbac.entity_type_settings SET owner_permission_set = 'Thing Write' WHERE entity_type = 'thing'},
		q{UPDATE rbac.entity_type_settings SET owner_permission_set = 'Thing Read' WHERE entity_type = 'thing'} ],
	registered => [
		q{DELETE FROM rbac.entities WHERE entity = 'registered'},
		q{INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('thing', 'registered', 'acme')} ],
	moved => [
		q{UPDATE rbac.entities SET organization = 'beta' WHERE entity = 'moved'},
		q{UPDATE rbac.entities SET organization = 'acme' WHERE entity = 'moved'} ],
	organization => [
		transaction(q{DELETE FROM rbac.entities WHERE entity = 'organization'}, q{DELETE FROM rbac.organizations WHERE name = 'gone'}),
		transaction(q{INSERT INTO rbac.organizations VALUES ('gone')}, q{INSERT INTO rbac.members (organization, member, role) VALUES ('gone', 'organization', 'Admin')},
			q{INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('thing', 'organization', 'gone')}) ]);
$ways{truncated} = [ 'TRUNCATE rbac.organization_settings', transaction(map { $ways{$_}[1] } 'toggle') ];

sub ways { return sort keys %ways }

# The entity that a way is about, its own if it is one that changes something about it.
my %own_entity = map { $_ => 1 } qw(tags owner owner_set registered moved organization toggle truncated);
sub entity { my ($way) = @_; return $own_entity{$way} ? $way : 'e' }
sub organization { my ($way) = @_; return { toggle => 'beta', truncated => 'beta', organization => 'gone' }->{$way} // 'acme' }

# Rows of rbac, a table with a policy and 300 other rows, and a function.
sub ways_setup
{
	my @roles = qw(none reader direct direct_entity wide tagged all set);
	my %role = (map({ $_ => "acme/$_" } @roles), default => 'Member', tags => 'acme/tagged', map { $_ => 'acme/reader' } qw(role apply member member_expiry renamed registered moved));
	my @teams = qw(team_grant team_member team_member_expiry team_role team_role_expiry);
	return join ";\n",
	  q{INSERT INTO rbac.organizations VALUES ('acme'), ('beta')},
	  q{INSERT INTO rbac.entity_types (name) VALUES ('thing')},
	  q{INSERT INTO rbac.scopes (name, entity_type, toggle) VALUES ('thing:read', 'thing', true), ('thing:write', 'thing', false)},
	  q{INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Thing Read', 'thing', '{thing:read}'), ('Thing Write', 'thing', '{thing:write}'),
		('acme/set', 'thing', '{thing:read,thing:write}'), ('acme/default', 'thing', '{thing:read}')},
	  q{INSERT INTO rbac.entity_type_settings VALUES ('thing', 'Thing Read')},
	  (map { "INSERT INTO rbac.roles (name, all_scopes) VALUES ('acme/$_', " . ($_ eq 'all' ? 'true' : 'false') . ')' } @roles),
	  q{INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES ('acme/reader', 'Thing Read', NULL, NULL), ('acme/set', 'acme/set', NULL, NULL),
		('acme/tagged', 'Thing Read', NULL, '$.env == "prod"'), ('acme/direct_entity', 'Thing Read', 'e', NULL)},
	  (map { sprintf q{INSERT INTO rbac.members (organization, member, role) VALUES ('%s', '%s', '%s')}, organization($_), $_, $role{$_} // (organization($_) eq 'acme' ? 'acme/none' : 'Member') }
		grep { $_ ne 'organization' } ways()),
	  (map { "INSERT INTO rbac.teams (name) VALUES ('acme/$_'); INSERT INTO rbac.team_members (team, member) VALUES ('acme/$_', '$_')" } @teams),
	  (map { "INSERT INTO rbac.team_roles (team, role) VALUES ('acme/$_', 'acme/reader')" } grep { !/grant/ } @teams),
	  (map { sprintf q{INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags) VALUES ('thing', '%s', '%s', %s, '{"env": "prod"}')},
		$_, organization($_), /^owner/ ? "'$_'" : 'NULL' } 'e', grep { $own_entity{$_} && $_ ne 'organization' } ways()),
	  (map { grant_to($_) } qw(grant grant_expiry grant_set)),
	  (map { $ways{$_}[1] } qw(team_grant direct wide default toggle team organization)),
	  q{CREATE TABLE docs (id text PRIMARY KEY)},
	  q{INSERT INTO docs SELECT 'x' || i FROM generate_series(1, 300) i},
	  (map { "INSERT INTO docs VALUES ('$_')" } 'e', sort keys %own_entity),
	  q{ANALYZE docs},
	  q{ALTER TABLE docs ENABLE ROW LEVEL SECURITY},
	  q{CREATE POLICY reads ON docs FOR SELECT USING (rbac.has_scope(id, 'thing:read'))},
	  q{CREATE ROLE app LOGIN},
	  q{GRANT SELECT ON docs TO app},
	  q{GRANT SET ON PARAMETER rbac.member TO app},
	  # All functions must agree.  It reads no table, which would stay locked; so the row is
	  # as it is now only where the way changes nothing about it.
	  q{CREATE FUNCTION may(m text, e text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			RETURN (SELECT CASE WHEN bool_and(may) = bool_or(may) THEN bool_or(may)::text ELSE string_agg(what || ' ' || may, ', ') END FROM (
				SELECT 'has_scope', rbac.has_scope(m, e, 'thing:read') UNION ALL
				SELECT 'row_has_scope', rbac.row_has_scope(m, e, 'thing:read', 'acme', NULL, '{"env": "prod"}') WHERE e = 'e' UNION ALL
				SELECT 'row_has_scope', rbac.row_has_scope(m, e, 'thing:read', 'beta') WHERE m IN ('toggle', 'truncated') UNION ALL
				SELECT 'row_has_scope', rbac.row_has_scope(m, e, 'thing:read', 'acme', 'owner_set') WHERE m = 'owner_set' UNION ALL
				SELECT 'scopes_on', rbac.scopes_on(m, 'thing', e) OPERATOR(rbac.@>) 'thing:read'::rbac.scope UNION ALL
				SELECT 'entities_with_scope', e IN (SELECT rbac.entities_with_scope(m, 'thing:read')) UNION ALL
				SELECT 'members_with_scope', m IN (SELECT rbac.members_with_scope(e, 'thing:read')) UNION ALL
				SELECT 'explain', bool_or(granted) FROM rbac.explain(m, e, 'thing:read')) a(what, may));
		END $$};
}

# of the functions, and of row-level security
sub call { my ($way) = @_; return sprintf q{SELECT rbac.has_scope('%s', '%s', 'thing:read')::text}, $way, entity($way) }
sub may { my ($way) = @_; return sprintf q{SELECT may('%s', '%s')}, $way, entity($way) }
sub execute { my ($way) = @_; return sprintf q{EXECUTE ask('%s', '%s')}, $way, entity($way) }
sub seen { my ($way) = @_; return sprintf q{SET rbac.member = '%s'; EXECUTE seen('%s')}, $way, entity($way) }
sub current { my ($way) = @_; return sprintf q{SET rbac.member = '%s'; SELECT rbac.has_scope('%s', 'thing:read')::text}, $way, entity($way) }
sub open_cursor { my ($way) = @_; return sprintf q{BEGIN; DECLARE cur CURSOR FOR SELECT rbac.has_scope('%s', '%s', 'thing:read')::text FROM generate_series(1, 10)}, $way, entity($way) }

my $ask = q{PREPARE ask(text, text) AS SELECT rbac.has_scope($1, $2, 'thing:read')::text};
my $seen = q{PREPARE seen(text) AS SELECT (count(*) FILTER (WHERE id = $1) > 0)::text FROM docs};

sub askers
{
	my ($connection) = @_;
	my @askers = (
		{ name => 'a statement of its own', question => \&call },
		{ name => 'all functions', question => \&may },
		{ name => 'READ COMMITTED', question => \&call, begin => sub { 'BEGIN' } },
		{ name => 'REPEATABLE READ', question => \&may, begin => sub { 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT' } },
		{ name => 'SERIALIZABLE', question => \&call, begin => sub { 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; SELECT' } },
		{ name => 'the current member', question => \&current, user => 'app' },
		{ name => 'a cursor', question => sub { 'FETCH cur' }, begin => \&open_cursor },
		{ name => 'a generic plan', question => \&execute, setup => "SET plan_cache_mode = force_generic_plan; $ask" },
		{ name => 'policies, sequential scan', question => \&seen, user => 'app', setup => "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; $seen" },
		{ name => 'policies, index scan, generic plan', question => \&seen, user => 'app', setup => "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; $seen" },
		{ name => 'policies, REPEATABLE READ', question => \&seen, user => 'app', begin => sub { 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT' }, setup => $seen });

	for my $asker (@askers)
	{
		$asker->{session} = Session->new($connection . ($asker->{user} ? " user=$asker->{user}" : ''));
		$asker->{session}->must($asker->{setup}) if $asker->{setup};
	}
	return @askers;
}

# Those whose answer is not what it should be, with what they said.
sub wrong_answers
{
	my ($askers, $way, $right) = @_;
	my @wrong;
	$_->{session}->send($_->{question}->($way)) for @$askers;
	for my $asker (@$askers)
	{
		my ($answer, $err) = $asker->{session}->answer;
		push @wrong, "$way, $asker->{name}: $answer$err instead of $right" if "$answer$err" ne $right;
	}
	return @wrong;
}

# Take access from a member and give it back, while all have transactions open
# that have asked before.  Returns what is wrong.
sub change_and_ask
{
	my ($writer, $askers, $way) = @_;
	my @wrong;
	$_->{session}->must($_->{begin}->($way)) for grep { $_->{begin} } @$askers;
	push @wrong, wrong_answers($askers, $way, 'true');
	$writer->must($ways{$way}[0]);
	push @wrong, wrong_answers($askers, $way, 'false');
	$writer->must($ways{$way}[1]);
	push @wrong, wrong_answers($askers, $way, 'true');
	$_->{session}->must('COMMIT') for grep { $_->{begin} } @$askers;
	return @wrong;
}

1;
