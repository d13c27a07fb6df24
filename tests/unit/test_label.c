#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "drawing.h"
#include "fields.h"
#include "json.h"
#include "label.h"
#include "metrics.h"
#include "text.h"

#define SSCC "340123450000000017"

static json_t *order_data(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:{s:s, s:s, s:s, s:s, s:s}}", "sscc", SSCC,
		"order", "SO-100042", "customer", "C-2201", "customer_po", "PO_77310", "carrier", "NORTH",
		"service", "Standard", "site", "DEMO", "pieces", 6, "weight_g", 3420, "ship_to", "name",
		"Café Grünwald & Söhne GmbH", "street", "Am Sandtorkai 14", "city", "Hamburg", "zip", "20457",
		"country", "DE");
}

/* "label t 105 148\n" stands before the text. */
static int parse(const char *text, struct label_template **ret, char *why)
{
	char all[2048];

	snprintf(all, sizeof(all), "label t 105 148\n%s", text);
	return template_parse("t.label", all, strlen(all), ret, why, 200);
}

static int render(const char *text, const json_t *data, int dpi, char **ret, char *why)
{
	struct label_template *template = NULL;
	size_t len;
	int r = parse(text, &template, why);

	if (r == 0)
		r = label_render(template, data, dpi, ret, &len, why, 200);
	template_destroy(template);
	return r;
}

