/* Finds the API server and the credentials for it. */
#include "watch/api/credentials_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "watch/api/fetch.h"
#include "watch/api/kubeconfig.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

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
	return flags->token_file == NULL || credentials_token_check(c->token_file, error);
}
