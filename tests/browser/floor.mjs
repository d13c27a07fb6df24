// A warehouse for a test: wharfd and wharf-web in a folder of their own, filled through the ctl door.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:https';
import path from 'node:path';

const { WHARF_BIN: BIN, WHARF_SOURCE: SOURCE, WORK, PORT } = process.env;
const children = {};

export const url = `https://localhost:${PORT}`;

const config = path.join(WORK, 'wharf.conf');

export function start(program) {
	children[program] = spawn(path.join(BIN, program), ['-c', config], { stdio: ['ignore', 'inherit', 'inherit'] });
}

export function kill(program) {
	const child = children[program];
	return new Promise((done) => {
		child.once('exit', done);
		child.kill('SIGKILL');
	});
}

process.on('exit', () => Object.values(children).forEach((child) => child.kill('SIGKILL')));

export async function until(what, test, ms = 15000) {
	const end = Date.now() + ms;
	for (;;) {
		const value = await Promise.resolve().then(test).catch(() => false);
		if (value)
			return value;
		if (Date.now() > end)
			throw new Error('not in time: ' + what);
		await new Promise((next) => setTimeout(next, 25));
	}
}

const answers = () => new Promise((done) => {
	http.get(url + '/api/places', { rejectUnauthorized: false }, (r) => {
		r.resume();
		done(r.statusCode === 200);
	}).on('error', () => done(false));
});

// Commands as the ctl door takes them; throws where one is not taken.
export function send(commands) {
	const r = spawnSync(path.join(BIN, 'wharf'), ['send', '-c', config, '-'],
		{ input: commands.map((c) => JSON.stringify(c)).join('\n') + '\n', encoding: 'utf8' });
	if (r.status !== 0)
		throw new Error(`wharf send: ${r.stdout}${r.stderr}`);
}

// `more`: sections of the configuration.
export async function open(more = '') {
	fs.writeFileSync(config, `[paths]\nstate = ${WORK}/state\nrun = ${WORK}/run\n[web]\nport = ${PORT}\n${more}`);
	start('wharfd');
	start('wharf-web');
	await until('the door', () => fs.existsSync(`${WORK}/run/door/ctl`));
	await until('the pages', answers);
	const floor = fs.readFileSync(path.join(SOURCE, 'src/sim/floor/demo.jsonl'), 'utf8');
	send(floor.split('\n').filter(Boolean).map((line) => JSON.parse(line)));
}

export const order = (name, customer, carrier, lines) => ({ kind: 'order_put', args: {
	order: name, customer, customer_po: 'PO-' + name, carrier, service: 'standard',
	ship_to: { name: customer, street: 'Am Kai 3', city: 'Hamburg', zip: '20457', country: 'DE' },
	lines: lines.map(([item, qty], i) => ({ line: i + 1, item, qty })),
} });
