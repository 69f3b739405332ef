#!/usr/bin/env -S node --test-reporter=./test/clients/tap.mjs
// report/report.sql: the page says what the database says, and runs nothing but itself.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { sql } from './lib.mjs';
import { open } from './browser.mjs';

const database = 'report';
sql('postgres', `CREATE DATABASE ${database}`);
sql(database, String.raw`
	CREATE EXTENSION rbac;
	INSERT INTO rbac.organizations (name, description) VALUES ('acme', 'Acme Corporation');
	INSERT INTO rbac.permission_sets (name, entity_type, scopes, description) VALUES ('acme/Operator', 'stack', '{stack:read, stack:cancel_update}', 'Watches.');
	INSERT INTO rbac.roles (name, description) VALUES ('acme/Developer', 'Writes development stacks'), ('acme/Viewer', NULL), ('acme/Nothing', NULL);
	INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES
		('acme/Developer', 'Standard', NULL, NULL), ('acme/Developer', 'Stack Write', NULL, '$.env == "dev"'), ('acme/Developer', 'Stack Write', 'docs', NULL),
		('acme/Viewer', 'Stack Read', 'web', NULL), ('acme/Viewer', 'Stack Read', 'db', NULL), ('acme/Viewer', 'acme/Operator', NULL, NULL);
	INSERT INTO rbac.members (organization, member, kind, role, expires_at) VALUES
		('acme', 'alice', 'user', 'Admin', NULL), ('acme', 'bob', 'user', 'Member', NULL), ('acme', 'dave', 'user', 'acme/Developer', NULL),
		('acme', 'eve', 'user', 'acme/Nothing', '2100-01-02 10:00 UTC'), ('acme', 'gone', 'user', 'Admin', '2020-01-01'),
		('acme', 'ci', 'organization_token', 'acme/Developer', NULL), ('acme', 'crew-token', 'team_token', 'Member', 'infinity');
	INSERT INTO rbac.teams (name, description) VALUES ('acme/Crew', 'Runs it');
	INSERT INTO rbac.team_members (team, member, is_admin, expires_at) VALUES ('acme/Crew', 'dave', true, NULL), ('acme/Crew', 'bob', false, '2100-01-01 00:00 UTC'), ('acme/Crew', 'crew-token', false, NULL);
	INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Crew', 'acme/Viewer');
	INSERT INTO rbac.entity_grants (permission_set, entity, team, organization, member, expires_at) VALUES
		('Stack Admin', 'web', 'acme/Crew', NULL, NULL, '150000-01-01'), ('Stack Admin', 'docs', NULL, 'acme', 'eve', NULL), ('Stack Read', 'old', NULL, 'acme', 'eve', '2020-01-01');
	INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Environment Read');
	INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'stack:create'), ('acme', 'stack:delete');

	INSERT INTO rbac.organizations (name) VALUES ('many');
	INSERT INTO rbac.members (organization, member) SELECT 'many', to_char(i, 'FM0000') FROM generate_series(1, 1000) i;

	-- a name from each thing that has one, and text from what has that
	INSERT INTO rbac.organizations VALUES ('<b>&amp;', '</script><script>window.hacked = 1</script>');
	INSERT INTO rbac.permission_sets (name, entity_type, scopes, description) VALUES ('<b>&amp;/<b onclick=window.hacked=1>', 'stack', '{stack:read}', '</style><img src=x onerror=window.hacked=1>'),
		('__proto__', 'stack', '{stack:read}', NULL), ('all scopes', 'stack', '{stack:read}', NULL);
	INSERT INTO rbac.roles (name, description) VALUES ('<b>&amp;/<svg onload=window.hacked=1>', '<script>window.hacked = 1</script>');
	INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('<b>&amp;/<svg onload=window.hacked=1>', '<b>&amp;/<b onclick=window.hacked=1>', '$.a == "</script><img src=x onerror=window.hacked=1>"'),
		('<b>&amp;/<svg onload=window.hacked=1>', '__proto__', NULL), ('<b>&amp;/<svg onload=window.hacked=1>', 'all scopes', NULL);
	INSERT INTO rbac.members (organization, member, role) SELECT '<b>&amp;', name, 'Admin' FROM unnest(ARRAY['<img src=x onerror=window.hacked=1>', '</script><script>window.hacked = 1</script>',
		'<!--<script>', E'\u2028\u2029', '"''${'$'}{window.hacked = 1}\', '__proto__', 'constructor', E'\u202eright to left', 'ünï😀', repeat('w', 255)]) name;
	INSERT INTO rbac.teams (name, description) VALUES ('<b>&amp;/<img src=x onerror=window.hacked=1>', '<img src=x onerror=window.hacked=1>');
	INSERT INTO rbac.team_members (team, member) SELECT '<b>&amp;/<img src=x onerror=window.hacked=1>', member FROM rbac.members WHERE organization = '<b>&amp;';
	INSERT INTO rbac.team_roles (team, role) VALUES ('<b>&amp;/<img src=x onerror=window.hacked=1>', '<b>&amp;/<svg onload=window.hacked=1>');
	INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Read', '<img src=x onerror=window.hacked=1>', '<b>&amp;/<img src=x onerror=window.hacked=1>');

	CREATE ROLE report_app LOGIN;
	GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO report_app;
	GRANT SET ON PARAMETER rbac.member TO report_app;
	CREATE ROLE report_stranger LOGIN;`);

