// The yardstick: what a good programmer writes by hand in an afternoon. One scan is five rows, as in wharfd (journal,
// answer, origin, dialogue, device), committed once per turn of the event loop, WAL, synchronous=FULL; the
// answer leaves after the commit. It has no journal chain, no roles, no prompts but the picker's.
'use strict';
const fs = require('fs');
const https = require('https');
const path = require('path');
const Database = require('better-sqlite3');

const [port, folder, sessionsFile] = process.argv.slice(2);
const QTY = 1000000;
const BODY_MAX = 8192;

const db = new Database(path.join(folder, 'node.db'));
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec(`
	CREATE TABLE journal (seq INTEGER PRIMARY KEY, now_us INTEGER, peer TEXT, kind TEXT, command TEXT, outcome TEXT) STRICT;
	CREATE TABLE answer (origin INTEGER, n INTEGER, seq INTEGER, PRIMARY KEY (origin, n)) STRICT, WITHOUT ROWID;
	CREATE TABLE origin (origin INTEGER PRIMARY KEY, name TEXT UNIQUE, device TEXT, last_n INTEGER) STRICT;
	CREATE TABLE dialogue (place TEXT PRIMARY KEY, step INTEGER, counted INTEGER, barcode TEXT, last_id TEXT, last_code TEXT,
		last_say TEXT, last_signal TEXT) STRICT, WITHOUT ROWID;
	CREATE TABLE device (device TEXT PRIMARY KEY, last_origin TEXT, last_n INTEGER, last_data TEXT, last_effect INTEGER,
		last_say TEXT) STRICT, WITHOUT ROWID;`);

const sql = {
	begin: db.prepare('BEGIN IMMEDIATE'),
	commit: db.prepare('COMMIT'),
	getOrigin: db.prepare('SELECT origin, device, last_n FROM origin WHERE name = ?'),
	addOrigin: db.prepare('INSERT INTO origin (name, device, last_n) VALUES (?, ?, ?)'),
	setOrigin: db.prepare('UPDATE origin SET last_n = ? WHERE origin = ?'),
	getAnswer: db.prepare('SELECT outcome FROM answer JOIN journal USING (seq) WHERE origin = ? AND n = ?'),
	addAnswer: db.prepare('INSERT INTO answer VALUES (?, ?, ?)'),
	addJournal: db.prepare('INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)'),
	getDialogue: db.prepare('SELECT step, counted, barcode FROM dialogue WHERE place = ?'),
	setDialogue: db.prepare(`UPDATE dialogue SET step = ?, counted = ?, last_id = ?, last_code = ?, last_say = ?, last_signal = ?
		WHERE place = ?`),
	getDevice: db.prepare('SELECT last_origin, last_n, last_data, last_effect FROM device WHERE device = ?'),
	setDevice: db.prepare('UPDATE device SET last_origin = ?, last_n = ?, last_data = ?, last_effect = ?, last_say = ? WHERE device = ?'),
};

const sessions = new Map();
for (const line of fs.readFileSync(sessionsFile, 'utf8').trim().split('\n')) {
	const s = JSON.parse(line);
	sessions.set(s.token, s);
	db.prepare("INSERT INTO dialogue VALUES (?, 1, 0, ?, '', '', '', '')").run(s.device, s.barcode);
	db.prepare("INSERT INTO device VALUES (?, '', 0, '', 0, '')").run(s.device);
}

let seq = 0;

function promptOf(device, d, last) {
	return { place: device, step: d.step, dialogue: 'pick', expect: 'item', lines: ['Order SO-100000', 'TEA-0 at A-01-0'],
		keys: [{ key: 'quantity', label: 'Quantity', value: true }, { key: 'short', label: 'Short', value: false }],
		data: { order: 'SO-100000', location: 'A-01-0', item: 'TEA-0', tote: '', qty: QTY, barcode: d.barcode },
		last, done: d.counted, of: QTY, title: 'Take', big: 'Green tea 500 g' };
}

function decide(session, command, d) {
	const last = sql.getDevice.get(session.device);
	const heard = command.heard === `${last.last_origin}:${last.last_n}`;
	if (last.last_effect && last.last_data === command.args.data && !heard)
		return ['already', 'Already counted', 'already', 0];
	if (command.step !== d.step)
		return ['screen_moved', 'The screen has moved on: look and scan again', 'bad', 0];
	if (command.args.data !== d.barcode)
		return ['wrong_item', 'Wrong item', 'bad', 0];
	return ['counted', `${d.counted + 1} of ${QTY}`, 'good', 1];
}

function apply({ session, command, text }) {
	const colon = command.id.lastIndexOf(':');
	const name = command.id.slice(0, colon), n = Number(command.id.slice(colon + 1));
	const known = sql.getOrigin.get(name);
	if (known && n <= known.last_n)
		return sql.getAnswer.get(known.origin, n)?.outcome ?? '{"refused":{"why":"forgotten"}}';
	const d = sql.getDialogue.get(session.device);
	const [code, say, signal, effect] = decide(session, command, d);
	d.step += effect;
	d.counted += effect;
	seq++;
	const outcome = { id: command.id, ok: effect === 1, code, say, signal, seq };
	const stored = JSON.stringify(outcome);
	sql.setDialogue.run(d.step, d.counted, command.id, code, say, signal, session.device);
	sql.setDevice.run(name, n, command.args.data, effect, say, session.device);
	sql.addJournal.run(seq, Date.now() * 1000, 'web', command.kind, text, stored);
	const origin = known ? known.origin : sql.addOrigin.run(name, session.device, n).lastInsertRowid;
	if (known)
		sql.setOrigin.run(n, origin);
	sql.addAnswer.run(origin, n, seq);
	outcome.prompt = promptOf(session.device, d, { id: command.id, ok: effect === 1, code, say, signal });
	return JSON.stringify({ outcome });
}

let waiting = [];

function commit() {
	const batch = waiting;
	waiting = [];
	sql.begin.run();
	const answers = batch.map(apply);
	sql.commit.run();
	batch.forEach((item, i) => answer(item.response, 200, answers[i]));
}

function answer(response, status, text) {
	response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text),
		'Cache-Control': 'no-store' });
	response.end(text);
}

function take(request, response, text) {
	const cookie = /(?:^|; *)wharf=([0-9a-f]+)/.exec(request.headers.cookie || '');
	const session = cookie && sessions.get(cookie[1]);
	if (!session || request.headers['x-wharf'] !== session.csrf)
		return answer(response, 401, '{"refused":{"why":"not_allowed"}}');
	let command;
	try {
		command = JSON.parse(text);
	} catch {
		return answer(response, 400, '{"refused":{"why":"malformed"}}');
	}
	if (waiting.push({ session, command, text, response }) === 1)
		setImmediate(commit);
}

https.createServer({ cert: fs.readFileSync(path.join(folder, 'tls/server.pem')),
	key: fs.readFileSync(path.join(folder, 'tls/server.key')), minVersion: 'TLSv1.3', noDelay: true }, (request, response) => {
	if (request.method !== 'POST' || request.url !== '/api/command')
		return answer(response, 404, '{}');
	const chunks = [];
	let size = 0;
	request.on('data', (chunk) => {
		size += chunk.length;
		if (size <= BODY_MAX)
			chunks.push(chunk);
	});
	request.on('end', () => take(request, response, chunks.length === 1 ? chunks[0].toString() : Buffer.concat(chunks).toString()));
}).listen(Number(port), '127.0.0.1');
