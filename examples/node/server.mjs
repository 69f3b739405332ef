// A service for the tables of ../app, with node-postgres.  It holds no rule about who may do what: each request
// is a transaction on behalf of one member, and the database shows it what that member may see.
//
//   npm ci --prefix examples/node
//   test/server sh -c 'psql -q -f examples/app/setup.sql && PGUSER=app npm start --prefix examples/node'
//   curl -H 'Authorization: Bearer alice' localhost:3000/documents
import http from 'node:http';
import pg from 'pg';

// The login has GRANT SET ON PARAMETER rbac.member, and no rows without a member.
const pool = new pg.Pool({ max: Number(process.env.POOL_SIZE ?? 10), statement_timeout: 1000 });
// A lost connection, idle or not: the pool replaces it, and its request gets an error.
pool.on('error', (error) => console.error(error.message));
pool.on('connect', (client) => client.on('error', () => {}));

// REPLACE THIS: it believes anybody.  Verify a session or a token, and take the member from that.
const authenticate = (request) => /^Bearer (.+)$/.exec(request.headers.authorization)?.[1];

// All queries of one request.  The member is set until the transaction ends, and cannot outlive it.
async function onBehalfOf(member, work) {
	const client = await pool.connect();
	let lost;
	try {
		await client.query('BEGIN');
		await client.query('SELECT rbac.act_as($1)', [member]);
		const result = await work((...query) => client.query(...query).then(({ rows }) => rows));
		await client.query('COMMIT');
		return result;
	} catch (error) {
		await client.query('ROLLBACK').catch((failure) => { lost = failure; });
		throw error;
	} finally {
		client.release(lost); // a connection that cannot even roll back is not used again
	}
}

class Problem extends Error {
	constructor(code) { super(code); this.code = code; }
}

const statusOf = {
	'SyntaxError': 400, '23502': 400, // no JSON, something is missing
	'28000': 401, // nobody has signed in
	'42501': 403, // a policy, a trigger or a privilege says no
	'P0002': 404, // no such row, or none that the member may see
	'22P02': 404, // not a uuid, so not an id of ours
	'23503': 409, // still in use, or refers to what is not there
	'23505': 409, // is there already
	'40P01': 503, '57014': 503, '57P01': 503, // deadlock, timeout, restart: try again
};

const routes = {
	'GET /documents': (query) => query('SELECT id, tenant, folder, owner, title FROM documents ORDER BY title'),
	'GET /documents/:id': (query, id) => query('SELECT * FROM documents WHERE id = $1', [id]).then(one),
	'POST /documents': (query, _, { tenant, folder, title, body = '' }) =>
		query('INSERT INTO documents (tenant, folder, title, body) VALUES ($1, $2, $3, $4) RETURNING *',
			[tenant, folder, title, body]).then(one),
	'PUT /documents/:id': async (query, id, { body }) => {
		const changed = await query('UPDATE documents SET body = $2 WHERE id = $1 RETURNING *', [id, body]);
		return changed[0] ?? refused(query, id);
	},
	'DELETE /documents/:id': async (query, id) => {
		const gone = await query('DELETE FROM documents WHERE id = $1 RETURNING id', [id]);
		return gone[0] ?? refused(query, id);
	},
};

function one([row]) {
	if (!row) throw new Problem('P0002');
	return row;
}

// Nothing was written: that is no secret about a row that the member may read.
async function refused(query, id) {
	one(await query('SELECT FROM documents WHERE id = $1', [id]));
	throw new Problem('42501');
}

async function answer(request) {
	const [, collection, id] = new URL(request.url, 'http://localhost').pathname.split('/');
	const route = routes[`${request.method} /${collection}${id ? '/:id' : ''}`];
	if (!route) throw new Problem('P0002');
	const member = authenticate(request);
	if (!member) throw new Problem('28000');
	let text = '';
	for await (const chunk of request) text += chunk;
	return onBehalfOf(member, (query) => route(query, id, JSON.parse(text || '{}')));
}

http.createServer(async (request, response) => {
	try {
		response.end(JSON.stringify(await answer(request)));
	} catch (error) {
		const code = error.code ?? error.name;
		if (!statusOf[code]) console.error(error);
		response.writeHead(statusOf[code] ?? 500).end(JSON.stringify({ error: code }));
	}
}).listen(process.env.PORT ?? 3000, function () { console.log(`listening on port ${this.address().port}`); });
