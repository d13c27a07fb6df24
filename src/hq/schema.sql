-- HQ's store. One row in `event` per event of a site, in the order of its site, for ever.

CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- up_n, up_h: end of the site's chain as stored here; the compare-and-set works on them.
-- safe: the highest event in a verified backup. down_head is never set back.
CREATE TABLE site (
	site TEXT PRIMARY KEY,
	status TEXT NOT NULL CHECK (status IN ('active', 'blocked')),
	incarnation TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	up_n INTEGER NOT NULL,
	up_h BLOB NOT NULL,
	safe INTEGER NOT NULL,
	down_head INTEGER NOT NULL,
	down_acked INTEGER NOT NULL,
	duplicates INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
	arrival INTEGER PRIMARY KEY,
	site TEXT NOT NULL REFERENCES site,
	n INTEGER NOT NULL,
	id TEXT NOT NULL,
	type TEXT NOT NULL,
	bytes BLOB NOT NULL,
	hash BLOB NOT NULL,
	UNIQUE (site, n)
) STRICT;

-- The books: a shipment is there once, however often it is told.
CREATE TABLE shipment (
	site TEXT NOT NULL,
	shipment TEXT NOT NULL,
	orders TEXT NOT NULL,
	n INTEGER NOT NULL,
	cartons INTEGER NOT NULL,
	told INTEGER NOT NULL,
	PRIMARY KEY (site, shipment)
) STRICT, WITHOUT ROWID;

-- Poison: stored in `event`, not applied. What follows with the same key waits behind it.
CREATE TABLE quarantine (
	site TEXT NOT NULL,
	n INTEGER NOT NULL,
	key TEXT NOT NULL,
	reason TEXT NOT NULL,
	PRIMARY KEY (site, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantine_key ON quarantine (site, key);

-- gen: hub_gen at birth; it belongs to the id of the message and stays.
CREATE TABLE down (
	site TEXT NOT NULL REFERENCES site,
	n INTEGER NOT NULL,
	gen TEXT NOT NULL,
	type TEXT NOT NULL,
	body TEXT NOT NULL,
	refused TEXT NOT NULL,
	PRIMARY KEY (site, n)
) STRICT, WITHOUT ROWID;

-- All sites share the company prefix, so blocks are cut from one row of serials.
CREATE TABLE lease (
	prefix TEXT NOT NULL,
	first INTEGER NOT NULL,
	count INTEGER NOT NULL,
	site TEXT NOT NULL REFERENCES site,
	n INTEGER NOT NULL,
	gen TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	block TEXT NOT NULL,
	PRIMARY KEY (prefix, first),
	UNIQUE (site, n)
) STRICT, WITHOUT ROWID;
