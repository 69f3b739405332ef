// What the tests share.
import { execFileSync, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// packages belong to the examples that use them
export const pg = createRequire(new URL('../../examples/node/server.mjs', import.meta.url))('pg');

// The answer of psql, as a superuser.
export const sql = (database, text) =>
	execFileSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', database], { input: text, encoding: 'utf8' }).trim();

// A database with what examples/app makes and seeds.
export function createDatabase(name) {
	execFileSync('createdb', ['-T', 'app', name]);
	return name;
}

// Run an example's server until stop(), once it says where it listens.
export async function serve(example, database, env = {}) {
	const server = spawn(process.execPath, ['server.mjs'], {
		cwd: new URL(`../../examples/${example}`, import.meta.url),
		env: { ...process.env, PGUSER: 'app', PGDATABASE: database, PORT: 0, ...env },
		stdio: ['ignore', 'pipe', openSync(`results/${database}.log`, 'a')],
	});
	process.on('exit', () => server.kill());
	for await (const line of createInterface({ input: server.stdout })) {
		const port = /^listening on port (\d+)$/.exec(line)?.[1];
		if (port) {
			server.stdout.resume();
			return { url: `http://127.0.0.1:${port}`, stop: () => new Promise((done) => server.on('exit', done).kill()) };
		}
	}
	throw new Error(`the server of ${example} does not start`);
}
