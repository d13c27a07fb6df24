-- wharf edge database, version 1. Times are microseconds (now_us: wall clock of the engine, boot_us: CLOCK_BOOTTIME),
-- masses micrograms, quantities whole units. Only wharfd opens this file.

-- Who we are: schema, engine, site, incarnation, epoch, boot, settings, counters.
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- Commands: ids, answers, journal ------------------------------------------------------------------

-- An origin makes ascending ids. last_n stays for ever; it belongs to the peer kind and device that used it first.
CREATE TABLE origin (
	origin INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	peer TEXT NOT NULL,
	device TEXT NOT NULL,
	last_n INTEGER NOT NULL
) STRICT;

-- Which journal row answered an id. Prunable after 14 day marks.
CREATE TABLE answer (
	origin INTEGER NOT NULL,
	n INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	digest BLOB NOT NULL,
	PRIMARY KEY (origin, n)
) STRICT, WITHOUT ROWID;

-- One mark per 20 h of uptime: pruning counts marks, so a clock that jumps erases nothing. The other columns are the
-- highest rows there were at the mark: what is not above them is at least that old.
CREATE TABLE day (
	day INTEGER PRIMARY KEY,
	first_seq INTEGER NOT NULL,
	now_us INTEGER NOT NULL,
	divert INTEGER NOT NULL,
	induct INTEGER NOT NULL,
	weigh INTEGER NOT NULL,
	weight INTEGER NOT NULL,
	movement INTEGER NOT NULL,
	case_id INTEGER NOT NULL
) STRICT;

-- The journal in pieces that one engine decided. The last row is open: its last_seq is NULL. A sealed one has the
-- state at its end as a file, whose hash HQ keeps, too. Rows stay for ever; they are few.
CREATE TABLE segment (
	segment INTEGER PRIMARY KEY,
	engine INTEGER NOT NULL,
	first_seq INTEGER NOT NULL,
	first_hash BLOB NOT NULL, -- of the row before its first
	first_day INTEGER NOT NULL,
	last_seq INTEGER,
	last_hash BLOB,
	snapshot TEXT,            -- file in STATE/segments: the whole database as it was behind its last row
	state_hash BLOB,          -- of that file
	event_n INTEGER,          -- outbox number of its journal.sealed
	witnessed INTEGER NOT NULL DEFAULT 0, -- 1: a backup of HQ holds that event
	dropped INTEGER NOT NULL DEFAULT 0    -- 1: its rows are going from this file, the snapshot has them
) STRICT;

-- command and outcome are the stored bytes; hash = BLAKE2b-256(previous hash, seq, now_us, boot_us, peer, command, outcome).
CREATE TABLE journal (
	seq INTEGER PRIMARY KEY,
	segment INTEGER NOT NULL,
	now_us INTEGER NOT NULL,
	boot_us INTEGER NOT NULL,
	doubtful INTEGER NOT NULL,  -- 1: the clock was not synchronised or had jumped
	peer TEXT NOT NULL,
	kind TEXT NOT NULL,
	command TEXT NOT NULL,
	outcome TEXT NOT NULL,
	hash BLOB NOT NULL
) STRICT;

-- Work that goes on in a later turn: one internal command per row and turn.
CREATE TABLE continuation (
	id INTEGER PRIMARY KEY,
	kind TEXT NOT NULL,
	args TEXT NOT NULL
) STRICT;

-- ---- The link to HQ -----------------------------------------------------------------------------------

-- hash = BLAKE2b-256(previous hash, n, bytes); bytes are written once and never encoded again.
CREATE TABLE outbox (
	n INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	type TEXT NOT NULL,
	key TEXT NOT NULL,
	bytes TEXT NOT NULL,
	hash BLOB NOT NULL,
	day INTEGER NOT NULL
) STRICT;

CREATE TABLE link (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	since_us INTEGER NOT NULL,
	up_head INTEGER NOT NULL,
	up_hash BLOB NOT NULL,
	up_acked INTEGER NOT NULL,
	up_safe INTEGER NOT NULL,
	down_n INTEGER NOT NULL,
	hub_gen TEXT NOT NULL,
	base_n INTEGER NOT NULL,   -- last event that was forgotten here, and its hash
	base_hash BLOB NOT NULL
) STRICT;

