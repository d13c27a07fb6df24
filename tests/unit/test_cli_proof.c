#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "proof.h"
#include "proof_read.h"

#define EVENT(n, id, hash) "{\"event\":{\"n\":" n ",\"id\":\"" id "\",\"type\":\"t\",\"hash\":\"" hash "\"}}\n"
#define ORDER(order, bucket) "{\"order\":{\"order\":\"" order "\",\"state\":\"s\",\"bucket\":\"" bucket "\"}}\n"
#define CARTON(carton, sscc, result)                                                               \
	"{\"carton\":{\"carton\":\"" carton "\",\"order\":\"o\",\"sscc\":\"" sscc                  \
	"\",\"state\":\"shipped\",\"lane\":\"north\",\"result\":\"" result "\"}}\n"
#define LABEL(job, sscc, state, attempt)                                                           \
	"{\"label\":{\"job\":\"" job "\",\"sscc\":\"" sscc "\",\"state\":\"" state "\",\"attempt\":" attempt "}}\n"
#define CAPTURED(sscc) "{\"sscc\":\"" sscc "\",\"bytes\":217,\"at\":\"2026-11-23T06:12:01.123Z\"}\n"

#define THREE EVENT("1", "a", "h1") EVENT("2", "b", "h2") EVENT("3", "c", "h3")

struct files {
	const char *edge;
	const char *hq;
	const char *labels;
};

