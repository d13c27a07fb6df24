// A shift at the pages: one order picked with typed scans, everything that can go wrong on the way, then packed, then seen
// from the desk. Every wait is for a condition.

import assert from 'node:assert/strict';
import { kill, open, order, send, start, url } from './floor.mjs';
import { done, expects, flashGone, heard, idle, login, newPage, picture, promptData, run, sounds, step, type } from './hands.mjs';

const TEA = { item: 'TEA-500', barcode: '4012345000016' };
const COFFEE = '4012345000030';

let hand, firstTote;

async function handheld() {
	hand = await newPage({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2, colorScheme: 'dark' });
	await hand.goto(url + '/h?device=hh-07');

	await step('a wrong PIN is refused in words and the right one lets in', async () => {
		await hand.waitForSelector('#login[data-step=badge]:not([hidden])');
		await type(hand, 'picker1');
		for (const digit of '9999')
			await hand.tap(`[data-pin="${digit}"]`);
		await hand.tap('[data-pin="ok"]');
		await hand.waitForFunction(() => /wrong/.test(document.querySelector('#login .say').textContent));
		await hand.evaluate(() => document.querySelector('#login .quiet').click());
		await login(hand, 'picker1', '1111');
		await expects(hand, 'start');
	});

	await step('there is no field to touch: one hidden input without a keyboard has the focus', async () => {
		const inputs = await hand.$$eval('input, textarea, [contenteditable]', (all) => all.map((e) => e.getAttribute('inputmode')));
		assert.deepEqual(inputs, ['none']);
		assert.equal(await hand.evaluate(() => document.activeElement.getAttribute('inputmode')), 'none');
		await hand.tap('#title');
		await hand.waitForFunction(() => document.activeElement.getAttribute('inputmode') === 'none');
	});

	await step('start leads to a location and its scan to the item', async () => {
		await hand.tap('[data-key=start]');
		await expects(hand, 'location');
		const { data } = await promptData(hand);
		assert.equal(data.item, TEA.item);
		assert.equal(await hand.textContent('#big'), data.location);
		await idle(hand);
		await type(hand, data.location);
		await expects(hand, 'item');
		await idle(hand);
	});

	await step('a wrong item fills the screen with red and sounds wrong, and nothing is counted', async () => {
		await type(hand, COFFEE);
		await hand.waitForSelector('body[data-signal=bad]');
		const look = await hand.evaluate(() => {
			const flash = document.getElementById('flash');
			const box = flash.getBoundingClientRect();
			return { colour: getComputedStyle(flash).backgroundColor, width: box.width, height: box.height, say: flash.innerText };
		});
		assert.equal(look.colour, 'rgb(200, 16, 46)');
		assert.deepEqual([look.width, look.height], [360, 640]);
		assert.match(look.say, /\w/);
		assert.equal(await sounds(hand, 'Wrong'), 1);
		assert.equal(await hand.textContent('#done'), '0');
		await picture(hand, 'handheld-wrong');
		await idle(hand);
	});

	await step('a scan typed twice while the first is unanswered is one scan', async () => {
		const sent = [];
		let release;
		const held = new Promise((go) => (release = go));
		await hand.route('**/api/command', async (route) => {
			sent.push(route.request().postDataJSON().id);
			await held;
			await route.continue();
		});
		await type(hand, TEA.barcode);
		await hand.waitForSelector('#chip[data-state=sending]');
		await type(hand, TEA.barcode);
		release();
		await done(hand, 1);
		await idle(hand);
		await hand.unroute('**/api/command');
		assert.equal(sent.length, 1);
		await heard(hand);
	});

	await step('a scan whose answer was lost is sent again with the same id and counted once', async () => {
		const ids = [];
		await hand.route('**/api/command', async (route) => {
			ids.push(route.request().postDataJSON().id);
			if (ids.length > 1)
				return route.continue();
			await route.fetch();
			await route.abort();
		});
		const right = await sounds(hand, 'Right');
		await type(hand, TEA.barcode);
		await done(hand, 2);
		await idle(hand);
		await flashGone(hand);
		await picture(hand, 'handheld');
		await hand.unroute('**/api/command');
		assert.equal(new Set(ids).size, 1);
		assert.equal(await sounds(hand, 'Right'), right + 1);
		await heard(hand);
	});

	await step('a scan is kept, with its own sound, while the controller is dead, and counted once when it is back', async () => {
		await kill('wharfd');
		await hand.waitForSelector('#banner[data-why=door]');
		await type(hand, TEA.barcode);
		await hand.waitForSelector('#chip[data-state=kept]');
		assert.equal(await sounds(hand, 'Kept'), 1);
		await hand.reload();
		await hand.waitForFunction(() => Object.keys(localStorage).some((k) => JSON.parse(localStorage.getItem(k).startsWith('{') ? localStorage.getItem(k) : '{}').pending));
		start('wharfd');
		await hand.waitForSelector('#banner:not([data-why=door]):not([data-why=server])', { state: 'attached' });
		await done(hand, 3);
		await idle(hand);
		await heard(hand);
	});

	await step('a GS that a wedge types as Ctrl+] reaches the core', async () => {
		const asked = hand.waitForRequest('**/api/command');
		await type(hand, '0104012345000030' + '10LOT7' + '\u001d' + '3703');
		assert.equal((await asked).postDataJSON().args.data, '010401234500003010LOT7\u001d3703');
		await hand.waitForSelector('body[data-signal=bad]');
		await idle(hand);
	});

	await step('the order is picked to its end', async () => {
		await heard(hand);
		await type(hand, TEA.barcode);
		await expects(hand, 'tote');
		await idle(hand);
		firstTote = (await promptData(hand)).data.tote || 'T001';
		await type(hand, firstTote);
		await hand.waitForFunction(() => document.getElementById('prompt').dataset.expect !== 'tote');
		await idle(hand);
	});
}

