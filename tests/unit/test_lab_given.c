/* The annotation fairlead/endpoints: how it is read, and what slices it becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lab_world.h"

#define GIVEN(name, endpoints, spec)                                                                               \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name ", annotations: {fairlead/endpoints: \"" endpoints \
	"\"}}\nspec: {" spec "}\n---\n"
#define PORT "ports: [{port: 80, targetPort: 8080}]"
#define PORTS "ports: [{name: http, port: 80}, {name: https, port: 443, targetPort: 8443}]"
#define DUAL "10.96.0.0/16 fd00:10:96::/112"

/* A line for each slice NAME:given-…: "4 http=80 https=443: 10.1.0.1 10.1.0.2". */
static void slices_are(const struct lab_world *w, const char *name, const char *expected)
{
	struct buf out = {0};
	char addr[ADDR_TEXT_BYTES], slice_name[256];

	buf_puts(&out, "");
	for (int i = 0; i < 18; i++) {
		snprintf(slice_name, sizeof slice_name, "%s:given-ipv%d-%d", name, i < 9 ? 4 : 6, i % 9);
		const struct slice_object *s =
			(const struct slice_object *)world_object(w, OBJECT_SLICE, "default", slice_name);
		if (s == NULL)
			continue;
		buf_printf(&out, "%d", i < 9 ? 4 : 6);
		for (size_t k = 0; k < s->port_count; k++)
			buf_printf(&out, " %s=%u", s->ports[k].name, s->ports[k].port);
		for (size_t k = 0; k < s->endpoint_count; k++) {
			assert_true(s->endpoints[k].ready && s->endpoints[k].serving && s->endpoints[k].weight == 1);
			buf_printf(&out, "%s %s", k == 0 ? ":" : "", addr_format(&s->endpoints[k].addr, addr));
		}
		buf_puts(&out, "\n");
	}
	assert_string_equal(out.data, expected);
	buf_fini(&out);
}

static void forms(void **state)
{
	static const struct {
		const char *annotation, *spec, *slices;
	} cases[] = {
		{"192.168.1.10:8080, 192.168.1.11:8080", PORT, "4 =8080: 192.168.1.10 192.168.1.11\n"},
		{" 192.168.1.10 ,", PORT, "4 =8080: 192.168.1.10\n"}, /* the targetPort */
		{"10.1.0.1:1, 10.1.0.2:2, 10.1.0.3:1", PORT, "4 =1: 10.1.0.1 10.1.0.3\n4 =2: 10.1.0.2\n"},
		{"10.1.0.1", PORTS, "4 http=80 https=8443: 10.1.0.1\n"},
		{"http=10.1.0.1:81,10.1.0.2:81; https = 10.1.0.1", PORTS,
		 "4 http=81: 10.1.0.1 10.1.0.2\n4 https=8443: 10.1.0.1\n"},
		{"http=10.1.0.1:81", PORTS, "4 http=81: 10.1.0.1\n"},
		{"fd00::1, [fd00::2]:81, [fd00::3]", PORT, "6 =8080: fd00::1 fd00::3\n6 =81: fd00::2\n"},
		{"10.1.0.1, fd00::1", "ipFamilyPolicy: PreferDualStack, " PORT,
		 "4 =8080: 10.1.0.1\n6 =8080: fd00::1\n"},
		{"10.1.0.1, fd00::1", "clusterIP: None, " PORT, "4 =8080: 10.1.0.1\n6 =8080: fd00::1\n"},
		{"10.1.0.1:80", "selector: {app: web}, " PORT, "4 =80: 10.1.0.1\n"}, /* the selector does not count */
	};
	struct lab_world w;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		world_init(&w, DUAL, "");
		snprintf(text, sizeof text, GIVEN("web", "%s", "%s"), cases[i].annotation, cases[i].spec);
		world_put(&w, text);
		slices_are(&w, "web", cases[i].slices);
		assert_string_equal(w.problems.data, "");
		world_put(&w, "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {" PORT "}\n");
		slices_are(&w, "web", "");
		world_fini(&w);
	}
}

