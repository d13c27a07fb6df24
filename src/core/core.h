/* wharfd: the door, the turn, the release of what a turn decided. One thread, one loop. */
#ifndef WHARF_CORE_H
#define WHARF_CORE_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "dialogue.h"
#include "door.h"
#include "engine.h"

/* Limits of the door. */
#define PEERS_MAX 256
#define PEER_COMMANDS_MAX 128      /* read but not decided; at the limit the socket is not read */
#define PEER_UNREAD_MAX (64 * 1024)
#define PEER_STUCK_US INT64_C(10000000)
#define PEER_TOPICS_MAX 256
#define OFFERS_MAX 256

/* Limits of a turn. */
#define TURN_COMMANDS_MAX 128
#define TURN_US_MAX INT64_C(8000)
#define TURN_INTERNAL_MAX 8

/* Free disk, from good to worst. */
enum disk_level { DISK_FINE, DISK_WARN, DISK_NO_NEW_WORK, DISK_FINISH_ONLY, DISK_CLOSED };

/* A row that was shown to a device on this connection: it is not offered twice. */
struct offer {
	int64_t id, attempt;
};

struct topic {
	char name[DOOR_NAME_MAX + 16];
	struct offer offers[OFFERS_MAX];
	size_t offers_n;
};

struct out {
	struct out *next;
	size_t len;
	char topic[DOOR_NAME_MAX + 16]; /* "" or what a newer state of the same replaces */
	char *text;
};

struct peer {
	struct core *core;
	enum door_kind kind;
	uint64_t serial;
	int fd;
	sd_event_source *io;
	bool hello, closing;
	char boot[DOOR_ORIGIN_MAX];
	struct out *out_first, *out_last;
	size_t out_bytes;
	int64_t stuck_since_us;
	size_t commands;
	struct topic *topics[PEER_TOPICS_MAX];
	size_t topics_n;
};

/* A command that was read and waits for its turn. */
struct pending {
	struct pending *next;
	uint64_t peer_serial;
	struct command command;
	char *text;
};

struct decided {
	uint64_t peer_serial;
	bool internal;
	char id[DOOR_ID_MAX], place[DOOR_NAME_MAX];
	struct engine_result result;
};

/* A prompt is computed once per turn, for the outcome and for everybody who watches the place. */
struct prompt_text {
	char place[DOOR_NAME_MAX];
	char *text; /* JSON object; NULL where there is no conversation */
};

struct core {
	const struct config *config;
	struct store *store;
	struct engine engine;
	char boot[BOOT_ID_MAX];
	char state[256], run[256];
	uint8_t pepper[32];

	sd_event *event;
	sd_event_source *listeners[DOOR_KINDS];
	sd_event_source *turn_source, *again_source, *deadline_source, *tick_source;
	struct peer *peers[PEERS_MAX];
	size_t peers_n;
	uint64_t next_serial;

	struct pending *queue_first[PRIORITIES], *queue_last[PRIORITIES];
	bool more; /* a continuation waits */
	int log_tried; /* frames its last checkpoint could not write home */
	struct decided decided[TURN_COMMANDS_MAX + TURN_INTERNAL_MAX];
	size_t decided_n;

	struct prompt_text prompts[TURN_COMMANDS_MAX];
	size_t prompts_n;

	enum disk_level disk;
	char closed_reason[160]; /* "" while the door is open */
	char incarnation[33];    /* of a database that is being made */
	char machine[64];
	int64_t witnessed_seq;
	bool witness_failed;     /* said once */
	bool site_started;       /* the engine knows who we are */
	int64_t uptime_us, uptime_at_us, uptime_kept_us; /* since the last day mark; counted until; written at */
	int64_t clock_offset_us;
	int64_t clock_doubtful_until_us;
	struct poison *poison;
	char poisoned_id[DOOR_ID_MAX]; /* "" or the command that killed us twice */
	struct backup_job *backup;
	struct segment_job *segment_job;
	int64_t segments_lost;        /* a closed segment that was tried to be hashed */
	int64_t segments_retry_us;    /* not before */
	int64_t segments_checked_day; /* day mark + 1 of the last look at a copy whose rows may go */
	char in[DOOR_MESSAGE_MAX + 1];
};