static void compare_with_golden(int dpi, const char *path)
{
	_cleanup_json_ json_t *data = order_data();
	_cleanup_free_ char *zpl = NULL, *golden = NULL;
	struct label_template *template = NULL;
	char why[200] = "";
	size_t len = 0, golden_len;

	if (template_load("", "logistic-a6", &template, why, sizeof(why)) < 0 ||
		label_render(template, data, dpi, &zpl, &len, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	template_destroy(template);
	/* WHARF_GOLDEN=write makes it new: look at the picture before committing that. */
	if (getenv("WHARF_GOLDEN"))
		assert_int_equal(text_write_file(path, zpl, len, 0644), 0);
	assert_int_equal(text_read_file(path, 100000, &golden, &golden_len), 0);
	assert_string_equal(zpl, golden);
	assert_int_equal(len, golden_len);
}

/* The system test label_decode draws the first of these files and reads its symbol. */
static void the_built_in_label_is_the_golden_one(void **state)
{
	(void)state;
	compare_with_golden(203, WHARF_TEST_DATA "/logistic-a6-203.zpl");
	compare_with_golden(300, WHARF_TEST_DATA "/logistic-a6-300.zpl");
}

static void every_resolution_keeps_the_sizes_of_a_logistic_label(void **state)
{
	static const int dpis[] = { 203, 300, 600 };
	_cleanup_json_ json_t *data = order_data();

	(void)state;
	for (size_t i = 0; i < array_len(dpis); i++) {
		struct label_template *template = NULL;
		struct drawing *drawing = NULL;
		const struct drawing_item *bars = NULL;
		int per_inch = dpis[i] == 203 ? 2032 : dpis[i] * 10;
		char why[200];

		assert_int_equal(template_load("", "logistic-a6", &template, why, sizeof(why)), 0);
		assert_int_equal(drawing_create(template, data, dpis[i], &drawing, why, sizeof(why)), 0);
		for (size_t k = 0; k < drawing->items_n; k++)
			if (drawing->items[k].kind == DRAWING_BARCODE)
				bars = &drawing->items[k];
		assert_non_null(bars);
		/* Micrometres: module 495 to 1016, bars 32 mm high, quiet zones of 10 modules. */
		assert_in_range(bars->module * 254000 / per_inch, 495, 1016);
		assert_true((int64_t)bars->height * 254000 >= INT64_C(32000) * per_inch);
		assert_true(bars->x >= 10 * bars->module);
		assert_true(drawing->width - bars->x - bars->width >= 10 * bars->module);
		for (size_t k = 0; k < drawing->items_n; k++)
			assert_true(&drawing->items[k] == bars || drawing->items[k].y < bars->y ||
				drawing->items[k].y > bars->y + bars->height);
		drawing_destroy(drawing);
		template_destroy(template);
	}
}

static void a_module_too_wide_for_the_printer_is_drawn_as_boxes(void **state)
{
	_cleanup_json_ json_t *data = order_data();
	_cleanup_free_ char *zpl = NULL;
	const char *p;
	char why[200];
	int boxes = 0;

	(void)state;
	assert_int_equal(render("barcode gs1-128 52.5 90 32 \"(00){sscc}\" align=center\n", data, 600, &zpl, why), 0);
	assert_null(strstr(zpl, "^BC"));
	for (p = zpl; (p = strstr(p, "^GB")); p++)
		boxes++;
	/* Start, FNC1, ten pairs and check: three bars each; stop: four. */
	assert_int_equal(boxes, 13 * 3 + 4);
}

static void data_cannot_speak_to_the_printer(void **state)
{
	_cleanup_json_ json_t *data = json_pack("{s:s}", "name", "A^XZ~JA_5E\\&\n\x1b" "B");
	_cleanup_free_ char *zpl = NULL;
	char why[200];

	(void)state;
	assert_int_equal(render("text 5 5 4 \"{name}\"\ntext 5 10 4 \"{name}\" width=90 align=center\n", data, 203, &zpl,
				 why),
		0);
	assert_non_null(strstr(zpl, "^FH_^FDA_5EXZ_7EJA_5F5E\\&  B^FS"));
	assert_non_null(strstr(zpl, "^FB720,1,0,C,0^FH_^FDA_5EXZ_7EJA_5F5E\\\\&  B^FS"));
	assert_null(strchr(zpl, '~'));
	assert_ptr_equal(strstr(zpl, "^XZ"), zpl + strlen(zpl) - 4);
}

static void an_item_whose_fields_are_all_empty_is_left_out(void **state)
{
	_cleanup_json_ json_t *data = json_pack("{s:s, s:s, s:n}", "a", "1", "b", "", "c");
	_cleanup_free_ char *zpl = NULL;
	char why[200];

	(void)state;
	assert_int_equal(render("text 5 5 4 \"PO {b}\"\ntext 5 10 4 \"N {a}{b}\"\ntext 5 15 4 \"FIX\"\n"
				"text 5 20 4 \"WITH\" with=c\nbox 5 30 9 9 with=missing.deep\n"
				"barcode gs1-128 20 40 32 \"(37){b}\" optional\n",
				 data, 203, &zpl, why),
		0);
	assert_null(strstr(zpl, "PO"));
	assert_non_null(strstr(zpl, "^FDN 1^FS"));
	assert_non_null(strstr(zpl, "^FDFIX^FS"));
	assert_null(strstr(zpl, "WITH"));
	assert_null(strstr(zpl, "^GB"));
	assert_null(strstr(zpl, "^BC"));
}

static void a_label_without_its_sscc_is_refused_with_the_line(void **state)
{
	_cleanup_json_ json_t *none = json_object(), *wrong = json_pack("{s:s}", "sscc", "340123450000000018");
	_cleanup_json_ json_t *odd = json_pack("{s:[]}", "sscc");
	static const char text[] = "\n# SSCC\nbarcode gs1-128 52.5 90 32 \"(00){sscc}\" align=center\n";
	char why[200], *zpl = NULL;

	(void)state;
	assert_int_equal(render(text, none, 203, &zpl, why), -EINVAL);
	assert_string_equal(why, "t.label:4: field \"sscc\" is missing");
	assert_int_equal(render(text, wrong, 203, &zpl, why), -EINVAL);
	assert_string_equal(why, "t.label:4: AI 00 at 17: wrong check digit 8, should be 7");
	assert_int_equal(render(text, odd, 203, &zpl, why), -EINVAL);
	assert_null(zpl);
}

static void a_symbol_must_fit_with_its_quiet_zones(void **state)
{
	_cleanup_json_ json_t *data = order_data();
	char why[200], *zpl = NULL;

	(void)state;
	/* 78 mm of bars and 5 mm on either side; at 0.625 mm a module 97.5 + 12.5 mm are too wide. */
	assert_int_equal(render("barcode gs1-128 4.9 90 32 \"(00){sscc}\"\n", data, 203, &zpl, why), -EINVAL);
	assert_int_equal(render("barcode gs1-128 22.1 90 32 \"(00){sscc}\"\n", data, 203, &zpl, why), -EINVAL);
	assert_string_equal(why, "t.label:2: symbol of 156 modules and its quiet zones do not fit the label");
	assert_int_equal(render("barcode gs1-128 52.5 90 32 \"(00){sscc}\" align=center module=0.6\n", data, 203,
				 &zpl, why),
		-EINVAL);
	assert_int_equal(render("barcode gs1-128 5 90 32 \"(00){sscc}\"\n", data, 203, &zpl, why), 0);
	free(zpl);
	assert_int_equal(render("text 1 1 4 \"x\"\n", data, 100, &zpl, why), -EINVAL);
	assert_string_equal(why, "100 dpi is not between 152 and 600");
}

static void several_elements_make_one_symbol(void **state)
{
	_cleanup_json_ json_t *data = json_pack("{s:s, s:i, s:s}", "gtin", "09506000134352", "n", 24, "lot", "");
	_cleanup_free_ char *zpl = NULL;
	char why[200];

	(void)state;
	assert_int_equal(render("barcode gs1-128 8 90 32 \"(02){gtin}(37){n}\"\n", data, 203, &zpl, why), 0);
	assert_non_null(strstr(zpl, "^BCN,256,N,N,N,N^FD>;>802095060001343523724^FS"));
	assert_non_null(strstr(zpl, "^FD(02)09506000134352(37)24^FS"));
	/* Half a symbol is none: optional only helps where every field is empty. */
	assert_int_equal(render("barcode gs1-128 8 90 32 \"(02){gtin}(10){lot}\" optional\n", data, 203, &zpl, why),
		-EINVAL);
	assert_string_equal(why, "t.label:2: field \"lot\" is missing");
}

static void a_wrong_template_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "txt 1 2 3 \"a\"\n", "t.label:2: unknown statement \"txt\"" },
		{ "\n\ntext 1 2 3 \"a\n", "t.label:4: a text without its closing quote" },
		{ "text 1 2 \"a\"\n", "t.label:2: \"a\" is no length in millimetres" },
		{ "text 1 2 3\n", "t.label:2: text needs a text in quotes" },
		{ "text 1 2 1.2345 \"a\"\n", "t.label:2: \"1.2345\" is no length in millimetres" },
		{ "text 1 2 0.5 \"a\"\n", "t.label:2: text smaller than 1 mm" },
		{ "text 1 2 -3 \"a\"\n", "t.label:2: \"-3\" is no length in millimetres" },
		{ "text 1 2 3 \"{order\"\n", "t.label:2: bad field at \"{order\"" },
		{ "text 1 2 3 \"{Order}\"\n", "t.label:2: bad field at \"{Order}\"" },
		{ "text 1 2 3 \"{w:lb}\"\n", "t.label:2: bad field at \"{w:lb}\"" },
		{ "text 1 2 3 \"a\" colour=red\n", "t.label:2: unknown option \"colour\" of text" },
		{ "text 1 2 3 \"a\" align=middle width=9\n", "t.label:2: align=middle: left, center or right" },
		{ "text 1 2 3 \"a\" align=right\n", "t.label:2: align needs a width" },
		{ "text 1 2 3 \"a\" with=A\n", "t.label:2: with=A: no name of a field" },
		{ "text 106 2 3 \"a\"\n", "t.label:2: text lies outside the label" },
		{ "box 1 2 105 4\n", "t.label:2: box lies outside the label" },
		{ "line 1 2 30 40\n", "t.label:2: a line goes right or down" },
		{ "label x 10 10\n", "t.label:2: a second label statement" },
		{ "barcode ean-13 1 2 32 \"1\"\n", "t.label:2: barcode needs its kind: gs1-128" },
		{ "barcode gs1-128 1 2 31.9 \"(00)1\"\n", "t.label:2: bars of a logistic label are at least 32 mm high" },
		{ "barcode gs1-128 1 2 32 \"(00)1\" module=0.494\n",
			"t.label:2: 0.494 mm is not between 0.495 and 1.016" },
		{ "barcode gs1-128 1 2 32 \"{sscc}\"\n", "t.label:2: a GS1-128 starts with an AI in parentheses" },
		{ "barcode gs1-128 1 2 32 \"(00){sscc}\" optional\n", "t.label:2: the SSCC symbol cannot be optional" },
		{ "barcode gs1-128 1 2 32 \"(00){sscc}\"\nbarcode gs1-128 1 60 32 \"(37){n}\"\n",
			"t.label:2: the SSCC symbol must be the lowest" },
	};
	struct label_template *template = NULL;
	char why[200];

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		assert_int_equal(parse(rows[i].text, &template, why), -EINVAL);
		assert_string_equal(why, rows[i].why);
	}
	assert_int_equal(template_parse("e", "# only\n", 7, &template, why, sizeof(why)), -EINVAL);
	assert_int_equal(template_parse("e", "box 1 1 1 1", 11, &template, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "e:1: the first statement must be: label NAME WIDTH HEIGHT");
	assert_null(template);
}

