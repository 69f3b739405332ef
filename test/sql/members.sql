--
-- Members: their default roles, their kinds, and which of them can be in teams
--
SET search_path = rbac, public;

INSERT INTO organizations VALUES ('acme'), ('beta');
INSERT INTO roles (name) VALUES ('acme/Newcomer'), ('Guest');
INSERT INTO teams (name) VALUES ('acme/Ops'), ('acme/Web'), ('beta/Ops');

-- without a role: Member, or what the organization says
INSERT INTO members (organization, member) VALUES ('acme', 'ann');
INSERT INTO default_roles VALUES ('acme', 'acme/Newcomer');
INSERT INTO members (organization, member) VALUES ('acme', 'ben'), ('beta', 'ben');
INSERT INTO members (organization, member, role) VALUES ('acme', 'cat', NULL), ('acme', 'dan', 'Admin');
UPDATE default_roles SET role = 'Guest';
INSERT INTO members (organization, member) VALUES ('acme', 'eve') RETURNING role;
DELETE FROM default_roles;
INSERT INTO members (organization, member) VALUES ('acme', 'fay') RETURNING role;
-- tokens of an organization get the default, a team's are always Member
INSERT INTO default_roles VALUES ('acme', 'acme/Newcomer');
INSERT INTO members (organization, member, kind) VALUES ('acme', 'org-bot', 'organization_token'), ('acme', 'ops-bot', 'team_token');
SELECT organization, member, kind, role FROM members ORDER BY member, organization;
-- a default of tomorrow changes nobody's role of today; and a role cannot be taken away, only changed
UPDATE members SET role = NULL WHERE member = 'ben';
UPDATE members SET role = 'Member' WHERE member = 'ben' AND organization = 'acme';
-- the organization, or the role, is not there
INSERT INTO members (organization, member) VALUES ('gamma', 'ann');
INSERT INTO members (member) VALUES ('ann');
INSERT INTO members (organization, member, role) VALUES ('acme', 'gil', 'acme/Nobody');
INSERT INTO members (organization, member, role) VALUES ('acme', 'gil', 'Membre');
INSERT INTO default_roles VALUES ('beta', 'Membre');
INSERT INTO default_roles VALUES ('gamma', 'Member');
-- one role each
INSERT INTO members (organization, member, role) VALUES ('acme', 'ann', 'Admin');
-- as an upsert: the default is for the new ones only
INSERT INTO members (organization, member) VALUES ('acme', 'dan') ON CONFLICT (organization, member) DO NOTHING;
INSERT INTO members (organization, member) VALUES ('acme', 'dan'), ('acme', 'hal')
	ON CONFLICT (organization, member) DO UPDATE SET expires_at = 'infinity' RETURNING member, role, expires_at;

-- kinds
INSERT INTO members (organization, member, kind) VALUES ('acme', 'x', 'robot');
INSERT INTO members (organization, member, kind) VALUES ('acme', 'x', 'User');
INSERT INTO members (organization, member, kind) VALUES ('acme', 'x', NULL);
INSERT INTO members (organization, member, kind, role) VALUES ('acme', 'x', 'team_token', 'Admin');
UPDATE members SET role = 'Admin' WHERE member = 'ops-bot';
UPDATE members SET role = 'Admin' WHERE member = 'org-bot';
-- one is what one is
UPDATE members SET kind = 'user' WHERE member = 'ops-bot';
UPDATE members SET kind = 'organization_token' WHERE member = 'ann';
UPDATE members SET kind = kind;
INSERT INTO members (organization, member, kind) VALUES ('acme', 'ann', 'team_token')
	ON CONFLICT (organization, member) DO UPDATE SET kind = EXCLUDED.kind;
-- the same name may be of another kind in another organization
INSERT INTO members (organization, member, kind) VALUES ('beta', 'ann', 'organization_token');

