// The page of a packing or induct station. Its scanner, scale and printer speak to the core by themselves; the page shows
// what they did, and a wedge scanner at the screen works too.

import { Floor } from '/floor.js';
import { places, query } from '/net.js';

const KEY = 'wharf.station';
const SOON_MS = 150;
const by = (id) => document.getElementById(id);

const cell = (text, small) => {
	const td = document.createElement('td');
	td.textContent = text;
	if (small) {
		const more = document.createElement('small');
		more.textContent = small;
		td.append(more);
	}
	return td;
};

const kilograms = (ug) => (ug / 1e9).toFixed(2) + ' kg';

async function stationName() {
	const { stations } = await places();
	const asked = new URLSearchParams(location.search).get('station') ?? localStorage.getItem(KEY);
	const found = stations.find((s) => s.station === asked) ?? stations.find((s) => s.kind === 'pack') ?? stations[0];

	localStorage.setItem(KEY, found.station);
	return found.station;
}

function showItems(order, prompt) {
	const items = prompt.data?.items ?? [];
	by('order-title').textContent = order ? `Order ${order.order} · ${order.customer ?? ''}` : 'No order at this station';
	by('items').tBodies[0].replaceChildren(...items.map(({ item, title, qty, done }) => {
		const tr = document.createElement('tr');
		tr.className = done >= qty ? 'done' : '';
		tr.append(cell(title || item, title ? item : ''), cell(`${done} of ${qty}`));
		return tr;
	}));
}

function gauge(id, state, big, small) {
	const box = by(id);
	box.dataset.state = state;
	box.querySelector('b').textContent = big;
	box.querySelector('span').textContent = small;
}

function showCarton(carton, prompt) {
	const expected = carton?.expected_ug ? 'expected ' + kilograms(carton.expected_ug) : '';
	if (carton?.weight_ug)
		gauge('weight', carton.state === 'closed' ? 'bad' : 'good', kilograms(carton.weight_ug), expected);
	else
		gauge('weight', prompt.expect === 'weigh' ? 'wait' : 'none', prompt.expect === 'weigh' ? 'put it on' : '–', expected);
}

const LABEL_LOOKS = { due: 'wait', taken: 'wait', sent: 'wait', printed: 'good', doubtful: 'bad', failed: 'bad', void: 'none' };

function showLabel(label, prompt) {
	if (label)
		gauge('label', LABEL_LOOKS[label.state] ?? 'none', label.state, label.sscc);
	else
		gauge('label', 'none', '–', prompt.data?.sscc ?? '');
}

// One refresh for a burst of pushes.
function soon(work) {
	let timer;
	return () => {
		clearTimeout(timer);
		timer = setTimeout(() => work().catch(() => {}), SOON_MS);
	};
}

const station = await stationName();
let floor;

const refreshOrder = soon(async () => {
	const prompt = floor.prompt;
	const name = prompt?.data?.order;
	showItems(name ? (await query('order', { order: name })).rows[0] : null, prompt);
	const number = prompt?.data?.carton ?? null;
	// Cartons and labels are paged by their numbers: one row behind the number before.
	const carton = number === null ? null : (await query('cartons', { after: number - 1, limit: 1 })).rows[0];
	showCarton(carton, prompt);
	const job = prompt?.data?.job ?? null;
	showLabel(job === null ? null : (await query('labels', { after: job - 1, limit: 1 })).rows[0], prompt);
});

const refreshDevices = soon(async () => {
	const { rows } = await query('devices', { limit: 200 });
	by('devices').replaceChildren(...rows.filter((d) => d.station === station).map((d) => {
		const li = document.createElement('li');
		const more = document.createElement('span');
		li.dataset.state = d.state || 'unknown';
		li.textContent = d.device;
		more.textContent = [d.state || 'not seen yet', d.reason].filter(Boolean).join(': ');
		li.append(more);
		return li;
	}));
});

by('place').textContent = station;
document.title = station;
navigator.locks.request('wharf.station.' + station, { ifAvailable: true }, async (lock) => {
	if (!lock) {
		by('title').textContent = 'Open in another tab';
		return;
	}
	floor = new Floor({
		prefix: 'st', device: station, topics: ['devices', 'orders'],
		onPrompt: refreshOrder,
		onPush: (push) => push.topic === 'devices' ? refreshDevices() : push.topic === 'orders' && refreshOrder(),
	});
	await new Promise(() => {});
});
