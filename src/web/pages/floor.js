// What a handheld and a station have in common: one person, one prompt, one act at a time.

import { Acts } from '/acts.js';
import { Login } from '/login.js';
import { banner, isClosed, listen, me, places } from '/net.js';
import { play } from '/sound.js';
import { wedge } from '/wedge.js';

const by = (id) => document.getElementById(id);
const OVERTAKEN_MS = 2000; // a push may come this much later than the answer that carried a newer prompt
const RETRY_MS = 1500;
const STEPS_MAX = 24;

const sizeOf = (text) => text.length <= 7 ? 'xl' : text.length <= 11 ? 'l' : text.length <= 22 ? 'm' : 's';
const EXPECTED = { location: 'Scan the location', item: 'Scan the item', tote: 'Scan the tote', label: 'Scan the new label' };

export class Floor {
	// options: prefix of act ids, device, topics besides the prompt, onPrompt(prompt), onPush(push), onPerson(person)
	constructor(options) {
		this.options = options;
		this.prompt = null;
		this.net = { server: true, door: true };
		this.shown = '';
		this.login = new Login(options.device, (person) => this.enter(person));
		this.wedge = wedge({ scan: (text) => this.scan(text), typing: (n) => this.login.typing(n) });
		by('menu').onclick = () => this.menu();
		this.start();
	}

	async start() {
		let person;
		try {
			await places();
			person = await me();
		} catch {
			this.net.server = false;
			this.showBanner();
			setTimeout(() => this.start(), RETRY_MS);
			return;
		}
		this.net.server = true;
		this.showBanner();
		if (person && person.device === this.options.device)
			this.enter(person);
		else
			this.login.show();
	}

	enter(person) {
		this.person = person;
		by('who').textContent = `${person.name || person.badge} · ${person.device}`;
		this.options.onPerson?.(person);
		this.stop?.();
		this.acts ??= new Acts(this.options.prefix, this.options.device, {
			state: (state) => this.chip(state),
			decided: (answer, act) => this.decided(answer, act),
			noSession: () => this.leave('Please log in again'),
		});
		this.acts.owner(person.badge);
		this.chip('idle');
		this.acts.resume();
		this.stop = listen(['prompt/' + this.options.device, 'link', 'status', ...this.options.topics ?? []], {
			push: (push) => this.push(push),
			state: (net) => this.netState(net),
			noSession: () => this.leave(''),
		});
		this.wedge.hold();
	}

	leave(say) {
		this.stop?.();
		this.stop = null;
		if (!this.login.open)
			this.login.show(say);
	}

	netState(net) {
		this.net = net;
		this.showBanner();
	}

	showBanner() {
		// A disk that fills up is the desk's business until work has to wait for it.
		banner(by('banner'), this.net, this.link, this.core?.disk === 'low' ? null : this.core);
		document.body.dataset.closed = isClosed(this.core) ? '1' : '';
		if (this.acts)
			this.chip(this.acts.pending ? by('chip').dataset.state : 'idle');
	}

	push(push) {
		if (push.topic === 'link') {
			this.link = push;
			this.showBanner();
		} else if (push.topic === 'status') {
			this.core = push;
			this.showBanner();
		} else if (push.topic === 'prompt/' + this.options.device) {
			const late = this.prompt && push.step < this.prompt.step && performance.now() - this.promptAt < OVERTAKEN_MS;
			if (!late)
				this.showPrompt(push);
		}
		this.options.onPush?.(push);
	}

	chip(state) {
		const away = state === 'idle' && !(this.net.server && this.net.door);
		const closed = state === 'idle' && !away && isClosed(this.core);
		const chip = by('chip');
		if (state === 'kept' && chip.dataset.state !== 'kept')
			play('kept');
		chip.dataset.state = away ? 'away' : closed ? 'closed' : state;
		chip.textContent = { idle: away ? 'waiting' : closed ? 'closed' : 'ready', sending: 'sending…', kept: 'kept' }[state];
		for (const button of by('keys').children)
			button.disabled = state !== 'idle' || closed;
	}

	// ---- what comes back

	decided(answer, act) {
		if (answer.refused) {
			this.signal({ id: act.id, ok: false, signal: 'bad', say: answer.refused.say });
			return;
		}
		const outcome = answer.outcome;
		if (act.kind === 'logout') {
			if (outcome.ok)
				this.leave('');
			return;
		}
		if (outcome.prompt && (!this.prompt || outcome.prompt.step >= this.prompt.step))
			this.showPrompt(outcome.prompt, true);
		this.signal(outcome);
	}

	// Colour and sound, once for each outcome, whoever brings it first.
	signal(outcome, quiet = false) {
		if (!outcome.id || outcome.id === this.shown)
			return;
		this.shown = outcome.id;
		const signal = outcome.signal ?? (outcome.ok ? 'good' : 'bad');
		const last = by('last');
		last.textContent = outcome.say ?? '';
		last.dataset.signal = signal;
		this.acts?.heard(outcome.id);
		if (quiet)
			return;
		delete document.body.dataset.signal;
		void document.body.offsetWidth; // the same signal twice flashes twice
		document.body.dataset.signal = signal;
		by('flash-say').textContent = outcome.say ?? '';
		if (signal === 'good')
			play('right');
		else if (signal === 'bad' || signal === 'already')
			play('wrong');
	}