static void a_template_of_the_site_goes_before_the_built_in_one(void **state)
{
	char folder[] = "/tmp/wharf-label-XXXXXX", path[64], why[200];
	struct label_template *template = NULL;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(template_load(folder, "logistic-a6", &template, why, sizeof(why)), 0);
	assert_int_equal(template->width_um, 105000);
	template_destroy(template);
	snprintf(path, sizeof(path), "%s/logistic-a6.label", folder);
	assert_int_equal(text_write_file(path, "label own 60 40\n", 16, 0644), 0);
	assert_int_equal(template_load(folder, "logistic-a6", &template, why, sizeof(why)), 0);
	assert_int_equal(template->width_um, 60000);
	template_destroy(template);
	assert_int_equal(text_write_file(path, "nonsense\n", 9, 0644), 0);
	assert_int_equal(template_load(folder, "logistic-a6", &template, why, sizeof(why)), -EINVAL);
	assert_int_equal(template_load(folder, "other", &template, why, sizeof(why)), -ENOENT);
	assert_int_equal(template_load(folder, "../logistic-a6", &template, why, sizeof(why)), -EINVAL);
	unlink(path);
	rmdir(folder);
}

static void long_text_is_narrowed_then_cut_at_a_character(void **state)
{
	char shorter[] = "Am Sandtorkai 14", longer[200] = "";

	(void)state;
	assert_int_equal(metrics_fit(shorter, 40, 2000), 40);
	assert_in_range(metrics_fit(shorter, 40, 250), 24, 39);
	assert_string_equal(shorter, "Am Sandtorkai 14");
	for (int i = 0; i < 40; i++)
		strcat(longer, "Ł");
	assert_int_equal(metrics_fit(longer, 40, 250), 24);
	assert_true(metrics_width(longer, 24) <= 250);
	assert_true(text_is_utf8(longer, strlen(longer)));
	assert_string_equal(longer + strlen(longer) - 2, "..");
}

