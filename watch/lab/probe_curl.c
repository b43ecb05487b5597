/* Attempts over libcurl: handles, sockets, time. */
#include "watch/lab/probe_curl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "base/version.h"

#define READ_BYTES 1024L
#define IDLE_MAX 64 /* handles that are kept of each kind, of about 8 kB */

SLIST_HEAD(curl_attempt_list, curl_attempt);

struct probe_curl {
	struct curl_loop curl;
	struct curl_attempt_list idle[PROBE_CURL_KINDS];
	unsigned idle_count[PROBE_CURL_KINDS];
};

/* ---- the end ---- */

static void attempt_free(struct curl_attempt *a)
{
	curl_easy_cleanup(a->easy);
	free(a);
}

static void on_cancel(struct probe_attempt *attempt)
{
	struct curl_attempt *a = (struct curl_attempt *)attempt;
	struct probe_curl *c = a->owner;
	const unsigned kind = a->kind->number;

	curl_multi_remove_handle(c->curl.multi, a->easy);
	curl_slist_free_all(a->headers);
	a->headers = NULL;
	a->kind->clear(a);
	if (c->idle_count[kind] == IDLE_MAX) {
		attempt_free(a);
		return;
	}
	SLIST_INSERT_HEAD(&c->idle[kind], a, link);
	c->idle_count[kind]++;
}

void curl_attempt_end(struct curl_attempt *a, bool success, const char *why)
{
	const struct probe_request r = a->request;
	const int starved = a->starved;
	char text[PROBE_WHY_BYTES];

	on_cancel(&a->attempt);
	if (starved != 0) /* says nothing of the endpoint */
		r.none(r.ctx, probe_why(starved, text));
	else
		r.end(r.ctx, success, why);
}

const char *curl_attempt_failure(const struct curl_attempt *a, CURLcode code, char text[PROBE_WHY_BYTES])
{
	long error = 0;

	curl_easy_getinfo(a->easy, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return "timeout";
	if (code == CURLE_COULDNT_CONNECT && error != 0)
		return probe_why((int)error, text);
	if (code == CURLE_GOT_NOTHING)
		return "closed without a response";
	if (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR)
		return "connection reset";
	if (code == CURLE_SSL_CONNECT_ERROR)
		return "TLS handshake failed";
	snprintf(text, PROBE_WHY_BYTES, "%s", curl_easy_strerror(code));
	return text;
}

static void on_ended(void *request, CURLcode code)
{
	struct curl_attempt *a = request;

	a->kind->ended(a, code);
}

/* ---- the beginning ---- */

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct curl_attempt *a = ctx;
	const int fd = probe_socket(to->family);

	(void)purpose;
	a->starved = fd < 0 && sock_is_starved(errno) ? errno : 0;
	return fd;
}

/* The DNS cache has addresses only: what is in it is looked at after each transfer. */
static void set_options(struct curl_attempt *a)
{
	CURL *easy = a->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, a);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L); /* new connections are what is asked about */
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, version_product());
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BYTES);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, a);
}

static struct curl_attempt *idle_take(struct probe_curl *c, unsigned kind)
{
	struct curl_attempt *a = SLIST_FIRST(&c->idle[kind]);

	if (a != NULL) {
		SLIST_REMOVE_HEAD(&c->idle[kind], link);
		c->idle_count[kind]--;
	}
	return a;
}

struct curl_attempt *curl_attempt_new(struct probe_curl *c, const struct curl_kind *kind, const struct probe_request *r)
{
	struct curl_attempt *a = idle_take(c, kind->number);

	if (a == NULL) {
		a = mem_alloc(kind->size_bytes);
		a->attempt.cancel = on_cancel;
		a->owner = c;
		a->kind = kind;
		a->easy = mem_made(curl_easy_init());
		set_options(a);
		kind->prepare(a);
	}
	a->request = *r;
	a->starved = 0;
	a->limit_ms = clock_ms() + r->spec->timeout_ms;
	return a;
}

void curl_attempt_header(struct curl_attempt *a, const char *line)
{
	a->headers = mem_made(curl_slist_append(a->headers, line));
}

char *curl_attempt_url(const struct curl_attempt *a, const char *scheme, const char *path)
{
	const struct probe_request *r = &a->request;
	const struct addr *to = r->spec->host.family != 0 ? &r->spec->host : &r->addr;
	char where[ADDR_PORT_TEXT_BYTES];
	const size_t room = sizeof where + strlen(scheme) + strlen(path) + sizeof "://";
	char *url = mem_alloc(room);

	snprintf(url, room, "%s://%s%s", scheme,
		 addr_port_format(to, r->spec->port != 0 ? r->spec->port : r->port, where), path);
	return url;
}

void curl_attempt_go(struct curl_attempt *a, const char *url)
{
	const uint64_t now_ms = clock_ms();

	curl_multi_remove_handle(a->owner->curl.multi, a->easy); /* nothing, the first time */
	curl_easy_setopt(a->easy, CURLOPT_URL, url);
	curl_easy_setopt(a->easy, CURLOPT_HTTPHEADER, a->headers);
	curl_easy_setopt(a->easy, CURLOPT_TIMEOUT_MS, (long)(a->limit_ms > now_ms ? a->limit_ms - now_ms : 1));
	curl_multi_add_handle(a->owner->curl.multi, a->easy);
}

/* ---- all of them ---- */

struct probe_curl *probe_curl_new(struct ev_loop *loop)
{
	struct probe_curl *c = mem_alloc(sizeof *c);

	if (!curl_loop_init(&c->curl, loop, on_ended))
		fatalx("probes: libcurl cannot start");
	return c;
}

void probe_curl_free(struct probe_curl *c)
{
	struct curl_attempt *a;

	if (c == NULL)
		return;
	for (unsigned kind = 0; kind < PROBE_CURL_KINDS; kind++)
		while ((a = idle_take(c, kind)) != NULL)
			attempt_free(a);
	curl_loop_fini(&c->curl);
	free(c);
}
