/* A play cut into turns, to be played again on a disk that fails. What a command was, when it was decided and what its
 * answer was stand in the journal of a play that nothing disturbed; so does the chain that says whether another journal is
 * the same. */
#ifndef WHARF_TAPE_H
#define WHARF_TAPE_H

#include "chance.h"
#include "play.h"

struct tape_row {
	struct moment moment;
	unsigned peer;
	char *command, *outcome;
	uint8_t hash[HASH_BYTES];
};

enum tape_checkpoint { CHECKPOINT_NONE, CHECKPOINT_PASSIVE, CHECKPOINT_TRUNCATE };

/* Rows first to first + n - 1 in one transaction, then perhaps a checkpoint. */
struct tape_turn {
	size_t first, n;
	enum tape_checkpoint checkpoint;
	uint8_t state[HASH_BYTES]; /* hash of all state behind it */
};

struct tape {
	struct tape_row *rows;
	size_t rows_n;
	struct tape_turn *turns;
	size_t turns_n;
};

/* Takes the journal of an open play, then ends that without its proofs. */
void tape_record(struct tape *tape, struct play *p);
/* Cuts it into turns and plays them once without a fault, for the states. May be called again. */
void tape_cut(struct tape *tape, struct chance *chance);
void tape_free(struct tape *tape);

/* Rows of the first `turns` turns. */
size_t tape_end(const struct tape *tape, size_t turns);

/* Decides one row in the open transaction. True where it got its first answer, new or kept, and that is what the tape has;
 * *ret_answer says which. */
bool tape_apply(const struct tape_row *row, struct engine *engine, enum engine_answer *ret_answer);

/* What wharfd does with the commands of a turn: all or nothing. False where the store failed. */
bool tape_play_turn(const struct tape *tape, size_t turn, struct engine *engine);

/* Plays. A day on the floor that meets every kind of command once, or `acts` acts of people and devices by chance. */
void play_short_day(struct play *p);
void play_random_day(struct play *p, struct chance *chance, int acts);

#endif
