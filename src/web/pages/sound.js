// Three sounds that a hall cannot mix up: right rises, wrong buzzes three times, kept is one soft low tone.
// document.body counts what was played, for tests and for whoever doubts the loudspeaker.

const SOUNDS = {
	right: [{ at: 0, for: 0.09, hz: 880 }, { at: 0.09, for: 0.16, hz: 1320 }],
	wrong: [0, 0.2, 0.4].map((at) => ({ at, for: 0.15, hz: 165, wave: 'square' })),
	kept: [{ at: 0, for: 0.3, hz: 330 }],
};
const LOUDNESS = 0.35;
let context;

function tone(note) {
	const now = context.currentTime + note.at;
	const oscillator = context.createOscillator();
	const gain = context.createGain();
	oscillator.type = note.wave ?? 'sine';
	oscillator.frequency.value = note.hz;
	gain.gain.setValueAtTime(0, now);
	gain.gain.linearRampToValueAtTime(LOUDNESS, now + 0.01);
	gain.gain.setValueAtTime(LOUDNESS, now + note.for - 0.03);
	gain.gain.linearRampToValueAtTime(0, now + note.for);
	oscillator.connect(gain).connect(context.destination);
	oscillator.start(now);
	oscillator.stop(now + note.for);
}

export function play(name) {
	context ??= new AudioContext();
	if (context.state !== 'running')
		context.resume();
	SOUNDS[name].forEach(tone);
	const key = 'sound' + name[0].toUpperCase() + name.slice(1);
	document.body.dataset[key] = Number(document.body.dataset[key] ?? 0) + 1;
}
