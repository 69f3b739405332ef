#!/usr/bin/env -S node --test-reporter=./test/clients/tap.mjs
// examples/node: one member's rows never show in the answer to another.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, pg, serve, sql } from './lib.mjs';

const database = createDatabase('node');
const tenants = 8, requests = 1000, atOnce = 25, poolSize = 4, kills = 10;

// Tenant n has an admin, a viewer and a guest; the guest sees what is in one of two folders.
sql(database, `
	SET ROLE app;
	${[...Array(tenants).keys()].map((n) => `
	BEGIN;
	SELECT rbac.act_as('admin${n}');
	SELECT id AS tenant FROM create_tenant('t${n}') \\gset
	INSERT INTO rbac.members (organization, member, role) VALUES
		(:'tenant', 'viewer${n}', 'viewer'), (:'tenant', 'guest${n}', 'guest');
	INSERT INTO projects (tenant, name) VALUES (:'tenant', 'p') RETURNING id AS project \\gset
	INSERT INTO folders (tenant, project, name) VALUES (:'tenant', :'project', 'shut'), (:'tenant', :'project', 'open');
	INSERT INTO documents (tenant, folder, title)
		SELECT tenant, id, format('t${n} %s %s', name, i) FROM folders, generate_series(1, 5) i WHERE tenant = :'tenant';
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
		SELECT 'Folder Read', id, tenant, 'guest${n}' FROM folders WHERE tenant = :'tenant' AND name = 'open';
	COMMIT;`).join('')}`);
const documents = JSON.parse(sql(database, `SELECT json_agg(d) FROM documents d WHERE title LIKE 't%'`));
const visible = (kind, n) =>
	documents.filter(({ title }) => title.startsWith(`t${n} ${kind === 'guest' ? 'open' : ''}`)).map(({ title }) => title).sort();

const superuser = new pg.Pool({ database, max: 2 });
const server = await serve('node', database, { POOL_SIZE: poolSize });
test.after(() => Promise.all([server.stop(), superuser.end()]));

async function ask(member, method, path, body, signal) {
	const response = await fetch(server.url + path, {
		method, signal,
		headers: member ? { authorization: `Bearer ${member}` } : {},
		body: body && JSON.stringify(body),
	});
	return { status: response.status, body: await response.json() };
}
const titles = ({ body }) => body.map(({ title }) => title).sort();
const document = (title) => documents.find((d) => d.title === title);
const pick = (list) => list[Math.floor(Math.random() * list.length)];

test('each SQLSTATE has its status', async () => {
	const { id, tenant, folder, title } = document('t1 open 1');
	const status = async (...request) => (await ask(...request)).status;
	assert.equal(await status('viewer1', 'GET', `/documents/${id}`), 200);
	assert.equal(await status('viewer1', 'POST', '/documents', { tenant, folder, title: 'new' }), 403);
	assert.equal(await status('viewer1', 'PUT', `/documents/${id}`, { body: 'mine' }), 403);
	assert.equal(await status('viewer1', 'DELETE', `/documents/${id}`), 403);
	assert.equal(await status('viewer2', 'GET', `/documents/${id}`), 404);
	assert.equal(await status('viewer2', 'PUT', `/documents/${id}`, { body: 'mine' }), 404);
	assert.equal(await status('viewer1', 'GET', '/documents/1'), 404);
	assert.equal(await status('viewer1', 'GET', '/'), 404);
	assert.equal(await status('admin1', 'POST', '/documents', { tenant, folder, title }), 409);
	assert.equal(await status('admin1', 'POST', '/documents', { tenant, folder }), 400);
	assert.equal(await status(undefined, 'GET', '/documents'), 401);
});

test('an unknown member sees nothing', async () => {
	assert.deepEqual((await ask('mallory', 'GET', '/documents')).body, []);
});

test('what is written is there for those who may see it', async () => {
	const { tenant, folder } = document('t0 shut 1');
	const { body: { id, owner } } = await ask('admin0', 'POST', '/documents', { tenant, folder, title: 'fresh' });
	assert.equal(owner, 'admin0');
	assert.equal((await ask('admin0', 'PUT', `/documents/${id}`, { body: 'text' })).status, 200);
	assert.equal((await ask('viewer0', 'GET', `/documents/${id}`)).body.body, 'text');
	assert.equal((await ask('guest0', 'GET', `/documents/${id}`)).status, 404);
	assert.equal((await ask('admin0', 'DELETE', `/documents/${id}`)).status, 200);
});

