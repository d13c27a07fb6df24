// A disk that fills up, as people see it: on the handheld, at the station, at the desk, and at the login.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { open, order, send, url } from './floor.mjs';
import { expects, idle, login, newPage, picture, run, sounds, step, type } from './hands.mjs';

const MIB = 1048576;
const LIMITS = '[core]\nballast_mib = 4\nwarn_free_mib = 20\nintake_free_mib = 16\nfinish_free_mib = 12\nclosed_free_mib = 8\n';
const STATE = path.join(process.env.WORK, 'state');
const fill = path.join(STATE, 'fill');

// Leaves so many MiB free.
function leave(mib) {
	fs.rmSync(fill, { force: true });
	const { bavail, bsize } = fs.statfsSync(STATE);
	const made = spawnSync('fallocate', ['-l', String(bavail * bsize - mib * MIB), fill]);
	assert.equal(made.status, 0, String(made.stderr));
}

const banner = (page, why) => page.waitForSelector(`#banner[data-why="${why}"]`, { state: why ? 'visible' : 'attached' });
const text = (page) => page.textContent('#banner');
const lamp = (page) => page.evaluate(() => getComputedStyle(document.getElementById('chip'), '::before').backgroundColor);
const RED = /^rgb\(255, 77, 99\)$/, GREEN = /^rgb\(53, 196, 111\)$/;

let hand, station, desk, waiting;

async function signOn() {
	hand = await newPage({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2, colorScheme: 'dark' });
	await hand.goto(url + '/h?device=hh-07');
	await login(hand, 'picker1', '1111');
	await expects(hand, 'start');
	station = await newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' });
	await station.goto(url + '/s?station=pack1');
	await login(station, 'packer1', '5555');
	await expects(station, 'tote');
	desk = await newPage({ viewport: { width: 1400, height: 940 }, colorScheme: 'light' });
	await desk.goto(url + '/d');
	await login(desk, 'super1', '7777');
	await desk.waitForSelector('#queue tbody tr[data-key="SO-1"]');
}

async function filling() {
	await step('a disk that fills up is told to the desk first', async () => {
		leave(18);
		await banner(desk, 'disk');
		assert.equal(await text(desk), 'The disk is filling up');
		assert.notEqual(await hand.getAttribute('#banner', 'data-why'), 'disk');
	});

	await step('what is begun can be finished and nothing is begun: amber on every page, and the key says why', async () => {
		leave(10);
		for (const page of [hand, station, desk]) {
			await banner(page, 'disk');
			assert.match(await text(page), /almost full: finish what is begun/);
		}
		await idle(hand);
		await hand.tap('[data-key=start]');
		await hand.waitForSelector('body[data-signal=bad]');
		assert.match(await hand.textContent('#last'), /nothing new is begun/);
		await expects(hand, 'start');
		await picture(hand, 'handheld-finish-only');
	});
}

async function full() {
	await step('nothing is taken: red on every page, a red lamp, and keys that cannot be pressed', async () => {
		leave(2);
		for (const page of [hand, station, desk]) {
			await banner(page, 'closed');
			assert.equal(await text(page), 'Nothing is taken: the disk is full');
			assert.equal(await page.evaluate(() => getComputedStyle(document.getElementById('banner')).backgroundColor), 'rgb(200, 16, 46)');
		}
		for (const page of [hand, station]) {
			await page.waitForSelector('#chip[data-state=closed]');
			assert.match(await lamp(page), RED);
		}
		assert.equal(await hand.isEnabled('[data-key=start]'), false);
		await hand.waitForFunction(() => getComputedStyle(document.getElementById('flash')).visibility === 'hidden' ||
			getComputedStyle(document.getElementById('flash')).display === 'none');
		await picture(hand, 'handheld-closed');
		await picture(station, 'station-closed');
		await picture(desk, 'desk-closed');
	});

	await step('a scan all the same is refused aloud, and is no act that waits', async () => {
		for (const page of [hand, station]) {
			const wrong = await sounds(page, 'Wrong');
			await type(page, 'T001');
			await page.waitForSelector('body[data-signal=bad]');
			assert.equal(await page.textContent('#last'), 'Not accepting: the disk is full');
			assert.equal(await sounds(page, 'Wrong'), wrong + 1);
			assert.equal(await sounds(page, 'Right'), 0);
			await page.waitForSelector('#chip[data-state=closed]');
		}
		await picture(station, 'station-refused');
	});

	await step('a page that is loaded now says it, and a login is refused with the reason', async () => {
		await hand.reload();
		await banner(hand, 'closed');
		const late = await newPage({ viewport: { width: 360, height: 640 } });
		await late.goto(url + '/h?device=hh-09');
		await late.waitForSelector('#login[data-step=badge]:not([hidden])');
		await late.waitForSelector('#login .banner[data-why=closed]');
		assert.equal(await late.textContent('#login .banner'), 'Nothing is taken: the disk is full');
		await picture(late, 'login-closed');
		await type(late, 'picker2');
		for (const digit of '2222')
			await late.click(`[data-pin="${digit}"]`);
		await late.click('[data-pin="ok"]');
		await late.waitForFunction(() => document.querySelector('#login .say')?.textContent === 'Not accepting: the disk is full');
		await late.click('#login .quiet');
		waiting = late;
	});

	await step('with space all pages clear by themselves and work goes on', async () => {
		await waiting.waitForSelector('#login .banner[data-why=closed]');
		fs.rmSync(fill);
		await waiting.waitForSelector('#login .banner[data-why=""]', { state: 'attached' });
		for (const page of [hand, station, desk])
			await page.waitForFunction(() => !['closed', 'disk'].includes(document.getElementById('banner').dataset.why));
		await idle(hand);
		assert.match(await lamp(hand), GREEN);
		assert.equal(await hand.evaluate(() => document.body.dataset.closed), '');
		await hand.tap('[data-key=start]');
		await expects(hand, 'location');
		assert.equal(fs.statSync(path.join(STATE, 'ballast')).size, 4 * MIB);
	});
}

async function main() {
	await open(LIMITS);
	send([order('SO-1', 'Teehaus Müller', 'NORTH', [['TEA-500', 4]])]);
	await signOn();
	await filling();
	await full();
}

await run(main);
