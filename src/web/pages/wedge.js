// A scanner that types. Keys go to nobody's field: they are caught on the whole page, and a hidden field with
// inputmode="none" keeps the focus so that handhelds deliver them without showing a keyboard.

const PAUSE_MS = 3000; // a half-typed code is forgotten; no scanner pauses
const LENGTH_MAX = 4096;
const GS = '\u001d';

const isField = (element) => element instanceof HTMLInputElement && !element.classList.contains('wedge');

// on.scan(text) for a whole scan; on.typing(length) while it comes in; on.holds() whether the focus is kept (each optional
// but scan).
export function wedge(on) {
	const input = document.createElement('input');
	let text = '', last = 0;

	input.className = 'wedge';
	input.setAttribute('inputmode', 'none');
	input.setAttribute('aria-hidden', 'true');
	input.autocomplete = 'off';
	input.tabIndex = -1;
	document.body.append(input);

	const add = (more) => {
		const now = performance.now();
		if (now - last > PAUSE_MS)
			text = '';
		last = now;
		text = (text + more).slice(0, LENGTH_MAX);
		on.typing?.(text.length);
	};
	const end = () => {
		const scan = text;
		text = '';
		on.typing?.(0);
		on.scan(scan);
	};
	const fresh = () => text && performance.now() - last <= PAUSE_MS;
	const isGs = (e) => e.key === GS || (e.ctrlKey && !e.altKey && (e.key === ']' || e.code === 'BracketRight'));

	document.addEventListener('keydown', (e) => {
		if (isField(e.target))
			return;
		if (isGs(e))
			add(GS);
		else if ((e.key === 'Enter' || e.key === 'Tab') && fresh())
			end();
		else if (e.key === 'Backspace' && fresh())
			add(''), (text = text.slice(0, -1));
		else if (e.key.length === 1 && (!e.ctrlKey || e.altKey) && !e.metaKey)
			add(e.key);
		else
			return;
		e.preventDefault();
	}, true);
	// Handhelds that type through their keyboard app give no keys, only text.
	input.addEventListener('input', () => {
		const typed = input.value;
		input.value = '';
		for (const part of typed.split(/(\r\n|\r|\n|\t)/))
			if (/^[\r\n\t]+$/.test(part)) {
				if (fresh())
					end();
			} else if (part) {
				add(part);
			}
	});
	const hold = () => {
		if ((on.holds?.() ?? true) && !isField(document.activeElement))
			input.focus({ preventScroll: true });
	};
	document.addEventListener('focusout', () => setTimeout(hold));
	document.addEventListener('pointerup', () => setTimeout(hold));
	hold();
	return { hold };
}
