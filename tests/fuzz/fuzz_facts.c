/* A line of facts, as `wharf proof` reads it from the edge, from HQ and from the printer. */
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "json.h"
#include "proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[64];
	_cleanup_json_ json_t *fact = json_parse((const char *)data, size, why, sizeof(why));
	struct proof_result result;
	struct proof *proof;

	if (!fact || proof_create(&proof, NULL) < 0)
		return 0;
	for (int i = 0; i < 2; i++) {
		proof_edge(proof, fact, why, sizeof(why));
		proof_hq(proof, fact, why, sizeof(why));
		proof_label(proof, fact, why, sizeof(why));
	}
	proof_finish(proof, 0, &result);
	proof_destroy(proof);
	return 0;
}
