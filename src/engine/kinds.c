#include "kinds.h"

#include <assert.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"

#define BRIDGE PEER_BIT(DOOR_BRIDGE)
#define PLC PEER_BIT(DOOR_PLC)
#define PRINT PEER_BIT(DOOR_PRINT)
#define WEB PEER_BIT(DOOR_WEB)
#define SYNC PEER_BIT(DOOR_SYNC)
#define CTL PEER_BIT(DOOR_CTL)
#define CORE PEER_BIT(PEER_INTERNAL)

#define BOSS (ROLE_BIT(ROLE_SUPERVISOR) | ROLE_BIT(ROLE_ADMIN))
#define LOADER (BOSS | ROLE_BIT(ROLE_LOADER))

static struct dialogue_handlers dialogues;

void kinds_set_dialogues(const struct dialogue_handlers *handlers)
{
	dialogues = *handlers;
}

static int on_scan(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	return dialogues.scan(e, c, o, why);
}

static int on_key(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	return dialogues.key(e, c, o, why);
}

static int on_weight(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	return dialogues.weight(e, c, o, why);
}

static const struct kind kinds[] = {
	{ "scan", BRIDGE | WEB | CTL, 0, on_scan, PRIORITY_SCAN },
	{ "key", WEB | CTL, 0, on_key, PRIORITY_PAGE },
	{ "weight", BRIDGE, 0, on_weight, PRIORITY_SCAN },
	/* First, because what the device asks next waits behind it. */
	{ "device_state", BRIDGE | PLC | PRINT, 0, on_device_state, PRIORITY_PLC },
	{ "divert_request", PLC, 0, on_divert_request, PRIORITY_PLC },
	{ "divert_taken", PLC, 0, on_divert_taken, PRIORITY_PLC },
	{ "divert_ended", PLC, 0, on_divert_ended, PRIORITY_PLC },
	{ "divert_confirm", PLC, 0, on_divert_confirm, PRIORITY_PLC },
	{ "plc_state", PLC, 0, on_plc_state, PRIORITY_PLC },
	{ "print_taken", PRINT, 0, on_print_taken, PRIORITY_SCAN },
	{ "print_ended", PRINT, 0, on_print_ended, PRIORITY_SCAN },
	{ "logout", WEB, 0, on_logout, PRIORITY_PAGE },
	{ "case_resolve", WEB | CTL, BOSS, on_case_resolve, PRIORITY_PAGE },
	{ "order_hold", WEB | CTL, BOSS, on_order_hold, PRIORITY_PAGE },
	{ "order_release", WEB | CTL, BOSS, on_order_release, PRIORITY_PAGE },
	{ "order_cancel", WEB | CTL, BOSS, on_order_cancel, PRIORITY_PAGE },
	{ "wave_release", WEB | CTL, BOSS, on_wave_release, PRIORITY_PAGE },
	{ "stage", WEB | CTL, LOADER, on_stage, PRIORITY_PAGE },
	{ "load_close", WEB | CTL, LOADER, on_load_close, PRIORITY_PAGE },
	{ "lane_set", WEB | CTL, LOADER | ROLE_BIT(ROLE_MAINTENANCE), on_lane_set, PRIORITY_PAGE },
	{ "label_resolve", WEB | CTL, BOSS | ROLE_BIT(ROLE_PACKER), on_label_resolve, PRIORITY_PAGE },
	{ "hq_down", SYNC, 0, on_hq_down, PRIORITY_HQ },
	{ "hq_acked", SYNC, 0, on_hq_acked, PRIORITY_HQ },
	{ "sscc_lease", SYNC, 0, on_sscc_lease, PRIORITY_HQ },
	{ "hq_link", SYNC, 0, on_hq_link, PRIORITY_HQ },
	{ "hq_epoch", SYNC, 0, on_hq_epoch, PRIORITY_HQ },
	{ "item_put", CTL, 0, on_item_put, PRIORITY_BULK },
	{ "location_put", CTL, 0, on_location_put, PRIORITY_BULK },
	{ "tote_put", CTL, 0, on_tote_put, PRIORITY_BULK },
	{ "stock_adjust", CTL, 0, on_stock_adjust, PRIORITY_BULK },
	{ "user_put", CTL, 0, on_user_put, PRIORITY_BULK },
	{ "order_put", CTL, 0, on_order_put, PRIORITY_BULK },
	{ "import_begin", CTL, 0, on_import_begin, PRIORITY_BULK },
	{ "import_rows", CTL, 0, on_import_rows, PRIORITY_BULK },
	{ "import_end", CTL, 0, on_import_end, PRIORITY_BULK },
	{ "import_drop", CTL, 0, on_import_drop, PRIORITY_BULK },
	{ "import_apply", CORE, 0, on_import_apply, PRIORITY_BULK },
	{ "import_clear", CORE, 0, on_import_clear, PRIORITY_BULK },
	{ "allocate_waiting", CORE, 0, on_allocate_waiting, PRIORITY_BULK },
	{ "wave_allocate", CORE, 0, on_wave_allocate, PRIORITY_BULK },
	{ "started", CORE, 0, on_started, PRIORITY_PLC },
	{ "allocate", CORE, 0, on_allocate, PRIORITY_BULK },
	{ "tote_empty", CORE, 0, on_tote_empty, PRIORITY_BULK },
	{ "orders_confirm", CORE, 0, on_orders_confirm, PRIORITY_BULK },
	{ "load_ship", CORE, 0, on_load_ship, PRIORITY_BULK },
	{ "divert_late", CORE, 0, on_divert_late, PRIORITY_PLC },
	{ "divert_unconfirmed", CORE, 0, on_divert_unconfirmed, PRIORITY_PLC },
	{ "login_verified", CORE, 0, on_login_verified, PRIORITY_PAGE },
	{ "login_failed", CORE, 0, on_login_failed, PRIORITY_PAGE },
	{ "day", CORE, 0, on_day, PRIORITY_BULK },
	{ "prune", CORE, 0, on_prune, PRIORITY_BULK },
	{ "segment_seal", CORE, 0, on_segment_seal, PRIORITY_BULK },
	{ "segment_sealed", CORE, 0, on_segment_sealed, PRIORITY_BULK },
	{ "segment_drop", CORE, 0, on_segment_drop, PRIORITY_BULK },
};

const struct kind *kind_named(const char *name)
{
	for (size_t i = 0; i < array_len(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}
