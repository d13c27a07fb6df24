/* The people of the virtual floor, each a thread with a session of its own. They act only on what
 * a prompt shows or a device says, and try again as people do. */
#ifndef WHARF_SIM_PEOPLE_H
#define WHARF_SIM_PEOPLE_H

#include "api.h"
#include "world.h"

#define PEOPLE_MAX 16

struct person {
	struct world *world;
	struct api api;
	struct chance chance;   /* what this person does, and how well */
	pthread_t thread;
	bool started;
	void (*work)(struct person *person);
	json_t *prompt;         /* the last one seen */
	char tote[QUEUE_TEXT_MAX]; /* in this person's hands; "": none */
	char sscc[QUEUE_TEXT_MAX]; /* carton in this person's hands */
	void *work_data;           /* of a row callback */
};

struct people {
	struct person list[PEOPLE_MAX];
	size_t n;
};

/* Hires everybody and sets them to work; people_stop() after loop_stop(). 0 or -errno. */
int people_start(struct people *people, struct world *world);
void people_stop(struct people *people);

/* What each does until the loop stops. */
void picker_work(struct person *person);
void packer_work(struct person *person);
void inductor_work(struct person *person);
void loader_work(struct person *person);
void supervisor_work(struct person *person);

/* A short human pause; false at the end. */
bool person_pause(struct person *person);

/* Looks at the prompt of the own place; false where there is none (yet) or at the end. */
bool person_look(struct person *person);
const char *person_expects(const struct person *person);
/* A text or number of the prompt's data. */
const char *person_sees(const struct person *person, const char *key);

/* Acts on the prompt that was seen; the prompt in the answer becomes the one seen. `args` is stolen,
 * *ret (may be NULL) gets the outcome. 0; -EAGAIN: look again; -ECANCELED: the end. */
int person_act(struct person *person, const char *kind, json_t *args, json_t **ret);
int person_scan(struct person *person, const char *aim, const char *data, json_t **ret);
int person_key(struct person *person, const char *key);

/* A command that belongs to no prompt (stage, load_close, case_resolve …). */
int person_order(struct person *person, const char *kind, json_t *args, json_t **ret);

#endif
