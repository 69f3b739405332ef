// GraphQL for the tables of ../app, made by PostGraphile from the tables themselves.  There is no line about who
// may do what: each request says to the database who is asking.
//
//   npm ci --prefix examples/postgraphile
//   test/server sh -c 'psql -q -f examples/app/setup.sql && PGUSER=app npm start --prefix examples/postgraphile'
//   curl -H 'Authorization: Bearer alice' -H 'Content-Type: application/json' localhost:3000/graphql \
//       -d '{"query": "{ allDocuments { nodes { title folderByTenantAndFolder { name } } } }"}'
import http from 'node:http';
import pg from 'pg';
import { postgraphile } from 'postgraphile';

// REPLACE THIS: it believes anybody.  Verify a session or a token, and take the member from that.
const authenticate = (request) => /^Bearer (.+)$/.exec(request.headers.authorization)?.[1];

const pool = new pg.Pool();
pool.on('connect', (client) => client.on('error', (error) => console.error(error.message)));

const graphql = postgraphile(pool, 'public', {
	// set for the request's transaction, which is nobody's without a member
	pgSettings: (request) => ({ 'rbac.member': authenticate(request) ?? '' }),
	ignoreRBAC: false, // leave out what the login has no privilege for
	graphiql: true, // a page to try queries on
});

http.createServer(graphql)
	.listen(process.env.PORT ?? 3000, function () { console.log(`listening on port ${this.address().port}`); });
