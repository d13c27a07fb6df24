/* The driver that never has a reading. It is what a silent device looks like in tests, and the
 * template: copy it, name it, add it to registry.c and give it a pair of files in tests/replay. */
#include "driver.h"

struct null_state {
	size_t pending; /* bytes of the frame that is not complete yet */
};

_Static_assert(sizeof(struct null_state) <= DRIVER_STATE_MAX, "state fits");

static void init_null(void *state, const struct driver_settings *settings)
{
	struct null_state *s = state;

	(void)settings;
	*s = (struct null_state){ 0 };
}

static size_t take_null(void *state, const uint8_t *bytes, size_t n, struct reading *ret)
{
	struct null_state *s = state;

	(void)bytes;
	s->pending += n;
	*ret = (struct reading){ .kind = READING_NONE };
	return n;
}

static size_t reset_null(void *state)
{
	struct null_state *s = state;
	size_t had = s->pending;

	s->pending = 0;
	return had;
}

const struct driver driver_null = {
	.name = "null",
	.family = DRIVER_SCANNER,
	.line = DRIVER_8N1,
	.state_size = sizeof(struct null_state),
	.init = init_null,
	.take = take_null,
	.reset = reset_null,
};
