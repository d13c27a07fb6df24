/* The journal's segments: what closes one, what HQ hears of it, and when its rows may go. */
#include "scene.h"

#include "text.h"

#define KEPT_MARKS 17 /* 14 days of uptime in marks of 20 h, rounded up */

static void ack(struct play *p, int64_t cum, int64_t safe)
{
	expect(p,
		play_send(p, DOOR_SYNC,
			json_pack("{s:s, s:{s:I, s:I, s:s, s:s}}", "kind", "hq_acked", "args", "cum", (json_int_t)cum, "safe",
				(json_int_t)safe, "hub_gen", "g", "hash", "")),
		"noted");
}

static int64_t head(struct play *p)
{
	return play_number(p, "SELECT up_head FROM link");
}

static const char *drop(struct play *p, int64_t segment, const char *state_hash)
{
	const char *code = play_internal(p, "segment_drop",
		json_pack("{s:I, s:s}", "segment", (json_int_t)segment, "state_hash", state_hash));

	play_continue(p);
	return code;
}

static const char *hash_of(struct play *p, int64_t segment)
{
	static char hash[HASH_HEX];

	snprintf(hash, sizeof(hash), "%s", play_words(p, "SELECT lower(hex(state_hash)) FROM segment WHERE segment = %lld",
						   (long long)segment));
	return hash;
}

SCENE(a_sealed_segment_ends_where_the_next_begins_and_hq_hears_of_it)
{
	int64_t last;

	play_order(p, "O1", "NORTH", "TEA:1");
	last = p->engine.seq;
	assert_int_equal(play_seal(p), 1);
	assert_int_equal(play_number(p, "SELECT last_seq FROM segment WHERE segment = 1"), last);
	assert_int_equal(play_number(p, "SELECT first_seq FROM segment WHERE segment = 2"), last + 1);
	assert_string_equal(play_words(p, "SELECT kind FROM journal WHERE segment = 2 ORDER BY seq"), "segment_seal segment_sealed");
	assert_int_equal(play_number(p, "SELECT count(*) FROM segment a JOIN segment b ON b.segment = a.segment + 1 WHERE "
					"a.last_hash = b.first_hash AND a.last_hash = (SELECT hash FROM journal WHERE seq = a.last_seq)"), 1);
	assert_string_equal(play_words(p, "SELECT type || ' ' || json_extract(bytes, '$.data.last_seq') = 'wharf.journal.sealed %lld' FROM outbox "
					  "ORDER BY n DESC LIMIT 1", (long long)last), "1");
	assert_int_equal(play_number(p, "SELECT json_extract(bytes, '$.data.state_hash') = (SELECT lower(hex(state_hash)) FROM segment "
					"WHERE segment = 1) FROM outbox ORDER BY n DESC LIMIT 1"), 1);
	play_pick(p, "T1");
	assert_int_equal(play_seal(p), 2);
	play_pack(p, "T1");
}

SCENE(a_copy_that_is_not_the_end_of_the_journal_closes_nothing)
{
	char hex[HASH_HEX];
	json_t *args;

	text_hex(p->engine.hash, HASH_BYTES, hex);
	args = json_pack("{s:i, s:i, s:I, s:s, s:s}", "segment", 1, "engine", 1, "last_seq", (json_int_t)p->engine.seq, "last_hash",
		hex, "snapshot", "copy");
	play_order(p, "O1", "NORTH", "TEA:1");
	expect(p, play_internal(p, "segment_seal", args), "outdated");
	assert_int_equal(play_number(p, "SELECT count(*) FROM segment"), 1);
	expect(p, play_internal(p, "segment_sealed", json_pack("{s:i, s:s}", "segment", 1, "state_hash", hex)), "outdated");
}

SCENE(a_segment_is_witnessed_when_a_backup_of_hq_holds_its_event)
{
	play_seal(p);
	ack(p, head(p), head(p) - 1);
	assert_int_equal(play_number(p, "SELECT witnessed FROM segment WHERE segment = 1"), 0);
	ack(p, head(p), head(p));
	assert_int_equal(play_number(p, "SELECT witnessed FROM segment WHERE segment = 1"), 1);
}

SCENE(journal_rows_go_only_when_witnessed_and_older_than_every_answer)
{
	int64_t last;

	play_order(p, "O1", "NORTH", "TEA:1");
	play_seal(p);
	last = play_number(p, "SELECT last_seq FROM segment WHERE segment = 1");
	play_days(p, KEPT_MARKS + 1);
	expect(p, drop(p, 1, hash_of(p, 1)), "kept");
	assert_string_equal(p->say, "Segment 1 stays: HQ has not witnessed it");
	assert_int_equal(play_number(p, "SELECT min(seq) FROM journal"), 1);
	ack(p, head(p), head(p));
	expect(p, drop(p, 1, hash_of(p, 1)), "dropped");
	assert_int_equal(play_number(p, "SELECT min(seq) FROM journal"), last + 1);
	expect(p, drop(p, 1, hash_of(p, 1)), "kept");
}

SCENE(a_witnessed_segment_that_is_young_stays)
{
	play_seal(p);
	ack(p, head(p), head(p));
	play_days(p, KEPT_MARKS);
	expect(p, drop(p, 1, hash_of(p, 1)), "kept");
	assert_string_equal(p->say, "Segment 1 stays: it is not old enough");
	play_days(p, 1);
	expect(p, drop(p, 1, hash_of(p, 1)), "dropped");
}

SCENE(a_copy_that_was_changed_keeps_the_rows_and_opens_a_case)
{
	char wrong[HASH_HEX];

	memset(wrong, '0', HASH_HEX - 1);
	wrong[HASH_HEX - 1] = '\0';
	play_seal(p);
	ack(p, head(p), head(p));
	play_days(p, KEPT_MARKS + 1);
	expect(p, drop(p, 1, wrong), "kept");
	assert_string_equal(play_words(p, "SELECT kind || subject FROM cases WHERE state = 'open'"), "segment1");
	assert_int_equal(play_number(p, "SELECT min(seq) FROM journal"), 1);
}

SCENE(segments_are_dropped_oldest_first)
{
	play_seal(p);
	play_order(p, "O1", "NORTH", "TEA:1");
	play_seal(p);
	ack(p, head(p), head(p));
	play_days(p, KEPT_MARKS + 1);
	expect(p, drop(p, 2, hash_of(p, 2)), "kept");
	assert_string_equal(p->say, "Segment 2 stays: an older one is there");
	expect(p, drop(p, 1, hash_of(p, 1)), "dropped");
	expect(p, drop(p, 2, hash_of(p, 2)), "dropped");
	assert_int_equal(play_number(p, "SELECT count(*) FROM journal WHERE segment < 3"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_segment_ends_where_the_next_begins_and_hq_hears_of_it),
		cmocka_unit_test(a_copy_that_is_not_the_end_of_the_journal_closes_nothing),
		cmocka_unit_test(a_segment_is_witnessed_when_a_backup_of_hq_holds_its_event),
		cmocka_unit_test(journal_rows_go_only_when_witnessed_and_older_than_every_answer),
		cmocka_unit_test(a_witnessed_segment_that_is_young_stays),
		cmocka_unit_test(a_copy_that_was_changed_keeps_the_rows_and_opens_a_case),
		cmocka_unit_test(segments_are_dropped_oldest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
