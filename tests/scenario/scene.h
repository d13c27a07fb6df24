/* What every test file of this folder begins with. */
#ifndef WHARF_SCENE_H
#define WHARF_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "play.h"

/* A test that plays on a filled floor and ends with audit and replay. */
#define SCENE(name)                                                                                \
	static void name##_play(struct play *p);                                                   \
	static void name(void **state)                                                             \
	{                                                                                          \
		static struct play p;                                                              \
		(void)state;                                                                       \
		play_open_floor(&p);                                                               \
		name##_play(&p);                                                                   \
		play_close(&p);                                                                    \
	}                                                                                          \
	static void name##_play(struct play *p)

static inline int64_t journal_rows(struct play *p)
{
	return play_number(p, "SELECT count(*) FROM journal");
}

static inline json_t *order_word(const char *order)
{
	return json_pack("{s:s}", "order", order);
}

#endif
