/* Why ports of slices lead nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/unmatched.h"
#include "tests/unit/decoded.h"

#define SERVICE(spec) "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {" spec "}\n---\n"
#define SLICE(family, address, port)                                                                                  \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                                                      \
	"metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}\naddressType: " family "\nports: [{" port \
	"}]\nendpoints: [{addresses: ['" address "']}]\n"
#define HTTP "clusterIP: 10.96.0.1, ports: [{port: 80, name: http}, {port: 53, name: dns, protocol: UDP}]"

static void why(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{SERVICE(HTTP) SLICE("IPv4", "10.1.0.1", "name: http, port: 8080"), ""},
		{SERVICE(HTTP) SLICE("IPv4", "10.1.0.1", "name: dns, port: 53, protocol: UDP"), ""},
		{SERVICE(HTTP) SLICE("IPv4", "10.1.0.1", "name: web, port: 8080"),
		 "its port name \"web\" is none of the Service's: http/TCP, dns/UDP"},
		{SERVICE(HTTP) SLICE("IPv4", "10.1.0.1", "port: 8080"),
		 "its port name \"\" is none of the Service's: http/TCP, dns/UDP"},
		{SERVICE(HTTP) SLICE("IPv4", "10.1.0.1", "name: dns, port: 53"),
		 "its port \"dns\" is TCP, the Service has http/TCP, dns/UDP"},
		{SERVICE(HTTP) SLICE("IPv6", "fd00::1", "name: http, port: 8080"), "the Service has no IPv6 address"},
		{SERVICE(HTTP ", externalIPs: ['2001:db8::1']") SLICE("IPv6", "fd00::1", "name: http, port: 8080"), ""},
		{SERVICE("clusterIP: None, ports: [{port: 80}]") SLICE("IPv6", "fd00::1", "name: x, port: 1"), ""},
		{SERVICE("type: ExternalName, externalName: a.b") SLICE("IPv4", "10.1.0.1", "port: 1"),
		 "the Service is of type ExternalName"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct decoded d;
		struct buf reason = {0};
		decode_text(&d, rows[i].text, false);
		assert_int_equal(d.count, 2);
		const struct service_object *s = (const struct service_object *)d.objects[0];
		const struct slice_object *e = (const struct slice_object *)d.objects[1];
		unmatched_format(&reason, unmatched_why(s, e, &e->ports[0]), s, e, &e->ports[0]);
		assert_string_equal(reason.length_bytes != 0 ? reason.data : "", rows[i].reason);
		buf_fini(&reason);
		decoded_fini(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(why)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
