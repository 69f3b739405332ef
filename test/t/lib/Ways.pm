# Members who have stack:read on one entity, each in one way only, which can be
# taken from them and given back; and sessions that ask about it, each in its own
# manner.  What they answer is known: it is what was committed last.
package Ways;

use strict;
use warnings;

use Exporter qw(import);
use Session;

our @EXPORT = qw(ways_setup ways %ways askers change_and_ask);

# How access is taken from the member of that name, and given back.
our %ways = (
	grant => [
		q{DELETE FROM rbac.entity_grants WHERE member = 'grant'},
		q{INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'e', 'acme', 'grant')} ],
	expiry => [
		q{UPDATE rbac.entity_grants SET expires_at = '-infinity' WHERE member = 'expiry'},
		q{UPDATE rbac.entity_grants SET expires_at = NULL WHERE member = 'expiry'} ],
	team_grant => [
		q{DELETE FROM rbac.entity_grants WHERE team = 'acme/team_grant'},
		q{INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Read', 'e', 'acme/team_grant')} ],
	direct => [
		q{DELETE FROM rbac.role_rules WHERE role = 'acme/direct'},
		q{INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/direct', 'Stack Read', 'e')} ],
	wide => [
		q{DELETE FROM rbac.role_rules WHERE role = 'acme/wide'},
		q{INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/wide', 'Stack Read')} ],
	tagged => [
		q{UPDATE rbac.role_rules SET condition = '$.env == "dev"' WHERE role = 'acme/tagged'},
		q{UPDATE rbac.role_rules SET condition = '$.env == "prod"' WHERE role = 'acme/tagged'} ],
	role => [
		q{UPDATE rbac.members SET role = 'acme/none' WHERE member = 'role'},
		q{UPDATE rbac.members SET role = 'acme/reader' WHERE member = 'role'} ],
	all => [
		q{UPDATE rbac.roles SET all_scopes = false WHERE name = 'acme/all'},
		q{UPDATE rbac.roles SET all_scopes = true WHERE name = 'acme/all'} ],
	member => [
		q{DELETE FROM rbac.members WHERE member = 'member'},
		q{INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'member', 'acme/reader')} ],
	team => [
		q{DELETE FROM rbac.team_members WHERE member = 'team'},
		q{INSERT INTO rbac.team_members (team, member) VALUES ('acme/team', 'team')} ],
	team_role => [
		q{DELETE FROM rbac.team_roles WHERE team = 'acme/team_role'},
		q{INSERT INTO rbac.team_roles (team, role) VALUES ('acme/team_role', 'acme/reader')} ],
	set => [
		q{UPDATE rbac.permission_sets SET scopes = '{stack:delete}' WHERE name = 'acme/set'},
		q{UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/set'} ],
	default => [
		q{DELETE FROM rbac.member_defaults WHERE organization = 'acme'},
		q{INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'acme/default')} ],
	owner => [
		q{UPDATE rbac.entities SET owner = 'nobody' WHERE entity = 'e'},
		q{UPDATE rbac.entities SET owner = 'owner' WHERE entity = 'e'} ],
	owner_set => [
		q{INSERT INTO rbac.entity_type_settings VALUES ('stack', NULL)},
		q{DELETE FROM rbac.entity_type_settings WHERE entity_type = 'stack'} ]);

sub ways { return sort keys %ways }

# Rows of rbac, a table with two policies and 300 rows, and a function.
sub ways_setup
{
	my @roles = qw(none reader direct wide tagged all set);
	my %role = (direct => 'acme/direct', wide => 'acme/wide', tagged => 'acme/tagged', all => 'acme/all', set => 'acme/set',
		role => 'acme/reader', member => 'acme/reader', default => 'Member');
	return join ";\n",
	  q{INSERT INTO rbac.organizations VALUES ('acme')},
	  q{INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/set', 'stack', '{stack:read}'), ('acme/default', 'stack', '{stack:read}')},
	  (map { "INSERT INTO rbac.roles (name, all_scopes) VALUES ('acme/$_', " . ($_ eq 'all' ? 'true' : 'false') . ')' } @roles),
	  q{INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/reader', 'Stack Read'), ('acme/set', 'acme/set')},
	  q{INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/tagged', 'Stack Read', '$.env == "prod"')},
	  (map { sprintf q{INSERT INTO rbac.members (organization, member, role) VALUES ('acme', '%s', '%s') ON CONFLICT DO NOTHING}, $_, $role{$_} // 'acme/none' } ways(), 'owner'),
	  (map { "INSERT INTO rbac.teams (name) VALUES ('acme/$_'); INSERT INTO rbac.team_members (team, member) VALUES ('acme/$_', '$_')" } 'team', 'team_role', 'team_grant'),
	  q{INSERT INTO rbac.team_roles (team, role) VALUES ('acme/team', 'acme/reader')},
	  q{INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags) VALUES ('stack', 'e', 'acme', 'owner', '{"env": "prod"}')},
	  q{INSERT INTO rbac.entities (entity_type, entity, organization, owner) VALUES ('stack', 'e2', 'acme', 'owner_set')},
	  q{INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'e', 'acme', 'expiry')},
	  (map { $ways{$_}[1] } qw(grant team_grant direct wide team_role default)),
	  q{CREATE TABLE docs (id text PRIMARY KEY, organization text)},
	  q{INSERT INTO docs SELECT 'x' || i, 'other' FROM generate_series(1, 300) i UNION ALL VALUES ('e', 'acme'), ('e2', 'acme')},
	  q{ANALYZE docs},
	  q{ALTER TABLE docs ENABLE ROW LEVEL SECURITY},
	  q{CREATE POLICY reads ON docs FOR SELECT USING (rbac.has_scope(id, 'stack:read'))},
	  q{CREATE ROLE app LOGIN},
	  q{GRANT SELECT ON docs TO app},
	  q{GRANT SET ON PARAMETER rbac.member TO app},
	  # All functions must agree.  It reads no table, which would stay locked.
	  q{CREATE FUNCTION may(m text, e text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			RETURN (SELECT string_agg(DISTINCT may::text, ' ') FROM (
				SELECT rbac.has_scope(m, e, 'stack:read') UNION ALL
				SELECT rbac.row_has_scope(m, e, 'stack:read', 'acme', CASE e WHEN 'e2' THEN 'owner_set' END, '{"env": "prod"}') WHERE m <> 'owner' UNION ALL
				SELECT rbac.scopes_on(m, 'stack', e) OPERATOR(rbac.@>) 'stack:read'::rbac.scope UNION ALL
				SELECT e IN (SELECT rbac.entities_with_scope(m, 'stack:read')) UNION ALL
				SELECT m IN (SELECT rbac.members_with_scope(e, 'stack:read')) UNION ALL
				SELECT bool_or(granted) FROM rbac.explain(m, e, 'stack:read')) a(may));
		END $$};
}

# The entity that the way is about.
sub entity { my ($way) = @_; return $way eq 'owner_set' ? 'e2' : 'e' }

# of the functions, and of row-level security
sub call { my ($way) = @_; return sprintf q{SELECT rbac.has_scope('%s', '%s', 'stack:read')::text}, $way, entity($way) }
sub may { my ($way) = @_; return sprintf q{SELECT may('%s', '%s')}, $way, entity($way) }
sub execute { my ($way) = @_; return sprintf q{EXECUTE ask('%s', '%s')}, $way, entity($way) }
sub seen { my ($way) = @_; return sprintf q{SET rbac.member = '%s'; EXECUTE seen('%s')}, $way, entity($way) }

my $ask = q{PREPARE ask(text, text) AS SELECT rbac.has_scope($1, $2, 'stack:read')::text};
my $seen = q{PREPARE seen(text) AS SELECT (count(*) FILTER (WHERE id = $1) > 0)::text FROM docs};

sub askers
{
	my ($connection) = @_;
	my @askers = (
		{ name => 'a statement of its own', question => \&call },
		{ name => 'all functions', question => \&may },
		{ name => 'READ COMMITTED', question => \&call, begin => 'BEGIN' },
		{ name => 'REPEATABLE READ', question => \&may, begin => 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT' },
		{ name => 'SERIALIZABLE', question => \&call, begin => 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; SELECT' },
		{ name => 'a generic plan', question => \&execute, setup => "SET plan_cache_mode = force_generic_plan; $ask" },
		{ name => 'policies, sequential scan', question => \&seen, user => 'app', setup => "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; $seen" },
		{ name => 'policies, index scan, generic plan', question => \&seen, user => 'app', setup => "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; $seen" },
		{ name => 'policies, REPEATABLE READ', question => \&seen, user => 'app', begin => 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT', setup => $seen });

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
	$_->{session}->must($_->{begin}) for grep { $_->{begin} } @$askers;
	push @wrong, wrong_answers($askers, $way, 'true');
	$writer->must($ways{$way}[0]);
	push @wrong, wrong_answers($askers, $way, 'false');
	$writer->must($ways{$way}[1]);
	push @wrong, wrong_answers($askers, $way, 'true');
	$_->{session}->must('COMMIT') for grep { $_->{begin} } @$askers;
	return @wrong;
}

1;
