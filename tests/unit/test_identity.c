/* Names of objects: what the API server could not have accepted is refused, whatever the source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "watch/decode/decode.h"
#include "watch/decode/json.h"
#include "watch/identity.h"

struct seen {
	int objects, refused;
	char reason[512];
};

static void on_object(void *ctx, struct object *o, uint32_t line)
{
	(void)line;
	((struct seen *)ctx)->objects++;
	object_free(o);
}

static void on_problem(void *ctx, const struct decode_problem *p)
{
	struct seen *s = ctx;

	if (p->refused)
		snprintf(s->reason, sizeof s->reason, "%s", p->reason);
}

static void on_refused(void *ctx, const char *kind, const char *ns, const char *name)
{
	(void)kind, (void)ns, (void)name;
	((struct seen *)ctx)->refused++;
}

static void on_unknown(void *ctx, const struct decode_unknown *u)
{
	(void)ctx, (void)u;
}

/* As an API server's object (lenient) and as a manifest. */
static struct seen read_one(const char *kind, const char *version, const char *json, bool lenient)
{
	struct seen seen = {0};
	const struct decode_sink sink = {&seen, on_object, on_problem, on_refused, on_unknown, NULL};
	struct decoder *d = decoder_new(lenient);
	struct arena *arena = arena_new(4096);
	size_t error_at;
	const struct value *v = json_parse(json, strlen(json), arena, &error_at);

	assert_non_null(v);
	decode_item(d, kind, version, v, &sink);
	decoder_free(d);
	arena_free(arena);
	return seen;
}

static void service(struct buf *out, const char *ns, const char *name)
{
	buf_clear(out);
	buf_printf(out,
		   "{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\"},"
		   "\"spec\":{\"clusterIP\":\"10.96.0.9\",\"ports\":[{\"port\":80}]}}",
		   ns, name);
}

static void slice(struct buf *out, const char *name, const char *label, const char *target)
{
	buf_clear(out);
	buf_printf(out,
		   "{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\",\"labels\":"
		   "{\"kubernetes.io/service-name\":\"%s\"}},\"addressType\":\"IPv4\",\"ports\":[],"
		   "\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],\"targetRef\":{\"kind\":\"Pod\",\"name\":\"%s\"}}]}",
		   name, label, target);
}

static void assert_service(const char *ns, const char *name, bool good)
{
	struct buf json = {0};

	service(&json, ns, name);
	for (int lenient = 0; lenient < 2; lenient++) {
		struct seen seen = read_one("Service", "v1", json.data, lenient);
		assert_int_equal(seen.objects, good);
		assert_int_equal(seen.refused, !good);
		assert_int_equal(seen.reason[0] != '\0', !good);
	}
	buf_fini(&json);
}

static void repeat(char *to, char c, size_t count)
{
	memset(to, c, count);
	to[count] = '\0';
}

static void test_services(void **state)
{
	char text[700];

	(void)state;
	assert_service("default", "web", true);
	assert_service("default", "0web", true);
	assert_service("default", "WEB", false);
	assert_service("default", "a/b", false);
	assert_service("default", "a.b", false);
	assert_service("default", "a\\nb", false);
	assert_service("default", "a\\u0001b", false);
	assert_service("default", "-web", false);
	assert_service("A", "web", false);
	assert_service("a/b", "web", false);
	repeat(text, 'a', 63);
	assert_service("default", text, true);
	assert_service(text, "web", true);
	repeat(text, 'a', 64);
	assert_service("default", text, false);
	repeat(text, 'a', 71);
	assert_service("default", text, false);
	repeat(text, 'n', 600);
	assert_service(text, "web", false);
}

static void test_slices(void **state)
{
	static const struct {
		const char *name, *label, *target;
		bool good;
	} rows[] = {
		{"web-1", "web", "web-1-x", true},
		{"web.1", "web", "web-0", true},
		{"web_1", "web", "web-0", false},
		{"web-1", "WEB", "web-0", false},
		{"web-1", "a/b", "web-0", false},
		{"web-1", "a.b", "web-0", false},
		{"web:endpoints-ipv4-0", "web", "web-0", true},
		{"web:endpoints-ipv4-0", "db", "web-0", false},
		{"web:endpoints-\\n", "web", "web-0", false},
	};
	struct buf json = {0};
	char name[300];

	(void)state;
	for (size_t length = 63; length <= 255; length += 96) { /* slices are named after Services: 63 bytes and more */
		repeat(name, 'a', length);
		slice(&json, name, "web", name);
		assert_int_equal(read_one("EndpointSlice", "discovery.k8s.io/v1", json.data, true).objects,
				 length <= 253);
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		slice(&json, rows[i].name, rows[i].label, rows[i].target);
		struct seen seen = read_one("EndpointSlice", "discovery.k8s.io/v1", json.data, true);
		print_message("%s %s\n", rows[i].name, rows[i].label);
		if (strchr(rows[i].name, ':') == NULL)
			assert_int_equal(seen.objects, rows[i].good);
		else
			assert_int_equal(seen.objects, 0); /* such a name is ours to give, not a source's */
	}
	buf_fini(&json);
}

/* A pod's name goes into the log and into DNS: a bad one is no name. */
static void test_pod_names(void **state)
{
	struct buf json = {0};

	(void)state;
	slice(&json, "web-1", "web", "web\\n<1>forged");
	struct seen seen = read_one("EndpointSlice", "discovery.k8s.io/v1", json.data, true);
	assert_int_equal(seen.objects, 1);
	seen = read_one("EndpointSlice", "discovery.k8s.io/v1", json.data, false);
	assert_int_equal(seen.objects, 0);
	buf_fini(&json);
}

static void test_objects_of_the_state_file(void **state)
{
	struct endpoint_object e = {.addr.family = AF_INET, .pod_name = "a\nb"};
	struct slice_object s = {.object = {.kind = OBJECT_SLICE, .ns = "default", .name = "web-1"},
				 .service_name = "web"};

	(void)state;
	assert_null(identity_wrong(&s.object));
	s.endpoint_count = 1;
	s.endpoints = &e;
	assert_non_null(identity_wrong(&s.object));
	e.pod_name = "b";
	e.extra = &(struct endpoint_extra){.hostname = "a.b"};
	assert_non_null(identity_wrong(&s.object));
	e.extra = &(struct endpoint_extra){.hostname = "b"};
	assert_null(identity_wrong(&s.object));
	s.service_name = "Web";
	assert_non_null(identity_wrong(&s.object));
	struct object node = {.kind = OBJECT_NODE, .ns = "", .name = "node-1.example"};
	assert_null(identity_wrong(&node));
	node.ns = "x";
	assert_non_null(identity_wrong(&node));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_pod_names),
		cmocka_unit_test(test_objects_of_the_state_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
