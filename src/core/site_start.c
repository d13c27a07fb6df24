/* The first command of each run: who we are and the configuration the rules look at. From then on the engine knows
 * only what the journal knows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "core.h"
#include "log.h"
#include "text.h"

static const char *text_of(const struct config *config, const char *section, const char *key)
{
	return config_text(config, section, key);
}

static json_t *settings_of(const struct config *config)
{
	json_t *settings = json_pack("{s:s, s:s, s:s, s:s, s:s}", "packaging_g", text_of(config, "weight", "packaging_g"),
		"tolerance_g", text_of(config, "weight", "tolerance_g"), "tolerance_percent",
		text_of(config, "weight", "tolerance_percent"), "sscc_low", text_of(config, "hq", "sscc_low"),
		"keep_orders_days", text_of(config, "journal", "keep_orders_days"));
	const char *plc;

	for (size_t i = 0; (plc = config_section(config, "plc", i)); i++) {
		char key[DOOR_NAME_MAX + 32];

		snprintf(key, sizeof(key), "deadline_ms/%s", config_name(plc));
		json_object_set_new(settings, key, json_string(text_of(config, plc, "deadline_ms")));
	}
	return settings;
}

static json_t *stations_of(const struct config *config)
{
	json_t *stations = json_array();
	const char *s;

	for (size_t i = 0; (s = config_section(config, "station", i)); i++)
		json_array_append_new(stations,
			json_pack("{s:s, s:s, s:s, s:s}", "station", config_name(s), "kind", text_of(config, s, "kind"),
				"printer", text_of(config, s, "printer"), "scale", text_of(config, s, "scale")));
	return stations;
}

static const char *station_of_printer(const struct config *config, const char *printer)
{
	const char *s;

	for (size_t i = 0; (s = config_section(config, "station", i)); i++)
		if (strcmp(text_of(config, s, "printer"), printer) == 0)
			return config_name(s);
	return "";
}

static json_t *devices_of(const struct config *config)
{
	static const char *const kinds[] = { "scanner", "scale", "plc", "printer" };
	json_t *devices = json_array();
	const char *s;

	for (size_t k = 0; k < array_len(kinds); k++)
		for (size_t i = 0; (s = config_section(config, kinds[k], i)); i++)
			json_array_append_new(devices,
				json_pack("{s:s, s:s, s:s}", "device", config_name(s), "kind", kinds[k], "station",
					strcmp(kinds[k], "printer") == 0 ? station_of_printer(config, config_name(s)) :
									   text_of(config, s, "station")));
	return devices;
}

static json_t *lanes_of(const struct config *config)
{
	json_t *lanes = json_array();
	const char *s;

	for (size_t i = 0; (s = config_section(config, "lane", i)); i++)
		json_array_append_new(lanes,
			json_pack("{s:s, s:I, s:s, s:s, s:s}", "lane", config_name(s), "number",
				(json_int_t)config_int(config, s, "number"), "plc", text_of(config, s, "plc"), "carrier",
				text_of(config, s, "carrier"), "role", text_of(config, s, "role")));
	return lanes;
}

static void machine_boot_id(char *out, size_t size)
{
	_cleanup_free_ char *text = NULL;

	text_copy(out, size, "unknown");
	if (text_read_file("/proc/sys/kernel/random/boot_id", 64, &text, NULL) == 0) {
		text[strcspn(text, "\n")] = '\0';
		text_copy(out, size, text);
	}
}

int core_start_site(struct core *core)
{
	char boot[64];
	struct decided d;
	json_t *args;
	int r = segments_start(core);

	if (r < 0)
		return r;
	machine_boot_id(boot, sizeof(boot));
	args = json_pack("{s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o}", "site",
		config_text(core->config, "site", "name"), "incarnation", core->incarnation, "epoch", "0", "boot", boot, "engine",
		ENGINE_VERSION, "settings", settings_of(core->config), "stations", stations_of(core->config), "devices",
		devices_of(core->config), "lanes", lanes_of(core->config));
	r = turn_internal(core, "started", args, &d);
	if (r < 0)
		return r;
	engine_result_fini(&d.result);
	core->more = core->site_started = true;
	return 0;
}
