// The server: requests, the stream of pushes, and whether it can be reached at all.

const ANSWER_MS = 12000;

export class NoSession extends Error {}

let csrf = '';
let alone = false; // a site without HQ misses nothing

async function request(path, options = {}) {
	const stop = new AbortController();
	const timer = setTimeout(() => stop.abort(), ANSWER_MS);
	try {
		return await fetch(path, { ...options, cache: 'no-store', signal: stop.signal });
	} finally {
		clearTimeout(timer);
	}
}

const post = (path, body, headers = {}) => request(path, {
	method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers },
});

export async function places() {
	const r = await request('/api/places');
	const all = await r.json();
	alone = all.hq === false;
	return all;
}

// Who is logged in on this browser; null for nobody. Throws while the server cannot say.
export async function me() {
	const r = await request('/api/me');
	if (r.status === 401)
		return null;
	if (!r.ok)
		throw new Error('no answer yet');
	const person = await r.json();
	csrf = person.csrf;
	return person;
}

export async function login(badge, pin, device) {
	const r = await post('/api/login', { badge, pin, device });
	const body = await r.json();
	if (r.ok)
		csrf = body.csrf;
	return body.refused ? { ok: false, say: body.refused.say } : body;
}

// {outcome} or {refused} when decided; null when it has to be asked again with the same id.
export async function command(body) {
	const r = await post('/api/command', body, { 'X-Wharf': csrf });
	if (r.status === 401)
		throw new NoSession();
	if (r.status === 403)
		await me();
	return r.status === 200 || r.status === 409 ? r.json() : null;
}

export async function query(name, args = {}) {
	const r = await request('/api/query/' + name + '?' + new URLSearchParams(args));
	if (r.status === 401)
		throw new NoSession();
	if (!r.ok)
		throw new Error('no answer');
	return (await r.json()).rows;
}

// Pushes of `topics` to on.push, reachability to on.state({server, door}). Reconnects by itself.
export function listen(topics, on) {
	const state = { server: true, door: true };
	let source, ended = false;
	const tell = (change) => {
		Object.assign(state, change);
		on.state({ ...state });
	};
	const open = () => {
		source = new EventSource('/api/events?' + topics.map((t) => 'topic=' + encodeURIComponent(t)).join('&'));
		source.onopen = () => tell({ server: true });
		source.onmessage = (e) => on.push(JSON.parse(e.data));
		source.addEventListener('door', (e) => tell({ door: JSON.parse(e.data).up }));
		source.onerror = () => {
			tell({ server: false });
			// A refused stream is not tried again by the browser: it may be the session.
			if (source.readyState === EventSource.CLOSED && !ended)
				setTimeout(again, 1500);
		};
	};
	const again = async () => {
		if (ended)
			return;
		try {
			if (!await me())
				return on.noSession();
		} catch {
			return setTimeout(again, 1500);
		}
		open();
	};
	open();
	return () => {
		ended = true;
		source.close();
	};
}

const LINK_WORKS = ['live', 'drain', 'up', 'off', 'none', ''];
export const linkWorks = (link) => alone || !link || LINK_WORKS.includes(link.state ?? '');

export const isClosed = (core) => core?.accepting === false;

// The worst that is true now, and what it means for the work.
function worst(state, link, core) {
	if (!state.server)
		return ['server', 'No connection to the server: what you do is kept'];
	if (!state.door)
		return ['door', 'The controller is restarting: what you do is kept'];
	if (isClosed(core))
		return ['closed', 'Nothing is taken: ' + core.reason.replace(/^Not accepting: /, '')];
	if (core?.reason)
		return ['disk', core.reason];
	return linkWorks(link) ? ['', ''] : ['wan', 'HQ cannot be reached: work goes on, nothing is lost'];
}

// The line at the top: amber where work goes on, red where nothing is taken. `core` is the push of topic status.
export function banner(element, state, link, core) {
	const [why, text] = worst(state, link, core);
	element.textContent = text;
	element.hidden = !text;
	element.dataset.why = why;
}