async function shortPick() {
	await step('a short pick is a key away and opens a case', async () => {
		for (let i = 0; i < 40; i++) {
			const prompt = await promptData(hand);
			await idle(hand);
			if (prompt.expect === 'start') {
				await hand.tap('[data-key=start]');
				await hand.waitForFunction(() => document.getElementById('prompt').dataset.expect !== 'start');
			} else if (prompt.expect === 'location') {
				await type(hand, prompt.data.location);
				await expects(hand, 'item');
			} else if (prompt.expect === 'item') {
				await hand.tap('[data-key=short]');
				return;
			} else {
				throw new Error('unexpected: ' + prompt.expect);
			}
		}
	});
}

async function station() {
	const page = await newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' });
	await page.goto(url + '/s?station=pack1');

	await step('the station page packs the tote piece by piece', async () => {
		await login(page, 'packer1', '5555');
		await expects(page, 'tote');
		await type(page, firstTote);
		await expects(page, 'item');
		await page.waitForSelector('#items tr');
		assert.match(await page.textContent('#items'), /Green tea/);
		for (let n = 1; n <= 2; n++) {
			await idle(page);
			await type(page, TEA.barcode);
			await done(page, n);
			await heard(page);
		}
		await page.waitForFunction(() => /2 of 4/.test(document.getElementById('items').textContent));
		await flashGone(page);
		await picture(page, 'station');
		for (let n = 3; n <= 4; n++) {
			await idle(page);
			await type(page, TEA.barcode);
			if (n < 4)
				await done(page, n);
			await heard(page);
		}
		await page.waitForSelector('#items tr.done');
		await page.click('[data-key=close]');
		await expects(page, 'weigh');
		await page.waitForSelector('#weight[data-state=wait]');
	});
	await page.context().close();
}

async function desk() {
	const page = await newPage({ viewport: { width: 1400, height: 940 }, colorScheme: 'light' });
	await page.goto(url + '/d');

	await step('the desk shows queue, devices, link and what waits for a decision', async () => {
		await login(page, 'super1', '7777');
		await page.waitForSelector('#queue tbody tr[data-key="SO-1001"]');
		await page.waitForSelector('#devices tbody tr[data-key="pack1-scale"]');
		await page.waitForSelector('#lanes tbody tr[data-key="north"]');
		await page.waitForFunction(() => Number(document.getElementById('link').dataset.depth) > 0);
		await page.waitForSelector('#banner[data-why=wan]');
		await page.waitForSelector('#cases li[data-key]');
		await picture(page, 'desk', true);
	});

	await step('a tab narrows the queue to one state', async () => {
		await page.click('#states [data-state=received], #states [data-state=allocated]');
		await page.waitForFunction(() => document.querySelectorAll('#queue tbody tr').length < 8);
		await page.click('#states [data-state=""]');
		await page.waitForSelector('#queue tbody tr[data-key="SO-1001"]');
	});

	await step('a case is resolved with one of its choices and leaves the list', async () => {
		const before = await page.$$eval('#cases li[data-key]', (all) => all.length);
		await page.click('#cases li[data-key] button');
		await page.fill('dialog input', 'counted by hand: none left');
		await page.click('dialog .main');
		await page.waitForFunction((n) => document.querySelectorAll('#cases li[data-key]').length === n - 1, before);
		await page.waitForSelector('#notice:not([hidden]):not(.bad)');
	});
	await page.context().close();
}

async function main() {
	await open();
	send([order('SO-1001', 'Teehaus Müller', 'NORTH', [['TEA-500', 4]])]);
	send([order('SO-1002', 'Kontor Hansen', 'SOUTH', [['COF-250', 2], ['CHO-100', 5]]), order('SO-1003', 'Café Lindner', 'NORTH', [['HON-500', 3]]),
		order('SO-1004', 'Feinkost Weber', 'SOUTH', [['OIL-750', 2], ['PAS-500', 6]]), order('SO-1005', 'Pension Seeblick', 'NORTH', [['CUP-001', 6], ['POT-001', 1]]),
		order('SO-1006', 'Teehaus Müller', 'NORTH', [['TEA-250', 12]]), order('SO-1007', 'Hofladen Krüger', 'SOUTH', [['JAM-340', 4]]),
		order('SO-1008', 'Bistro Marie', 'NORTH', [['RIC-1000', 2], ['OIL-750', 1]]), order('SO-1009', 'Kontor Hansen', 'SOUTH', [['COF-1000', 8]])]);
	await handheld();
	await shortPick();
	await station();
	await desk();
	await hand.context().close();
}

await run(main);