-- a user may be in any number of teams of its organizations
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'ann'), ('acme/Web', 'ann');
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'ann');
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'nobody');
INSERT INTO team_members (team, member) VALUES ('acme/Opps', 'ann');
-- an organization's token in none; not by way of UPDATE either
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'org-bot');
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'ben');
UPDATE team_members SET member = 'org-bot' WHERE member = 'ben';
-- although ann of acme is a user
INSERT INTO team_members (team, member) VALUES ('beta/Ops', 'ann');
-- a team's token in one
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'ops-bot');
INSERT INTO team_members (team, member) VALUES ('acme/Web', 'ops-bot');
UPDATE team_members SET member = 'ops-bot' WHERE team = 'acme/Web' AND member = 'ann';
-- an expired membership counts until it is deleted
UPDATE team_members SET expires_at = '-infinity' WHERE member = 'ops-bot';
INSERT INTO team_members (team, member) VALUES ('acme/Web', 'ops-bot');
-- another team instead
UPDATE team_members SET team = 'acme/Web' WHERE member = 'ops-bot';
UPDATE team_members SET team = 'acme/Ops', member = 'ops-bot' WHERE member = 'ops-bot';
DELETE FROM team_members WHERE member = 'ops-bot';
INSERT INTO team_members (team, member) VALUES ('acme/Web', 'ops-bot'), ('acme/Ops', 'ops-bot');
INSERT INTO team_members (team, member) VALUES ('acme/Web', 'ops-bot');
-- within a transaction, in any order, if the check is deferred
BEGIN;
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'ops-bot');
ROLLBACK;
BEGIN;
SET CONSTRAINTS team_members_tokens DEFERRED;
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'ops-bot');
DELETE FROM team_members WHERE team = 'acme/Web' AND member = 'ops-bot';
COMMIT;
BEGIN;
SET CONSTRAINTS team_members_tokens DEFERRED;
INSERT INTO team_members (team, member) VALUES ('acme/Web', 'ops-bot');
COMMIT;
SELECT team, member FROM team_members ORDER BY member, team;

-- a member that was deleted and comes again as another kind is not in its teams any more
DELETE FROM members WHERE organization = 'acme' AND member = 'ann';
INSERT INTO members (organization, member, kind) VALUES ('acme', 'ann', 'organization_token');
SELECT count(*) FROM team_members WHERE member = 'ann';
-- not even with the deletion of its memberships deferred: that is done at once
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM members WHERE organization = 'acme' AND member = 'ben';
INSERT INTO members (organization, member, kind) VALUES ('acme', 'ben', 'organization_token');
COMMIT;
SELECT count(*) FROM team_members WHERE member = 'ben';

-- nor can a token take the name of somebody who is in teams, while the foreign keys are deferred
INSERT INTO members (organization, member) VALUES ('acme', 'ian');
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'ian');
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
UPDATE members SET member = 'jan' WHERE member = 'ian';
INSERT INTO members (organization, member, kind) VALUES ('acme', 'ian', 'organization_token');
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
UPDATE members SET member = 'jan' WHERE member = 'ian';
INSERT INTO members (organization, member, kind) VALUES ('acme', 'ian', 'team_token');
COMMIT;
INSERT INTO members (organization, member) VALUES ('acme', 'kim');
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'kim'), ('acme/Web', 'kim');
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
UPDATE members SET member = 'lee' WHERE member = 'kim';
INSERT INTO members (organization, member, kind) VALUES ('acme', 'kim', 'team_token');
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
UPDATE members SET member = 'tmp' WHERE member = 'kim';
UPDATE members SET member = 'kim' WHERE member = 'org-bot';
COMMIT;
SELECT member, kind FROM members WHERE member IN ('ian', 'jan', 'kim', 'lee', 'tmp', 'org-bot') ORDER BY 1;

-- a member may move to another organization while nothing holds it
UPDATE members SET organization = 'beta' WHERE organization = 'acme' AND member = 'cat';
UPDATE members SET organization = 'beta', role = 'Member' WHERE organization = 'acme' AND member = 'cat';
SELECT organization, role FROM members WHERE member = 'cat';

DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
SELECT count(*) FROM members;
