/* HTTP GET over libcurl on the libev loop. */
#include "watch/api/fetch.h"

#include "base/version.h"

#include <ev.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/outgoing.h"
#include "base/sock.h"
#include "watch/curl_loop.h"

#define UNACKED_LIMIT_MS 30000 /* a peer that acknowledges nothing for so long is gone */
#define KEEPALIVE_IDLE_S 15L
#define KEEPALIVE_EVERY_S 5L
/*
 * curl reads up to 200 times before the loop has its turn: about one of the largest objects, 1.5 MB, which takes 20 ms.
 */
#define READ_BYTES 8192L
#define HEADERS_LIMIT_BYTES ((size_t)256 << 10)
#define REFUSAL_LIMIT_S 5.0 /* for the whole body of an answer that is no success */
#define CA_CACHE_S 300L	    /* a rotated CA file is in use after this at the latest */

struct fetch {
	struct curl_loop curl;
	struct fetch_request *requests;
	char *ca_file, *ca_pem, *cert_file, *cert_pem, *key_file, *key_pem;
	bool insecure;
};

struct fetch_request {
	struct fetch *fetch;
	struct fetch_request *next, **link;
	CURL *easy;
	struct curl_slist *headers;
	struct fetch_handler handler;
	struct ev_timer quiet;
	bool refused;
	size_t header_bytes;
	char error[CURL_ERROR_SIZE];
};

