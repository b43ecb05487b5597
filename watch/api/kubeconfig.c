/* Reads a kubeconfig. */
#include "watch/api/kubeconfig.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "watch/manifest/yaml.h"

#define FILE_LIMIT_BYTES ((size_t)4 << 20)

struct reader {
	const char *file;
	char *error;
	struct credentials *c;
};

static bool __attribute__((format(printf, 2, 3))) wrong(const struct reader *r, const char *fmt, ...)
{
	int n = snprintf(r->error, ERROR_BYTES, "kubeconfig %.200s: ", r->file);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->error + n, ERROR_BYTES - (size_t)n, fmt, ap);
	va_end(ap);
	for (char *at = r->error; *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			*at = ' '; /* names come from the file: the message stays one line */
	return false;
}

/* A non-empty string; NULL otherwise. */
static const char *text_of(const struct value *map, const char *key)
{
	const struct value *v = value_get(map, key);

	return v != NULL && v->type != VALUE_LIST && v->type != VALUE_MAP && v->text[0] != '\0' ? v->text : NULL;
}

/* {list: [{name: …, what: {…}}]}: the part called `name`; NULL when there is none. */
static const struct value *named(const struct value *root, const char *list, const char *name, const char *what)
{
	const struct value *all = value_get(root, list);

	for (const struct value *v = all != NULL ? all->first : NULL; v != NULL; v = v->next) {
		const char *is = text_of(v, "name");
		if (is != NULL && strcmp(is, name) == 0)
			return value_get(v, what);
	}
	return NULL;
}

static int digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Padded base64 (RFC 4648, 4); line breaks inside are fine. */
static bool base64_read(struct buf *out, const char *text)
{
	unsigned bits = 0, count = 0, pad = 0;

	for (; *text != '\0'; text++) {
		int digit = digit_of(*text);
		if (*text == '\n' || *text == '\r' || *text == ' ')
			continue;
		pad += *text == '=';
		if (*text != '=' && (digit < 0 || pad > 0))
			return false;
		bits = bits << 6 | (digit > 0 ? (unsigned)digit : 0);
		if (++count % 4 == 0) {
			const char bytes[] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
			if (pad > 2)
				return false;
			buf_add(out, bytes, 3 - pad);
			bits = 0;
		}
	}
	return count > 0 && count % 4 == 0;
}

/* `key`-data wins over `key`, as in client-go. */
static bool file_or_data(const struct reader *r, const struct value *map, const char *key, char **file, char **pem)
{
	struct buf name = {0}, bytes = {0};
	bool fine = true;

	buf_printf(&name, "%s-data", key);
	const char *data = text_of(map, name.data), *path = text_of(map, key);
	if (data != NULL) {
		fine = base64_read(&bytes, data) && strlen(bytes.data) == bytes.length_bytes;
		if (fine)
			credentials_set(pem, bytes.data);
		else
			wrong(r, "%s: not base64 of a PEM text", name.data);
	} else if (path != NULL) {
		const char *slash = strrchr(r->file, '/');
		if (path[0] != '/' && slash != NULL)
			buf_add(&bytes, r->file, (size_t)(slash - r->file) + 1);
		buf_puts(&bytes, path);
		credentials_set(file, bytes.data);
	}
	if (bytes.data != NULL)
		explicit_bzero(bytes.data, bytes.length_bytes);
	buf_fini(&bytes);
	buf_fini(&name);
	return fine;
}

static bool cluster_read(const struct reader *r, const char *name, const struct value *cluster)
{
	const struct value *skip = value_get(cluster, "insecure-skip-tls-verify");
	const char *server = text_of(cluster, "server");

	if (server == NULL)
		return wrong(r, "cluster \"%s\": server is missing", name);
	if (text_of(cluster, "proxy-url") != NULL)
		return wrong(r, "cluster \"%s\": proxy-url is not supported; set HTTPS_PROXY", name);
	if (text_of(cluster, "tls-server-name") != NULL)
		return wrong(r,
			     "cluster \"%s\": tls-server-name is not supported; use the certificate's name in server",
			     name);
	credentials_set(&r->c->server, server);
	r->c->insecure = skip != NULL && skip->type == VALUE_BOOL && skip->boolean;
	return file_or_data(r, cluster, "certificate-authority", &r->c->ca_file, &r->c->ca_pem);
}