-- What HQ sent and this version does not know: kept for the one that does.
CREATE TABLE down_raw (
	n INTEGER PRIMARY KEY,
	type TEXT NOT NULL,
	body TEXT NOT NULL
) STRICT;

-- ---- Floor --------------------------------------------------------------------------------------------

-- What an import brings is written with the next generation and seen when `live` reaches it: one row is the switch.
CREATE TABLE catalog (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	live INTEGER NOT NULL
) STRICT;
INSERT INTO catalog VALUES (1, 0);

-- Of a name the newest generation that is live counts (the views "_now"); older ones are removed behind the switch.
CREATE TABLE item (
	item TEXT NOT NULL,
	generation INTEGER NOT NULL,
	title TEXT NOT NULL,
	weight_ug INTEGER,       -- NULL: unknown, and then nobody guesses
	PRIMARY KEY (item, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_generation ON item (generation, item);
CREATE VIEW item_now AS SELECT item, title, weight_ug FROM item i WHERE generation =
	(SELECT max(generation) FROM item n WHERE n.item = i.item AND n.generation <= (SELECT live FROM catalog));

CREATE TABLE barcode (
	code TEXT NOT NULL,
	generation INTEGER NOT NULL,
	item TEXT NOT NULL,
	pack_qty INTEGER NOT NULL CHECK (pack_qty > 0),
	PRIMARY KEY (code, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX barcode_item ON barcode (item, pack_qty, code); -- the code a prompt shows for an item
CREATE INDEX barcode_generation ON barcode (generation, code);
CREATE VIEW barcode_now AS SELECT code, item, pack_qty FROM barcode b WHERE generation =
	(SELECT max(generation) FROM barcode n WHERE n.code = b.code AND n.generation <= (SELECT live FROM catalog));

-- frozen is the same in all generations of a location.
CREATE TABLE location (
	location TEXT NOT NULL,
	generation INTEGER NOT NULL,
	zone TEXT NOT NULL,
	walk INTEGER NOT NULL,
	frozen INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (location, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX location_generation ON location (generation, location);
CREATE VIEW location_now AS SELECT location, zone, walk, frozen FROM location l WHERE generation =
	(SELECT max(generation) FROM location n WHERE n.location = l.location AND n.generation <= (SELECT live FROM catalog));

-- A file that is being brought in, or was: its name stays, so that it is not brought in twice.
CREATE TABLE import (
	import TEXT PRIMARY KEY,
	what TEXT NOT NULL,       -- items, locations, totes or stock
	digest TEXT NOT NULL,     -- of the file: the same name with another file is another import
	rows INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	state TEXT NOT NULL,
	parts INTEGER NOT NULL,
	staged INTEGER NOT NULL,
	applied INTEGER NOT NULL  -- of stock: rows that are in their bins
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX import_active ON import ((1)) WHERE state NOT IN ('done', 'dropped'); -- one at a time

-- Opening balances that wait for the end of their import.
CREATE TABLE import_stock (
	n INTEGER PRIMARY KEY,
	location TEXT NOT NULL,
	item TEXT NOT NULL,
	lot TEXT NOT NULL,
	expiry TEXT NOT NULL,
	qty INTEGER NOT NULL CHECK (qty > 0)
) STRICT;

CREATE TABLE lot (
	item TEXT NOT NULL,
	lot TEXT NOT NULL,
	expiry TEXT NOT NULL,    -- YYYY-MM-DD; '9999-12-31' where none is kept
	received_us INTEGER NOT NULL,
	PRIMARY KEY (item, lot)
) STRICT, WITHOUT ROWID;

-- A place is a location, 'tote/T01' or 'carton/12'.
CREATE TABLE stock (
	place TEXT NOT NULL,
	item TEXT NOT NULL,
	lot TEXT NOT NULL,
	qty INTEGER NOT NULL CHECK (qty >= 0),
	allocated INTEGER NOT NULL CHECK (allocated >= 0 AND allocated <= qty),
	PRIMARY KEY (place, item, lot)
) STRICT, WITHOUT ROWID;
CREATE INDEX stock_item ON stock (item, lot, place) WHERE qty > allocated;

-- '' is the outside world. What was carried and the movements of a place add up to its stock.
CREATE TABLE movement (
	movement INTEGER PRIMARY KEY,
	seq INTEGER NOT NULL,
	item TEXT NOT NULL,
	lot TEXT NOT NULL,
	from_place TEXT NOT NULL,
	to_place TEXT NOT NULL,
	qty INTEGER NOT NULL CHECK (qty > 0),
	reason TEXT NOT NULL
) STRICT;

-- Sums of movements that are no longer kept one by one.
CREATE TABLE carried (
	place TEXT NOT NULL,
	item TEXT NOT NULL,
	lot TEXT NOT NULL,
	qty INTEGER NOT NULL,
	PRIMARY KEY (place, item, lot)
) STRICT, WITHOUT ROWID;
CREATE INDEX carried_zero ON carried (qty) WHERE qty = 0;

CREATE TABLE tote (
	tote TEXT PRIMARY KEY,
	state TEXT NOT NULL,
	order_id TEXT NOT NULL,
	generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tote_order ON tote (order_id) WHERE order_id <> '';
CREATE INDEX tote_generation ON tote (generation, tote);

CREATE TABLE lane (
	lane TEXT PRIMARY KEY,
	number INTEGER NOT NULL,
	plc TEXT NOT NULL,
	carrier TEXT NOT NULL,
	role TEXT NOT NULL,
	state TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE station (
	station TEXT PRIMARY KEY,
	kind TEXT NOT NULL,
	printer TEXT NOT NULL,
	scale TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- last_*: the last scan decided for this device, for the lost beep.
CREATE TABLE device (
	device TEXT PRIMARY KEY,
	kind TEXT NOT NULL,
	station TEXT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	since_us INTEGER NOT NULL,
	last_origin TEXT NOT NULL,
	last_n INTEGER NOT NULL,
	last_data TEXT NOT NULL,
	last_effect INTEGER NOT NULL,
	last_say TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- People -------------------------------------------------------------------------------------------

CREATE TABLE user (
	badge TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	salt TEXT NOT NULL,
	mac TEXT NOT NULL,       -- HMAC of the argon2id result under a pepper that is not in this file
	state TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
	session TEXT PRIMARY KEY,
	badge TEXT NOT NULL,
	device TEXT NOT NULL,
	opened_us INTEGER NOT NULL,
	state TEXT NOT NULL,
	day INTEGER NOT NULL     -- day mark when it was opened
) STRICT, WITHOUT ROWID;
CREATE INDEX session_device ON session (device) WHERE state = 'open';
CREATE INDEX session_ended ON session (day) WHERE state = 'ended';

CREATE TABLE throttle (
	key TEXT PRIMARY KEY,    -- 'badge/B1' or 'device/hh-1'
	fails INTEGER NOT NULL,
	until_us INTEGER NOT NULL,
	day INTEGER NOT NULL     -- day mark of the last failure
) STRICT, WITHOUT ROWID;

-- The conversation at a place: a handheld or a station.
CREATE TABLE dialogue (
	place TEXT PRIMARY KEY,
	kind TEXT NOT NULL,
	state TEXT NOT NULL,
	step INTEGER NOT NULL,
	session TEXT NOT NULL,
	order_id TEXT NOT NULL,
	task INTEGER NOT NULL,
	carton INTEGER NOT NULL,
	tote TEXT NOT NULL,
	counted INTEGER NOT NULL,
	last_id TEXT NOT NULL,
	last_ok INTEGER NOT NULL,
	last_code TEXT NOT NULL,
	last_say TEXT NOT NULL,
	last_signal TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- Orders -------------------------------------------------------------------------------------------

CREATE TABLE orders (
	order_id TEXT PRIMARY KEY,
	state TEXT NOT NULL,
	held_from TEXT NOT NULL,  -- state to go back to when released
	reason TEXT NOT NULL,     -- of hold, cancel or short
	allocation TEXT NOT NULL, -- HQ's allocation id
	customer TEXT NOT NULL,
	customer_po TEXT NOT NULL,
	carrier TEXT NOT NULL,
	service TEXT NOT NULL,
	ship_to TEXT NOT NULL,
	lines INTEGER NOT NULL,
	tote TEXT NOT NULL,
	shipment_n INTEGER NOT NULL, -- outbox number of its shipment event, 0 before
	created_seq INTEGER NOT NULL,
	state_day INTEGER NOT NULL,  -- day mark of its last change of state
	wave TEXT NOT NULL,          -- '': allocated by itself as soon as it comes
	release_n INTEGER NOT NULL   -- pickers see it when so many waves were released
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_state ON orders (state, created_seq);
CREATE INDEX orders_ended ON orders (state_day, created_seq) WHERE state IN ('confirmed', 'short', 'cancelled');

CREATE INDEX orders_wave ON orders (wave, state, created_seq) WHERE wave <> '';
CREATE INDEX orders_to_pick ON orders (release_n, created_seq) WHERE state = 'allocated';

-- Orders that are released together: one that names a wave waits for it. A release allocates over many turns.
CREATE TABLE wave (
	wave TEXT PRIMARY KEY,
	state TEXT NOT NULL,       -- collecting, releasing, released
	release_n INTEGER NOT NULL, -- which release this is; 0: it is not released yet
	orders INTEGER NOT NULL,
	lines INTEGER NOT NULL,
	done INTEGER NOT NULL,     -- lines looked at in its release
	short INTEGER NOT NULL,    -- of them: not all there
	day INTEGER NOT NULL       -- day mark of its last change
) STRICT, WITHOUT ROWID;
CREATE INDEX wave_releasing ON wave (release_n) WHERE state = 'releasing';
CREATE INDEX wave_still ON wave (day, wave) WHERE state IN ('collecting', 'released');

-- One row is the switch: what a release allocated is seen by pickers when seen_n reaches its number.
CREATE TABLE releases (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	seen_n INTEGER NOT NULL
) STRICT;
INSERT INTO releases VALUES (1, 0);

CREATE TABLE order_line (
	order_id TEXT NOT NULL,
	line INTEGER NOT NULL,
	item TEXT NOT NULL,
	ordered INTEGER NOT NULL CHECK (ordered > 0),
	allocated INTEGER NOT NULL DEFAULT 0,
	picked INTEGER NOT NULL DEFAULT 0,
	packed INTEGER NOT NULL DEFAULT 0,
	shipped INTEGER NOT NULL DEFAULT 0,
	short INTEGER NOT NULL DEFAULT 0,
	short_reason TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (order_id, line),
	CHECK (allocated + short <= ordered AND picked <= allocated AND packed <= picked AND shipped <= packed)
) STRICT, WITHOUT ROWID;

-- qty: to pick at this bin; done: in the tote. One active picker: the lease.
CREATE TABLE task (
	task INTEGER PRIMARY KEY,
	order_id TEXT NOT NULL,
	line INTEGER NOT NULL,
	item TEXT NOT NULL,
	lot TEXT NOT NULL,
	location TEXT NOT NULL,
	walk INTEGER NOT NULL,
	qty INTEGER NOT NULL CHECK (qty > 0),
	done INTEGER NOT NULL,
	state TEXT NOT NULL,
	device TEXT NOT NULL
) STRICT;
CREATE INDEX task_order ON task (order_id, state, walk);
CREATE INDEX task_leased ON task (device, order_id) WHERE state = 'leased';

CREATE TABLE carton (
	carton INTEGER PRIMARY KEY,
	order_id TEXT NOT NULL,
	state TEXT NOT NULL,
	station TEXT NOT NULL,
	sscc TEXT NOT NULL,
	expected_ug INTEGER,      -- NULL: an item's weight is unknown
	weight_ug INTEGER,
	weight INTEGER,           -- row of its evidence
	lane TEXT NOT NULL,
	load INTEGER NOT NULL
) STRICT;
CREATE INDEX carton_order ON carton (order_id);
CREATE UNIQUE INDEX carton_sscc ON carton (sscc) WHERE sscc <> '';
CREATE INDEX carton_load ON carton (load, state) WHERE load > 0;

-- A taken weight with its evidence: the frames the scale sent.
CREATE TABLE weight (
	weight INTEGER PRIMARY KEY,
	carton INTEGER NOT NULL,
	device TEXT NOT NULL,
	value_ug INTEGER NOT NULL,
	unit TEXT NOT NULL,
	raw TEXT NOT NULL,
	readings TEXT NOT NULL,
	ok INTEGER NOT NULL
) STRICT;

-- What a scale shall do; state due, taken or dropped.
CREATE TABLE weigh (
	weigh INTEGER PRIMARY KEY,
	carton INTEGER NOT NULL,
	device TEXT NOT NULL,
	state TEXT NOT NULL
) STRICT;
CREATE INDEX weigh_due ON weigh (device) WHERE state = 'due';

-- ---- Numbers and labels -------------------------------------------------------------------------------

CREATE TABLE sscc_block (
	block TEXT PRIMARY KEY,
	prefix TEXT NOT NULL,     -- extension digit and company prefix
	first INTEGER NOT NULL,
	count INTEGER NOT NULL,
	used INTEGER NOT NULL CHECK (used <= count),
	epoch INTEGER NOT NULL,
	kind TEXT NOT NULL,       -- normal or reserve
	state TEXT NOT NULL,
	lease_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sscc (
	sscc TEXT PRIMARY KEY,
	block TEXT NOT NULL,
	carton INTEGER NOT NULL,
	state TEXT NOT NULL       -- used or void
) STRICT, WITHOUT ROWID;

CREATE TABLE label (
	label INTEGER PRIMARY KEY,
	carton INTEGER NOT NULL,
	sscc TEXT NOT NULL,
	printer TEXT NOT NULL,
	template TEXT NOT NULL,
	data TEXT NOT NULL,
	state TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	evidence TEXT NOT NULL
) STRICT;
CREATE INDEX label_open ON label (printer, state) WHERE state IN ('due', 'taken');
CREATE INDEX label_carton ON label (carton);

-- ---- Conveyor and loads -------------------------------------------------------------------------------

-- A carton scanned at an induct, waiting for the PLC's tracking id.
CREATE TABLE induct (
	induct INTEGER PRIMARY KEY,
	station TEXT NOT NULL,
	carton INTEGER NOT NULL,
	boot_us INTEGER NOT NULL,
	state TEXT NOT NULL       -- waiting, paired, gone
) STRICT;
CREATE INDEX induct_waiting ON induct (station) WHERE state = 'waiting';

CREATE TABLE divert (
	divert INTEGER PRIMARY KEY,
	plc TEXT NOT NULL,
	tracking INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	point INTEGER NOT NULL,
	carton INTEGER NOT NULL,  -- 0: unknown
	lane INTEGER NOT NULL,
	reason INTEGER NOT NULL,
	state TEXT NOT NULL,
	result TEXT NOT NULL,
	confirmed_lane INTEGER NOT NULL,
	asked_us INTEGER NOT NULL,    -- boot time
	deadline_us INTEGER NOT NULL  -- boot time
) STRICT;
CREATE INDEX divert_open ON divert (plc, state) WHERE state IN ('asked', 'due');
CREATE INDEX divert_deadline ON divert (deadline_us) WHERE state IN ('asked', 'due');
-- Nobody has said where its carton went; the deadline is 0 where nobody waits for that any more.
CREATE INDEX divert_awaited ON divert (deadline_us) WHERE carton > 0 AND deadline_us > 0 AND state IN ('taken', 'written', 'late', 'failed');
CREATE INDEX divert_taken ON divert (plc) WHERE state = 'taken';
CREATE INDEX divert_unpaired ON divert (plc) WHERE carton = 0 AND lane = 0;
CREATE INDEX divert_tracking ON divert (plc, tracking);

CREATE TABLE load (
	load INTEGER PRIMARY KEY,
	lane TEXT NOT NULL,
	carrier TEXT NOT NULL,
	number TEXT NOT NULL,     -- site-epoch-counter, given at closing
	seal TEXT NOT NULL,
	state TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX load_open ON load (lane) WHERE state = 'open';

CREATE TABLE shipment (
	number TEXT PRIMARY KEY,  -- site-epoch-counter
	order_id TEXT NOT NULL UNIQUE,
	load INTEGER NOT NULL,
	n INTEGER NOT NULL        -- outbox number of its event
) STRICT, WITHOUT ROWID;

-- ---- Exceptions ---------------------------------------------------------------------------------------

CREATE TABLE cases (
	case_id INTEGER PRIMARY KEY,
	kind TEXT NOT NULL,
	state TEXT NOT NULL,
	role TEXT NOT NULL,
	subject TEXT NOT NULL,
	say TEXT NOT NULL,
	choices TEXT NOT NULL,    -- words a resolver may choose from, '|' between
	opened_us INTEGER NOT NULL,
	resolution TEXT NOT NULL,
	resolved_by TEXT NOT NULL
) STRICT;
CREATE INDEX cases_subject ON cases (kind, subject);
CREATE UNIQUE INDEX cases_open ON cases (kind, subject) WHERE state = 'open';
