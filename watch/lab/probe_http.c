/* HTTP probes over libcurl, by the rules of a kubelet (k8s.io/kubernetes/pkg/probe/http). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/outgoing.h"
#include "base/version.h"
#include "watch/curl_loop.h"
#include "watch/lab/probe_attempt.h"

#define READ_BYTES 1024L

struct probe_http {
	struct curl_loop curl;
};

struct http_attempt {
	struct probe_attempt attempt;
	struct probe_http *http;
	struct probe_request request;
	CURL *easy;
	struct curl_slist *headers;
	char *host; /* of the first URL */
	uint64_t limit_ms;
	unsigned redirects;
	size_t body_bytes;
};

static void on_cancel(struct probe_attempt *attempt)
{
	struct http_attempt *a = (struct http_attempt *)attempt;

	curl_multi_remove_handle(a->http->curl.multi, a->easy);
	curl_easy_cleanup(a->easy);
	curl_slist_free_all(a->headers);
	curl_free(a->host);
	free(a);
}

static void end(struct http_attempt *a, bool success, const char *why)
{
	const struct probe_request r = a->request;

	on_cancel(&a->attempt);
	r.end(r.ctx, success, why);
}

/* ---- the end of a transfer ---- */

static const char *failure(const struct http_attempt *a, CURLcode code, char text[PROBE_WHY_BYTES])
{
	long error = 0;

	curl_easy_getinfo(a->easy, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return "timeout";
	if (code == CURLE_COULDNT_CONNECT && error != 0)
		return probe_why((int)error, text);
	if (code == CURLE_GOT_NOTHING)
		return "closed without a response";
	if (code == CURLE_SSL_CONNECT_ERROR)
		return "TLS handshake failed";
	if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_HTTP2)
		return "not an HTTP response";
	snprintf(text, PROBE_WHY_BYTES, "%s", curl_easy_strerror(code));
	return text;
}

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

static bool is_same_host(const struct http_attempt *a, const char *url)
{
	char *host = host_of(url);
	const bool same = host != NULL && a->host != NULL && strcasecmp(host, a->host) == 0;

	curl_free(host);
	return same;
}

static void go(struct http_attempt *a, const char *url)
{
	const uint64_t now_ms = clock_ms();

	curl_easy_setopt(a->easy, CURLOPT_URL, url);
	curl_easy_setopt(a->easy, CURLOPT_TIMEOUT_MS, (long)(a->limit_ms > now_ms ? a->limit_ms - now_ms : 1));
	a->body_bytes = 0;
	curl_multi_add_handle(a->http->curl.multi, a->easy);
}

/* A redirect is followed on the same host only; one to another host is a success: the server has answered. */
static bool follows(struct http_attempt *a)
{
	char *to = NULL, *url;

	curl_easy_getinfo(a->easy, CURLINFO_REDIRECT_URL, &to);
	if (to == NULL || a->redirects > PROBE_REDIRECTS_MAX || !is_same_host(a, to))
		return false;
	if (a->redirects++ == PROBE_REDIRECTS_MAX)
		return false;
	url = mem_strdup(to);
	curl_multi_remove_handle(a->http->curl.multi, a->easy);
	go(a, url);
	free(url);
	return true;
}

static void on_ended(void *request, CURLcode code)
{
	struct http_attempt *a = request;
	char text[PROBE_WHY_BYTES];
	long status = 0;

	curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_WRITE_ERROR && a->body_bytes > PROBE_BODY_MAX_BYTES)
		code = CURLE_OK;
	if (code != CURLE_OK) {
		end(a, false, failure(a, code, text));
		return;
	}
	if (status >= 300 && status < 400 && follows(a))
		return;
	if (a->redirects > PROBE_REDIRECTS_MAX) {
		end(a, false, "more than 10 redirects");
		return;
	}
	snprintf(text, sizeof text, "HTTP %ld", status);
	end(a, status >= 200 && status < 400, text);
}

/* ---- its beginning ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_attempt *a = ctx;

	(void)bytes;
	a->body_bytes += size * count;
	return a->body_bytes <= PROBE_BODY_MAX_BYTES ? size * count : 0;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	(void)ctx, (void)purpose;
	return outgoing_socket(to->family, SOCK_STREAM);
}

/* "Name: value"; "Name;" is curl's way to send an empty one. */
static struct curl_slist *headers_make(const struct probe_object *spec)
{
	struct curl_slist *headers = mem_made(curl_slist_append(NULL, "Connection: close"));

	for (size_t i = 0; i < spec->header_count; i++) {
		const struct probe_header *h = &spec->headers[i];
		const size_t room = strlen(h->name) + strlen(h->value) + 3;
		char *line = mem_alloc(room);
		snprintf(line, room, "%s%s%s", h->name, h->value[0] == '\0' ? ";" : ": ", h->value);
		headers = mem_made(curl_slist_append(headers, line));
		free(line);
	}
	return headers;
}

static void set_options(struct http_attempt *a)
{
	CURL *easy = a->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, a);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L); /* new connections are what is asked about */
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, version_product());
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, a->headers);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BYTES);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L); /* endpoints have any certificate, as for a kubelet */
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

struct probe_attempt *probe_http_start(struct probe_http *h, const struct probe_request *r)
{
	const struct probe_object *spec = r->spec;
	const struct addr *to = spec->host.family != 0 ? &spec->host : &r->addr;
	struct http_attempt *a = mem_alloc(sizeof *a);
	char where[ADDR_PORT_TEXT_BYTES], *url;
	const size_t room = sizeof where + strlen(spec->path) + sizeof "https://";

	a->attempt.cancel = on_cancel;
	a->http = h;
	a->request = *r;
	a->easy = mem_made(curl_easy_init());
	a->headers = headers_make(spec);
	a->limit_ms = clock_ms() + spec->timeout_ms;
	url = mem_alloc(room);
	snprintf(url, room, "http%s://%s%s", spec->action == PROBE_HTTPS ? "s" : "",
		 addr_port_format(to, spec->port != 0 ? spec->port : r->port, where), spec->path);
	a->host = host_of(url);
	set_options(a);
	go(a, url);
	free(url);
	return &a->attempt;
}

struct probe_http *probe_http_new(struct ev_loop *loop)
{
	struct probe_http *h = mem_alloc(sizeof *h);

	if (!curl_loop_init(&h->curl, loop, on_ended))
		fatalx("probes: libcurl cannot start");
	return h;
}

void probe_http_free(struct probe_http *h)
{
	if (h == NULL)
		return;
	curl_loop_fini(&h->curl);
	free(h);
}