static bool token_read(const struct reader *r, const struct value *user)
{
	char *unused = NULL;
	const char *token = text_of(user, "token");

	if (text_of(user, "tokenFile") != NULL)
		return file_or_data(r, user, "tokenFile", &r->c->token_file, &unused);
	for (const char *at = token; at != NULL && *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return wrong(r, "token: has blanks or characters that no header can carry");
	if (token != NULL)
		credentials_set(&r->c->token, token);
	return true;
}

static bool user_read(const struct reader *r, const char *name, const struct value *user)
{
	static const char *const plugins[] = {"exec", "auth-provider"};

	for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++)
		if (value_get(user, plugins[i]) != NULL)
			return wrong(r,
				     "user \"%s\": %s plugins are not run; "
				     "use token, tokenFile or a client certificate",
				     name, plugins[i]);
	if (text_of(user, "username") != NULL || text_of(user, "password") != NULL)
		return wrong(r, "user \"%s\": passwords are not supported by API servers since Kubernetes 1.19", name);
	if (!token_read(r, user) || !file_or_data(r, user, "client-certificate", &r->c->cert_file, &r->c->cert_pem) ||
	    !file_or_data(r, user, "client-key", &r->c->key_file, &r->c->key_pem))
		return false;
	bool cert = r->c->cert_file != NULL || r->c->cert_pem != NULL;
	bool key = r->c->key_file != NULL || r->c->key_pem != NULL;
	if (cert != key)
		return wrong(r, "user \"%s\": %s is missing", name, cert ? "client-key" : "client-certificate");
	return true;
}

static bool context_read(const struct reader *r, const struct value *root)
{
	const char *current = text_of(root, "current-context");

	if (current == NULL)
		return wrong(r, "current-context is missing");
	const struct value *context = named(root, "contexts", current, "context");
	const char *cluster_name = text_of(context, "cluster"), *user_name = text_of(context, "user");
	if (cluster_name == NULL)
		return wrong(r, "context \"%s\": %s", current, context == NULL ? "missing" : "cluster is missing");
	const struct value *cluster = named(root, "clusters", cluster_name, "cluster");
	if (cluster == NULL)
		return wrong(r, "cluster \"%s\": missing", cluster_name);
	const struct value *user = user_name != NULL ? named(root, "users", user_name, "user") : NULL;
	if (user_name != NULL && user == NULL)
		return wrong(r, "user \"%s\": missing", user_name);
	return cluster_read(r, cluster_name, cluster) && (user == NULL || user_read(r, user_name, user));
}

bool kubeconfig_read(struct credentials *c, const char *file, const char *text, size_t length_bytes,
		     char error[ERROR_BYTES])
{
	const struct yaml_chunk chunk = {.text = text, .length_bytes = length_bytes, .line = 1};
	const struct reader r = {.file = file, .error = error, .c = c};
	struct yaml_parser *parser = yaml_parser_new();
	struct arena *arena = arena_new(16384);
	const struct value *root = NULL;
	struct yaml_error problem;
	bool fine = yaml_parse(parser, &chunk, arena, &root, &problem);

	if (!fine)
		wrong(&r, "line %u: %s", problem.line, problem.reason);
	else
		fine = context_read(&r, root);
	arena_wipe(arena);
	arena_free(arena);
	yaml_parser_free(parser);
	return fine;
}

bool kubeconfig_load(struct credentials *c, const char *file, char error[ERROR_BYTES])
{
	struct buf text = {0};
	char chunk[4096];
	size_t n;
	FILE *f = fopen(file, "re");

	if (f == NULL) {
		snprintf(error, ERROR_BYTES, "kubeconfig %.300s: %s", file, strerror(errno));
		return false;
	}
	setvbuf(f, NULL, _IONBF, 0); /* a buffer of the C library's would keep a token */
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && text.length_bytes < FILE_LIMIT_BYTES)
		buf_add(&text, chunk, n);
	bool fine = ferror(f) == 0;
	if (!fine)
		snprintf(error, ERROR_BYTES, "kubeconfig %.300s: %s", file, strerror(errno));
	fclose(f);
	fine = fine && kubeconfig_read(c, file, text.data != NULL ? text.data : "", text.length_bytes, error);
	if (text.data != NULL)
		explicit_bzero(text.data, text.length_bytes);
	explicit_bzero(chunk, sizeof chunk);
	buf_fini(&text);
	return fine;
}
