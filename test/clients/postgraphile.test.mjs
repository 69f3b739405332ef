#!/usr/bin/env -S node --test-reporter=./test/clients/tap.mjs
// examples/postgraphile: queries and mutations as different members.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createDatabase, serve, sql } from './lib.mjs';

const database = createDatabase('postgraphile');
const server = await serve('postgraphile', database);
test.after(() => server.stop());

async function ask(member, query, variables) {
	const response = await fetch(`${server.url}/graphql`, {
		method: 'POST',
		headers: { 'content-type': 'application/json', ...(member && { authorization: `Bearer ${member}` }) },
		body: JSON.stringify({ query, variables }),
	});
	return response.json();
}
const titles = async (member) => {
	const { data } = await ask(member, '{ allDocuments(orderBy: TITLE_ASC) { nodes { title } } }');
	return data.allDocuments.nodes.map(({ title }) => title);
};
const plan = sql(database, `SELECT json_build_object('id', id, 'tenant', tenant, 'folder', folder) FROM documents WHERE title = 'Plan'`);
const { id, tenant, folder } = JSON.parse(plan);

test('each member sees their documents', async () => {
	assert.deepEqual(await titles('alice'), ['Budget', 'Plan', 'Welcome']);
	assert.deepEqual(await titles('gus'), ['Welcome']);
	assert.deepEqual(await titles('grace'), ['Engine']);
	assert.deepEqual(await titles('vic'), ['Budget', 'Engine', 'Plan', 'Welcome']);
	assert.deepEqual(await titles('mallory'), []);
	assert.deepEqual(await titles(undefined), []);
});

test('what is reached by a reference is protected, too', async () => {
	const { data } = await ask('gus', `{ allFolders { nodes { name
		projectByTenantAndProject { name }
		documentsByTenantAndFolder { totalCount nodes { title } } } } }`);
	assert.deepEqual(data.allFolders.nodes, [{
		name: 'Public', projectByTenantAndProject: null, documentsByTenantAndFolder: { totalCount: 1, nodes: [{ title: 'Welcome' }] },
	}]);
});

const update = `mutation ($id: UUID!, $body: String) {
	updateDocumentById(input: { id: $id, documentPatch: { body: $body } }) { document { body } } }`;

test('an update by who may', async () => {
	const { data } = await ask('erin', update, { id, body: 'by erin' });
	assert.equal(data.updateDocumentById.document.body, 'by erin');
});

test('no update by others', async () => {
	for (const member of ['vic', 'gus', 'grace', 'mallory', undefined]) {
		const { data, errors } = await ask(member, update, { id, body: 'mine' });
		assert.equal(data.updateDocumentById, null);
		assert.match(errors[0].message, /No values were updated/);
	}
	assert.equal(sql(database, `SELECT body FROM documents WHERE title = 'Plan'`), 'by erin');
});

const create = `mutation ($tenant: UUID!, $folder: UUID!) {
	createDocument(input: { document: { tenant: $tenant, folder: $folder, title: "New" } }) { document { owner } } }`;

test('a new document by who may, and not by others', async () => {
	const { errors } = await ask('vic', create, { tenant, folder });
	assert.match(errors[0].message, /violates row-level security policy/);
	const { data } = await ask('erin', create, { tenant, folder });
	assert.equal(data.createDocument.document.owner, 'erin');
});

test('a function that is a mutation', async () => {
	const signUp = 'mutation { createTenant(input: { name: "Hooli" }) { tenant { id name } } }';
	assert.match((await ask(undefined, signUp)).errors[0].message, /sign in/);
	const { data } = await ask('zoe', signUp);
	assert.equal(data.createTenant.tenant.name, 'Hooli');
	assert.deepEqual((await ask('zoe', '{ allTenants { nodes { name } } }')).data.allTenants.nodes, [{ name: 'Hooli' }]);
});

test('what the login has no privilege for is not in the schema', async () => {
	const { data } = await ask('alice', '{ __type(name: "DocumentPatch") { inputFields { name } } }');
	assert.deepEqual(data.__type.inputFields.map(({ name }) => name).sort(), ['body', 'title']);
});