static int read_text(struct proof *proof, const char *text, proof_taker *take)
{
	_cleanup_fd_ int fd = memfd_create("facts", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return proof_read_fd(proof, fd, "facts", take);
}

static struct proof_result prove(struct files files, char **ret_findings)
{
	struct proof_result result;
	struct proof *proof;
	char *findings = NULL;
	size_t size;
	FILE *out = open_memstream(&findings, &size);

	assert_int_equal(proof_create(&proof, out), 0);
	assert_int_equal(read_text(proof, files.edge, proof_edge), 0);
	assert_int_equal(read_text(proof, files.hq, proof_hq), 0);
	assert_int_equal(read_text(proof, files.labels ? files.labels : "", proof_label), 0);
	proof_finish(proof, 0, &result);
	proof_destroy(proof);
	fclose(out);
	if (ret_findings)
		*ret_findings = findings;
	else
		free(findings);
	return result;
}

static void books_that_agree_are_proved_in_one_line(void **state)
{
	const char edge[] = ORDER("o1", "shipped") ORDER("o2", "short") ORDER("o3", "cancelled")
		ORDER("o4", "held") THREE CARTON("c1", "s1", "diverted") CARTON("c2", "s2", "default")
			CARTON("c3", "", "none") LABEL("j1", "s1", "printed", "1")
				LABEL("j2", "s2", "doubtful", "1");
	struct proof_result r = prove((struct files){ edge, THREE, CAPTURED("s1") }, NULL);
	_cleanup_free_ char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	(void)state;
	proof_print(&r, out);
	fclose(out);
	assert_true(r.ok);
	assert_string_equal(line,
		"proof: orders=4 accounted=4 shipped=1 short=1 cancelled=1 held=1 made=3 hq=3 "
		"missing=0 twice=0 order=kept labels=1 doubtful=1 diverted=1 default_lane=1\n");
}

static void an_open_order_is_not_accounted_for(void **state)
{
	_cleanup_free_ char *findings = NULL;
	struct proof_result r = prove(
		(struct files){ ORDER("o1", "shipped") ORDER("o2", "open"), "", NULL }, &findings);

	(void)state;
	assert_int_equal(r.orders, 2);
	assert_int_equal(r.accounted, 1);
	assert_false(r.ok);
	assert_non_null(strstr(findings, "order o2 is not accounted for"));
}

static void an_order_that_the_edge_never_saw_is_not_accounted_for(void **state)
{
	struct proof_result result;
	struct proof *proof;

	(void)state;
	assert_int_equal(proof_create(&proof, NULL), 0);
	assert_int_equal(read_text(proof, ORDER("o1", "shipped"), proof_edge), 0);
	proof_finish(proof, 2, &result);
	proof_destroy(proof);
	assert_int_equal(result.orders, 2);
	assert_int_equal(result.accounted, 1);
	assert_false(result.ok);
}

static void an_event_that_HQ_lacks_is_missing(void **state)
{
	_cleanup_free_ char *findings = NULL;
	struct proof_result last = prove(
		(struct files){ THREE, EVENT("1", "a", "h1") EVENT("2", "b", "h2"), NULL },
		&findings);
	struct proof_result middle = prove(
		(struct files){ THREE, EVENT("1", "a", "h1") EVENT("3", "c", "h3"), NULL }, NULL);

	(void)state;
	assert_int_equal(last.missing, 1);
	assert_true(last.order_kept);
	assert_false(last.ok);
	assert_non_null(strstr(findings, "HQ lacks event 3 (c, t)"));
	assert_int_equal(middle.missing, 1);
	assert_false(middle.order_kept);
	assert_false(middle.ok);
}

static void an_event_that_only_HQ_has_is_missing_on_the_edge(void **state)
{
	struct proof_result r =
		prove((struct files){ EVENT("1", "a", "h1"),
			      EVENT("1", "a", "h1") EVENT("2", "b", "h2"), NULL },
			NULL);

	(void)state;
	assert_int_equal(r.missing, 1);
	assert_false(r.ok);
}

static void what_the_edge_let_go_is_not_missing_what_comes_after_it_is(void **state)
{
	const char hq[] = EVENT("1", "a", "h1") EVENT("2", "b", "h2") EVENT("3", "c", "h3");
	const char gone[] = "{\"forgotten\":{\"n\":2}}\n";
	char edge[256];
	struct proof_result r;

	(void)state;
	snprintf(edge, sizeof(edge), "%s%s", gone, EVENT("3", "c", "h3"));
	r = prove((struct files){ edge, hq, NULL }, NULL);
	assert_true(r.ok);
	assert_int_equal(r.made, 3);
	r = prove((struct files){ gone, hq, NULL }, NULL);
	assert_int_equal(r.missing, 1);
}

static void a_doubled_event_is_found_in_either_book(void **state)
{
	struct proof_result hq = prove(
		(struct files){ THREE,
			EVENT("1", "a", "h1") EVENT("2", "b", "h2") EVENT("2", "b", "h2")
				EVENT("3", "c", "h3"),
			NULL },
		NULL);
	struct proof_result renumbered =
		prove((struct files){ THREE, THREE EVENT("4", "b", "h2"), NULL }, NULL);
	struct proof_result edge = prove(
		(struct files){ THREE EVENT("3", "d", "h4"), THREE, NULL }, NULL);

	(void)state;
	assert_int_equal(hq.twice, 1);
	assert_false(hq.ok);
	assert_int_equal(renumbered.twice, 1);
	assert_false(renumbered.ok);
	assert_int_equal(edge.twice, 1);
	assert_false(edge.ok);
}

static void a_changed_order_is_found(void **state)
{
	struct proof_result r = prove(
		(struct files){ THREE,
			EVENT("1", "a", "h1") EVENT("3", "c", "h3") EVENT("2", "b", "h2"), NULL },
		NULL);
	struct proof_result swapped = prove(
		(struct files){ THREE,
			EVENT("1", "a", "h1") EVENT("2", "c", "h3") EVENT("3", "b", "h2"), NULL },
		NULL);

	(void)state;
	assert_int_equal(r.missing, 0);
	assert_int_equal(r.twice, 0);
	assert_false(r.order_kept);
	assert_false(r.ok);
	assert_false(swapped.order_kept);
	assert_false(swapped.ok);
}

static void other_bytes_under_the_same_number_are_found(void **state)
{
	_cleanup_free_ char *findings = NULL;
	struct proof_result r = prove(
		(struct files){ THREE,
			EVENT("1", "a", "h1") EVENT("2", "b", "xx") EVENT("3", "c", "h3"), NULL },
		&findings);

	(void)state;
	assert_false(r.order_kept);
	assert_false(r.ok);
	assert_non_null(strstr(findings, "event 2 (b) differs in number or hash"));
}

static void an_SSCC_on_two_cartons_is_found(void **state)
{
	_cleanup_free_ char *findings = NULL;
	struct proof_result r =
		prove((struct files){ CARTON("c1", "s1", "diverted") CARTON("c2", "s1", "diverted"),
			      "", NULL },
			&findings);

	(void)state;
	assert_int_equal(r.bad_cartons, 1);
	assert_false(r.ok);
	assert_non_null(strstr(findings, "SSCC s1 is on two cartons: c1 and c2"));
}

static void a_carton_with_two_SSCCs_or_none_is_found(void **state)
{
	struct proof_result two =
		prove((struct files){ CARTON("c1", "s1", "diverted") CARTON("c1", "s2", "diverted"),
			      "", NULL },
			NULL);
	struct proof_result none = prove((struct files){ CARTON("c1", "", "default"), "", NULL },
		NULL);

	(void)state;
	assert_int_equal(two.bad_cartons, 1);
	assert_false(two.ok);
	assert_int_equal(none.bad_cartons, 1);
	assert_false(none.ok);
}

static void a_label_that_was_printed_oftener_than_asked_for_is_found(void **state)
{
	const char once[] = CARTON("c1", "s1", "diverted") LABEL("j1", "s1", "printed", "1");
	const char again[] = CARTON("c1", "s1", "diverted") LABEL("j1", "s1", "printed", "2");
	const char twice[] = CAPTURED("s1") CAPTURED("s1");
	struct proof_result bad = prove((struct files){ once, "", twice }, NULL);
	struct proof_result good = prove((struct files){ again, "", twice }, NULL);

	(void)state;
	assert_int_equal(bad.labels, 1);
	assert_false(bad.ok);
	assert_int_equal(good.labels, 1);
	assert_true(good.ok);
}

static void a_label_of_no_carton_is_found(void **state)
{
	struct proof_result captured = prove((struct files){ "", "", CAPTURED("s9") }, NULL);
	struct proof_result job = prove(
		(struct files){ LABEL("j1", "s9", "sent", "1"), "", NULL }, NULL);

	(void)state;
	assert_false(captured.ok);
	assert_false(job.ok);
}

static void refused(const char *text, proof_taker *take)
{
	struct proof *proof;

	assert_int_equal(proof_create(&proof, NULL), 0);
	assert_int_equal(read_text(proof, text, take), -EINVAL);
	proof_destroy(proof);
}

static void a_file_that_holds_no_facts_is_no_basis(void **state)
{
	(void)state;
	refused("not JSON\n", proof_edge);
	refused("[]\n", proof_edge);
	refused("{\"what\":{}}\n", proof_edge);
	refused("{\"event\":{\"n\":\"1\",\"id\":\"a\",\"type\":\"t\",\"hash\":\"h\"}}\n", proof_hq);
	refused("{\"event\":{\"n\":0,\"id\":\"a\",\"type\":\"t\",\"hash\":\"h\"}}\n", proof_hq);
	refused(ORDER("o1", "lost"), proof_edge);
	refused(ORDER("o1", "held") ORDER("o1", "held"), proof_edge);
	refused("{\"bytes\":3}\n", proof_label);
}

static void a_program_that_fails_is_no_basis(void **state)
{
	const char *good[] = { "cat", "/dev/null", NULL };
	const char *bad[] = { "cat", "/nonexistent/facts", NULL };
	struct proof *proof;

	(void)state;
	assert_int_equal(proof_create(&proof, NULL), 0);
	assert_int_equal(proof_read_program(proof, "/bin/cat", good, proof_edge), 0);
	assert_int_equal(proof_read_program(proof, "/bin/cat", bad, proof_edge), -EIO);
	assert_int_equal(proof_read_program(proof, "/nonexistent", good, proof_edge), -ENOENT);
	proof_destroy(proof);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(books_that_agree_are_proved_in_one_line),
		cmocka_unit_test(an_open_order_is_not_accounted_for),
		cmocka_unit_test(an_order_that_the_edge_never_saw_is_not_accounted_for),
		cmocka_unit_test(an_event_that_HQ_lacks_is_missing),
		cmocka_unit_test(an_event_that_only_HQ_has_is_missing_on_the_edge),
		cmocka_unit_test(what_the_edge_let_go_is_not_missing_what_comes_after_it_is),
		cmocka_unit_test(a_doubled_event_is_found_in_either_book),
		cmocka_unit_test(a_changed_order_is_found),
		cmocka_unit_test(other_bytes_under_the_same_number_are_found),
		cmocka_unit_test(an_SSCC_on_two_cartons_is_found),
		cmocka_unit_test(a_carton_with_two_SSCCs_or_none_is_found),
		cmocka_unit_test(a_label_that_was_printed_oftener_than_asked_for_is_found),
		cmocka_unit_test(a_label_of_no_carton_is_found),
		cmocka_unit_test(a_file_that_holds_no_facts_is_no_basis),
		cmocka_unit_test(a_program_that_fails_is_no_basis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
