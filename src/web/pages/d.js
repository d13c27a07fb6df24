// The desk: queue, cases, labels in doubt, lanes, devices and the link, and the few decisions made here.

import { Acts } from '/acts.js';
import { Login } from '/login.js';
import { NoSession, banner, linkWorks, listen, me, places, query } from '/net.js';
import { List, fillTable, make, state } from '/table.js';
import { wedge } from '/wedge.js';

const DEVICE = 'desk';
const SOON_MS = 250, RETRY_MS = 1500, NOTICE_MS = 6000;
const ORDER_STATES = ['received', 'held', 'allocated', 'picking', 'picked', 'packed', 'labelled', 'staged', 'shipped', 'confirmed', 'short', 'cancelled'];
const by = (id) => document.getElementById(id);

let acts, stop, link, core, net = { server: true, door: true };
let chosen = '';

// ---- times and words

function since(value) {
	const at = new Date(typeof value === 'number' ? value / 1000 : value);
	if (!value || Number.isNaN(at.getTime()))
		return '';
	const today = at.toDateString() === new Date().toDateString();
	return today ? at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false }) : at.toLocaleString([], { dateStyle: 'short', timeStyle: 'short', hour12: false });
}

const words = (text) => text.replaceAll('_', ' ').replace(/^./, (c) => c.toUpperCase());
// A separator inside a code must be seen, not guessed.
const visible = (text) => text.replaceAll('\u001d', '<GS>');
const choicesOf = (choices) => Array.isArray(choices) ? choices : String(choices ?? '').split('|').filter(Boolean);

function notice(text, bad) {
	const element = by('notice');
	element.textContent = text;
	element.className = bad ? 'notice bad' : 'notice';
	element.hidden = !text;
	clearTimeout(notice.timer);
	notice.timer = setTimeout(() => (element.hidden = true), NOTICE_MS);
}

// ---- decisions

function act(kind, args) {
	if (!acts.start(kind, args))
		notice('The decision before is still being sent', true);
}

// Asks for one text; null when somebody thinks better of it.
function ask(title, about, label, needed) {
	return new Promise((done) => {
		const input = make('input', { maxLength: 200, placeholder: label });
		const ok = make('button', { className: 'small main', textContent: title });
		const back = make('button', { className: 'small', textContent: 'Back', type: 'button' });
		const form = make('form', { method: 'dialog' }, make('h3', { textContent: title }), make('p', { textContent: about }),
			input, make('menu', {}, back, ok));
		const dialog = make('dialog', {}, form);
		const end = (value) => {
			dialog.remove();
			done(value);
		};
		back.onclick = () => end(null);
		dialog.oncancel = () => end(null);
		form.onsubmit = (e) => {
			e.preventDefault();
			if (!needed || input.value.trim())
				end(input.value.trim());
		};
		document.body.append(dialog);
		dialog.showModal();
		input.focus();
	});
}

function button(text, work, main) {
	const element = make('button', { className: main ? 'small main' : 'small', textContent: text });
	element.onclick = work;
	return element;
}

async function resolveCase(row, resolution) {
	const note = await ask(words(resolution), row.say, 'Note (what was found)', false);
	if (note !== null)
		act('case_resolve', { case: row.case, resolution, note });
}

async function closeLoad(row) {
	const seal = await ask('Close load', `Lane ${row.number} ${row.carrier}: ${row.cartons} cartons leave the building`, 'Seal number', false);
	if (seal !== null)
		act('load_close', { lane: row.lane, seal });
}

async function decideOrder(kind, row) {
	const reason = await ask({ order_hold: 'Hold', order_release: 'Release', order_cancel: 'Cancel order' }[kind], `Order ${row.order} · ${row.customer}`, 'Reason', true);
	if (reason !== null)
		act(kind, { order: row.order, reason });
}

function orderActs(row) {
	const cell = make('span');
	if (row.state === 'held')
		cell.append(button('Release', () => decideOrder('order_release', row)));
	else if (['received', 'allocated'].includes(row.state))
		cell.append(button('Hold', () => decideOrder('order_hold', row)));
	return cell;
}

// ---- lists