// What a request may be; each checks its answer, unless there is none: the connection was lost, or the time up.
const locked = document('t0 shut 2');
let lost = 0;
async function answered(request, check) {
	const answer = await request;
	if (answer.status < 500) check(answer);
	else if (answer.body.error !== '57014') lost++;
}
const kinds = [
	...Array(6).fill((kind, n) => answered(ask(kind + n, 'GET', '/documents'), (answer) => {
		assert.equal(answer.status, 200);
		assert.deepEqual(titles(answer), visible(kind, n));
	})),
	...Array(3).fill((kind, n) => {
		const { id, title } = pick(documents);
		return answered(ask(kind + n, 'GET', `/documents/${id}`), ({ status, body }) => {
			assert.equal(status, visible(kind, n).includes(title) ? 200 : 404);
			if (status === 200) assert.equal(body.title, title);
		});
	}),
	(kind, n) => { // an error in the middle of a transaction
		const { tenant, folder, title } = document(`t${n} open 1`);
		return answered(ask(kind + n, 'POST', '/documents', { tenant, folder, title }), ({ status }) =>
			assert.equal(status, kind === 'admin' ? 409 : 403));
	},
	() => answered(ask('mallory', 'GET', '/documents'), ({ body }) => assert.deepEqual(body, [])),
	async (kind, n) => { // gone before the answer comes
		const controller = new AbortController();
		const request = ask(kind + n, 'GET', '/documents', undefined, controller.signal).catch(() => {});
		await sleep(Math.random() * 10);
		controller.abort();
		await request;
	},
];

test(`${requests} requests of ${3 * tenants} members through ${poolSize} connections, some of them aborted, timed out or cut off`, async () => {
	const locker = await superuser.connect();
	await locker.query('BEGIN');
	await locker.query('SELECT FROM documents WHERE id = $1 FOR UPDATE', [locked.id]);
	const backends = new Set();
	let sent = 0, timeouts = 0, killed = 0;

	async function client() {
		for (let number; (number = sent++) < requests;) {
			if (number % (requests / kills) === requests / kills - 1) {
				const { rows } = await superuser.query(`SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
					WHERE usename = 'app' AND datname = $1 ORDER BY random() LIMIT 1`, [database]);
				killed += rows.length;
			}
			if (number % 200 === 100) {
				const { status, body } = await ask('admin0', 'PUT', `/documents/${locked.id}`, { body: 'never' });
				assert.ok(status >= 500, `status ${status}`);
				if (body.error === '57014') timeouts++;
			} else {
				await pick(kinds)(pick(['admin', 'viewer', 'guest']), number % tenants);
			}
			if (number % 50 === 0) {
				const { rows } = await superuser.query(`SELECT pid FROM pg_stat_activity
					WHERE usename = 'app' AND datname = $1`, [database]);
				rows.forEach(({ pid }) => backends.add(pid));
			}
		}
	}
	await Promise.all(Array.from({ length: atOnce }, client)).finally(() => locker.release(true));

	assert.ok(killed > 0);
	assert.ok(timeouts > 0);
	assert.ok(lost <= kills, `${lost} requests failed, ${kills} connections were cut off`);
	assert.ok(backends.size <= poolSize + kills, `${backends.size} connections`);
	assert.equal(sql(database, `SELECT count(*) FROM documents WHERE title LIKE 't%' AND body = ''`), String(documents.length));
});

test('a connection that comes back to the pool is nobody, however its transaction ended', async () => {
	const pool = new pg.Pool({ database, user: 'app', max: 1 });
	const count = async (text) => Number((await pool.query(text)).rows[0].count);
	const seen = 'SELECT count(*) FROM documents';
	for (const end of ['COMMIT', 'ROLLBACK', 'SELECT 1/0; COMMIT', 'SAVEPOINT s; SELECT rbac.act_as(\'admin2\'); RELEASE s; COMMIT']) {
		await pool.query('BEGIN');
		await pool.query('SELECT rbac.act_as($1)', ['admin1']);
		assert.equal(await count(seen), 10);
		await pool.query(end).catch(() => pool.query('ROLLBACK'));
		assert.equal(await count(seen), 0, end);
	}
	await pool.end();
});
