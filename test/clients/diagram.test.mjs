#!/usr/bin/env -S node --test-reporter=./test/clients/tap.mjs
// rbac.diagram(): Mermaid draws what it says, and takes nothing in a name for its own.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { sql } from './lib.mjs';
import { open } from './browser.mjs';

sql('postgres', 'CREATE DATABASE diagram');
sql('diagram', 'CREATE EXTENSION rbac');
const page = await open('about:blank');
await page.addScriptTag({ path: createRequire(import.meta.url).resolve('@mermaid-js/tiny') });

// The texts that Mermaid draws: of nodes by their ids, and of arrows.
const draw = (diagram) => page.evaluate(async (text) => {
	mermaid.initialize({ startOnLoad: false });
	document.body.innerHTML = (await mermaid.render('picture', text)).svg;
	const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent);
	return {
		nodes: Object.fromEntries([...document.querySelectorAll('.node')].map((node) => [/flowchart-(\w+)-/.exec(node.id)[1], node.textContent.trim()])),
		labels: texts('.edgeLabel .edgeLabel').filter(Boolean),
		arrows: document.querySelectorAll('.flowchart-link').length,
	};
}, diagram);

const flowcharts = (text) => text.match(/^flowchart LR\n(?: {4}.*\n)*/gm);

test('the diagrams of the regression test', async () => {
	const expected = flowcharts(readFileSync('expected/picture.out', 'utf8'));
	assert.ok(expected.length > 5);
	for (const diagram of expected) {
		const { nodes, labels, arrows } = await draw(diagram);
		assert.deepEqual(Object.keys(nodes).sort(), [...diagram.matchAll(/^ {4}(\w+)[([{]/gm)].map(([, id]) => id).sort());
		assert.equal(arrows, diagram.match(/-->/g)?.length ?? 0);
		assert.equal(labels.length, diagram.match(/-->\|/g)?.length ?? 0);
	}
});

test('names are drawn as they are', async () => {
	const names = ['"] --> x', '<script>window.hacked = 1</script>', '<img src=x onerror="window.hacked = 1">', '&amp;', '#35;', '`code`', '"`**bold**`"', '**bold**',
		'__bold__', '_it_', '~~s~~', '$$x^2$$', 'fa:fa-ban', 'fab:fa-github x', '1. one', '- one', '+ one', '# one', '> one', '%% one', '%%{init: {}}%%', 'end', 'a|b', '{{a}}', '[(a)]',
		'a\\nb', '@{shape: x}', '[a](http://example.com)', 'https://example.com', 'a<br>b', ';', "it's", '\u00fcn\u00ef\ud83d\ude00'];
	sql('diagram', `INSERT INTO rbac.organizations VALUES ('odd');
		INSERT INTO rbac.roles (name) SELECT 'odd/' || n FROM jsonb_array_elements_text($j$${JSON.stringify(names)}$j$) n;
		INSERT INTO rbac.members (organization, member, role) SELECT 'odd', n, 'odd/' || n FROM jsonb_array_elements_text($j$${JSON.stringify(names)}$j$) n;
		INSERT INTO rbac.role_rules (role, permission_set, entity) SELECT name, 'Stack Read', substr(name, 5) FROM rbac.roles WHERE organization = 'odd'`);
	const { nodes, labels } = await draw(sql('diagram', `SELECT rbac.diagram('odd', 100)`));
	const drawn = Object.entries(nodes);
	assert.deepEqual(drawn.filter(([id]) => id.startsWith('member')).map(([, text]) => text).sort(), [...names].sort());
	assert.deepEqual(drawn.filter(([id]) => id.startsWith('role')).map(([, text]) => text).sort(), names.map((name) => 'odd/' + name).sort());
	assert.deepEqual(labels.sort(), names.map((name) => 'on ' + name).sort());
	assert.equal(await page.evaluate(() => window.hacked), undefined);
	assert.deepEqual(page.requests.filter((url) => url !== 'about:blank'), []);
	assert.deepEqual(page.errors, []);
});

test('the README\'s pictures: of the concepts, and of the demo', async () => {
	sql('postgres', 'CREATE DATABASE demo');
	// errors are part of the show
	execFileSync('psql', ['-X', '-q', '-d', 'demo', '-f', 'demo/demo.sql'], { stdio: 'ignore' });
	const diagram = sql('demo', `SELECT rbac.diagram('acme')`) + '\n';
	assert.ok((await draw(diagram)).arrows > 10);
	const [concepts, demo] = [...readFileSync('README.md', 'utf8').matchAll(/^```mermaid\n(.*?)^```/gms)].map(([, block]) => block);
	assert.equal((await draw(concepts)).arrows, 6);
	assert.equal(demo, diagram);
});
