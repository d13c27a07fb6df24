// What a person does at a page, in a real Chromium. Every wait is for a condition.

import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

export const browser = await chromium.launch({ executablePath: '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required'] });

export async function newPage(options) {
	const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
	const page = await context.newPage();
	page.on('pageerror', (error) => {
		console.error('page error:', error);
		process.exit(1);
	});
	return page;
}

export async function type(page, code) {
	const parts = code.split('\u001d');
	for (const [i, part] of parts.entries()) {
		if (i)
			await page.keyboard.press('Control+]');
		await page.keyboard.type(part, { delay: 0 });
	}
	await page.keyboard.press('Enter');
}

export const expects = (page, what) => page.waitForSelector(`#prompt[data-expect="${what}"]`);
export const done = (page, n) => page.waitForFunction((want) => document.getElementById('done').textContent === want, String(n));
export const idle = (page) => page.waitForSelector('#chip[data-state=idle]');
export const sounds = (page, name) => page.evaluate((key) => Number(document.body.dataset[key] ?? 0), 'sound' + name);
// The page reports an outcome as heard a moment after it showed it; a person is never faster.
export const heard = (page) => page.waitForFunction(() => {
	const key = Object.keys(localStorage).find((k) => k.startsWith('wharf.acts.'));
	const acts = JSON.parse(localStorage.getItem(key));
	return acts.heard === `${acts.origin}:${acts.n}`;
});
export const flashGone = (page) => page.waitForFunction(() => {
	const look = getComputedStyle(document.getElementById('flash'));
	return look.display === 'none' || look.visibility === 'hidden';
});
export const promptData = (page) => page.evaluate(async () => (await (await fetch('/api/prompt')).json()).push);

export async function login(page, badge, pin) {
	await page.waitForSelector('#login[data-step=badge]:not([hidden])');
	await type(page, badge);
	await page.waitForSelector('#login[data-step=pin]');
	for (const digit of pin)
		await page.click(`[data-pin="${digit}"]`);
	await page.click('[data-pin="ok"]');
	await page.waitForSelector('#login', { state: 'hidden' });
}

let running = '';
export async function step(name, work) {
	running = name;
	await work();
	console.log('ok - ' + name);
}

// PICTURES=docs/pictures tests/browser/pages.sh makes the pictures of the README.
export async function picture(page, name, whole = false) {
	const folder = process.env.PICTURES ?? process.env.WORK;
	fs.mkdirSync(folder, { recursive: true });
	await page.screenshot({ path: path.join(folder, name + '.png'), fullPage: whole });
}

// Runs a test, and leaves a picture of each page where it fails.
export async function run(main) {
	try {
		await main();
	} catch (error) {
		console.error(`not ok - ${running}\n`, error);
		for (const context of browser.contexts())
			for (const page of context.pages())
				await page.screenshot({ path: path.join(process.env.FAILED ?? process.env.WORK, 'failed.png') }).catch(() => {});
		process.exitCode = 1;
	}
	await browser.close();
	process.exit();
}