static void mistakes(void **state)
{
	static const struct {
		const char *annotation, *spec, *reason;
	} cases[] = {
		{"", PORT, "no endpoint"},
		{"10.1.0.1:0", PORT, "\"10.1.0.1:0\" is not an address or a host name, with a port or without"},
		{"10.1.0.256:80", PORT, "\"10.1.0.256:80\" is not an address or a host name, with a port or without"},
		{"8080", PORT, "\"8080\" is not an address or a host name, with a port or without"},
		{"http://nas.lan", PORT, "\"http://nas.lan\" is not an address or a host name, with a port or without"},
		{"nas_1.lan", PORT, "\"nas_1.lan\" is not an address or a host name, with a port or without"},
		{"127.0.0.1:80", PORT, "127.0.0.1:80 is a loopback address"},
		{"10.1.0.1, 10.1.0.1", PORT, "\"10.1.0.1\" is there twice"},
		{"nas.lan, NAS.lan.", PORT, "\"NAS.lan.\" is there twice"},
		{"10.1.0.1:80", PORTS,
		 "\"10.1.0.1:80\" says a port, but not which of the Service's: write http=…;https=…"},
		{"web=10.1.0.1:80", PORTS, "\"web\" is not the name of a port of the Service"},
		{"http=10.1.0.1;10.1.0.2", PORTS, "\"10.1.0.2\" has no port's name in front: write http=…;https=…"},
		{"10.1.0.1", "ports: [{port: 80, targetPort: web}]",
		 "\"10.1.0.1\" says no port, and targetPort web is a name"},
		{"10.1.0.1", "type: ExternalName, externalName: a.b", "not with type ExternalName"},
	};
	char text[512], expected[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, GIVEN("web", "%s", "%s"), cases[i].annotation, cases[i].spec);
		snprintf(expected, sizeof expected,
			 "!3 Service default/web: metadata.annotations.fairlead/endpoints: %s\n", cases[i].reason);
		assert_problems(text, expected);
	}
}

static void a_family_that_the_service_has_not(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, DUAL, "");
	world_put(&w, GIVEN("web", "10.1.0.1, fd00::1", PORT));
	slices_are(&w, "web", "4 =8080: 10.1.0.1\n");
	assert_string_equal(w.problems.data,
			    "Service default/web: metadata.annotations.fairlead/endpoints: fd00::1 is not used: the "
			    "Service has no IPv6 address\n");
	world_fini(&w);
}

/* ---- host names ---- */

struct names {
	int wanted;
	size_t count;
	struct addr addrs[4];
	const char *why;
};

static void want(void *ctx, const char *host, bool wanted)
{
	struct names *n = ctx;

	assert_string_equal(host, "nas.lan");
	n->wanted += wanted ? 1 : -1;
}

static const struct addr *addrs(void *ctx, const char *host, size_t *count, const char **why)
{
	const struct names *n = ctx;

	assert_string_equal(host, "nas.lan");
	*count = n->count;
	*why = n->why;
	return n->addrs;
}

static void host_names_are_followed(void **state)
{
	struct names names = {0};
	const struct given_hosts hosts = {want, addrs, &names};
	struct lab_world w;

	(void)state;
	world_init(&w, DUAL, "");
	lab_free(w.lab);
	w.config.hosts = &hosts;
	world_start(&w);
	world_put(&w, GIVEN("web", "10.1.0.1:80, NAS.lan.:81", PORT));
	assert_int_equal(names.wanted, 1);
	slices_are(&w, "web", "4 =80: 10.1.0.1\n"); /* not known yet: nothing is said */
	assert_string_equal(w.problems.data, "");
	assert_true(addr_parse(&names.addrs[0], "192.0.2.7") && addr_parse(&names.addrs[1], "2001:db8::7"));
	names.count = 2;
	lab_host_changed(w.lab, "nas.lan");
	world_end_turn(&w);
	slices_are(&w, "web", "4 =80: 10.1.0.1\n4 =81: 192.0.2.7\n");
	names.count = 0;
	names.why = "no such name";
	lab_host_changed(w.lab, "nas.lan");
	world_end_turn(&w);
	slices_are(&w, "web", "4 =80: 10.1.0.1\n");
	assert_string_equal(w.problems.data,
			    "Service default/web: metadata.annotations.fairlead/endpoints: nas.lan: no such name\n");
	world_put(&w, GIVEN("web", "nas.lan", PORT));
	assert_int_equal(names.wanted, 1);
	world_take(&w, OBJECT_SERVICE, "web");
	world_end_turn(&w);
	assert_int_equal(names.wanted, 0);
	world_fini(&w);
}

/* People have the Deployment beside the Service: with the annotation nothing is missing. */
static void a_deployment_beside_it(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, DUAL, "");
	world_put(&w, GIVEN("web", "10.1.0.1",
			    "selector: {app: web}, " PORT) "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: "
							   "web}\nspec: {selector: {matchLabels: {app: "
							   "web}}}\n");
	assert_string_equal(w.problems.data, "");
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(a_family_that_the_service_has_not),
		cmocka_unit_test(host_names_are_followed),
		cmocka_unit_test(a_deployment_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
