#!/usr/bin/env -S node --test-reporter=./test/clients/tap.mjs
// examples/app: what its roles may, its sharing and its tenants, as the app's login.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createDatabase, pg, sql } from './lib.mjs';

const database = createDatabase('app_test');
const app = new pg.Pool({ database, user: 'app', max: 1 });
test.after(() => app.end());

// What a query answers to a member: its rows, or the SQLSTATE if it fails.
async function as(member, query, values) {
	try {
		await app.query('BEGIN');
		await app.query('SELECT rbac.act_as($1)', [member]);
		return (await app.query(query, values)).rows;
	} catch (error) {
		return error.code;
	} finally {
		await app.query('COMMIT');
	}
}
const titles = async (member) => (await as(member, 'SELECT title FROM documents ORDER BY title')).map(({ title }) => title);
const id = (table, name) => sql(database, `SELECT id FROM ${table} WHERE ${table === 'documents' ? 'title' : 'name'} = '${name}'`);
const share = (member, set, entity, tenant, withWhom) => as(member, `INSERT INTO rbac.entity_grants
	(permission_set, entity, organization, member) VALUES ($1, $2, $3, $4)`, [set, entity, tenant, withWhom]);

const acme = id('tenants', 'Acme'), globex = id('tenants', 'Globex');
const drafts = id('folders', 'Drafts'), plans = id('folders', 'Plans'), plan = id('documents', 'Plan');
const make = 'INSERT INTO documents (tenant, folder, title) VALUES ($1, $2, $3) RETURNING owner';

test('migrations go down, step by step, and up again', () => {
	const directory = new URL('../../examples/app/migrations/', import.meta.url);
	const files = (direction) => readdirSync(directory).filter((file) => file.endsWith(`.${direction}.sql`)).sort();
	const down = files('down').reverse(), up = files('up');
	const run = (file) => execFileSync('psql', ['-Xq', '-v', 'ON_ERROR_STOP=1', '-f', new URL(file, directory).pathname, 'migrations'],
		{ env: { ...process.env, PGOPTIONS: '-c client_min_messages=warning' } });
	const grants = () => sql('migrations', 'SELECT count(*), (SELECT count(*) FROM rbac.entities) FROM rbac.entity_grants');

	createDatabase('migrations');
	assert.equal(down.length, up.length);
	const before = grants();
	down.slice(0, -2).forEach(run); // as far as the tables
	up.slice(2).forEach(run);
	assert.equal(grants(), before);
	down.forEach(run);
	assert.equal(sql('migrations', `SELECT count(*) FROM pg_class WHERE relnamespace IN ('public'::regnamespace, to_regnamespace('rbac'))`), '0');
	up.forEach(run);
	assert.equal(sql('migrations', 'SELECT count(*) FROM rbac.protected_tables'), '4');
});

test('each role sees what it may', async () => {
	const all = ['Budget', 'Plan', 'Welcome'];
	assert.deepEqual(await titles('alice'), all);
	assert.deepEqual(await titles('erin'), all);
	assert.deepEqual(await titles('gus'), ['Welcome']);
	assert.deepEqual(await titles('vic'), ['Budget', 'Engine', 'Plan', 'Welcome']);
	assert.deepEqual(await titles('mallory'), []);
	assert.equal((await app.query('SELECT count(*) FROM documents')).rows[0].count, '0');
});

test('each role does what it may', async () => {
	const change = `UPDATE documents SET body = 'x' WHERE id = $1 RETURNING id`;
	for (const [member, updated, made] of [
		['alice', 1, [{ owner: 'alice' }]], ['erin', 1, [{ owner: 'erin' }]], ['vic', 0, '42501'], ['gus', 0, '42501'], ['grace', 0, '42501'],
	]) {
		assert.equal((await as(member, change, [plan])).length, updated, member);
		assert.deepEqual(await as(member, make, [acme, drafts, `by ${member}`]), made, member);
	}
	assert.equal(await as('erin', `INSERT INTO documents (tenant, folder, title, owner) VALUES ($1, $2, 't', 'alice')`, [acme, drafts]), '42501');
	const remove = 'DELETE FROM documents WHERE title LIKE $1 RETURNING title';
	assert.deepEqual(await as('erin', remove, ['%']), [{ title: 'by erin' }]);
	assert.deepEqual(await as('alice', remove, ['by %']), [{ title: 'by alice' }]);
	assert.equal(await as('vic', `INSERT INTO projects (tenant, name) VALUES ($1, 'p')`, [acme]), '42501');
	assert.deepEqual(await as('erin', `INSERT INTO projects (tenant, name) VALUES ($1, 'p')`, [acme]), []);
	assert.deepEqual(await as('erin', `DELETE FROM projects WHERE name = 'p' RETURNING name`), [{ name: 'p' }]);
	assert.equal(await as('alice', `DELETE FROM folders`), '23503');
});