// what the surroundings are set to makes no difference
const psql = (...args) => spawnSync('psql', ['-X', '-d', database, ...args, '-f', 'report/report.sql'],
	{ encoding: 'utf8', env: { ...process.env, PGCLIENTENCODING: 'LATIN1', PGOPTIONS: '-c standard_conforming_strings=off -c datestyle=German -c timezone=Asia/Tokyo' } });
async function report(organization, ...args) {
	const { status, stdout, stderr } = psql('-v', `organization=${organization}`, ...args);
	assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
	writeFileSync('results/report.html', stdout);
	return open('file://' + resolve('results/report.html'));
}
const answer = (text) => JSON.parse(sql(database, `SELECT coalesce(json_agg(a ORDER BY a), '[]') FROM (${text}) AS x (a)`));

// What the page shows: member -> permission -> by what.
const matrix = (page) => page.evaluate(() => {
	const [head, ...rows] = document.getElementById('matrix').rows;
	const text = (cell) => cell.querySelector('bdi').textContent;
	return Object.fromEntries(rows.map((row) => [text(row.cells[0]), Object.fromEntries([...row.cells].slice(1)
		.map((cell, i) => [text(head.cells[i + 1]), [...cell.children].map((way) => way.textContent).sort().join(', ')]).filter(([, via]) => via))]));
});
const members = async (page) => (await page.locator('#matrix tbody th bdi').allTextContents()).sort();
const click = (page, row, column) => page.evaluate(([row, column]) => {
	const rows = [...document.getElementById('matrix').rows];
	const find = (cells, text) => cells.find((cell) => cell.querySelector('bdi')?.textContent === text);
	const y = row ? rows.findIndex((one) => find([one.cells[0]], row)) : 0;
	rows[y].cells[column ? find([...rows[0].cells], column).cellIndex : 0].click();
	return document.getElementById('answer').innerText.split('\n').filter(Boolean);
}, [row, column]);

const page = await report('acme');

test('the cells are those of permission_matrix', async () => {
	const expected = JSON.parse(sql(database, `SELECT json_object_agg(member, has) FROM (
		SELECT m.member, coalesce(json_object_agg(permission, via) FILTER (WHERE permission IS NOT NULL), '{}') AS has
		FROM rbac.members m LEFT JOIN rbac.permission_matrix USING (organization, member)
		WHERE organization = 'acme' AND member <> 'gone' GROUP BY m.member) AS m`));
	assert.equal(Object.keys(expected).length, 6);
	assert.deepEqual(await matrix(page), expected);
	assert.equal(await page.title(), 'acme: who has what');
	assert.equal(await page.innerText('#numbers'), `6 members \u00b7 1 team \u00b7 5 roles \u00b7 ${answer(`SELECT DISTINCT permission FROM rbac.permission_matrix WHERE organization = 'acme'`).length} permissions`);
	assert.match(await page.innerText('#made'), /^As of .* UTC, from database report, by postgres\.$/);
});

