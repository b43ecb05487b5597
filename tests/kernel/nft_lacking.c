/*
 * nft_lacking NAME: what nft_probe says on a kernel without the expression NAME. Every message on its way to the kernel
 * has that name spoiled, so that the kernel answers as one that was built without it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "base/log.h"
#include "nft/nft.h"

static const char *missing;

/* Takes the place of libmnl's. */
ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t bytes)
{
	size_t name_bytes = strlen(missing) + 1;
	char *copy = malloc(bytes), *at = copy;

	memcpy(copy, data, bytes);
	while ((at = memmem(at, bytes - (size_t)(at - copy), missing, name_bytes)) != NULL) {
		if (at[-1] == '\0') /* the second byte of an attribute's type */
			*at = '?';
		at += name_bytes;
	}
	ssize_t sent = send(mnl_socket_get_fd(socket), copy, bytes, 0);
	free(copy);
	return sent;
}

int main(int argc, char **argv)
{
	const struct cidr pods = {{AF_INET, {10, 244}}, 16};
	const struct skeleton skeleton = {
		.table = "fairlead", .detector = DETECT_SOURCES, .sources = &pods, .source_count = 1, .counters = true};
	const char *error = "";

	missing = argc > 1 ? argv[1] : "?";
	struct nft *nft = nft_open(&skeleton, &error);
	if (nft == NULL)
		fatalx("%s", error);
	puts(nft_probe(nft) < 0 ? nft_error(nft) : "nothing is missing");
	nft_close(nft);
	return 0;
}
