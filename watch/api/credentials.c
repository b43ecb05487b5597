/* Finds the API server and the credentials for it. */
#include "watch/api/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "watch/api/fetch.h"
#include "watch/api/kubeconfig.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"
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
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, TOKEN_LIMIT_BYTES - 1) : -1;

	*reason = n < 0 ? strerror(errno) : NULL;
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

static bool token_check(const char *file, char error[ERROR_BYTES])
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

static void use_if_there(char **field, const char *file)
{
	if (access(file, R_OK) == 0)
		credentials_set(field, file);
}

static bool in_cluster(struct credentials *c, bool server_given, char error[ERROR_BYTES])
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	char server[256];

	use_if_there(&c->ca_file, SERVICE_ACCOUNT "ca.crt");
	use_if_there(&c->token_file, SERVICE_ACCOUNT "token");
	if (server_given)
		return true;
	if (host == NULL || port == NULL || host[0] == '\0' || port[0] == '\0') {
		snprintf(error, ERROR_BYTES,
			 "no source: give --manifests, --kubeconfig or --apiserver (not in a pod: "
			 "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set)");
		return false;
	}
	if (c->token_file == NULL) {
		snprintf(error, ERROR_BYTES, "service account: %stoken: %s", SERVICE_ACCOUNT, strerror(errno));
		return false;
	}
	snprintf(server, sizeof server, strchr(host, ':') != NULL ? "https://[%s]:%s" : "https://%s:%s", host, port);
	credentials_set(&c->server, server);
	return true;
}

/* Behind "http://" or "https://"; "" when it is neither. */
static const char *host_of(const char *server)
{
	if (server == NULL || strncmp(server, "http", 4) != 0)
		return "";
	server += server[4] == 's' ? 5 : 4;
	return strncmp(server, "://", 3) == 0 ? server + 3 : "";
}

static bool server_check(struct credentials *c, char error[ERROR_BYTES])
{
	const char *host = host_of(c->server);
	size_t n;

	if (host[0] == '\0' || host[0] == '/') {
		snprintf(error, ERROR_BYTES, "API server \"%.200s\": not an http:// or https:// URL",
			 c->server != NULL ? c->server : "");
		return false;
	}
	if (strchr(c->server, '@') != NULL) { /* the URL is logged, and on the metrics page */
		snprintf(error, ERROR_BYTES, "API server: user and password in the URL are not supported");
		return false;
	}
	const char *fault = fetch_url_fault(c->server);
	if (fault != NULL) {
		snprintf(error, ERROR_BYTES, "API server \"%.200s\": %s", c->server, fault);
		return false;
	}
	for (n = strlen(c->server); c->server[n - 1] == '/'; n--)
		c->server[n - 1] = '\0';
	return true;
}

bool credentials_load(struct credentials *c, const struct credentials_flags *flags, char error[ERROR_BYTES])
{
	bool loaded = flags->kubeconfig != NULL ? kubeconfig_load(c, flags->kubeconfig, error)
						: in_cluster(c, flags->server != NULL, error);

	if (!loaded)
		return false;
	if (flags->server != NULL)
		credentials_set(&c->server, flags->server);
	if (flags->ca_file != NULL) {
		credentials_set(&c->ca_file, flags->ca_file);
		credentials_set(&c->ca_pem, NULL);
	}
	if (flags->token_file != NULL) {
		credentials_set(&c->token_file, flags->token_file);
		credentials_set(&c->token, NULL);
	}
	c->insecure |= flags->insecure;
	if (!server_check(c, error))
		return false;
	if ((c->token_file != NULL || c->token != NULL) && strncmp(c->server, "http://", 7) == 0)
		log_warn("apiserver: %s is not encrypted: the token can be read on the way", c->server);
	if (c->ca_file != NULL && access(c->ca_file, R_OK) != 0) {
		snprintf(error, ERROR_BYTES, "CA file %.300s: %s", c->ca_file, strerror(errno));
		return false;
	}
	return flags->token_file == NULL || token_check(c->token_file, error);
}