	showPrompt(prompt, withOutcome = false) {
		const first = !this.prompt;
		this.prompt = prompt;
		this.promptAt = performance.now();
		by('prompt').dataset.expect = prompt.expect ?? '';
		by('prompt').dataset.step = prompt.step;
		by('title').textContent = prompt.title ?? EXPECTED[prompt.expect] ?? '';
		by('big').textContent = prompt.big ?? '';
		by('big').dataset.size = sizeOf(prompt.big ?? '');
		by('lines').replaceChildren(...(prompt.lines ?? []).map((text) => {
			const li = document.createElement('li');
			li.textContent = text;
			return li;
		}));
		this.showCount(prompt);
		this.showKeys(prompt.keys ?? []);
		this.options.onPrompt?.(prompt);
		if (prompt.last && !withOutcome) {
			this.acts?.decidedElsewhere(prompt.last.id, prompt.last);
			// What was said before this page was opened is shown, not sounded again.
			this.signal(prompt.last, first);
		}
	}

	showCount({ done, of }) {
		by('count').hidden = !of;
		by('done').textContent = done;
		by('of').textContent = of;
		by('steps').hidden = of > STEPS_MAX;
		by('steps').replaceChildren(...Array.from({ length: Math.min(of ?? 0, STEPS_MAX) }, (_, i) => {
			const step = document.createElement('i');
			step.className = i < done ? 'done' : '';
			return step;
		}));
	}

	showKeys(keys) {
		by('keys').replaceChildren(...keys.map(({ key, label, value }, i) => {
			const button = document.createElement('button');
			button.textContent = label || key;
			button.dataset.key = key;
			button.className = i === 0 && key !== 'short' && key !== 'quantity' ? 'main' : '';
			button.disabled = Boolean(this.acts?.pending) || isClosed(this.core);
			// `value`: the key wants a number.
			button.onclick = () => value === true ? this.askNumber(key, label || key) : this.act('key', { key });
			return button;
		}));
	}

	// ---- what goes out

	act(kind, args) {
		document.body.dataset.signal = '';
		if (!this.acts)
			return false;
		return this.acts.start(kind, args, this.prompt?.step);
	}

	scan(data) {
		if (this.login.open)
			return this.login.scan(data);
		this.sheet?.remove();
		if (!data || this.act('scan', { aim: '', data }))
			return;
		// The same code again while its first scan is on the way is the same scan.
		if (this.acts?.pending?.kind === 'scan' && this.acts.pending.args.data === data)
			return;
		by('last').textContent = 'Not taken: the scan before is still being sent';
		by('last').dataset.signal = 'bad';
		play('wrong');
	}

	openSheet(...children) {
		this.sheet?.remove();
		this.sheet = document.createElement('div');
		this.sheet.className = 'sheet';
		const box = document.createElement('div');
		box.className = 'sheet-box';
		box.append(...children);
		this.sheet.append(box);
		this.sheet.onclick = (e) => e.target === this.sheet && this.sheet.remove();
		document.body.append(this.sheet);
	}

	askNumber(key, title) {
		const head = Object.assign(document.createElement('h2'), { textContent: title });
		const number = Object.assign(document.createElement('div'), { className: 'number', textContent: '' });
		const pad = Object.assign(document.createElement('div'), { className: 'pad' });
		for (const label of ['1', '2', '3', '4', '5', '6', '7', '8', '9', '⌫', '0', 'OK']) {
			const button = Object.assign(document.createElement('button'), { textContent: label, className: label === 'OK' ? 'ok' : '' });
			button.onclick = () => {
				if (label === '⌫')
					number.textContent = number.textContent.slice(0, -1);
				else if (label !== 'OK')
					number.textContent = (number.textContent + label).replace(/^0+(?=.)/, '').slice(0, 4);
				else if (number.textContent) {
					this.sheet.remove();
					this.act('key', { key, value: Number(number.textContent) });
				}
			};
			pad.append(button);
		}
		this.openSheet(head, number, pad);
	}

	menu() {
		const facts = Object.assign(document.createElement('p'), { className: 'facts',
			textContent: `${this.options.device} · ${this.person?.name ?? ''} (${this.person?.role ?? ''})` });
		const out = Object.assign(document.createElement('button'), { className: 'row danger', textContent: 'Log out' });
		out.onclick = () => {
			this.sheet.remove();
			this.act('logout', {});
		};
		const back = Object.assign(document.createElement('button'), { className: 'row', textContent: 'Back to work' });
		back.onclick = () => this.sheet.remove();
		this.openSheet(facts, out, back);
	}
}
