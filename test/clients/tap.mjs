// The results of node:test for prove, which does not read the YAML of node's own reporter.
import { inspect } from 'node:util';

export default async function* report(events) {
	let number = 0;
	for await (const { type, data } of events) {
		if (data?.nesting !== 0) continue;
		if (type === 'test:pass') yield `ok ${++number} - ${data.name}\n`;
		if (type === 'test:fail') {
			const { error } = data.details;
			yield `not ok ${++number} - ${data.name}\n${inspect(error.cause ?? error).replace(/^/gm, '# ')}\n`;
		}
	}
	yield `1..${number}\n`;
}
