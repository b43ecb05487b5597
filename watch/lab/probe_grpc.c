/* gRPC probes: the health protocol over HTTP/2 without TLS, as a kubelet asks (k8s.io/kubernetes/pkg/probe/grpc). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch/lab/grpc_health.h"
#include "watch/lab/probe_curl.h"

struct grpc_attempt {
	struct curl_attempt base;
	struct grpc_answer answer;
};

static void on_ended(struct curl_attempt *base, CURLcode code)
{
	struct grpc_attempt *a = (struct grpc_attempt *)base;
	char text[PROBE_WHY_BYTES];
	long status = 0;

	curl_easy_getinfo(base->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK && a->answer.has_status && a->answer.status != 0)
		code = CURLE_OK; /* said before it hung up */
	if (code == CURLE_WRITE_ERROR)
		code = CURLE_OK;				/* too long: no such message */
	if (code == CURLE_HTTP2 || code == CURLE_GOT_NOTHING) { /* no frames, though perhaps bytes */
		curl_attempt_end(base, false, "no HTTP/2");
	} else if (code == CURLE_PARTIAL_FILE) {
		curl_attempt_end(base, false, "closed without a response");
	} else if (code != CURLE_OK) {
		curl_attempt_end(base, false, curl_attempt_failure(base, code, text));
	} else if (status != 200) {
		snprintf(text, sizeof text, "HTTP %ld", status);
		curl_attempt_end(base, false, text);
	} else {
		const bool serving = grpc_answer_serving(&a->answer, text);
		curl_attempt_end(base, serving, text);
	}
}

/* Trailers come here, too. */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
	struct grpc_attempt *a = ctx;

	grpc_answer_header(&a->answer, line, size * count);
	return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct grpc_attempt *a = ctx;

	grpc_answer_body(&a->answer, bytes, size * count);
	return a->answer.length_bytes <= sizeof a->answer.body ? size * count : 0;
}

static void prepare(struct curl_attempt *a)
{
	curl_easy_setopt(a->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	curl_easy_setopt(a->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(a->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(a->easy, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_WRITEFUNCTION, on_body);
}

static void clear(struct curl_attempt *base)
{
	struct grpc_attempt *a = (struct grpc_attempt *)base;

	memset(&a->answer, 0, sizeof a->answer);
}

struct probe_attempt *probe_grpc_start(struct probe_curl *c, const struct probe_request *r)
{
	static const struct curl_kind kind = {1, sizeof(struct grpc_attempt), prepare, on_ended, clear};
	struct curl_attempt *a = curl_attempt_new(c, &kind, r);
	uint8_t body[GRPC_HEALTH_REQUEST_BYTES];
	char *url = curl_attempt_url(a, "http", GRPC_HEALTH_PATH);

	curl_easy_setopt(a->easy, CURLOPT_POSTFIELDSIZE, (long)grpc_health_request(body, r->spec->path));
	curl_easy_setopt(a->easy, CURLOPT_COPYPOSTFIELDS, body);
	curl_attempt_header(a, "Content-Type: application/grpc");
	curl_attempt_header(a, "TE: trailers");
	curl_attempt_go(a, url);
	free(url);
	return &a->attempt;
}
