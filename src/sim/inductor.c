/* The induct: each labelled carton passes the fixed scanner, and a moment later the photo-eye where
 * the PLC asks where it shall go. Now and then the label is not read. */
#include "log.h"
#include "people.h"
#include "text.h"

#define NO_READ_PERMILLE 50
#define EYE_FIRST_MS 50
#define EYE_LAST_MS 150
#define GAP_MS 700   /* between two cartons: more than the PLC's decision time */
#define IDLE_MS 300

static void pass_eye(struct person *p, const char *sscc, const char *code, bool read)
{
	struct world *w = p->world;

	pthread_mutex_lock(&w->loop.lock);
	if (conveyor_enter(&w->conveyor, sscc, read && w->options.plc_code ? code : "",
		    read ? PLC_READ_OK : PLC_READ_NONE) < 0)
		log_error("the belt is full: carton lifted off sscc=%s", sscc);
	pthread_mutex_unlock(&w->loop.lock);
}

void inductor_work(struct person *p)
{
	struct loop *loop = &p->world->loop;
	char sscc[QUEUE_TEXT_MAX], code[QUEUE_TEXT_MAX + 2];

	while (loop_pause(loop, 1)) {
		bool read;

		if (world_fetch(p->world, &p->world->labelled, IDLE_MS, sscc) < 0)
			continue;
		read = !chance_permille(&p->chance, NO_READ_PERMILLE);
		text_format(code, sizeof(code), "00%s", sscc);
		if (read)
			scanner_scan(&p->world->induct_scanner, "]C1", code, 0);
		loop_pause(loop, chance_range(&p->chance, EYE_FIRST_MS, EYE_LAST_MS));
		pass_eye(p, sscc, code, read);
		loop_pause(loop, GAP_MS);
	}
}
