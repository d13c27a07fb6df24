#include "link.h"

#include "keys.h"
#include "text.h"
#include "tool.h"

void link_enrol(const struct floor *f)
{
	char pair[256], public_key[256], folder[256], enrolled[280];
	struct key_pair keys;
	int made;

	text_format(folder, sizeof(folder), "%s/keys/sites", f->folder);
	text_format(enrolled, sizeof(enrolled), "%s/DEMO.pub", folder);
	text_format(pair, sizeof(pair), "%s/keys/site.key", f->folder);
	text_mkdirs(folder, 0700);
	if (keys_ensure_pair(pair, enrolled, &keys, &made) < 0)
		die("no site key");
	text_format(pair, sizeof(pair), "%s/keys/hq.key", f->folder);
	if (keys_public_path(pair, public_key, sizeof(public_key)) < 0 ||
		keys_ensure_pair(pair, public_key, &keys, &made) < 0)
		die("no HQ key");
}