/* peers.c */
int peers_listen(struct core *core);
struct peer *peer_find(struct core *core, uint64_t serial);
void peer_send(struct peer *peer, json_t *message);                          /* message is taken */
void peer_send_topic(struct peer *peer, const char *topic, json_t *message); /* newest of a topic wins */
void peer_send_text(struct peer *peer, const char *topic, char *text);       /* one line; text is taken */
void peer_read_again(struct peer *peer);
void peers_check(struct core *core); /* closes those that are gone or do not read */
struct topic *peer_topic(struct peer *peer, const char *name);
void peer_drop_topic(struct peer *peer, struct topic *topic); /* and what of it was not sent yet */
void peers_destroy(struct core *core);

/* messages.c */
void message_take(struct peer *peer, const char *bytes, size_t len);
void message_refuse(struct peer *peer, const char *id, const char *why, const char *say);
json_t *status_of(const struct core *core);

/* turn.c */
void turn_queue(struct core *core, struct pending *pending, int priority);
void pending_free(struct pending *pending);
void turn_want(struct core *core);
int on_turn(sd_event_source *source, void *user);
int on_turn_again(sd_event_source *source, uint64_t usec, void *user);
const char *core_closed(const struct core *core); /* word for refused.why, NULL while open */
const char *core_say(const struct core *core);    /* what people must know about it; "" */
/* Ends the program without a word where a read between two turns failed. */
void core_check_store(struct core *core);
int core_checkpoint(struct core *core, bool truncate); /* frames in the log */
/* Decides one internal command in a turn of its own; for start-up and logins. `args` is taken. 0, or -EAGAIN where
 * the disk is full. */
int turn_internal(struct core *core, const char *kind, json_t *args, struct decided *ret);

/* release.c */
void release_all(struct core *core);
void release_topic(struct core *core, struct peer *peer, struct topic *topic);
void release_decided(struct core *core, const struct decided *decided);
void release_status(struct core *core); /* to everybody who watches it */

/* site_start.c: what the engine is told at start. */
int core_start_site(struct core *core);

/* guard.c: clock, poison, witness. */
int guard_open(struct core *core);
int guard_check_witness(struct core *core);
void guard_tick(struct core *core);
struct moment guard_moment(struct core *core);
/* A sentence where this id was at work when wharfd died twice in a row. */
const char *guard_poisoned(struct core *core, const char *id);
void guard_enter(struct core *core, const char *id);
void guard_leave(struct core *core);

/* disk.c: free space, its levels, the ballast. */
void disk_open(struct core *core);
void disk_watch(struct core *core);
void disk_full(struct core *core); /* SQLite found it first; outside a transaction */
bool disk_fits(const struct core *core, int64_t bytes); /* a copy of this size leaves room for new work */
const char *disk_word(enum disk_level level);
const char *disk_say(enum disk_level level);
/* A sentence where this command is not begun with so little disk. */
const char *disk_refuses(const struct core *core, const struct command *command);

/* login.c */
int login_open(struct core *core); /* reads or makes the pepper */
void login_take(struct peer *peer, const json_t *body);
json_t *login_salt(struct core *core, const char *badge);
/* Replaces a new user's key by its keyed hash, so that no secret reaches the journal. 0 or -EINVAL. */
int login_rewrite(struct core *core, json_t *command, char *why, size_t why_size);

/* backup_job.c */
void backup_take(struct peer *peer, const json_t *body);
bool backup_work(struct core *core); /* a few pages; true while there is more */
void backup_destroy(struct core *core);

/* days.c: marks of uptime. */
void days_open(struct core *core);
void days_tick(struct core *core);

/* segments.c */
int segments_start(struct core *core); /* before anything is decided: seals what another engine decided */
void segments_tick(struct core *core); /* begins what is due */
bool segments_work(struct core *core); /* a slice between two turns; true while there is more */
void segments_take(struct peer *peer, const json_t *body);
void segments_destroy(struct core *core);

#endif
