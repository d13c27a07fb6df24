// Badge, then PIN. A badge is scanned, or typed where there is no scanner; the PIN is tapped or typed.

import { banner, login, places } from '/net.js';

const PIN_MIN = 4, PIN_MAX = 12;
const CODE_MS = 1000;
const LOOK_MS = 2000;

const make = (tag, properties = {}, ...children) => {
	const element = Object.assign(document.createElement(tag), properties);
	element.append(...children);
	return element;
};

// Shows itself over the page until somebody is in. Feed scans to .scan(text), typed characters to .typing(n).
export class Login {
	constructor(device, done) {
		this.device = device;
		this.done = done;
		this.codeUntil = 0;
		this.root = make('section', { className: 'login', hidden: true });
		this.root.id = 'login';
		this.notice = make('p', { className: 'banner', hidden: true, role: 'status' });
		document.body.append(this.root);
		document.addEventListener('keydown', (e) => this.key(e), true);
	}

	get open() {
		return !this.root.hidden;
	}

	show(say = '') {
		this.badge = this.pin = '';
		this.busy = false;
		this.root.hidden = false;
		this.drawBadge(say);
		this.look();
	}

	// How server and core are: without a session there is no stream that would tell. A disk that fills up is the desk's
	// business until work has to wait for it.
	async look() {
		let net = { server: false, door: true }, core = null;
		try {
			core = (await places()).core;
			net = { server: true, door: core.up };
		} catch { /* no connection: the notice says it */ }
		if (!this.open)
			return;
		banner(this.notice, net, null, core?.disk === 'low' ? null : core);
		clearTimeout(this.looking);
		this.looking = setTimeout(() => this.look(), LOOK_MS);
	}

	hide() {
		clearTimeout(this.looking);
		this.root.hidden = true;
		this.root.replaceChildren();
	}

	box(...children) {
		this.root.replaceChildren(make('div', { className: 'login-box' }, this.notice, ...children));
	}

	drawBadge(say) {
		this.root.dataset.step = 'badge';
		const type = make('button', { className: 'quiet', textContent: 'Type the badge instead' });
		type.onclick = () => this.drawTyped();
		this.box(make('h1', { textContent: 'Scan your badge' }),
			make('div', { className: 'scan-picture' }, make('img', { src: '/icon.svg', alt: '' })),
			make('p', { className: 'say', textContent: say }), type,
			make('p', { className: 'who', textContent: this.device }));
	}

	drawTyped() {
		const input = make('input', { type: 'text', autocomplete: 'off', maxLength: 63 });
		const ok = make('button', { className: 'ok', textContent: 'Next' });
		const take = () => input.value.trim() && this.takeBadge(input.value.trim());
		ok.onclick = take;
		input.onkeydown = (e) => e.key === 'Enter' && take();
		this.box(make('h1', { textContent: 'Your badge' }), input, make('div', { className: 'pad' }, ok));
		input.focus();
	}

	takeBadge(text) {
		this.badge = text;
		this.pin = '';
		this.drawPin('');
	}

	drawPin(say) {
		this.root.dataset.step = 'pin';
		this.dots = make('div', { className: 'dots' });
		this.say = make('p', { className: 'say', textContent: say });
		const pad = make('div', { className: 'pad' });
		for (const label of ['1', '2', '3', '4', '5', '6', '7', '8', '9', 'back', '0', 'ok']) {
			const text = { back: '⌫', ok: 'OK' }[label] ?? label;
			const button = make('button', { textContent: text, className: label === 'ok' ? 'ok' : '' });
			button.dataset.pin = label;
			button.onclick = () => this.press(label);
			pad.append(button);
		}
		const other = make('button', { className: 'quiet', textContent: 'Not you? Scan another badge' });
		other.onclick = () => this.show();
		this.box(make('h1', { textContent: 'Your PIN' }), make('p', { className: 'who', textContent: 'Badge ' + this.badge }),
			this.dots, this.say, pad, other);
		this.drawDots();
	}

	drawDots() {
		const n = Math.max(PIN_MIN, this.pin.length);
		this.dots.replaceChildren(...Array.from({ length: n },
			(_, i) => make('i', { className: i < this.pin.length ? '' : 'empty' })));
	}

	press(label) {
		if (this.busy || this.root.dataset.step !== 'pin')
			return;
		if (label === 'ok')
			return this.send();
		if (label === 'back')
			this.pin = this.pin.slice(0, -1);
		else if (this.pin.length < PIN_MAX)
			this.pin += label;
		this.say.textContent = '';
		this.drawDots();
	}

	// How much of a code the wedge holds: a badge with digits in it is not a PIN.
	typing(length) {
		this.codeUntil = length ? performance.now() + CODE_MS : 0;
	}

	// Digits at the PIN are the PIN and no scan; everything else is left to the wedge.
	key(e) {
		if (!this.open || this.root.dataset.step !== 'pin' || performance.now() < this.codeUntil)
			return;
		const label = /^[0-9]$/.test(e.key) ? e.key : { Backspace: 'back', Enter: this.pin ? 'ok' : '' }[e.key];
		if (!label)
			return;
		e.preventDefault();
		e.stopImmediatePropagation();
		this.press(label);
	}

	scan(text) {
		if (!this.busy)
			this.takeBadge(text);
	}

	async send() {
		if (this.pin.length < 1)
			return;
		this.busy = true;
		this.say.textContent = '';
		this.root.dataset.busy = '1';
		let answer;
		try {
			answer = await login(this.badge, this.pin, this.device);
		} catch {
			answer = { ok: false, say: 'No connection; try again' };
		}
		this.busy = false;
		delete this.root.dataset.busy;
		this.pin = '';
		if (!answer.ok) {
			this.drawPin(answer.say || 'Badge and PIN do not fit');
			return;
		}
		this.hide();
		this.done(answer);
	}
}