const orders = new List(by('queue'), 'orders', {}, (rows) => fillTable(by('queue'), [
	['Order', (r) => make('b', { textContent: r.order })],
	['Customer', (r) => r.customer],
	['Carrier', (r) => r.carrier],
	['State', (r) => r.held_reason ? make('span', {}, state(r.state), make('small', { textContent: ' ' + r.held_reason })) : state(r.state)],
	['Ordered', (r) => String(r.ordered), 'n'],
	['Picked', (r) => String(r.picked), 'n'],
	['Packed', (r) => String(r.packed), 'n'],
	['Shipped', (r) => String(r.shipped), 'n'],
	['Short', (r) => r.short ? String(r.short) : '', 'n'],
	['', orderActs, 'act'],
], rows, 'No orders in this state'));

function count(section, n, more) {
	const element = section.querySelector('.number');
	element.textContent = more ? n + '+' : n;
	element.classList.toggle('some', n > 0);
}

function fillCards(section, rows, empty, draw) {
	section.querySelector('ul').replaceChildren(...rows.map((row) => {
		const li = make('li', {}, ...draw(row));
		li.dataset.key = String(Object.values(row)[0]);
		return li;
	}));
	if (!rows.length)
		section.querySelector('ul').append(make('li', { className: 'empty', textContent: empty }));
	count(section, rows.length);
}

const cases = new List(by('cases'), 'cases', { state: 'open' }, (rows) => fillCards(by('cases'), rows, 'Nothing waits for a decision', (row) => [
	make('p', { textContent: visible(row.say) }),
	make('small', { textContent: `${words(row.kind)} · for ${row.role} · since ${since(row.opened ?? row.opened_us)}` }),
	make('div', {}, ...choicesOf(row.choices).map((choice) => button(words(choice), () => resolveCase(row, choice)))),
]));

const LABEL_CHOICES = [['printed', 'It is there'], ['again', 'Print again'], ['void', 'Void it']];
const inDoubt = { doubtful: [], failed: [] };

function drawLabels(kind, rows) {
	inDoubt[kind] = rows;
	fillCards(by('labels'), [...inDoubt.doubtful, ...inDoubt.failed], 'Every label is accounted for', (row) => [
		make('p', { textContent: row.sscc }),
		make('small', { textContent: [words(row.state), `carton ${row.carton}`, row.printer, row.evidence].filter(Boolean).join(' · ') }),
		make('div', {}, ...LABEL_CHOICES.map(([result, text]) => button(text, () => act('label_resolve', { job: row.job, result })))),
	]);
}

const labels = Object.keys(inDoubt).map((kind) => new List(by('labels'), 'labels', { state: kind }, (rows) => drawLabels(kind, rows)));
const loadLabels = () => Promise.all(labels.map((list) => list.load()));

const lanes = new List(by('lanes'), 'lanes', {}, (rows) => fillTable(by('lanes'), [
	['Lane', (r) => make('span', {}, make('b', { textContent: r.number }), ' ' + r.lane)],
	['For', (r) => r.carrier || r.role],
	['State', (r) => state(r.state)],
	['Cartons', (r) => String(r.cartons ?? 0), 'n'],
	['', (r) => r.role === 'ship' && r.cartons > 0 ? button('Close load', () => closeLoad(r), true) : '', 'act'],
], rows.sort((a, b) => a.number - b.number), 'No lanes'));

const devices = new List(by('devices'), 'devices', {}, (rows) => fillTable(by('devices'), [
	['Device', (r) => make('span', {}, make('b', { textContent: r.device }),
		make('small', { textContent: [r.kind, r.station].filter(Boolean).join(' at ') }))],
	['State', (r) => make('span', {}, state(r.state), make('small', { textContent: r.reason ?? '' }))],
	['Since', (r) => since(r.since ?? r.since_us), 'n'],
], rows, 'No device has reported yet'));

