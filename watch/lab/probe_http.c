/* HTTP probes, by the rules of a kubelet (k8s.io/kubernetes/pkg/probe/http). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "watch/lab/probe_curl.h"

struct http_attempt {
	struct curl_attempt base;
	char *host; /* of the first URL */
	unsigned redirects;
	size_t body_bytes;
};

/* ---- redirects ---- */

static char *host_of(const char *url)
{
	CURLU *parts = mem_made(curl_url());
	char *host = NULL;

	if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		host = NULL;
	curl_url_cleanup(parts);
	return host;
}

/* The first URL is still that of the handle when there is no host yet. */
static bool is_same_host(struct http_attempt *a, const char *url)
{
	char *first = NULL, *host = host_of(url);

	if (a->host == NULL && curl_easy_getinfo(a->base.easy, CURLINFO_EFFECTIVE_URL, &first) == CURLE_OK)
		a->host = host_of(first);
	const bool same = host != NULL && a->host != NULL && strcasecmp(host, a->host) == 0;
	curl_free(host);
	return same;
}

/* A redirect is followed on the same host only; one to another host is a success: the server has answered. */
static bool follows(struct http_attempt *a)
{
	char *to = NULL, *url;

	curl_easy_getinfo(a->base.easy, CURLINFO_REDIRECT_URL, &to);
	if (to == NULL || a->redirects > PROBE_REDIRECTS_MAX || !is_same_host(a, to))
		return false;
	if (a->redirects++ == PROBE_REDIRECTS_MAX)
		return false;
	a->body_bytes = 0;
	url = mem_strdup(to);
	curl_attempt_go(&a->base, url);
	free(url);
	return true;
}

/* ---- the end of a transfer ---- */

static const char *failure(const struct http_attempt *a, CURLcode code, char text[PROBE_WHY_BYTES])
{
	if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_HTTP2)
		return "not an HTTP response";
	return curl_attempt_failure(&a->base, code, text);
}

static void on_ended(struct curl_attempt *base, CURLcode code)
{
	struct http_attempt *a = (struct http_attempt *)base;
	char text[PROBE_WHY_BYTES];
	long status = 0;

	curl_easy_getinfo(base->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_WRITE_ERROR && a->body_bytes > PROBE_BODY_MAX_BYTES)
		code = CURLE_OK;
	if (code != CURLE_OK) {
		curl_attempt_end(base, false, failure(a, code, text));
		return;
	}
	if (status >= 300 && status < 400 && follows(a))
		return;
	if (a->redirects > PROBE_REDIRECTS_MAX) {
		curl_attempt_end(base, false, "more than 10 redirects");
		return;
	}
	snprintf(text, sizeof text, "HTTP %ld", status);
	curl_attempt_end(base, status >= 200 && status < 400, text);
}

/* ---- its beginning ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_attempt *a = ctx;

	(void)bytes;
	a->body_bytes += size * count;
	return a->body_bytes <= PROBE_BODY_MAX_BYTES ? size * count : 0;
}

static void prepare(struct curl_attempt *a)
{
	curl_easy_setopt(a->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(a->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(a->easy, CURLOPT_SSL_VERIFYPEER, 0L); /* endpoints have any certificate, as for a kubelet */
	curl_easy_setopt(a->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(a->easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(a->easy, CURLOPT_CAPATH, NULL);
}

static void clear(struct curl_attempt *base)
{
	struct http_attempt *a = (struct http_attempt *)base;

	curl_free(a->host);
	a->host = NULL;
	a->redirects = 0;
	a->body_bytes = 0;
}

/* "Name: value"; "Name;" is curl's way to send an empty one. */
static void headers_add(struct curl_attempt *a, const struct probe_object *spec)
{
	for (size_t i = 0; i < spec->header_count; i++) {
		const struct probe_header *h = &spec->headers[i];
		const size_t room = strlen(h->name) + strlen(h->value) + 3;
		char *line = mem_alloc(room);
		snprintf(line, room, "%s%s%s", h->name, h->value[0] == '\0' ? ";" : ": ", h->value);
		curl_attempt_header(a, line);
		free(line);
	}
}

struct probe_attempt *probe_http_start(struct probe_curl *c, const struct probe_request *r)
{
	static const struct curl_kind kind = {0, sizeof(struct http_attempt), prepare, on_ended, clear};
	struct curl_attempt *a = curl_attempt_new(c, &kind, r);
	char *url = curl_attempt_url(a, r->spec->action == PROBE_HTTPS ? "https" : "http", r->spec->path);

	curl_attempt_header(a, "Connection: close");
	headers_add(a, r->spec);
	curl_attempt_go(a, url);
	free(url);
	return &a->attempt;
}
