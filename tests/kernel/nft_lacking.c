/*
 * nft_lacking NAME: what nft_probe says on a kernel without the expression NAME. Every message on its way to the kernel
 * has that name spoiled, so that the kernel answers as one that was built without it.
 */
#include <stdio.h>

#include "base/log.h"
#include "nft/nft.h"
#include "tests/kernel/onsend.h"

static const char *missing;

static void on_send(uint8_t *messages, size_t bytes)
{
	size_t name_bytes = strlen(missing) + 1;
	uint8_t *at = messages;

	while ((at = memmem(at, bytes - (size_t)(at - messages), missing, name_bytes)) != NULL) {
		if (at[-1] == '\0') /* the second byte of an attribute's type */
			*at = '?';
		at += name_bytes;
	}
}

int main(int argc, char **argv)
{
	const struct cidr pods = {{AF_INET, {10, 244}}, 16};
	const struct ruleset_config ruleset = {.table = "fairlead",
					       .detector = DETECT_POD_CIDRS,
					       .pod_cidrs = &pods,
					       .pod_cidr_count = 1,
					       .counters = true};
	const char *error = "";

	missing = argc > 1 ? argv[1] : "?";
	struct nft *nft = nft_open(&ruleset, &error);
	if (nft == NULL)
		fatalx("%s", error);
	puts(nft_probe(nft) < 0 ? nft_error(nft) : "nothing is missing");
	nft_close(nft);
	return 0;
}
