// What a person does, made exactly once: each act gets an id that is on disk before it is sent, one act is in the air
// at a time, and it is sent again with the same id until it is decided - also after the page was loaded again.

import { NoSession, command } from '/net.js';

const WAIT_FIRST_MS = 250, WAIT_LAST_MS = 5000;
const KEPT_AFTER_MS = 1500;
const HEARD_AFTER_MS = 200; // nobody sees or hears faster: a code that comes twice at once is one scan for the core

const random = () => [...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(16).padStart(2, '0')).join('');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export class Acts {
	// on.state('idle' | 'sending' | 'kept'), on.decided({outcome} or {refused}, act), on.noSession()
	constructor(prefix, device, on) {
		this.key = `wharf.acts.${prefix}.${device}`;
		this.prefix = prefix;
		this.on = on;
		this.data = JSON.parse(localStorage.getItem(this.key) ?? 'null') ?? this.newOrigin();
		this.running = false;
		this.born = performance.now();
	}

	// Goes on with what was under way when the page was left.
	resume() {
		if (this.data.pending)
			this.run();
	}

	newOrigin() {
		return { origin: `${this.prefix}-${random()}`, n: 0, heard: '', badge: this.data?.badge, pending: null };
	}

	save() {
		localStorage.setItem(this.key, JSON.stringify(this.data));
	}

	get pending() {
		return this.data.pending;
	}

	// The outcome of one of our own acts was shown or sounded.
	heard(id) {
		if (!id.startsWith(this.data.origin + ':') || this.data.heard === id)
			return;
		setTimeout(() => {
			this.data.heard = id;
			this.save();
		}, HEARD_AFTER_MS);
	}

	// An act that waited for somebody else's session is nobody's act any more.
	owner(badge) {
		if (this.data.pending && this.data.badge !== badge) {
			this.data.pending = null;
			this.on.state('idle');
		}
		this.data.badge = badge;
		this.save();
	}

	// False: an act is in the air already.
	start(kind, args, step) {
		if (this.data.pending)
			return false;
		this.data.n++;
		this.data.pending = { id: `${this.data.origin}:${this.data.n}`, kind, args, at: new Date().toISOString() };
		if (step !== undefined)
			this.data.pending.step = step;
		if (this.data.heard)
			this.data.pending.heard = this.data.heard;
		this.save();
		this.born = performance.now();
		this.run();
		return true;
	}

	// The prompt said how our act was decided before its own answer came.
	decidedElsewhere(id, outcome) {
		if (this.data.pending?.id === id)
			this.settle({ outcome: { id, ...outcome } });
	}

	settle(answer) {
		const act = this.data.pending;
		this.data.pending = null;
		if (['forgotten', 'id_reused'].includes(answer.refused?.why))
			this.data = this.newOrigin(); // this browser's memory was set back
		this.save();
		this.on.state('idle');
		this.on.decided(answer, act);
	}

	async ask(act) {
		try {
			return await command({ ...act, age_ms: Math.max(0, Math.round(performance.now() - this.born)) });
		} catch (error) {
			if (error instanceof NoSession)
				this.on.noSession();
			return null;
		}
	}

	async run() {
		if (this.running)
			return;
		this.running = true;
		let wait = WAIT_FIRST_MS;
		const act = this.data.pending;
		const kept = () => this.data.pending === act && this.on.state('kept');
		const timer = setTimeout(kept, KEPT_AFTER_MS);
		this.on.state('sending');
		while (this.data.pending === act) {
			const answer = await this.ask(act);
			if (this.data.pending !== act)
				break;
			if (answer) {
				this.settle(answer);
				break;
			}
			kept();
			await sleep(wait);
			wait = Math.min(wait * 2, WAIT_LAST_MS);
		}
		clearTimeout(timer);
		this.running = false;
		if (this.data.pending)
			this.run();
	}
}
