// A browser for the tests of what people look at.
import test from 'node:test';
import { chromium } from 'playwright-core';

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
test.after(() => browser.close());

// A page, and what it has asked for and complained about.
export async function open(url) {
	const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, timezoneId: 'UTC' });
	page.requests = [];
	page.errors = [];
	page.on('request', (request) => page.requests.push(request.url()));
	page.on('pageerror', (error) => page.errors.push(error.message));
	page.on('console', (message) => page.errors.push(message.text()));
	await page.goto(url);
	return page;
}
