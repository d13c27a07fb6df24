// Paged lists: asks for a page at a time, keeps how far somebody has opened it when it is asked again.

import { query } from '/net.js';

const PAGE = 50;

export const make = (tag, properties = {}, ...children) => {
	const element = Object.assign(document.createElement(tag), properties);
	element.append(...children);
	return element;
};

const LOOKS = {
	good: ['up', 'open', 'printed', 'shipped', 'confirmed', 'live', 'staged', 'packed', 'labelled'],
	bad: ['gone', 'fault', 'refused', 'failed', 'doubtful', 'short'],
	wait: ['stale', 'held', 'full', 'sent', 'taken', 'unknown', 'idle'],
	quiet: ['cancelled', 'closed', 'void', 'resolved', 'received'],
};

export const lookOf = (state) => Object.keys(LOOKS).find((look) => LOOKS[look].includes(state)) ?? '';

export function state(text) {
	const element = make('span', { className: 'state', textContent: text || 'unknown' });
	element.dataset.look = lookOf(text || 'unknown');
	return element;
}

export class List {
	// section: its element; name and args of the query; draw(rows) fills it.
	constructor(section, name, args, draw) {
		this.section = section;
		this.name = name;
		this.args = args;
		this.draw = draw;
		this.pages = 1;
		this.turn = 0;
	}

	async load() {
		const turn = ++this.turn;
		const rows = [];
		let after = null;
		for (let page = 0; page < this.pages; page++) {
			const part = await query(this.name, { ...this.args, limit: PAGE, ...after === null ? {} : { after } });
			rows.push(...part.rows);
			after = part.next;
			if (after === null)
				break;
		}
		if (turn !== this.turn)
			return; // a newer question is on its way
		this.draw(rows);
		this.more(after !== null);
	}

	more(there) {
		const footer = this.section.querySelector('footer');
		footer.replaceChildren();
		if (!there)
			return;
		const button = make('button', { className: 'small', textContent: 'Show more' });
		button.onclick = () => {
			this.pages++;
			this.load();
		};
		footer.append(button);
	}

	reset(args) {
		this.args = args;
		this.pages = 1;
		return this.load();
	}
}

// columns: [head, value(row), class]; a value is text or an element.
export function fillTable(section, columns, rows, empty) {
	section.querySelector('thead').replaceChildren(make('tr', {},
		...columns.map(([head, , look]) => make('th', { textContent: head, className: look ?? '' }))));
	section.querySelector('tbody').replaceChildren(...rows.map((row) => {
		const tr = make('tr', {}, ...columns.map(([, value, look]) => make('td', { className: look ?? '' }, value(row) ?? '')));
		tr.dataset.key = String(Object.values(row)[0]);
		return tr;
	}));
	if (!rows.length)
		section.querySelector('tbody').append(make('tr', {}, make('td', { className: 'empty', textContent: empty, colSpan: columns.length })));
}
