/* Who may sign on. PINs never come here: wharf-web turns one into an argon2id key, the core's front turns that into a
 * keyed hash with a pepper that is not in the database, and only the comparison's result is a command. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "json.h"

/* After FAILS_FREE wrong PINs each further one doubles the wait, up to WAIT_MAX_S. */
#define FAILS_FREE 5
#define WAIT_FIRST_S 30
#define WAIT_MAX_S 3600

int on_user_put(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *badge = NULL, *name = NULL, *role_text = NULL, *salt = NULL, *mac = NULL;
	enum role role;
	const struct json_field fields[] = {
		{ "badge", JSON_REQUIRED, JSON_STRING, &badge, 1, 40 },
		{ "name", JSON_REQUIRED, JSON_STRING, &name, 1, 80 },
		{ "role", JSON_REQUIRED, JSON_STRING, &role_text, 1, 20 },
		{ "salt", JSON_REQUIRED, JSON_STRING, &salt, 32, 32 },
		{ "mac", JSON_REQUIRED, JSON_STRING, &mac, 64, 64 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (role_named(role_text, &role) < 0) {
		snprintf(why, WHY_MAX, "\"role\" must be picker, packer, loader, maintenance, supervisor or admin");
		return -EINVAL;
	}
	store_run(e->store, SQL_USER_PUT, "ttttt", badge, name, role_text, salt, mac);
	o->touched |= TOUCHED_SESSIONS;
	outcome_good(o, "put", "%s may sign on as %s", name, role_text);
	return 0;
}

static void clear_throttle(struct engine *e, const char *sort, const char *name)
{
	char key[DOOR_NAME_MAX + 16];

	snprintf(key, sizeof(key), "%s/%s", sort, name);
	store_run(e->store, SQL_THROTTLE_CLEAR, "t", key);
}

static void throttle(struct engine *e, const struct command *c, const char *sort, const char *name)
{
	char key[DOOR_NAME_MAX + 16];
	int64_t fails, wait_s = 0;

	snprintf(key, sizeof(key), "%s/%s", sort, name);
	fails = store_number(e->store, 0, SQL_THROTTLE_FAILS, "t", key) + 1;
	if (fails >= FAILS_FREE) {
		int64_t doublings = fails - FAILS_FREE;

		wait_s = doublings > 6 ? WAIT_MAX_S : WAIT_FIRST_S << doublings;
	}
	store_run(e->store, SQL_THROTTLE_SET, "tii", key, fails,
		c->moment.now_us + (wait_s < WAIT_MAX_S ? wait_s : WAIT_MAX_S) * 1000000);
}

static int read_login(struct command *c, const char **badge, const char **device, const char **session, char *why)
{
	const struct json_field fields[] = {
		{ "badge", JSON_REQUIRED, JSON_STRING, badge, 1, 40 },
		{ "device", JSON_REQUIRED, JSON_STRING, device, 1, DOOR_NAME_MAX - 1 },
		{ "session", JSON_REQUIRED, JSON_STRING, session, 16, DOOR_NAME_MAX - 1 },
	};

	return READ_ARGS(fields);
}

/* A handheld is known from its first sign-on; a station by configuration. Its conversation gets the new session. */
static void open_dialogue(struct engine *e, struct command *c, struct outcome *o, const char *device,
	const char *session)
{
	char kind[16] = "pick";
	struct dialogue d;
	struct store_cursor q = store_query(e->store, SQL_STATION_KIND, "t", device);

	bool station = store_first(&q);

	if (station) {
		text_copy(kind, sizeof(kind), store_text(&q, 0));
		store_end(&q);
	}
	/* A station's page has a keyboard wedge of its own: what it heard last is kept like a handheld's. */
	store_run(e->store, SQL_DEVICE_MEET, "tti", device, station ? "page" : "handheld", c->moment.now_us);
	if (strcmp(kind, "pick") != 0 && strcmp(kind, "pack") != 0)
		return;
	if (!dialogue_load(e, device, &d)) {
		store_run(e->store, SQL_DIALOGUE_ADD, "ttt", device, kind,
			strcmp(kind, "pick") == 0 ? "start" : "tote");
		dialogue_load(e, device, &d);
	}
	text_copy(d.session, sizeof(d.session), session);
	dialogue_store(e, o, &d);
}

int on_login_verified(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *badge = NULL, *device = NULL, *session = NULL;
	struct store_cursor q;

	if (read_login(c, &badge, &device, &session, why) < 0)
		return -EINVAL;
	/* One person, one device: the older session ends. */
	store_run(e->store, SQL_SESSIONS_END, "tt", badge, device);
	o->touched |= TOUCHED_SESSIONS;
	/* The same sign-on said again is the same session; somebody else's is not given away. */
	if (!store_run(e->store, SQL_SESSION_ADD, "ttti", session, badge, device, c->moment.now_us)) {
		outcome_bad(o, "session_taken", "That session belongs to somebody else");
		return 0;
	}
	clear_throttle(e, "badge", badge);
	clear_throttle(e, "device", device);
	open_dialogue(e, c, o, device, session);
	q = store_query(e->store, SQL_USER_GET, "t", badge);
	if (store_first(&q)) {
		o->data = json_pack("{s:s, s:s, s:s}", "name", store_text(&q, 0), "role", store_text(&q, 1), "device",
			device);
		store_end(&q);
	}
	outcome_good(o, "signed_on", "Welcome");
	return 0;
}

int on_login_failed(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *badge = NULL, *device = NULL, *session = NULL;

	if (read_login(c, &badge, &device, &session, why) < 0)
		return -EINVAL;
	throttle(e, c, "badge", badge);
	throttle(e, c, "device", device);
	outcome_bad(o, "wrong_pin", "Badge or PIN is wrong");
	o->keep = true;
	return 0;
}

int on_logout(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	struct dialogue d;

	(void)why;
	store_run(e->store, SQL_SESSION_END, "t", c->actor);
	o->touched |= TOUCHED_SESSIONS;
	if (dialogue_load(e, c->place, &d)) {
		d.session[0] = '\0';
		dialogue_store(e, o, &d);
	}
	outcome_quiet(o, "signed_off");
	return 0;
}
