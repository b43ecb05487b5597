/* Manifests compared with each other and with the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/check_objects.h"
#include "tests/tempfolder.h"
#include "tests/unit/decoded.h"

#define SERVICE(name, spec) "apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\nspec: {" spec "}\n---\n"
#define SLICE(name, ns, port)                                                                               \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " name "-1, namespace: " ns \
	", labels: {kubernetes.io/service-name: " name "}}\naddressType: IPv4\nports: [{" port              \
	"}]\nendpoints: [{addresses: [10.1.0.1]}]\n---\n"
#define PORT ", ports: [{port: 80, name: http}]"

static const struct config defaults = {.node_port_first = 30000, .node_port_last = 32767};

static void on_problem(void *ctx, const char *file, const struct decode_problem *p)
{
	char text[PROBLEM_TEXT_BYTES];

	assert_false(p->refused);
	buf_printf(ctx, "%s\n", decode_problem_format(text, file, p));
}

static void says(const char *text, const char *resolv_conf, const char *expected)
{
	struct checked c = {0};
	struct buf said = {0};
	struct decoded d;

	decode_text(&d, text, true); /* lenient: an address of the host may be a loopback address here */
	for (size_t i = 0; i < d.count; i++)
		checked_add(&c, d.objects[i], "a.yaml", (uint32_t)i + 1);
	d.count = 0;
	buf_puts(&said, "");
	checked_report(&c, &defaults, resolv_conf, on_problem, &said);
	assert_string_equal(said.data, expected);
	buf_fini(&said);
	checked_fini(&c);
	decoded_fini(&d);
}

static void says_of(struct object *o, const char *expected)
{
	struct checked c = {0};
	struct buf said = {0};

	checked_add(&c, o, "a.yaml", 1);
	checked_report(&c, &defaults, NULL, on_problem, &said);
	assert_string_equal(said.data, expected);
	buf_fini(&said);
	checked_fini(&c);
}

static void objects_that_do_not_meet(void **state)
{
	(void)state;
	says(SERVICE("web", "clusterIP: 10.96.0.1" PORT) SLICE("web", "default", "name: http, port: 1"), NULL, "");
	says(SERVICE("web", "clusterIP: 10.96.0.1" PORT) SLICE("web", "default", "name: web, port: 1"), NULL,
	     "a.yaml:2: EndpointSlice default/web-1: ports[0]: not used: its port name \"web\" is none of the "
	     "Service's: "
	     "http/TCP\n");
	says(SERVICE("web", "clusterIP: 'fd00::1'" PORT) SLICE("web", "default", "name: http, port: 1"), NULL,
	     "a.yaml:2: EndpointSlice default/web-1: addressType: not used: the Service has no IPv4 address\n");
	says(SERVICE("web", "clusterIP: 10.96.0.1" PORT) SLICE("web", "prod", "name: http, port: 1"), NULL,
	     "a.yaml:2: EndpointSlice prod/web-1: metadata.namespace: no Service prod/web: Service web is in namespace "
	     "default\n");
	says(SLICE("web", "prod", "name: http, port: 1"), NULL,
	     "a.yaml:1: EndpointSlice prod/web-1: metadata.labels.kubernetes.io/service-name: no Service prod/web\n");
}

static void addresses_that_two_have(void **state)
{
	(void)state;
	says(SERVICE("a", "clusterIP: 10.96.0.1" PORT) SERVICE("b", "clusterIP: 10.96.0.1, ports: [{port: 81}]"), NULL,
	     "a.yaml:2: Service default/b: spec.clusterIP: 10.96.0.1 is also the address of Service default/a\n");
	says(SERVICE("a", "clusterIP: 10.96.0.1, externalIPs: [198.51.100.1]" PORT)
		     SERVICE("b", "clusterIP: 10.96.0.2, externalIPs: [198.51.100.1], ports: [{port: 81}]"),
	     NULL, ""); /* another port of it is another Service's to have */
	says(SERVICE("a", "clusterIP: 10.96.0.1, externalIPs: [198.51.100.1]" PORT)
		     SERVICE("b", "clusterIP: 10.96.0.2, externalIPs: [198.51.100.1]" PORT),
	     NULL, "a.yaml:2: Service default/b: spec.externalIPs: 198.51.100.1:80/TCP is also of Service default/a\n");
}

static void addresses_of_the_host(void **state)
{
	char folder[TEMPFOLDER_BYTES], path[TEMPFOLDER_BYTES + 16];
	FILE *f;

	(void)state;
	tempfolder_new(folder, "check");
	snprintf(path, sizeof path, "%s/resolv.conf", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("search a\nnameserver 192.0.2.53\nnameserver nonsense\n", f);
	fclose(f);
	says(SERVICE("a", "clusterIP: 127.0.0.1" PORT), path,
	     "a.yaml:1: Service default/a: spec.clusterIP: 127.0.0.1 is an address of this host: only the Service's "
	     "own "
	     "ports of it are translated\n");
	says(SERVICE("a", "clusterIP: 10.96.0.1, externalIPs: [192.0.2.53]" PORT), path,
	     "a.yaml:1: Service default/a: spec.externalIPs: 192.0.2.53 is a name server of this host: only the "
	     "Service's "
	     "own ports of it are translated\n");
	tempfolder_free(folder);
}

static void services_that_nothing_reaches(void **state)
{
	static const struct service_wishes wishes = {.no_node_ports = true};
	struct service_object *s;
	struct decoded d;

	(void)state;
	says(SERVICE("a", "clusterIP: 10.96.0.1, type: NodePort" PORT), NULL, ""); /* one is allocated */
	says(SERVICE("a", "clusterIP: 10.96.0.1, type: LoadBalancer" PORT), NULL, "");
	decode_text(&d, SERVICE("a", "clusterIP: 10.96.0.1, type: LoadBalancer" PORT), true);
	s = (struct service_object *)(void *)d.objects[0];
	s->wishes = &wishes;
	d.count = 0;
	says_of(&s->object, "a.yaml:1: Service default/a: status.loadBalancer.ingress: no address and no nodePort: "
			    "nothing outside can "
			    "reach it (see --lb-pool)\n");
	decoded_fini(&d);
}

/* An object that comes again takes the place of the one before. */
static void the_last_one_counts(void **state)
{
	(void)state;
	says(SERVICE("a", "clusterIP: 10.96.0.1" PORT) SERVICE("a", "clusterIP: 10.96.0.1" PORT), NULL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_that_do_not_meet), cmocka_unit_test(addresses_that_two_have),
		cmocka_unit_test(addresses_of_the_host),    cmocka_unit_test(services_that_nothing_reaches),
		cmocka_unit_test(the_last_one_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
