#include "cleanup.h"
#include "config.h"

#define TEXT(section, key, initial, help)                                                          \
	{ section, key, CONFIG_TEXT, initial, 0, 0, NULL, help }
#define INT(section, key, initial, min, max, help)                                                 \
	{ section, key, CONFIG_INT, initial, min, max, NULL, help }
#define BOOL(section, key, initial, help)                                                          \
	{ section, key, CONFIG_BOOL, initial, 0, 0, NULL, help }
#define CHOICE(section, key, initial, choices, help)                                               \
	{ section, key, CONFIG_CHOICE, initial, 0, 0, choices, help }

const struct config_row config_table[] = {
	TEXT("paths", "state", "/var/lib/wharf", "folder of the database, keys and backups"),
	TEXT("paths", "run", "/run/wharf", "folder of the door sockets"),

	TEXT("site", "name", "DEMO", "name of this site at HQ"),
	TEXT("site", "title", "Demo warehouse", "name people know it by"),
	TEXT("site", "gln", "", "GS1 location number of this site, 13 digits"),
	TEXT("site", "timezone", "UTC", "IANA time zone of the posting date"),

	INT("core", "backup_pages", "64", 1, 4096, "pages copied per turn by an online backup"),
	INT("core", "warn_free_mib", "512", 1, 1048576, "free disk below which everybody is warned"),
	INT("core", "intake_free_mib", "256", 1, 1048576, "free disk below which no new order is taken"),
	INT("core", "finish_free_mib", "128", 1, 1048576, "free disk below which nothing new is begun; never above intake_free_mib"),
	INT("core", "closed_free_mib", "64", 1, 1048576, "free disk below which the door is closed"),
	INT("core", "ballast_mib", "32", 0, 4096, "file given up on a full disk so that the log can drain"),

	INT("journal", "seal_days", "30", 1, 3650, "days of uptime after which a segment is sealed with a copy of the database"),
	INT("journal", "keep_orders_days", "90", 14, 3650, "days of uptime an ended order stays, with its cartons and labels"),

	INT("weight", "packaging_g", "150", 0, 100000, "packaging added to the expected carton weight"),
	INT("weight", "tolerance_g", "60", 0, 100000, "least tolerated difference"),
	INT("weight", "tolerance_percent", "5", 0, 100, "tolerated difference in per cent of the expected weight"),

	TEXT("web", "address", "127.0.0.1", "address the HTTPS server listens on"),
	INT("web", "port", "8443", 1, 65535, "port of the HTTPS server"),
	TEXT("web", "certificate", "@state@/tls/server.pem", "TLS certificate; made with a local CA where missing"),
	TEXT("web", "key", "@state@/tls/server.key", "TLS private key"),

	TEXT("hq", "address", "tcp://127.0.0.1:7701", "ZeroMQ address of the hub; empty: no HQ"),
	TEXT("hq", "server_key", "@state@/keys/hq.pub", "file with the hub's CURVE public key (Z85)"),
	TEXT("hq", "key", "@state@/keys/site.key", "file with this site's CURVE key pair"),
	INT("hq", "ping_ms", "2000", 100, 60000, "time between two PINGs on an idle link"),
	INT("hq", "watchdog_ms", "30000", 1000, 600000, "no progress with a full outbox for so long: new session"),
	INT("hq", "sscc_low", "200", 1, 1000000, "free SSCCs below which a new block is asked for"),

	TEXT("hub", "address", "tcp://127.0.0.1:7701", "address wharf-hq listens on"),
	TEXT("hub", "store", "@state@/hq.db", "database of wharf-hq"),
	TEXT("hub", "key", "@state@/keys/hq.key", "file with the hub's CURVE key pair"),
	TEXT("hub", "sites", "@state@/keys/sites", "folder with one public key file per site (SITE.pub)"),
	TEXT("hub", "socket", "@run@/hq.sock", "control socket of wharf-hq"),
	TEXT("hub", "company_prefix", "4012345", "GS1 company prefix of the SSCC blocks it leases"),
	INT("hub", "sscc_block", "1000", 10, 1000000, "SSCCs per leased block"),

	TEXT("labels", "templates", "", "folder of the site's own label templates (NAME.label); empty: built in only"),

	TEXT("cups", "server", "", "CUPS server, host:port or socket path; empty: the system's"),

	CHOICE("station *", "kind", NULL, "pack|induct|desk", "what people do there"),
	TEXT("station *", "printer", "", "label printer of the station"),
	TEXT("station *", "scale", "", "scale of the station"),

	TEXT("scanner *", "station", NULL, "station it belongs to"),
	CHOICE("scanner *", "protocol", "serial", "serial", "how it speaks"),
	TEXT("scanner *", "port", NULL, "tty"),
	INT("scanner *", "baud", "9600", 300, 921600, "serial speed"),
	CHOICE("scanner *", "suffix", "crlf", "cr|lf|crlf|tab|etx", "end of a scan (crlf accepts any of CR and LF)"),
	CHOICE("scanner *", "prefix", "none", "none|stx", "byte before a scan"),
	BOOL("scanner *", "aim", "yes", "the AIM symbology id comes before the data"),
	CHOICE("scanner *", "answer", "beep", "none|beep", "what is written back: BEL for good, BEL BEL BEL for bad"),
	INT("scanner *", "dedup_ms", "0", 0, 10000, "same code suppressed for so long (fixed readers)"),

	TEXT("scale *", "station", NULL, "station it belongs to"),
	CHOICE("scale *", "protocol", "toledo8217", "toledo8217", "how it speaks"),
	TEXT("scale *", "port", NULL, "tty"),
	INT("scale *", "baud", "9600", 300, 921600, "serial speed"),
	CHOICE("scale *", "unit", NULL, "kg|lb", "unit it is set to (8217 does not send it)"),
	INT("scale *", "poll_ms", "200", 20, 10000, "time between two questions"),
	INT("scale *", "min_g", "20", 0, 100000, "least weight that is taken (20 e by legal metrology)"),

	TEXT("printer *", "queue", "", "CUPS queue"),
	CHOICE("printer *", "language", "zpl", "zpl", "printer language"),
	INT("printer *", "dpi", "203", 203, 600, "dots per inch"),
	INT("printer *", "timeout_s", "30", 1, 600, "job without an end for so long is doubtful"),

	TEXT("plc *", "host", "127.0.0.1", "host name or address"),
	INT("plc *", "port", "1502", 1, 65535, "Modbus TCP port"),
	INT("plc *", "unit", "1", 0, 247, "Modbus unit id"),
	TEXT("plc *", "station", NULL, "induct station whose scans it diverts"),
	INT("plc *", "a_base", "0", 0, 65535, "first holding register of block A (PLC to host), from 0"),
	INT("plc *", "b_base", "100", 0, 65535, "first holding register of block B (host to PLC), from 0"),
	INT("plc *", "poll_ms", "20", 5, 1000, "time between two polls of the handshake"),
	INT("plc *", "response_ms", "100", 10, 5000, "Modbus response time-out"),
	INT("plc *", "deadline_ms", "250", 20, 10000, "a decision later than this is never written"),
	BOOL("plc *", "commissioned", "no", "a person watched one divert; until then the link only reads"),

	INT("lane *", "number", NULL, 1, 65535, "number the PLC knows it by"),
	TEXT("lane *", "plc", NULL, "PLC it belongs to"),
	TEXT("lane *", "carrier", "", "carrier whose cartons it takes"),
	CHOICE("lane *", "role", "ship", "ship|default|reject|hospital", "what it is for"),

	TEXT("program *", "command", NULL, "another program `wharf run` starts, words split at blanks"),
};

const size_t config_table_rows = array_len(config_table);

const char config_default_floor[] =
	"[station pack1]\nkind = pack\nprinter = pack1-labels\nscale = pack1-scale\n"
	"[station induct1]\nkind = induct\n"
	"[station desk]\nkind = desk\n"
	"[scanner pack1-scanner]\nstation = pack1\nport = @run@/tty/pack1-scanner\n"
	"[scanner induct1-scanner]\nstation = induct1\nport = @run@/tty/induct1-scanner\n"
	"[scale pack1-scale]\nstation = pack1\nport = @run@/tty/pack1-scale\nunit = kg\n"
	"[printer pack1-labels]\nqueue = pack1-labels\n"
	"[plc conveyor1]\nstation = induct1\ncommissioned = yes\n"
	"[lane north]\nnumber = 1\nplc = conveyor1\ncarrier = NORTH\n"
	"[lane south]\nnumber = 2\nplc = conveyor1\ncarrier = SOUTH\n"
	"[lane reject]\nnumber = 8\nplc = conveyor1\nrole = reject\n"
	"[lane default]\nnumber = 9\nplc = conveyor1\nrole = default\n";
