/* Keeps the credentials for the API server, and reads rotating tokens again. */
#include "watch/api/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/read_file.h"

#define TOKEN_LIMIT_BYTES 65536

static void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

void credentials_set(char **field, const char *text)
{
	char *copy = text != NULL ? mem_strdup(text) : NULL;

	wipe(*field);
	*field = copy;
}

void credentials_fini(struct credentials *c)
{
	char **const fields[] = {&c->server,   &c->ca_file, &c->ca_pem,	    &c->cert_file, &c->cert_pem,
				 &c->key_file, &c->key_pem, &c->token_file, &c->token};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		wipe(*fields[i]);
	*c = (struct credentials){0};
}

/* Whole text without the white space at its end; NULL: *reason says why not. */
static char *token_read(const char *file, const char **reason)
{
	char *text = mem_alloc(TOKEN_LIMIT_BYTES);
	struct stat st;
	int fd = open_regular_file(file, &st);
	ssize_t n = fd >= 0 ? read(fd, text, TOKEN_LIMIT_BYTES - 1) : -1;

	*reason = n < 0 ? read_file_reason(errno) : NULL;
	if (fd >= 0)
		close(fd);
	while (n > 0 && strchr(" \n\r\t", text[n - 1]) != NULL)
		text[--n] = '\0';
	if (n == 0)
		*reason = "empty";
	else if (n == TOKEN_LIMIT_BYTES - 1)
		*reason = "too long for a token";
	for (ssize_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			*reason = "not a token"; /* it would end the header or begin another */
	if (*reason == NULL)
		return text;
	wipe(text);
	return NULL;
}

bool credentials_token_check(const char *file, char error[ERROR_BYTES])
{
	const char *reason;

	wipe(token_read(file, &reason));
	if (reason != NULL)
		snprintf(error, ERROR_BYTES, "token file %.300s: %s", file, reason);
	return reason == NULL;
}

/* True when the token in memory has changed. */
static bool token_update(struct credentials *c, uint64_t now_ms)
{
	const char *reason;
	char *fresh = token_read(c->token_file, &reason);

	c->token_read_ms = now_ms;
	if (fresh == NULL) {
		if (!c->token_told) /* every request asks */
			log_warn("apiserver: token file %s: %s; trying again", c->token_file, reason);
		c->token_told = true;
		return false;
	}
	if (c->token_told)
		log_info("apiserver: token file %s: read again", c->token_file);
	c->token_told = false;
	bool changed = c->token == NULL || strcmp(c->token, fresh) != 0;
	wipe(c->token);
	c->token = fresh;
	return changed;
}

const char *credentials_token(struct credentials *c, uint64_t now_ms)
{
	if (c->token_file != NULL && (c->token == NULL || now_ms - c->token_read_ms >= CREDENTIALS_REREAD_MS))
		token_update(c, now_ms);
	return c->token;
}

bool credentials_refresh(struct credentials *c, uint64_t now_ms)
{
	return c->token_file != NULL && token_update(c, now_ms);
}
