/* Temporary folder, configuration, programs; every process that is started here is ended here. */
#ifndef WHARF_TEST_LINK_RIG_H
#define WHARF_TEST_LINK_RIG_H

#include <stdbool.h>
#include <sys/types.h>

#include "core.h"
#include "keys.h"

struct rig {
	char folder[64];
	char config[96];
	char address[64];
	struct core core;
	pid_t hub, link;
};

void rig_make(struct rig *rig);
void rig_remove(struct rig *rig);

void rig_start_hub(struct rig *rig);
void rig_start_link(struct rig *rig);
void rig_kill(pid_t *pid, int signal);

/* Copies the site's public key into the hub's folder. */
void rig_enrol(struct rig *rig);
/* A key pair that is enrolled as `site`. */
void rig_enrol_new(struct rig *rig, const char *site, struct key_pair *ret);
void rig_hub_key(struct rig *rig, char *ret);

/* Runs wharf-hq with words (shell-free); exit code; its output in `out` (may be NULL). */
int rig_hq(struct rig *rig, const char *const *words, char *out, size_t size);
/* A number of the site's row in `wharf-hq status --json`; -1 while the hub is away. */
long long rig_status(struct rig *rig, const char *site, const char *key);

/* Plays the core until the condition holds; false after 30 s. */
bool rig_wait(struct rig *rig, bool (*holds)(struct rig *, long long), long long value);

#endif
