# The pages in docs/, block by block: what an application's users see and may do
# is the same before and after.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN');

# The blocks of a page, by the heading that they are under.
sub page
{
	my %blocks;
	for my $section (split /^(?=## )/m, slurp_file("docs/$_[0].md"))
	{
		my ($heading) = $section =~ /\A## (.*)/;
		push @{ $blocks{ $heading // '' } }, $1 while $section =~ /^```sql\n(.*?)^```/msg;
	}
	return %blocks;
}

# Some blocks, as the tables' owner; what they print.
sub run
{
	my ($database, $what, @blocks) = @_;
	ok(scalar @blocks, "$what: there is something to run");
	my ($rc, $out, $err) = $node->psql($database, join("\n", @blocks), on_error_stop => 1);
	is($rc, 0, $what) or diag($err);
	return $out;
}

# What users may do, as a login to which policies apply finds out by trying: in
# what_i_may(), which is the test's.  Nothing of it stays.  All are served by one
# connection, as from a pool.
sub what_they_may
{
	my ($database, $identify, @users) = @_;
	my $script = join '', map { sprintf("BEGIN;\n\\o /dev/null\n$identify\n\\o\nSELECT '%1\$s', what_i_may('%1\$s');\nROLLBACK;\n", $_) } @users;
	my ($rc, $out, $err) = $node->psql($database, $script, extra_params => [ '-U', 'app' ], on_error_stop => 1);
	is($rc, 0, "$database: users try what they may") or diag($err);
	my %they_may = map { $_ => [] } @users;
	/(.*?)\|(.*)/ && push @{ $they_may{$1} }, $2 for sort split /\n/, $out;
	return \%they_may;
}

{
	my %blocks = page('from-role-tables');
	my ($schema, $policies) = @{ $blocks{'Where you are'} };
	my ($once, $document, $apply) = @{ $blocks{Fill} };
	my ($view, $compare) = @{ $blocks{Compare} };
	my ($grant, $switch, $later) = @{ $blocks{Switch} };
	my ($unprotect) = @{ $blocks{Back} };
	my @users = 1 .. 6;

	$node->safe_psql('postgres', 'CREATE DATABASE role_tables');
	run('role_tables', 'role tables', $schema, $policies);
	$node->safe_psql('role_tables', q{
		INSERT INTO tenants VALUES ('00000000-0000-0000-0000-00000000000a', 'A'), ('00000000-0000-0000-0000-00000000000b', 'B');
		INSERT INTO users SELECT n, 'user' || n || '@example.com' FROM generate_series(1, 6) n;
		INSERT INTO roles VALUES (1, 'viewer'), (2, 'editor'), (3, 'admin'), (4, 'nothing yet');
		INSERT INTO permissions VALUES (1, 'document.read'), (2, 'document.write'), (3, 'document.create'), (4, 'document.delete');
		INSERT INTO role_permissions VALUES (1, 1), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3), (3, 4);
		-- several roles, several tenants, past and to come, no role at all
		INSERT INTO user_roles SELECT u, r, ('00000000-0000-0000-0000-00000000000' || t)::uuid, now() + e::interval FROM (VALUES
			(1, 3, 'a', NULL), (2, 2, 'a', NULL), (2, 1, 'b', NULL), (3, 2, 'a', '-1 day'), (3, 1, 'a', NULL), (6, 2, 'b', '1 day'), (6, 4, 'b', NULL)) AS v (u, r, t, e);
		INSERT INTO documents (tenant_id, author_id, title) SELECT ('00000000-0000-0000-0000-00000000000' || t)::uuid, a, concat(t, ' by ', a, ' ', n) FROM
			(VALUES ('a', 1), ('a', 2), ('a', 3), ('a', 5), ('b', 5), ('b', 6), ('b', NULL)) AS v (t, a), generate_series(1, 2) n;
		GRANT SELECT ON tenants, users, roles, permissions, role_permissions, user_roles TO app;
		GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO app;
		CREATE FUNCTION what_i_may(me text) RETURNS SETOF text LANGUAGE plpgsql AS $$
		DECLARE
			tenant tenants;
		BEGIN
			RETURN QUERY SELECT 'read ' || title FROM documents;
			RETURN QUERY UPDATE documents SET title = title RETURNING 'write ' || title;
			RETURN QUERY DELETE FROM documents RETURNING 'delete ' || title;
			FOR tenant IN TABLE tenants LOOP
				BEGIN
					INSERT INTO documents (tenant_id, author_id, title) VALUES (tenant.id, me::bigint, 'new');
					RETURN NEXT 'create in ' || tenant.name;
				EXCEPTION WHEN insufficient_privilege THEN
				END;
			END LOOP;
		END
		$$;
	});
	my $before = what_they_may('role_tables', q{SET LOCAL app.user_id = '%1$s';}, @users);
	is_deeply([ map { scalar @{ $before->{$_} } } @users ], [ 25, 23, 10, 0, 8, 13 ], 'role tables: what they may before');

	run('role_tables', 'role tables: fill', $once, $document);
	like(run('role_tables', 'role tables: apply', $apply), qr/^A\|create\|organization\|.*^B\|create\|team_member\|/ms, 'role tables: tenants are filled');
	is(run('role_tables', 'role tables: apply again', $apply), '', 'role tables: nothing to do again');
	is(run('role_tables', 'role tables: compare', $view, $compare), '', 'role tables: no difference');
	is_deeply(what_they_may('role_tables', q{SET LOCAL app.user_id = '%1$s';}, @users), $before, 'role tables: nothing has changed yet');

	$node->safe_psql('role_tables', q{DELETE FROM rbac.team_members WHERE member = '2' AND team LIKE '%a/editor'});
	is($node->safe_psql('role_tables', q{SELECT permission, count(*), min(new::text) FROM differences WHERE user_id = 2 GROUP BY 1 ORDER BY 1}),
		"document.create|1|false\ndocument.read|3|false\ndocument.write|3|false", 'role tables: what is missing is told');
	like(run('role_tables', 'role tables: apply a third time', $apply), qr/\AA\|create\|team_member\|[^\n]*\z/, 'role tables: and filled in');

	run('role_tables', 'role tables: switch', $grant, $switch);
	is_deeply(what_they_may('role_tables', q{SELECT rbac.act_as('%1$s');}, @users), $before, 'role tables: they may the same');
	like(($node->psql('role_tables', q{BEGIN; SELECT rbac.act_as('2'); UPDATE documents SET tenant_id = '00000000-0000-0000-0000-00000000000b' WHERE title = 'a by 2 1'},
		extra_params => [ '-U', 'app' ]))[2], qr/ERROR:  .*document/, 'role tables: nobody moves a document to another tenant');
	run('role_tables', 'role tables: a role afterwards', $later);
	is(scalar @{ what_they_may('role_tables', q{SELECT rbac.act_as('%1$s');}, 4)->{4} }, 8, 'role tables: it counts');

	run('role_tables', 'role tables: back', 'BEGIN;', $unprotect, $policies, 'COMMIT;');
	is_deeply(what_they_may('role_tables', q{SET LOCAL app.user_id = '%1$s';}, @users), $before, 'role tables: as before');
	is(scalar(split /\n/, run('role_tables', 'role tables: compare at last', $compare)), 4, 'role tables: what was given since the switch');
}

{
	my %blocks = page('from-supabase');
	my ($schema, $policies) = @{ $blocks{'Where you are'} };
	my ($once, $document, $apply) = @{ $blocks{Fill} };
	my ($view, $compare) = @{ $blocks{Compare} };
	my ($switch, $sign_up, $later) = @{ $blocks{Switch} };
	my @users = map { "00000000-0000-0000-0000-00000000000$_" } 1 .. 5;
	# as PostgREST begins a request; the token was made by the hook
	my $request = q{SET LOCAL ROLE authenticated; SELECT set_config('request.jwt.claims', token, true) FROM tokens WHERE user_id = '%1$s';};
	my $identified = "$request SELECT private.act_as_user();";

	$node->safe_psql('postgres', 'CREATE DATABASE supabase');
	# what is there without any of the page's
	$node->safe_psql('supabase', q{
		CREATE ROLE authenticator NOLOGIN;
		CREATE ROLE authenticated NOLOGIN;
		CREATE ROLE anon NOLOGIN;
		GRANT authenticated, anon TO app;
		CREATE SCHEMA auth;
		GRANT USAGE ON SCHEMA auth TO PUBLIC;
		CREATE TABLE auth.users (id uuid PRIMARY KEY);
		CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE RETURN current_setting('request.jwt.claims', true)::jsonb;
		CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE RETURN (auth.jwt() ->> 'sub')::uuid;
	});
	run('supabase', 'supabase', $schema, $policies);
	$node->safe_psql('supabase', q{
		INSERT INTO auth.users SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid FROM generate_series(1, 5) n;
		INSERT INTO role_permissions VALUES ('moderator', 'messages.delete'), ('admin', 'messages.delete'), ('admin', 'channels.delete');
		-- the third has two roles, of which one is in the token
		INSERT INTO user_roles SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, r FROM
			(VALUES (1, 'admin'::app_role), (2, 'moderator'), (3, 'moderator'), (3, 'admin')) AS v (n, r);
		INSERT INTO channels VALUES (1, 'one', '00000000-0000-0000-0000-000000000001'), (2, 'two', '00000000-0000-0000-0000-000000000004');
		ALTER TABLE channels ALTER id RESTART WITH 100;
		INSERT INTO messages (channel_id, user_id, message) SELECT c, id, concat('by ', right(id::text, 1), ' in ', c) FROM auth.users, generate_series(1, 2) c;
		CREATE TABLE tokens AS SELECT id AS user_id,
			custom_access_token_hook(jsonb_build_object('user_id', id, 'claims', jsonb_build_object('sub', id, 'role', 'authenticated'))) ->> 'claims' AS token FROM auth.users;
		GRANT SELECT ON tokens TO authenticated;
		GRANT SELECT, INSERT, UPDATE, DELETE ON channels, messages TO authenticated, anon;
		CREATE FUNCTION what_i_may(me uuid) RETURNS SETOF text LANGUAGE plpgsql AS $$
		BEGIN
			RETURN QUERY SELECT 'read ' || message FROM messages UNION ALL SELECT 'read ' || slug FROM channels;
			RETURN QUERY UPDATE messages SET message = message RETURNING 'write ' || message;
			RETURN QUERY DELETE FROM messages RETURNING 'delete ' || message;
			RETURN QUERY DELETE FROM channels RETURNING 'delete ' || slug;
			RETURN QUERY INSERT INTO channels (slug, created_by) VALUES ('new', me) RETURNING 'create ' || slug;
		END
		$$;
	});
	my $before = what_they_may('supabase', $request, @users);
	is_deeply([ map { scalar @{ $before->{$_} } } @users ], [ 27, 25, 27, 17, 17 ], 'supabase: what they may before');

	run('supabase', 'supabase: fill', $once, $document, $apply);
	is(run('supabase', 'supabase: apply again', $apply), '', 'supabase: nothing to do again');
	run('supabase', 'supabase: who is asking', @{ $blocks{'Who is asking'} });
	is(run('supabase', 'supabase: compare', $view, $compare), '', 'supabase: no difference');
	$node->safe_psql('supabase', q{UPDATE rbac.members SET role = 'app/user' WHERE member LIKE '%2'});
	is(run('supabase', 'supabase: compare without a role', $compare), '00000000-0000-0000-0000-000000000002|messages.delete|t|f', 'supabase: what is missing is told');
	is_deeply(what_they_may('supabase', $identified, @users), $before, 'supabase: nothing has changed yet');

	run('supabase', 'supabase: switch', $switch, $sign_up);
	is_deeply(what_they_may('supabase', $identified, @users), $before, 'supabase: they may the same');
	is(scalar @{ what_they_may('supabase', $request, $users[0])->{ $users[0] } }, 15, 'supabase: whom nobody has identified may delete nothing');
	like(($node->psql('supabase', q{SET ROLE authenticated; BEGIN; SELECT rbac.act_as('00000000-0000-0000-0000-000000000001')}, extra_params => [ '-U', 'app' ]))[2],
		qr/permission denied to set parameter "rbac.member"/, 'supabase: nor may they choose');
	my $anonymous = q{BEGIN; SET LOCAL ROLE anon; SELECT set_config('request.jwt.claims', '{"role": "anon"}', true); SELECT private.act_as_user(); SELECT count(*) FROM messages};
	is(($node->psql('supabase', $anonymous, extra_params => [ '-U', 'app' ]))[1], qq[{"role": "anon"}\n\n0], 'supabase: anonymous requests');

	$node->safe_psql('supabase', q{INSERT INTO auth.users VALUES ('00000000-0000-0000-0000-000000000006')});
	is($node->safe_psql('supabase', q{SELECT role FROM rbac.members WHERE member LIKE '%6'}), 'app/user', 'supabase: who signs up');
	$node->safe_psql('supabase', q{DELETE FROM auth.users WHERE id = '00000000-0000-0000-0000-000000000006'});
	is($node->safe_psql('supabase', q{SELECT count(*) FROM rbac.members}), 5, 'supabase: and leaves');
	run('supabase', 'supabase: afterwards', $later);
	my $after = what_they_may('supabase', $identified, @users[ 3, 4 ]);
	is_deeply([ map { scalar @{ $after->{$_} } } @users[ 3, 4 ] ], [ 25, 18 ], 'supabase: it counts, with a token from before');

	run('supabase', 'supabase: back', @{ $blocks{Back} });
	is_deeply(what_they_may('supabase', $request, @users), $before, 'supabase: as before');
}

{
	my ($records, $document) = slurp_file('docs/from-pulumi-cloud.md') =~ /^```json\n(.*?)^```/msg;
	my %blocks = page('from-pulumi-cloud');
	my ($convert, $apply) = @{ $blocks{'Convert and apply'} };

	$node->safe_psql('postgres', 'CREATE DATABASE pulumi');
	$node->safe_psql('pulumi', q{
		CREATE EXTENSION rbac;
		INSERT INTO rbac.organizations VALUES ('acme');
		INSERT INTO rbac.members VALUES ('acme', 'alice', 'user', 'Admin');
	});
	append_to_file('records.json', $records);
	my $converted = run('pulumi', 'pulumi: convert', $convert);
	is($node->safe_psql('pulumi', "SELECT \$json\$$converted\$json\$::jsonb = \$json\$$document\$json\$::jsonb"), 't', 'pulumi: as the page says') or diag($converted);

	# the same again, not dry: the page's last block needs the variable of the first
	my ($set) = $convert =~ /^(\\set .*)/m;
	is(run('pulumi', 'pulumi: apply', $set, $apply), run('pulumi', 'pulumi: apply really', $set, $apply =~ s/, dry_run => true//r), 'pulumi: what will be done is done');
	is(run('pulumi', 'pulumi: apply again', $set, $apply), '', 'pulumi: nothing to do again');
	unlink 'records.json';

	$node->safe_psql('pulumi', q{INSERT INTO rbac.members VALUES ('acme', 'bob')});
	is($node->safe_psql('pulumi', q{
		SELECT string_agg(name, ' ') FROM (VALUES ('dev', '{"env": "dev"}'), ('prod', '{"env": "prod"}'), ('untagged', '{}'), ('NULL', NULL)) AS stack (name, tags)
		WHERE rbac.row_has_scope('bob', name, 'stack_access:read', 'acme', NULL, tags::jsonb)}), 'dev untagged NULL', 'pulumi: answers by tags');
	is($node->safe_psql('pulumi', q{
		SELECT string_agg(name, ' ') FROM (VALUES ('default/production'), ('default/staging')) AS environment (name)
		WHERE rbac.row_has_scope('bob', name, 'environment:open', 'acme')}), 'default/production', 'pulumi: answers by entity');

	# what else there is: the rules of a role with these details, or why not
	sub descriptor { my ($type, @more) = @_; return { __type => "PermissionDescriptor$type", @more } }
	sub expression { my ($type, @more) = @_; return { __type => "PermissionExpression$type", @more } }
	sub literal { my ($type, @more) = @_; return { __type => "PermissionLiteralExpression$type", @more } }
	sub allow { return descriptor('Allow', permissions => [@_]) }
	sub on { my ($condition, $descriptor) = @_; return descriptor('Condition', condition => $condition, subNode => $descriptor) }
	sub same { my ($left, $right) = @_; return expression('Equal', left => $left, right => $right) }
	sub tag { my ($key, $context) = @_; return expression('Tag', context => expression($context // 'Stack'), key => $key) }
	sub tagged { my ($key, $value, $context) = @_; return same(tag($key, $context), literal('String', value => $value)) }
	sub has_tag { my ($key) = @_; return expression('HasTag', context => expression('Stack'), key => $key) }
	sub one { my ($type, $identity) = @_; return same(expression($type), literal($type, identity => $identity)) }

	my %sets = (
		read => allow('stack:read'),
		more => descriptor('Compose', permissionDescriptors => [ 'read', 'write' ]),
		write => allow('stack:write'),
		mixed => allow('stack:read', 'environment:read'),
		conditional => on(has_tag('a'), allow('stack:read')));
	my @cases = (
		[ 'scopes of two types' => allow('stack:read', 'environment:read'), '. environment {environment:read}; . stack {stack:read}' ],
		[ 'two sets of its own' => descriptor('Group', entries => [ allow('stack:read'), on(has_tag('a'), allow('stack:write')) ]),
			'. stack 2 {stack:write} exists($."a"); . stack {stack:read}' ],
		[ 'a set of sets' => descriptor('Compose', permissionDescriptors => ['more']), 'more {stack:read,stack:write}' ],
		[ 'and, or, not' => on(expression('And', left => tagged('a', 'b'), right => expression('Not', node => expression('Or', left => has_tag('c'), right => tagged('d', 'e"f')))), allow('stack:read')),
			'. stack {stack:read} ($."a" == "b" && !((exists($."c") || $."d" == "e\"f")))' ],
		[ 'the literal first' => on(same(literal('String', value => 'b'), tag('a')), allow('stack:read')), '. stack {stack:read} $."a" == "b"' ],
		[ 'one of two' => on(expression('Or', left => one('Stack', 's1'), right => one('Stack', 's2')), allow('stack:read')), '. stack {stack:read} s1; . stack {stack:read} s2' ],
		[ 'one account' => on(one('InsightsAccount', 'i1'), allow('insights_account:read')), '. insights_account {insights_account:read} i1' ],
		[ 'conditions within conditions' => on(has_tag('a'), on(has_tag('b'), allow('stack:read'))), '. stack {stack:read} (exists($."a") && exists($."b"))' ],
		[ 'if, then, else' => descriptor('IfThenElse', condition => has_tag('a'), subNodeForTrue => allow('stack:read'), subNodeForFalse => allow('stack:write')),
			'. stack 2 {stack:write} !(exists($."a")); . stack {stack:read} exists($."a")' ],
		[ 'select' => descriptor('Select'), 'ERROR:  role "role": PermissionDescriptorSelect without equivalent' ],
		[ 'no type' => {}, 'ERROR:  role "role": descriptor without __type without equivalent' ],
		[ 'unknown scope' => allow('stack:fly'), 'ERROR:  role "role": scopes that are not registered: "stack:fly"' ],
		[ 'unknown descriptor' => descriptor('Compose', permissionDescriptors => ['x']), 'ERROR:  role "role".permissionDescriptors[0]: descriptor "x" is not among the records' ],
		[ 'a set of two types' => descriptor('Compose', permissionDescriptors => ['mixed']), 'ERROR:  set "mixed": scopes of several entity types' ],
		[ 'a set with a condition' => descriptor('Compose', permissionDescriptors => ['conditional']), 'ERROR:  set "conditional": a set with conditions' ],
		[ 'constraints' => { %{ allow('environment:open') }, constraints => { MaxOpenDuration => 60 } }, 'ERROR:  role "role".constraints: scopes without constraints only' ],
		[ 'a team' => on(one('Team', 't1'), allow('stack:read')), 'ERROR:  role "role".condition: PermissionExpressionEqual without equivalent' ],
		[ 'a number' => on(same(tag('a'), literal('Number', value => 1)), allow('stack:read')), 'ERROR:  role "role".condition: PermissionExpressionEqual without equivalent' ],
		[ 'one entity with a tag' => on(expression('And', left => one('Stack', 's1'), right => has_tag('a')), allow('stack:read')), 'ERROR:  role "role".condition.left: PermissionExpressionEqual without equivalent' ],
		[ 'all but one' => on(expression('Not', node => one('Stack', 's1')), allow('stack:read')), 'ERROR:  role "role".condition.node: PermissionExpressionEqual without equivalent' ],
		[ 'one entity within another' => on(one('Stack', 's1'), on(one('Stack', 's2'), allow('stack:read'))), 'ERROR:  role "role".subNode.condition: conditions within one another that are not all about tags of one type of entities' ],
		[ 'two types' => on(expression('And', left => has_tag('a'), right => tagged('b', 'c', 'Environment')), allow('stack:read')), 'ERROR:  role "role".condition: is about entities of type "stack" and of type "environment"' ],
		[ 'other scopes than entities' => on(has_tag('a'), allow('environment:read')), 'ERROR:  role "role": a condition on entities of type "stack" gives scopes of type "environment"' ]);
	for my $case (@cases)
	{
		my ($name, $details, $expected) = @$case;
		my @used = grep { my $set = $_; grep { $_ eq $set } @{ $details->{permissionDescriptors} // [] } } keys %sets;
		@used = keys %{ { map { $_ => 1 } @used, map { @{ $sets{$_}{permissionDescriptors} // [] } } @used } };
		my $json = JSON::PP->new->canonical->encode([
			{ id => 'r', uxPurpose => 'role', name => 'role', details => $details },
			map { { id => $_, uxPurpose => 'set', name => $_, defaultIdentifier => '', details => $sets{$_} } } @used ]);
		my ($rc, $out, $err) = $node->psql('pulumi', qq{
			SELECT string_agg(concat_ws(' ', replace(replace(rule ->> 'permission_set', './role', '.'), './', ''), s.scopes::rbac.scopeset, rule ->> 'entity', rule ->> 'condition'), '; ' ORDER BY rule::text)
			FROM pulumi.document(\$json\$$json\$json\$) d, jsonb_array_elements(d -> 'roles' -> 0 -> 'rules') rule,
				jsonb_to_recordset(d -> 'permission_sets') s (name text, scopes text[]) WHERE s.name = rule ->> 'permission_set'});
		is($out || $err =~ s/^psql:.*?(?=ERROR)//r =~ s/\n.*//sr, $expected, "pulumi: $name");
	}
}

$node->stop;
done_testing();