const char *fetch_url_fault(const char *url)
{
	CURLU *parts = curl_url();
	CURLUcode bad = parts != NULL ? curl_url_set(parts, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;

	curl_url_cleanup(parts);
	return bad == CURLUE_OK ? NULL : curl_url_strerror(bad);
}

static char *copy(const char *text)
{
	return text != NULL ? mem_strdup(text) : NULL;
}

static void secret_free(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* One of them holds the token. */
static void headers_free(struct curl_slist *headers)
{
	for (struct curl_slist *h = headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(headers);
}

static void request_free(struct fetch_request *r)
{
	ev_timer_stop(r->fetch->curl.loop, &r->quiet);
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	curl_multi_remove_handle(r->fetch->curl.multi, r->easy);
	curl_easy_cleanup(r->easy);
	headers_free(r->headers);
	free(r);
}

static void request_end(struct fetch_request *r, CURLcode code, bool silent)
{
	struct fetch_handler handler = r->handler;
	struct fetch_end end = {.silent = silent,
				.whole = code == CURLE_OK && !silent,
				.excess = r->header_bytes > HEADERS_LIMIT_BYTES};
	curl_off_t retry_after_s = 0;
	char error[CURL_ERROR_SIZE];
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	end.status = (int)status;
	if (retry_after_s > 0)
		end.retry_after_ms = retry_after_s > 86400 ? 86400000 : (uint32_t)retry_after_s * 1000;
	if (silent)
		snprintf(error, sizeof error, "nothing came for too long");
	else if (end.excess)
		snprintf(error, sizeof error, "more than %zu KiB of headers", HEADERS_LIMIT_BYTES >> 10);
	else
		snprintf(error, sizeof error, "%s", r->error[0] != '\0' ? r->error : curl_easy_strerror(code));
	end.error = end.whole ? "" : error;
	request_free(r);
	handler.end(handler.ctx, &end);
}

static void on_ended(void *request, CURLcode code)
{
	request_end(request, code, false);
}

static void on_quiet(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	request_end(timer->data, CURLE_OPERATION_TIMEDOUT, true);
}

/* A refusal that trickles must not hold the request as long as a watch may be silent. */
static void data_came(struct fetch_request *r, long status)
{
	if (status == 200 ? r->quiet.repeat <= 0 : r->refused)
		return;
	if (status != 200) {
		r->refused = true;
		r->quiet.repeat = REFUSAL_LIMIT_S;
	}
	ev_timer_again(r->fetch->curl.loop, &r->quiet);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
	struct fetch_request *r = ctx;

	long status = 0;

	r->header_bytes += size * count;
	if (r->header_bytes > HEADERS_LIMIT_BYTES)
		return 0;
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (size * count == 2 && memcmp(bytes, "\r\n", 2) == 0 && status >= 200 && r->handler.answered != NULL)
		r->handler.answered(r->handler.ctx, (int)status);
	return size * count;
}

static size_t on_data(char *bytes, size_t size, size_t count, void *ctx)
{
	struct fetch_request *r = ctx;
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	data_came(r, status);
	return r->handler.data(r->handler.ctx, (int)status, bytes, size * count) ? size * count : 0;
}

static int on_open(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	unsigned limit_ms = UNACKED_LIMIT_MS;

	(void)ctx;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms);
	outgoing_mark(fd);
	return CURL_SOCKOPT_OK;
}

static void set_text(CURL *easy, CURLoption file_option, const char *file, CURLoption pem_option, const char *pem)
{
	if (pem != NULL) {
		struct curl_blob blob = {.data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY};
		curl_easy_setopt(easy, pem_option, &blob);
	} else if (file != NULL) {
		curl_easy_setopt(easy, file_option, file);
	}
}

static void set_tls(const struct fetch *f, CURL *easy)
{
	set_text(easy, CURLOPT_CAINFO, f->ca_file, CURLOPT_CAINFO_BLOB, f->ca_pem);
	set_text(easy, CURLOPT_SSLCERT, f->cert_file, CURLOPT_SSLCERT_BLOB, f->cert_pem);
	set_text(easy, CURLOPT_SSLKEY, f->key_file, CURLOPT_SSLKEY_BLOB, f->key_pem);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or newer */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
	if (f->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void set_transport(CURL *easy, const struct fetch_options *options)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* else the end of a request waits for its name look-up */
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_limit_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BYTES);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, version_product());
	if (options->fresh)
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

static struct curl_slist *headers_make(const char *token)
{
	struct curl_slist *headers = mem_made(curl_slist_append(NULL, "Accept: application/json"));

	if (token != NULL) {
		size_t room = strlen(token) + sizeof "Authorization: Bearer ";
		char *line = mem_alloc(room);
		snprintf(line, room, "Authorization: Bearer %s", token);
		headers = mem_made(curl_slist_append(headers, line));
		secret_free(line);
	}
	return headers;
}

struct fetch_request *fetch_get(struct fetch *f, const char *url, const struct fetch_options *options,
				const struct fetch_handler *handler)
{
	struct fetch_request *r = mem_alloc(sizeof *r);

	r->fetch = f;
	r->handler = *handler;
	r->easy = mem_made(curl_easy_init());
	r->headers = headers_make(options->token);
	r->next = f->requests;
	r->link = &f->requests;
	if (r->next != NULL)
		r->next->link = &r->next;
	f->requests = r;
	set_transport(r->easy, options);
	set_tls(f, r->easy);
	curl_easy_setopt(r->easy, CURLOPT_URL, url);
	/*
	 * Rather share the first connection than open six: wait whether the handshake agrees on HTTP/2. Without TLS
	 * there is no handshake, and curl would wait until the first request has ended.
	 */
	curl_easy_setopt(r->easy, CURLOPT_PIPEWAIT, strncmp(url, "https:", 6) == 0 ? 1L : 0L);
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->error);
	curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
	curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
	ev_timer_init(&r->quiet, on_quiet, 0, 0);
	r->quiet.data = r;
	fetch_quiet_limit(r, options->quiet_limit_ms);
	curl_multi_add_handle(f->curl.multi, r->easy);
	return r;
}

void fetch_quiet_limit(struct fetch_request *r, uint32_t quiet_limit_ms)
{
	r->quiet.repeat = quiet_limit_ms / 1000.0;
	ev_timer_again(r->fetch->curl.loop, &r->quiet);
}

void fetch_cancel(struct fetch_request *r)
{
	request_free(r);
}

struct fetch *fetch_new(struct ev_loop *loop, const struct fetch_settings *settings, char error[ERROR_BYTES])
{
	struct fetch *f = mem_alloc(sizeof *f);

	if (!curl_loop_init(&f->curl, loop, on_ended)) {
		snprintf(error, ERROR_BYTES, "libcurl cannot start");
		free(f);
		return NULL;
	}
	f->ca_file = copy(settings->ca_file);
	f->ca_pem = copy(settings->ca_pem);
	f->cert_file = copy(settings->cert_file);
	f->cert_pem = copy(settings->cert_pem);
	f->key_file = copy(settings->key_file);
	f->key_pem = copy(settings->key_pem);
	f->insecure = settings->insecure;
	curl_multi_setopt(f->curl.multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	return f;
}

void fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	while (f->requests != NULL)
		request_free(f->requests);
	curl_loop_fini(&f->curl);
	free(f->ca_file);
	free(f->ca_pem);
	free(f->cert_file);
	free(f->cert_pem);
	free(f->key_file);
	secret_free(f->key_pem);
	free(f);
}