static void a_field_is_text_or_a_whole_number_and_never_half_a_character(void **state)
{
	_cleanup_json_ json_t *data = json_pack("{s:i, s:f, s:s, s:i, s:i}", "n", 42, "f", 1.5, "s", "aé", "g", 1234567,
		"neg", -1);
	struct fields_found found;
	char out[16];

	(void)state;
	assert_int_equal(fields_expand("{{n} {n}", data, out, sizeof(out), &found), 0);
	assert_string_equal(out, "{n} 42");
	assert_int_equal(fields_expand("{f}", data, out, sizeof(out), &found), -EINVAL);
	assert_int_equal(fields_expand("{neg:kg}", data, out, sizeof(out), &found), -EINVAL);
	assert_int_equal(fields_expand("{g:kg}", data, out, sizeof(out), &found), 0);
	assert_string_equal(out, "1234.567 kg");
	assert_int_equal(fields_expand("{s}", data, out, 3, &found), -ENAMETOOLONG);
	assert_string_equal(out, "a");
	assert_int_equal(fields_expand("{n}{none}{s.deep}", data, out, sizeof(out), &found), 0);
	assert_int_equal(found.fields, 3);
	assert_int_equal(found.empty, 2);
	assert_string_equal(found.first_empty, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_built_in_label_is_the_golden_one),
		cmocka_unit_test(every_resolution_keeps_the_sizes_of_a_logistic_label),
		cmocka_unit_test(a_module_too_wide_for_the_printer_is_drawn_as_boxes),
		cmocka_unit_test(data_cannot_speak_to_the_printer),
		cmocka_unit_test(an_item_whose_fields_are_all_empty_is_left_out),
		cmocka_unit_test(a_label_without_its_sscc_is_refused_with_the_line),
		cmocka_unit_test(a_symbol_must_fit_with_its_quiet_zones),
		cmocka_unit_test(several_elements_make_one_symbol),
		cmocka_unit_test(a_wrong_template_is_refused_with_its_line),
		cmocka_unit_test(a_template_of_the_site_goes_before_the_built_in_one),
		cmocka_unit_test(long_text_is_narrowed_then_cut_at_a_character),
		cmocka_unit_test(a_field_is_text_or_a_whole_number_and_never_half_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
