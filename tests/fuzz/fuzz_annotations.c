/*
 * Any texts as annotations of a Service, of its slice and of a Pod: what they say stays within its bounds, strictly and
 * leniently. Lines are the values, in the order below; each also many times over, a % being a number then, for work
 * that must grow with its bytes (cost_text.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/fuzz/cost_text.h"
#include "watch/decode/decode.h"
#include "watch/decode/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONG_BYTES ((size_t)256 << 10) /* of all together: what an API server takes */
#define BYTE_NS 1000		       /* with sanitizers; 20 without */

static const char *const keys[] = {
	"fairlead/weight",
	"fairlead/lb",
	"fairlead/source-ranges",
	"endpoints.kubernetes.io/last-change-trigger-time",
	"service.kubernetes.io/topology-mode",
	"service.kubernetes.io/topology-aware-hints",
	"fairlead/endpoints",
	"fairlead/probe",
	"fairlead/when-all-fail",
	"fairlead/hostname",
	"fairlead/pod-ip",
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void on_object(void *ctx, struct object *o, uint32_t line)
{
	const struct slice_object *slice = (const struct slice_object *)o;
	const struct service_object *service = (const struct service_object *)o;

	(void)ctx;
	(void)line;
	for (size_t i = 0; o->kind == OBJECT_SLICE && i < slice->endpoint_count; i++)
		must(slice->endpoints[i].weight >= 1 && slice->endpoints[i].weight <= 100);
	if (o->kind == OBJECT_SERVICE)
		must(service->balance == BALANCE_RANDOM || service->balance == BALANCE_MAGLEV);
	object_free(o);
}

static void on_problem(void *ctx, const struct decode_problem *p)
{
	char text[PROBLEM_TEXT_BYTES];

	(void)ctx;
	must(p->reason[0] != '\0' && strlen(decode_problem_format(text, "f", p)) < sizeof text);
}

static void string_escape(struct buf *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)bytes[i] < ' ' || bytes[i] == '"' || bytes[i] == '\\')
			buf_printf(out, "\\u%04x", (unsigned)(unsigned char)bytes[i]);
		else
			buf_add(out, &bytes[i], 1);
	}
}

static void object_put(struct buf *out, const char *head, const struct buf *annotations, const char *tail)
{
	buf_clear(out);
	buf_puts(out, head);
	buf_add(out, annotations->data, annotations->length_bytes);
	buf_puts(out, tail);
}

static void decode(const char *kind, const char *version, const struct buf *json, bool lenient)
{
	const struct decode_sink sink = {.object = on_object, .problem = on_problem};
	struct arena *arena = arena_new(4096);
	struct decoder *d = decoder_new(lenient);
	size_t error_at;
	const struct value *v = json_parse(json->data, json->length_bytes, arena, &error_at);

	if (v != NULL) /* else not UTF-8 */
		decode_item(d, kind, version, v, &sink);
	decoder_free(d);
	arena_free(arena);
}

static void decode_all(void *ctx)
{
	const struct buf *annotations = ctx;
	struct buf json = {0};

	for (int lenient = 0; lenient < 2; lenient++) {
		object_put(&json, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"annotations\":{", annotations,
			   "}},\"spec\":{\"clusterIP\":\"10.96.0.1\",\"ports\":[{\"port\":80}]}}");
		decode("Service", "v1", &json, lenient != 0);
		object_put(&json,
			   "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"labels\":{\"kubernetes.io/"
			   "service-name\":\"a\"},\"annotations\":{",
			   annotations,
			   "}},\"addressType\":\"IPv4\",\"ports\":[{\"port\":80}],\"endpoints\":["
			   "{\"addresses\":[\"10.0.0.1\"]},{\"addresses\":[\"10.0.0.2\"]}]}");
		decode("EndpointSlice", "discovery.k8s.io/v1", &json, lenient != 0);
		object_put(&json, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"annotations\":{", annotations,
			   "}},\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"b\"}]}}");
		decode("Pod", "v1", &json, lenient != 0);
	}
	buf_fini(&json);
}

static size_t lines_count(const char *bytes, size_t size)
{
	size_t count = 1;

	for (size_t i = 1; i < size; i++)
		count += bytes[i] != '\n' && bytes[i - 1] == '\n';
	return count;
}

static void annotations_put(struct buf *out, const char *bytes, size_t size, bool many)
{
	const size_t long_bytes = LONG_BYTES / lines_count(bytes, size);
	const char *end = bytes + size;

	for (size_t i = 0; i < sizeof keys / sizeof *keys && bytes < end; i++) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t length = (size_t)((newline != NULL ? newline : end) - bytes);
		struct buf text = {0}, value = {0};
		string_escape(&text, bytes, length);
		if (many && length != 0)
			text_repeat(&value, &(struct text){text.data, text.length_bytes}, long_bytes, TEXT_PERIOD);
		buf_printf(out, "%s\"%s\":\"", i != 0 ? "," : "", keys[i]);
		buf_add(out, many ? value.data : text.data, many ? value.length_bytes : text.length_bytes);
		buf_puts(out, "\"");
		buf_fini(&text);
		buf_fini(&value);
		bytes += length + (newline != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = {0}, many = {0};

	if (size == 0)
		return 0;
	annotations_put(&once, (const char *)data, size, false);
	decode_all(&once);
	annotations_put(&many, (const char *)data, size, true);
	cost_check(decode_all, &many, many.length_bytes, BYTE_NS);
	buf_fini(&once);
	buf_fini(&many);
	return 0;
}