test('filters find whom the database finds', async () => {
	const filtered = async (condition) => {
		const expected = answer(`SELECT DISTINCT member FROM rbac.member_permissions WHERE organization = 'acme' AND ${condition}`);
		assert.ok(expected.length > 0);
		assert.deepEqual(await members(page), expected, condition);
		assert.equal(await page.innerText('#count'), `${expected.length} of 6 members`);
	};
	const what = async (text, condition) => { await page.fill('#what', text); await filtered(condition); };
	await what('stack:cancel_update', `scopes OPERATOR(rbac.@>) 'stack:cancel_update'`);
	await what('STACK:DEL', `scopes OPERATOR(rbac.@>) 'stack:delete'`);
	await what('docs', `entity = 'docs'`);
	await page.fill('#what', '');
	for (const via of ['role', 'team role', 'grant', 'team grant', 'member default', 'toggle']) {
		await page.click(`#kinds button:text-is("${via}")`);
		await filtered(`via = '${via}'`);
		await page.click(`#kinds button:text-is("${via}")`);
	}
	await page.click('#kinds button:text-is("grant")');
	await page.click('#kinds button:text-is("team grant")');
	await filtered(`via IN ('grant', 'team grant')`);
	await page.click('#reset');
	await page.click('#kinds button:text-is("only what ends")');
	await filtered(`expires_at < 'infinity'`);
	await page.click('#reset');
	await page.fill('#who', 'crew');
	assert.deepEqual(await members(page), ['bob', 'crew-token', 'dave']);
	await page.fill('#who', 'nobody');
	assert.ok(await page.isVisible('#none'));
	await page.click('#reset');
	assert.equal((await members(page)).length, 6);
});

test('a click explains', async () => {
	assert.deepEqual((await click(page, 'dave', 'Stack Write')).slice(0, 3), ['Why dave has Stack Write',
		'On stack docs, by their role acme/Developer.', 'On every stack whose tags satisfy ($."env" == "dev"), by their role acme/Developer.']);
	assert.deepEqual(await click(page, 'bob', 'acme/Operator'), ['Why bob has acme/Operator',
		'On every stack in acme, by role acme/Viewer of team acme/Crew, until 1 Jan 2100, 00:00 UTC.',
		'Watches.', '2 scopes of type stack', 'stack:cancel_update Cancel an update of the stack that is in progress.', 'stack:read See the stack, its outputs, its resources and its update history.']);
	const because = async (...cell) => (await click(page, ...cell))[1];
	assert.equal(await because('eve', 'Stack Admin'), 'On stack docs, by a grant to eve, until 2 Jan 2100, 10:00 UTC.');
	assert.equal(await because('dave', 'Stack Admin'), 'On stack web, by a grant to team acme/Crew, until 150000-01-01T00:00:00+00:00.');
	assert.equal(await because('bob', 'Environment Read'), 'On every environment in acme, by default, as all whose own role is Member.');
	assert.equal(await because('dave', 'stack:create'), 'In acme, by a toggle, as everybody but organization tokens.');
	assert.equal(await because('dave', 'stack:delete'), 'On every stack in acme, by a toggle, as everybody but organization tokens.');
	assert.equal(await because('alice', 'all scopes'), 'On everything in acme, now and in future, by their role Admin.');
	assert.equal(await because('alice', 'Standard'), 'On everything in acme, now and in future, by their role Admin.');
	assert.deepEqual((await click(page, 'ci', 'Stack Read')).slice(0, 1), ['ci does not have Stack Read']);
	assert.deepEqual((await click(page, 'dave')).slice(0, 4), ['dave', 'User with role acme/Developer', 'In team acme/Crew', 'Standard']);
	assert.deepEqual((await click(page, null, 'Stack Write')).slice(0, 2), ['Stack Write', 'Held by 2 of 6 members']);
});

test('roles, teams and what is for everybody are below', async () => {
	const cells = async (id) => (await page.locator(`#${id} tr`).all()).reduce(async (all, row) => [...await all, await row.locator('th, td').allInnerTexts()], []);
	assert.deepEqual((await cells('roles')).find(([role]) => role.startsWith('acme/Viewer')),
		['acme/Viewer', '0 members\nteam acme/Crew', 'Stack Read on stack web\nStack Read on stack db\nacme/Operator on every stack in acme']);
	assert.deepEqual(await cells('teams'), [['acme/Crew\n\nRuns it', '3 members: bob (until 1 Jan 2100), crew-token, dave (admin)',
		'role acme/Viewer\nStack Admin on stack web (until 150000-01-01T00:00:00+00:00)']]);
	assert.deepEqual(await page.locator('#settings li').allInnerTexts(), ['New members get the role Member.', 'Those whose own role is Member have Environment Read on every environment in acme.',
		'Everybody but organization tokens has stack:create in acme.', 'Everybody but organization tokens has stack:delete on every stack in acme.']);
});

