-- Who has what in an organization, and by what: a page to look at, in one file that
-- needs no server and no network.
--
--     psql -X -v organization=acme -f report/report.sql mydb > acme.html
--
-- With -v member=alice it is made on behalf of a member, by a login that may set rbac.member.
-- Whoever makes it needs to read the tables of schema rbac, and gets what they may see of them.
\set QUIET on
\set ON_ERROR_STOP on
\unset ECHO
\timing off
\encoding UTF8
\pset pager off
\pset format unaligned
\pset tuples_only on
\pset expanded off

\if :{?organization}
\else
	\set organization ''
\endif

BEGIN TRANSACTION READ ONLY;
SET LOCAL search_path = pg_catalog;
SET LOCAL timezone = 'UTC';
SET LOCAL standard_conforming_strings = on;
\if :{?member}
	SELECT rbac.act_as(:'member') AS ignored \gset
\endif

SELECT set_config('report.organization', :'organization', true) AS ignored \gset
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM rbac.organizations WHERE name = current_setting('report.organization')) THEN
		RAISE undefined_object USING
			MESSAGE = format('organization "%s" does not exist', current_setting('report.organization')),
			HINT = 'Say which one: psql -X -v organization=NAME -f report.sql DATABASE';
	END IF;
END
$$;

-- One statement, so one snapshot, and the page is written as a whole or not at all.
WITH ways AS MATERIALIZED (
	-- many members have the same by the same: each way once, by number
	SELECT *, dense_rank() OVER (ORDER BY via, set, scope, role, team, entity, condition, until) - 1 AS number
	FROM (
		SELECT member, via, permission_set AS set, role, team, entity, condition::text, NULLIF(expires_at, 'infinity') AS until,
			CASE via WHEN 'toggle' THEN (rbac.scopeset_to_array(scopes))[1] END AS scope
		FROM rbac.member_permissions
		WHERE organization = :'organization') AS p
), members AS MATERIALIZED (
	SELECT member AS name, kind, role, NULLIF(expires_at, 'infinity') AS until
	FROM rbac.members
	WHERE organization = :'organization' AND COALESCE(expires_at, 'infinity') > statement_timestamp()
), team_members AS (
	SELECT t.team, json_agg(json_build_object('name', m.name, 'admin', t.is_admin, 'until', NULLIF(LEAST(t.expires_at, m.until), 'infinity')) ORDER BY m.name) AS members
	FROM rbac.team_members t JOIN members m ON m.name = t.member AND m.kind <> 'organization_token'
	WHERE t.organization = :'organization' AND COALESCE(t.expires_at, 'infinity') > statement_timestamp()
	GROUP BY t.team
), team_roles AS (
	SELECT team, json_agg(json_build_object('name', role, 'until', NULLIF(expires_at, 'infinity')) ORDER BY role) AS roles
	FROM rbac.team_roles
	WHERE split_part(team, '/', 1) = :'organization' AND COALESCE(expires_at, 'infinity') > statement_timestamp()
	GROUP BY team
), team_grants AS (
	SELECT team, json_agg(json_build_object('set', permission_set, 'entity', entity, 'until', NULLIF(expires_at, 'infinity')) ORDER BY permission_set, entity) AS grants
	FROM rbac.entity_grants
	WHERE split_part(team, '/', 1) = :'organization' AND COALESCE(expires_at, 'infinity') > statement_timestamp()
	GROUP BY team
), teams AS (
	SELECT t.name, t.description, m.members, r.roles, g.grants
	FROM rbac.teams t LEFT JOIN team_members m ON m.team = t.name LEFT JOIN team_roles r ON r.team = t.name LEFT JOIN team_grants g ON g.team = t.name
	WHERE t.organization = :'organization'
), rules AS (
	SELECT role, json_agg(json_build_object('set', permission_set, 'entity', entity, 'condition', condition::text) ORDER BY id) AS rules
	FROM rbac.role_rules
	WHERE split_part(role, '/', 1) IN (role, :'organization')
	GROUP BY role
), roles AS (
	-- the organization's own, and what it uses of the shared ones
	SELECT r.name, r.description, r.all_scopes, u.rules
	FROM rbac.roles r LEFT JOIN rules u ON u.role = r.name
	WHERE r.organization = :'organization'
		OR r.organization IS NULL AND r.name IN (SELECT role FROM members UNION SELECT role FROM rbac.team_roles WHERE split_part(team, '/', 1) = :'organization')
), sets AS (
	SELECT name, entity_type AS type, description, rbac.scopeset_to_array(scopes) AS scopes
	FROM rbac.permission_sets
	WHERE organization = :'organization' OR organization IS NULL
), data AS (
	SELECT json_strip_nulls(json_build_object(
		'organization', (SELECT to_json(o) FROM (SELECT name, description FROM rbac.organizations WHERE name = :'organization') AS o),
		'made', json_build_object('at', statement_timestamp(), 'member', rbac.current_member(), 'login', session_user, 'database', current_database(),
			'partial', row_security_active('rbac.members')),
		'scopes', (SELECT json_agg(s ORDER BY name) FROM (SELECT name, entity_type AS type, description FROM rbac.scopes) AS s),
		'sets', (SELECT json_agg(s ORDER BY name) FROM sets AS s),
		'ways', (SELECT json_agg(w ORDER BY number) FROM (SELECT DISTINCT number, via, set, scope, role, team, entity, condition, until FROM ways) AS w),
		'members', (SELECT json_agg(m ORDER BY name) FROM (SELECT members.*, w.ways
			FROM members LEFT JOIN (SELECT member, json_agg(number ORDER BY number) AS ways FROM ways GROUP BY member) AS w ON w.member = members.name) AS m),
		'roles', (SELECT json_agg(r ORDER BY name) FROM roles AS r),
		'teams', (SELECT json_agg(t ORDER BY name) FROM teams AS t),
		'defaultRole', (SELECT role FROM rbac.default_roles WHERE organization = :'organization'),
		'defaults', (SELECT json_agg(permission_set ORDER BY permission_set) FROM rbac.member_defaults WHERE organization = :'organization'),
		'toggles', (SELECT json_agg(scope ORDER BY scope) FROM rbac.organization_settings WHERE organization = :'organization'))) AS data
), parts AS (
	-- Only the page's own style and script are run, whatever the data may contain; nothing is loaded.
	-- With < in no string of the data, none can end the element that it is in.
	SELECT style, script, replace(data::text, '<', '\u003c') AS data,
		format('default-src ''none''; style-src ''sha256-%s''; script-src ''sha256-%s''',
			encode(sha256(convert_to(style, 'UTF8')), 'base64'), encode(sha256(convert_to(script, 'UTF8')), 'base64')) AS policy
	FROM data, (VALUES (
/* ---- how it looks ---- */
$css$
:root {
	color-scheme: light dark;
	--paper: #fff; --raised: #f6f7f9; --line: #e2e5ea; --text: #1d2330; --muted: #667085; --accent: #2f5fd0; --chosen: #fff5d6;
	--role: #dfe9ff; --role-text: #1d4196; --team-role: #eae2fd; --team-role-text: #55309f; --grant: #ffe9d1; --grant-text: #8a4408;
	--team-grant: #fde0ea; --team-grant-text: #96174c; --member-default: #dcf3e4; --member-default-text: #135f36; --toggle: #d9f1f3; --toggle-text: #0c5a63;
}
@media screen and (prefers-color-scheme: dark) {
	:root {
		--paper: #14171d; --raised: #1c2028; --line: #2e343f; --text: #e4e7ec; --muted: #98a2b3; --accent: #8eb0ff; --chosen: #3b3414;
		--role: #1f315a; --role-text: #bcd0ff; --team-role: #352859; --team-role-text: #d3c4ff; --grant: #4a2f13; --grant-text: #ffcf9d;
		--team-grant: #4d1c31; --team-grant-text: #ffbdd5; --member-default: #153c27; --member-default-text: #a9e5c2; --toggle: #123d43; --toggle-text: #a4e2ea;
	}
}
* { box-sizing: border-box; }
html { font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 110rem; padding: 2rem; background: var(--paper); color: var(--text); }
h1 { margin: 0 0 .3rem; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.02em; }
h2 { margin: 3rem 0 .75rem; font-size: 1.2rem; }
p { margin: .25rem 0; max-width: 60rem; }
a { color: var(--accent); }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; unicode-bidi: isolate; }
bdi { font-weight: 600; overflow-wrap: break-word; }
bdi.plain, bdi span { font-weight: 400; }
bdi span { color: var(--muted); }
ul { margin: 0; padding: 0; list-style: none; }
li + li { margin-top: .2rem; }
table { border-collapse: separate; border-spacing: 0; }
th, td { padding: .45rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; }
.muted, small { color: var(--muted); font-size: .85rem; font-weight: 400; }
[hidden] { display: none !important; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }

#filters { display: flex; flex-wrap: wrap; gap: .6rem .5rem; align-items: center; margin: 1.75rem 0 .75rem; }
input[type=search] { width: 16rem; padding: .45rem .7rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--paper); color: inherit; font: inherit; }
button { padding: .3rem .75rem; border: 1px solid var(--line); border-radius: 2rem; background: var(--paper); color: inherit; font: inherit; font-size: .85rem; cursor: pointer; }
button[aria-pressed=true] { border-color: currentcolor; box-shadow: inset 0 0 0 1px currentcolor; font-weight: 600; }
#kinds { display: flex; flex-wrap: wrap; gap: .35rem; }
#reset { border: 0; color: var(--accent); }
#count { margin-left: auto; }

#view { display: flex; gap: 1rem; align-items: start; }
#frame { min-width: 0; overflow: auto; scroll-padding: 5rem 0 0 12rem; max-height: 85vh; border: 1px solid var(--line); border-radius: .6rem; }
#matrix th, #matrix td { cursor: pointer; }
#matrix thead th { position: sticky; top: 0; z-index: 1; min-width: 7rem; max-width: 12rem; background: var(--raised); vertical-align: bottom; line-height: 1.25; }
#matrix tbody th { position: sticky; left: 0; min-width: 11rem; max-width: 18rem; background: var(--paper); border-right: 1px solid var(--line); line-height: 1.3; }
#matrix thead th:first-child { left: 0; z-index: 2; border-right: 1px solid var(--line); cursor: default; }
#matrix .first { border-left: 1px solid var(--line); }
#matrix tbody tr:last-child > * { border-bottom: 0; }
#matrix tbody tr:hover > * { background: var(--raised); }
#matrix .chosen, #matrix tbody tr:hover > .chosen { background: var(--chosen); }
#matrix small { display: block; }

.way { display: block; width: fit-content; max-width: 14rem; padding: .05rem .5rem; border-radius: .4rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: .85rem; }
.way + .way { margin-top: .2rem; }
.way.ends { outline: 1px dashed currentcolor; outline-offset: -1px; }
.role { background: var(--role); color: var(--role-text); }
.team-role { background: var(--team-role); color: var(--team-role-text); }
.grant { background: var(--grant); color: var(--grant-text); }
.team-grant { background: var(--team-grant); color: var(--team-grant-text); }
.member-default { background: var(--member-default); color: var(--member-default-text); }
.toggle { background: var(--toggle); color: var(--toggle-text); }

#panel { position: sticky; top: 1rem; flex: 0 0 25rem; max-height: 85vh; overflow: auto; padding: 1.1rem 1.25rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--raised); }
#panel h2 { margin: 0 2rem .6rem 0; line-height: 1.35; }
#answer > p { margin-top: .5rem; }
#answer > p::first-letter { text-transform: uppercase; }
#panel h3 { margin: 1.2rem 0 .4rem; font-size: .95rem; }
#close { float: right; padding: 0 .55rem; font-size: 1.1rem; }
.why { padding: .55rem .75rem; border-radius: .5rem; overflow-wrap: anywhere; }
.why + .why { margin-top: .5rem; }
.why a, .why span { color: inherit; }
.why::first-letter { text-transform: uppercase; }
.list { width: 100%; table-layout: fixed; }
.list th { width: 30%; }
.list th + th { width: 25%; }
.list th + th + th { width: auto; }
.list tbody th { font-weight: 400; }
.list td { overflow-wrap: break-word; }
:target > * { background: var(--chosen); }

@media (max-width: 75rem) {
	body { padding: 1rem; }
	input[type=search] { flex: 1; min-width: 12rem; }
	#view { display: block; }
	#panel { position: fixed; inset: auto 0 0; z-index: 3; width: auto; max-height: 55vh; border-radius: .9rem .9rem 0 0; box-shadow: 0 0 2rem #0005; }
}
@media print {
	@page { size: landscape; margin: 1cm; }
	html { font-size: 8pt; }
	body { padding: 0; }
	#filters > :not(#count), #panel, .screen { display: none !important; }
	#frame { max-height: none; overflow: visible; border: 0; }
	#matrix th { position: static !important; min-width: 0 !important; }
	tr { break-inside: avoid; }
	* { print-color-adjust: exact; }
}
$css$,
/* ---- what it does ---- */
$js$
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
for (const list of ['scopes', 'sets', 'ways', 'members', 'roles', 'teams', 'defaults', 'toggles']) data[list] ??= [];
const org = data.organization.name;
const $ = (id) => document.getElementById(id);

/* ---- pieces of a page: what is a string becomes text, never HTML ---- */

function el(tag, attributes, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
	element.append(...children.flat(Infinity).filter((child) => child !== undefined));
	return element;
}
const local = (text) => (text.startsWith(org + '/') ? text.slice(org.length + 1) : text);
const name = (text) => el('bdi', {}, text === local(text) ? [] : el('span', {}, org + '/'), local(text));
const code = (text) => el('code', {}, text);
const list = (items) => el('ul', {}, items.map((item) => el('li', {}, item)));
const count = (n, noun) => n.toLocaleString('en') + ' ' + noun + (n === 1 ? '' : 's');
const commas = (items) => items.flatMap((item, i) => (i ? [', ', item] : [item]));

const day = { year: 'numeric', month: 'short', day: 'numeric' };
const minute = { ...day, hour: '2-digit', minute: '2-digit', timeZoneName: 'short' };
function time(text, precision = minute) {
	const date = new Date(text); // its years are fewer than PostgreSQL's
	return el('time', { datetime: text }, isNaN(date) ? text : new Intl.DateTimeFormat('en-GB', precision).format(date));
}
const until = (text, precision) => ['until ', time(text, precision), new Date(text) < Date.now() ? ' (over by now)' : ''];

/* ---- what the data mean ---- */

const roles = data.roles.map((role, i) => ({ rules: [], ...role, id: 'role-' + i }));
const teams = data.teams.map((team, i) => ({ members: [], roles: [], grants: [], ...team, id: 'team-' + i }));
const named = (list) => new Map(list.map((one) => [one.name, one]));
const scopes = named(data.scopes), sets = named(data.sets), targets = { role: named(roles), team: named(teams) };
function link(kind, key) {
	const target = targets[kind].get(key);
	return target ? el('a', { href: '#' + target.id }, name(key)) : name(key);
}

// A column is a permission: a set, the scope of a toggle, or all scopes.
const all = { name: 'all scopes', type: '', scopes: [...scopes.keys()] };
function column({ set, scope }) {
	if (set !== undefined) return { type: '', scopes: [], ...sets.get(set), name: set };
	if (scope !== undefined) return { name: scope, type: scopes.get(scope).type, toggle: true, scopes: [scope] };
	return all;
}
const columns = new Map();
for (const way of data.ways) {
	const key = JSON.stringify([way.set, way.scope]);
	if (!columns.has(key)) columns.set(key, column(way));
	way.column = columns.get(key);
}
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const order = [...columns.values()].sort((a, b) => (b === all) - (a === all) || (b.type === 'organization') - (a.type === 'organization')
	|| compare(a.type, b.type) || Boolean(a.toggle) - Boolean(b.toggle) || a.scopes.length - b.scopes.length || compare(a.name, b.name));

const members = data.members.map((member) => ({ ...member, ways: (member.ways ?? []).map((number) => data.ways[number]) }));

const kinds = ['role', 'team role', 'grant', 'team grant', 'member default', 'toggle'];
const classOf = (via) => via.replace(' ', '-');

// The ways of a cell, by kind, in the words of rbac.permission_matrix.
function summary(ways) {
	return kinds.map((via) => [via, ways.filter((way) => way.via === via)]).filter(([, some]) => some.length).map(([via, some]) => {
		const entities = new Set(some.map((way) => way.entity).filter((entity) => entity !== undefined));
		const tags = some.some((way) => way.condition !== undefined);
		const what = some.some((way) => way.entity === undefined && way.condition === undefined) ? ''
			: !tags && entities.size === 1 ? ' (' + [...entities][0] + ')'
			: ' (' + [tags && 'tags', entities.size && entities.size + (entities.size === 1 ? ' entity' : ' entities')].filter(Boolean).join(', ') + ')';
		return { via, text: via + what, ends: some.every((way) => way.until) };
	});
}

/* ---- in plain words ---- */

function where(type, entity, condition) {
	return entity !== undefined ? ['on ' + type + ' ', name(entity)]
		: condition !== undefined ? ['on every ' + type + ' whose tags satisfy ', code(condition)]
		: type === 'organization' ? ['in ', name(org)]
		: ['on every ' + type + ' in ', name(org)];
}
function because(way, member) {
	switch (way.via) {
		case 'role': return ['by their role ', link('role', way.role)];
		case 'team role': return ['by role ', link('role', way.role), ' of team ', link('team', way.team)];
		case 'grant': return ['by a grant to ', name(member.name)];
		case 'team grant': return ['by a grant to team ', link('team', way.team)];
		case 'member default': return ['by default, as all whose own role is ', name('Member')];
		case 'toggle': return ['by a toggle, as everybody but organization tokens'];
	}
}
function sentence(way, member) {
	const what = way.column === all ? ['on everything in ', name(org), ', now and in future'] : where(way.column.type, way.entity, way.condition);
	return el('li', { class: 'why ' + classOf(way.via) }, what, ', ', because(way, member), way.until && [', ', until(way.until)], '.');
}
const sentences = (ways, member) => el('ul', {}, ways.map((way) => sentence(way, member)));
const heading = (...words) => el('h2', {}, words);
const describe = (column) => [
	column.description && el('p', { class: 'muted' }, column.description),
	el('h3', {}, column === all ? 'Every scope, present and future' : count(column.scopes.length, 'scope') + ' of type ' + column.type),
	column === all ? [] : list(column.scopes.map((scope) => [code(scope), el('small', {}, ' ' + (scopes.get(scope)?.description ?? ''))])),
];
function whyCell(member, column) {
	const ways = member.ways.filter((way) => way.column === column || way.column === all);
	return [
		ways.length ? heading('Why ', name(member.name), ' has ', name(column.name)) : heading(name(member.name), ' does not have ', name(column.name)),
		sentences(ways, member), describe(column),
	];
}
function whyMember(member) {
	const own = order.map((column) => [column, member.ways.filter((way) => way.column === column)]).filter(([, ways]) => ways.length);
	const inTeams = teams.filter((team) => team.members.some((one) => one.name === member.name));
	return [
		heading(name(member.name)),
		el('p', {}, member.kind.replace('_', ' '), ' with role ', link('role', member.role), member.until && [', ', until(member.until)]),
		inTeams.length ? el('p', {}, 'in team ', commas(inTeams.map((team) => link('team', team.name)))) : [],
		own.map(([column, ways]) => [el('h3', {}, name(column.name)), sentences(ways, member)]),
	];
}
function whyColumn(column) {
	const holders = members.filter((member) => member.ways.some((way) => way.column === column));
	return [heading(name(column.name)), el('p', {}, 'held by ' + holders.length.toLocaleString('en') + ' of ' + count(members.length, 'member')), describe(column)];
}

/* ---- the matrix ---- */

const pressed = new Set();
let limit = 250; // rows that are drawn at once

const contains = (text, part) => text !== undefined && text.toLowerCase().includes(part);
function filter() {
	const who = $('who').value.trim().toLowerCase();
	const what = $('what').value.trim().toLowerCase();
	const found = new Set(order.filter((column) => contains(column.name, what) || column.scopes.some((scope) => contains(scope, what))));
	const vias = kinds.filter((via) => pressed.has(via));
	const fits = (way) => (found.has(way.column) || contains(way.entity, what)) && (!vias.length || vias.includes(way.via)) && (!pressed.has('ends') || way.until);
	const known = (member) => contains(member.name, who) || contains(member.role, who) || member.ways.some((way) => contains(way.team, who) || contains(way.role, who));
	const rows = members.filter(known).map((member) => ({ member, ways: member.ways.filter(fits) }));
	return what || pressed.size ? rows.filter(({ ways }) => ways.length) : rows;
}
function cell(member, column, ways, first) {
	const td = el('td', { tabindex: -1, class: first ? 'first' : undefined }, summary(ways).map(({ via, text, ends }) =>
		el('span', { class: 'way ' + classOf(via) + (ends ? ' ends' : ''), title: ends ? text + ', ends' : text }, text)));
	td.explain = () => whyCell(member, column);
	return td;
}
function row({ member, ways }, shown) {
	const th = el('th', { scope: 'row', tabindex: -1 }, name(member.name),
		el('small', {}, member.kind === 'user' ? '' : member.kind.replace('_', ' ') + ', ', local(member.role), member.until && [', ', until(member.until, day)]));
	th.explain = () => whyMember(member);
	return el('tr', {}, th, shown.map((column, i) => cell(member, column, ways.filter((way) => way.column === column), i && column.type !== shown[i - 1].type)));
}
function header(shown) {
	return el('tr', {}, el('th', { scope: 'col' }, 'Member'), shown.map((column, i) => {
		const th = el('th', { scope: 'col', tabindex: -1, class: i && column.type !== shown[i - 1].type ? 'first' : undefined },
			el('small', {}, column.type + (column.toggle ? ', toggle' : '')), name(column.name));
		th.explain = () => whyColumn(column);
		return th;
	}));
}
function draw() {
	const rows = filter();
	const used = new Set(rows.flatMap(({ ways }) => ways.map((way) => way.column)));
	const shown = order.filter((column) => used.has(column));
	$('matrix').tHead.replaceChildren(header(shown));
	$('matrix').tBodies[0].replaceChildren(...rows.slice(0, limit).map((one) => row(one, shown)));
	$('matrix').querySelector('[tabindex]')?.setAttribute('tabindex', 0);
	$('none').hidden = rows.length > 0;
	$('more').hidden = rows.length <= limit;
	$('more').textContent = 'Show all ' + rows.length.toLocaleString('en');
	$('count').textContent = rows.length.toLocaleString('en') + ' of ' + count(members.length, 'member');
	$('reset').hidden = !pressed.size && !$('who').value && !$('what').value;
}

/* ---- the panel ---- */

function explain(target) {
	close();
	target.classList.add('chosen');
	$('answer').replaceChildren(...[target.explain()].flat(Infinity).filter((part) => part !== undefined));
	$('panel').hidden = false;
	$('panel').scrollTop = 0;
	focusCell(target); // the panel may have taken its place
}
function close() {
	$('panel').hidden = true;
	document.querySelector('.chosen')?.classList.remove('chosen');
}
function focusCell(target) {
	$('matrix').querySelector('[tabindex="0"]')?.setAttribute('tabindex', -1);
	target.setAttribute('tabindex', 0);
	target.focus();
	target.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}
$('matrix').addEventListener('click', ({ target }) => {
	const chosen = target.closest('[tabindex]');
	if (chosen) explain(chosen);
});
$('matrix').addEventListener('keydown', (event) => {
	const here = event.target.closest('[tabindex]');
	if (!here) return;
	const x = here.cellIndex, y = here.parentNode.rowIndex, rows = $('matrix').rows;
	const there = {
		ArrowLeft: [x - 1, y], ArrowRight: [x + 1, y], ArrowUp: [x, y - 1], ArrowDown: [x, y + 1], Home: [0, y], End: [here.parentNode.cells.length - 1, y],
		PageUp: [x, Math.max(y - 10, 1)], PageDown: [x, Math.min(y + 10, rows.length - 1)],
	}[event.key];
	if (event.key === 'Enter' || event.key === ' ') explain(here);
	else if (there) { const to = rows[there[1]]?.cells[there[0]]; if (to?.hasAttribute('tabindex')) focusCell(to); }
	else return;
	event.preventDefault();
});
document.addEventListener('keydown', ({ key }) => { if (key === 'Escape') close(); });
$('close').addEventListener('click', () => { document.querySelector('.chosen')?.focus(); close(); });

/* ---- filters ---- */

for (const key of [...kinds.filter((via) => data.ways.some((way) => way.via === via)), 'ends']) {
	const button = el('button', { type: 'button', 'aria-pressed': false, class: key === 'ends' ? undefined : classOf(key) }, key === 'ends' ? 'only what ends' : key);
	button.addEventListener('click', () => {
		if (!pressed.delete(key)) pressed.add(key);
		button.setAttribute('aria-pressed', pressed.has(key));
		draw();
	});
	$('kinds').append(button);
}
$('who').addEventListener('input', draw);
$('what').addEventListener('input', draw);
$('reset').addEventListener('click', () => {
	pressed.clear();
	for (const button of $('kinds').children) button.setAttribute('aria-pressed', false);
	$('who').value = $('what').value = '';
	draw();
});
$('more').addEventListener('click', () => { limit = Infinity; draw(); });

/* ---- what is around it ---- */

const few = (items) => [...commas(items.slice(0, 12)), items.length > 12 ? ' and ' + (items.length - 12).toLocaleString('en') + ' more' : ''];
const given = ({ set, entity, condition }) => [name(set), ' ', where(sets.get(set)?.type ?? 'entity', entity, condition)];
const ending = (one) => (one.until ? [' (', until(one.until, day), ')'] : []);

function describedRow({ id, name: title, description }, ...cells) {
	return el('tr', { id }, el('th', { scope: 'row' }, name(title), el('p', { class: 'muted' }, description ?? '')), cells.map((content) => el('td', {}, content)));
}
function roleRow(role) {
	const by = teams.filter((team) => team.roles.some((one) => one.name === role.name));
	return describedRow(role,
		list([count(members.filter((member) => member.role === role.name).length, 'member'), ...by.map((team) => ['team ', link('team', team.name)])]),
		list([...(role.all_scopes ? ['all scopes, present and future, on everything'] : []), ...role.rules.map(given)]));
}
function teamRow(team) {
	const names = team.members.map((one) => [el('bdi', { class: 'plain' }, one.name), one.admin ? ' (admin)' : '', ending(one)]);
	return describedRow(team, [count(names.length, 'member'), names.length ? ': ' : '', few(names)],
		list([...team.roles.map((one) => ['role ', link('role', one.name), ending(one)]), ...team.grants.map((one) => [given(one), ending(one)])]));
}

$('roles').append(...roles.map(roleRow));
$('teams').append(...teams.map(teamRow));
$('teams').closest('section').hidden = !teams.length;
$('settings').append(list([
	['New members get the role ', name(data.defaultRole ?? 'Member'), '.'],
	...data.defaults.map((set) => ['Those whose own role is ', name('Member'), ' have ', given({ set }), '.']),
	...data.toggles.map((scope) => ['Everybody but organization tokens has ', code(scope), ' ', where(scopes.get(scope).type), '.']),
]));

document.title = org + ': who has what';
$('title').replaceChildren(name(org));
$('description').textContent = data.organization.description ?? '';
$('numbers').textContent = [count(members.length, 'member'), count(teams.length, 'team'), count(roles.length, 'role'), count(columns.size, 'permission')].join(' \u00b7 ');
$('made').append('As of ', time(data.made.at), ', from database ', data.made.database, ', by ', data.made.member ? data.made.member + ' (login ' + data.made.login + ')' : data.made.login,
	data.made.partial ? '. Shown is what they may see.' : '.');
draw();
$js$)) AS p (style, script)
)
SELECT format($html$<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="%s">
<title>Who has what</title>
<style>%s</style>
</head>
<body>
<header>
<h1 id="title"></h1>
<p id="description"></p>
<p id="numbers"></p>
<p id="made" class="muted"></p>
</header>
<noscript><p>This page needs JavaScript.</p></noscript>
<main>
<div id="filters">
<input type="search" id="who" placeholder="Member, role or team" aria-label="Member, role or team">
<input type="search" id="what" placeholder="Permission, scope or entity" aria-label="Permission, scope or entity">
<span id="kinds" role="group" aria-label="Only by"></span>
<button type="button" id="reset" hidden>Reset</button>
<span id="count" class="muted" role="status"></span>
</div>
<div id="view">
<div id="frame">
<table id="matrix" role="grid"><thead></thead><tbody></tbody></table>
<p id="none" hidden>Nobody.</p>
</div>
<aside id="panel" aria-live="polite" hidden><button type="button" id="close" aria-label="Close">&times;</button><div id="answer"></div></aside>
</div>
<p class="screen"><button type="button" id="more" hidden></button></p>
<p class="muted">Select a cell to see why, a member for all they have, or a permission for its scopes. Dashed: it ends. Not shown: what has expired, and what members have as owners.</p>
<section><h2>Roles</h2><table class="list"><thead><tr><th>Role</th><th>Held by</th><th>Gives</th></tr></thead><tbody id="roles"></tbody></table></section>
<section><h2>Teams</h2><table class="list"><thead><tr><th>Team</th><th>Members</th><th>Gives</th></tr></thead><tbody id="teams"></tbody></table></section>
<section id="settings"><h2>For everybody</h2></section>
</main>
<script type="application/json" id="data">%s</script>
<script>%s</script>
</body>
</html>$html$, policy, style, data, script)
FROM parts;
COMMIT;
