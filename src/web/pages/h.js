// The handheld. Its name is made once and kept; enrolment gives it a better one: /h?device=hh-07

import { Floor } from '/floor.js';

const KEY = 'wharf.device';
const NAME = /^[A-Za-z0-9._-]{1,63}$/;

function deviceName() {
	const given = new URLSearchParams(location.search).get('device');
	let name = given && NAME.test(given) ? given : localStorage.getItem(KEY);

	name ??= 'hh-' + [...crypto.getRandomValues(new Uint8Array(3))].map((b) => b.toString(16).padStart(2, '0')).join('');
	localStorage.setItem(KEY, name);
	return name;
}

function otherTab() {
	document.body.dataset.other = '1';
	document.getElementById('title').textContent = 'Open in another tab';
	document.getElementById('big').textContent = 'Use that one';
	document.getElementById('big').dataset.size = 'm';
}

// Two tabs would number their acts over each other.
navigator.locks.request('wharf.floor', { ifAvailable: true }, async (lock) => {
	if (!lock)
		return otherTab();
	navigator.storage?.persist?.();
	new Floor({ prefix: 'hh', device: deviceName() });
	await new Promise(() => {});
});