function drawStates(counts) {
	const all = Object.values(counts).reduce((sum, n) => sum + n, 0);
	by('states').replaceChildren(...['', ...ORDER_STATES].filter((s) => !s || counts[s] || s === chosen).map((s) => {
		const tab = make('button', {}, s ? words(s) : 'All', make('b', { textContent: s ? counts[s] ?? 0 : all }));
		tab.setAttribute('aria-pressed', s === chosen);
		tab.dataset.state = s;
		tab.onclick = () => {
			chosen = s;
			drawStates(counts);
			orders.reset(s ? { state: s } : {});
		};
		return tab;
	}));
}

async function loadStatus() {
	const row = (await query('status')).rows[0] ?? {};
	drawStates(row.orders ?? {});
	document.title = `${row.site ?? 'wharf'} desk`;
}

async function loadLink() {
	const row = (await query('link')).rows[0] ?? {};
	const box = by('link');
	const from = since(row.since ?? row.since_us);
	const depth = Math.max(0, (row.up_head ?? 0) - (row.up_acked ?? 0));
	const b = box.querySelector('b');
	b.textContent = linkWorks(row) ? words(row.state || 'none') : 'Down';
	b.dataset.look = linkWorks(row) ? 'good' : 'wait';
	box.querySelector('.link-state span').textContent = [from && 'since ' + from, row.reason].filter(Boolean).join(' · ');
	box.querySelector('dl').replaceChildren(...[
		['Waiting to be sent', depth], ['Sent and kept at HQ', row.up_safe ?? 0], ['Received from HQ', row.down_n ?? 0],
		['Free label numbers', row.sscc_free ?? 0], ['Epoch', row.epoch ?? ''],
	].flatMap(([name, value]) => [make('dt', { textContent: name }), make('dd', { textContent: value })]));
	box.dataset.depth = depth;
}

// ---- life

const loadLanes = () => lanes.load();
const LOADS = {
	orders: [() => orders.load(), loadStatus, loadLanes, loadLabels],
	cases: [() => cases.load()],
	devices: [() => devices.load(), loadLanes, loadLabels],
	status: [loadStatus],
	link: [loadLink],
};
const due = new Set();
let timer;

// Pushes come in bursts: what changed is asked for once, a moment later.
function soon(topic) {
	LOADS[topic]?.forEach((load) => due.add(load));
	timer ??= setTimeout(async () => {
		const loads = [...due];
		due.clear();
		timer = null;
		for (const result of await Promise.allSettled(loads.map((load) => load())))
			if (result.reason instanceof NoSession)
				leave();
	}, SOON_MS);
}

function decided(answer) {
	const { ok, say, code } = answer.outcome ?? { ok: false, say: answer.refused.say };
	notice(say || words(code ?? ''), !ok);
	Object.keys(LOADS).forEach(soon);
}

function enter(person) {
	by('who').textContent = `${person.name || person.badge} · ${person.role}`;
	by('logout').hidden = false;
	acts ??= new Acts('dk', person.device, { state: () => {}, decided, noSession: leave });
	acts.owner(person.badge);
	acts.resume();
	stop?.();
	stop = listen(['orders', 'cases', 'devices', 'status', 'link'], {
		push: (push) => {
			if (push.topic === 'link') {
				link = push;
				banner(by('banner'), net, link, core);
			} else if (push.topic === 'status') {
				core = push;
				banner(by('banner'), net, link, core);
			}
			soon(push.topic);
		},
		state: (now) => {
			net = now;
			banner(by('banner'), net, link, core);
		},
		noSession: leave,
	});
}

const login = new Login(DEVICE, enter);
wedge({ scan: (text) => login.open && login.scan(text), typing: (n) => login.typing(n), holds: () => login.open });

function leave() {
	stop?.();
	stop = null;
	by('logout').hidden = true;
	if (!login.open)
		login.show();
}

by('logout').onclick = () => {
	act('logout', {});
	leave();
};

async function start() {
	let person;
	try {
		by('title').textContent = (await places()).title;
		person = await me();
	} catch {
		net.server = false;
		banner(by('banner'), net, link, core);
		setTimeout(start, RETRY_MS);
		return;
	}
	net.server = true;
	banner(by('banner'), net, link, core);
	if (person && !person.device.startsWith('hh-'))
		enter(person);
	else
		login.show();
}

start();
