/* What a musl program gets from getaddrinfo: addresses, one a line, or the error. Built by the test with musl-gcc. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct addrinfo *all = NULL, hints;
	char text[INET6_ADDRSTRLEN];

	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	int failure = argc == 2 ? getaddrinfo(argv[1], NULL, &hints, &all) : EAI_FAIL;
	if (failure != 0) {
		printf("%s\n", gai_strerror(failure));
		return 2;
	}
	for (const struct addrinfo *a = all; a != NULL; a = a->ai_next) {
		const void *addr = a->ai_family == AF_INET6
					   ? (const void *)&((const struct sockaddr_in6 *)a->ai_addr)->sin6_addr
					   : (const void *)&((const struct sockaddr_in *)a->ai_addr)->sin_addr;
		printf("%s\n", inet_ntop(a->ai_family, addr, text, sizeof text));
	}
	freeaddrinfo(all);
	return 0;
}