test('a folder that is shared shows its documents, and no others', async () => {
	assert.equal(await share('erin', 'Folder Read', drafts, acme, 'gus'), '42501'); // an editor, not the owner
	assert.deepEqual(await share('alice', 'Folder Write', drafts, acme, 'gus'), []);
	assert.deepEqual(await titles('gus'), ['Budget', 'Plan', 'Welcome']);
	assert.deepEqual(await as('gus', make, [acme, drafts, 'by gus']), [{ owner: 'gus' }]);
	assert.equal((await as('gus', `UPDATE documents SET body = 'y' RETURNING id`)).length, 3); // in Drafts, not Welcome
	assert.deepEqual(await as('gus', 'DELETE FROM documents RETURNING title'), [{ title: 'by gus' }]);
	await as('alice', 'DELETE FROM rbac.entity_grants WHERE entity = $1', [drafts]);
	assert.deepEqual(await titles('gus'), ['Welcome']);
});

test('a document can be shared by itself', async () => {
	assert.deepEqual(await share('alice', 'Document Read', plan, acme, 'gus'), []);
	assert.deepEqual(await titles('gus'), ['Plan', 'Welcome']);
	assert.equal(await share('gus', 'Document Read', plan, acme, 'vic'), '42501');
});

test('a client asks what to offer, with parameters of no type', async () => {
	assert.deepEqual(await as('vic', 'SELECT rbac.has_scope($1, $2) AS may', [plan, 'document:read']), [{ may: true }]);
	assert.deepEqual(await as('vic', 'SELECT rbac.has_scope($1, $2) AS may', [acme, 'project:create']), [{ may: false }]);
	assert.equal(await as('vic', 'SELECT rbac.has_scope($1, $2)', [plan, 'document:raed']), '42704');
	assert.deepEqual(await as('vic', 'SELECT rbac.scopes_on(rbac.current_member(), $1, $2)::text[] AS scopes', ['folder', drafts]),
		[{ scopes: ['folder:read'] }]);
	assert.deepEqual(await as('alice', 'SELECT rbac.members_with_scope($1, $2) AS member', [plan, 'document:write']),
		[{ member: 'alice' }, { member: 'erin' }]);
});

test('nothing crosses from one tenant to another', async () => {
	assert.equal(await as('alice', make, [globex, drafts, 'there']), '23503'); // a folder of the other tenant
	assert.equal(await as('alice', make, [globex, plans, 'there']), '42501');
	assert.equal(await as('alice', make, [acme, plans, 'here']), '42501');
	assert.equal(await as('alice', 'UPDATE documents SET tenant = $1', [globex]), '42501');
	assert.equal(await as('alice', 'UPDATE documents SET folder = $1', [plans]), '42501');
	assert.equal(await as('alice', `UPDATE documents SET owner = 'alice'`), '42501');
	await share('grace', 'Document Read', plan, globex, 'grace'); // gives nothing: the document is not of that tenant
	assert.deepEqual(await titles('grace'), ['Engine']);
});

test('who signs up has a tenant of their own', async () => {
	const [{ id: tenant }] = await as('zoe', `SELECT * FROM create_tenant('Hooli')`);
	assert.deepEqual(await as('zoe', 'SELECT name FROM tenants'), [{ name: 'Hooli' }]);
	assert.deepEqual(await as('zoe', 'INSERT INTO rbac.members (organization, member) VALUES ($1, $2) RETURNING role', [tenant, 'yan']), [{ role: 'viewer' }]);
	assert.deepEqual(await as('yan', `UPDATE tenants SET name = 'mine' RETURNING name`), []);
	assert.deepEqual(await as('zoe', `UPDATE tenants SET name = 'Hooli XYZ' RETURNING name`), [{ name: 'Hooli XYZ' }]);
});

test('there is no other way to a tenant', async () => {
	assert.equal(await as(null, `SELECT create_tenant('x')`), '42501');
	assert.equal(await as('zoe', `INSERT INTO tenants (name) VALUES ('x')`), '42501');
	assert.equal(await as('zoe', `INSERT INTO rbac.organizations (name) VALUES ('x')`), '42501');
	assert.equal(await as('zoe', `INSERT INTO rbac.members (organization, member, role) VALUES ($1, 'zoe', 'admin')`, [acme]), '42501');
});