test('keys do what the mouse does', async () => {
	const focused = () => page.evaluate(() => [document.activeElement.parentNode.rowIndex, document.activeElement.cellIndex]);
	await page.reload();
	await page.focus('#matrix [tabindex="0"]');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Home');
	await page.keyboard.press('ArrowDown');
	assert.deepEqual(await focused(), [2, 0]);
	await page.keyboard.press('ArrowLeft'); // there is nothing
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('ArrowRight');
	assert.deepEqual(await focused(), [2, 2]);
	await page.keyboard.press('Enter');
	assert.equal(await page.innerText('#answer h2'), 'Why bob has Standard');
	await page.keyboard.press('Escape');
	assert.ok(await page.isHidden('#panel'));
	assert.equal(await page.locator('#matrix [tabindex="0"]').count(), 1);
});

test('names are text, and nothing is loaded or run', async () => {
	const page = await report('<b>&amp;');
	assert.deepEqual(await members(page), answer(`SELECT member FROM rbac.members WHERE organization = '<b>&amp;'`).sort());
	assert.equal(await page.innerText('h1'), '<b>&amp;');
	// a set that is called like something else is a column of its own
	assert.equal(await page.locator('#matrix thead bdi:text-is("all scopes")').count(), 2);
	for (let y = 0, rows = await page.locator('#matrix tr').count(); y < rows; y++) {
		await page.evaluate((y) => { for (const cell of document.getElementById('matrix').rows[y].cells) cell.click(); }, y);
	}
	await page.fill('#who', '<img');
	await page.hover('#matrix tbody th');
	assert.equal(await page.locator('body img, body svg, body b, body script:not(#data, #data + script)').count(), 0);
	assert.deepEqual(page.errors, []);
	assert.equal(page.requests.length, 1);
	// and if an element got in
	await page.evaluate(() => document.body.insertAdjacentHTML('beforeend', '<b onclick="window.hacked = 1" style="color: red">x</b><img src="http://127.0.0.1:9/x">'));
	await page.click('body > b');
	assert.equal(await page.evaluate(() => window.hacked), undefined);
	assert.ok(page.errors.every((error) => /Content.Security.Policy/i.test(error)), page.errors.join('\n'));
	assert.ok(page.errors.length >= 2);
});

test('a thousand members', async () => {
	const page = await report('many');
	assert.equal(await page.innerText('#count'), '1,000 of 1,000 members');
	assert.equal((await members(page)).length, 250);
	await page.click('text="Show all 1,000"');
	assert.equal((await members(page)).length, 1000);
	await page.fill('#who', '0999');
	assert.deepEqual(await members(page), ['0999']);
});

test('a member gets what they may see', async () => {
	const page = await report('acme', '-U', 'report_app', '-v', 'member=eve');
	assert.deepEqual(await members(page), ['eve']);
	assert.match(await page.innerText('#made'), /by eve \(login report_app\)\. Shown is what they may see\.$/);
	assert.deepEqual(await members(await report('acme', '-U', 'report_app', '-v', 'member=bob')), ['alice', 'bob', 'ci', 'crew-token', 'dave', 'eve']);
});

test('what cannot be done is an error, and no page', () => {
	const fails = (message, ...args) => {
		const { status, stdout, stderr } = psql(...args);
		assert.deepEqual({ status, stdout }, { status: 3, stdout: '' });
		assert.match(stderr, message);
	};
	fails(/ERROR: {2}organization "none" does not exist/, '-v', 'organization=none');
	fails(/ERROR: {2}organization "" does not exist\nHINT: {2}Say which one: psql -X -v organization=NAME/);
	fails(/ERROR: {2}organization "acme" does not exist/, '-U', 'report_app', '-v', 'organization=acme');
	fails(/ERROR: {2}organization "acme" does not exist/, '-U', 'report_app', '-v', 'organization=acme', '-v', 'member=mallory');
	fails(/ERROR: {2}permission denied/, '-U', 'report_stranger', '-v', 'organization=acme');
});
