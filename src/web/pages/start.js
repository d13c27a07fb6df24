import { places } from '/net.js';

const { title, stations } = await places();
const nav = document.getElementById('places');

document.getElementById('title').textContent = title;
for (const { station, kind } of stations) {
	if (kind === 'desk')
		continue;
	const a = document.createElement('a');
	a.className = 'card';
	a.href = '/s?station=' + encodeURIComponent(station);
	const name = document.createElement('b');
	name.textContent = 'Station ' + station;
	const what = document.createElement('span');
	what.textContent = kind === 'pack' ? 'Pack, weigh and label' : 'Induct onto the conveyor';
	a.append(name, what);
	nav.insertBefore(a, nav.lastElementChild);
}
