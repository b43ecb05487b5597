/*
 * Where the API server is and how to prove who we are: server address, TLS files, bearer token (credentials_load fills
 * them in). Tokens in files are read again as they rotate; no token is ever logged. The caller owns the struct. Main
 * thread.
 */
#ifndef WATCH_API_CREDENTIALS_H
#define WATCH_API_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* As client-go: bound tokens rotate at 80 % of their life, an hour at least, so this is early enough. */
#define CREDENTIALS_REREAD_MS 60000

struct credentials {
	char *server; /* "https://10.0.0.1:6443", no slash at the end */
	char *ca_file, *ca_pem;
	char *cert_file, *cert_pem;
	char *key_file, *key_pem;
	char *token_file;
	char *token; /* fixed, or what the file held when it was last read */
	bool insecure;
	bool token_told; /* that the file cannot be read */
	uint64_t token_read_ms;
};

/* Zeroes secrets; leaves a zeroed struct. */
void credentials_fini(struct credentials *c);
/* Replaces *field (which may be NULL) by a copy of text, wiping the old one. */
void credentials_set(char **field, const char *text);

/* The token to send now, read again from its file when due; NULL = none. A file that cannot be read: the last one. */
const char *credentials_token(struct credentials *c, uint64_t now_ms);
/* The file holds a token; false: one line in error. */
bool credentials_token_check(const char *file, char error[ERROR_BYTES]);
/* After a 401: reads the file now. True when it holds another token than before. */
bool credentials_refresh(struct credentials *c, uint64_t now_ms);

#endif
