/*
 * Structure-aware inputs: any bytes become watch events whose objects an API server could send, parseable JSON of the
 * right kinds with odd values and long lists. Include in one file of a fuzz target.
 */
#ifndef TESTS_ODD_OBJECTS_H
#define TESTS_ODD_OBJECTS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "watch/object.h"

#define ODD_LIST_MAX 32768u
#define ODD_OBJECT_BYTES ((size_t)3 << 19) /* what an API server takes: 1.5 MB */

struct odd {
	const uint8_t *data;
	size_t size, at;
	struct buf *out;
	size_t begin; /* of the object under way in out */
};

static unsigned odd_byte(struct odd *o)
{
	return o->at < o->size ? o->data[o->at++] : 0;
}

static const char *odd_pick(struct odd *o, const char *const *from, size_t count)
{
	return from[odd_byte(o) % count];
}

#define ODD_PICK(o, ...)                                \
	odd_pick(o, (const char *const[]){__VA_ARGS__}, \
		 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Few are long: 0…3, else a power of two or one beside it. */
static unsigned odd_count(struct odd *o)
{
	unsigned b = odd_byte(o);

	if (b < 240)
		return b % 4;
	unsigned count = (1U << (b - 240)) + odd_byte(o) % 2;
	return count < ODD_LIST_MAX ? count : ODD_LIST_MAX;
}

static bool odd_full(const struct odd *o)
{
	return o->out->length_bytes - o->begin > ODD_OBJECT_BYTES;
}

/* Now and then a value is of a type, or size, that its field does not have. */
static bool odd_value(struct odd *o)
{
	static const char *const values[] = {
		"null",	       "[]",	 "{}",
		"\"\"",	       "true",	 "-1",
		"65536",       "1.5",	 "99999999999999999999",
		"\"\\u0000\"", "[[]]",	 "{\"a\":null}",
		"\"a\\nb\"",   "[null]", "\"\xc3\x28\"",
		"\"0\"",
	};

	if (odd_byte(o) < 250)
		return false;
	buf_puts(o->out, odd_pick(o, values, sizeof values / sizeof *values));
	return true;
}

static void odd_text(struct odd *o, const char *key, const char *text)
{
	buf_printf(o->out, "\"%s\":", key);
	if (!odd_value(o))
		buf_printf(o->out, "\"%s\"", text);
	buf_puts(o->out, ",");
}

static void odd_number(struct odd *o, const char *key, unsigned number)
{
	buf_printf(o->out, "\"%s\":", key);
	if (!odd_value(o))
		buf_printf(o->out, "%u", number);
	buf_puts(o->out, ",");
}

/* The comma that waits for another member goes. */
static void odd_close(struct odd *o, const char *with)
{
	if (o->out->data[o->out->length_bytes - 1] == ',')
		o->out->length_bytes--;
	buf_puts(o->out, with);
	buf_puts(o->out, ",");
}

/* Where the numbers of a list start, how far they are apart. */
struct odd_steps {
	unsigned first, step;
};

static struct odd_steps odd_steps(struct odd *o)
{
	struct odd_steps s = {odd_byte(o), 0};

	s.step = ((const unsigned[]){0, 1, 1, 1, 7, 255, 256, 4099})[odd_byte(o) % 8];
	return s;
}

static unsigned odd_step(struct odd_steps s, unsigned i)
{
	return s.first + s.step * i;
}

static void odd_addr(struct odd *o, unsigned net, unsigned n)
{
	static const char *const nets[] = {
		"10.96", "10.244", "192.0", "fd00:96::", "fd00:244::", "127.0", "::ffff:10.96", "100.64"};
	const char *prefix = nets[net % (sizeof nets / sizeof *nets)];

	if (odd_value(o))
		return;
	if (strchr(prefix, ':') != NULL && strchr(prefix, '.') == NULL)
		buf_printf(o->out, "\"%s%x\"", prefix, n & 0xffff);
	else
		buf_printf(o->out, "\"%s.%u.%u\"", prefix, n >> 8 & 255, n & 255);
}

static void odd_addrs(struct odd *o, const char *key)
{
	unsigned count = odd_count(o), net = odd_byte(o);
	struct odd_steps s = odd_steps(o);

	buf_printf(o->out, "\"%s\":[", key);
	for (unsigned i = 0; i < count && !odd_full(o); i++) {
		odd_addr(o, net, odd_step(s, i));
		buf_puts(o->out, ",");
	}
	odd_close(o, "]");
}

static void odd_ranges(struct odd *o)
{
	unsigned count = odd_count(o), bits = odd_byte(o);
	struct odd_steps s = odd_steps(o);

	buf_puts(o->out, "\"loadBalancerSourceRanges\":[");
	for (unsigned i = 0; i < count && !odd_full(o); i++) {
		unsigned n = odd_step(s, i);
		buf_printf(o->out, bits % 5 == 0 ? "\"fd00:%x::/%u\"," : "\"10.%u.0.0/%u\",", n & 255,
			   bits < 128 ? 24 : n % 33);
	}
	odd_close(o, "]");
}

static const char *odd_proto(struct odd *o)
{
	return ODD_PICK(o, "TCP", "UDP", "SCTP", "TCP", "tcp", "ICMP");
}

/* Ports of a Service, or of a slice. */
static void odd_ports(struct odd *o, bool service)
{
	unsigned count = odd_count(o), form = odd_byte(o);
	struct odd_steps number = odd_steps(o), name = odd_steps(o);

	buf_puts(o->out, "\"ports\":[");
	for (unsigned i = 0; i < count && !odd_full(o); i++) {
		buf_puts(o->out, "{");
		if (form % 4 != 0)
			buf_printf(o->out, "\"name\":\"p%u\",", odd_step(name, i));
		if (form % 8 > 2)
			odd_text(o, "protocol", i < 8 ? odd_proto(o) : "TCP");
		odd_number(o, "port", odd_step(number, i) & 0xffff);
		if (service && form > 200)
			odd_number(o, "nodePort", 30000 + odd_step(number, i) % 3000);
		odd_close(o, "}");
	}
	odd_close(o, "]");
}

static void odd_conditions(struct odd *o)
{
	unsigned bits = odd_byte(o);

	if (bits < 160)
		return;
	buf_printf(o->out, "\"conditions\":{\"ready\":%s,\"serving\":%s,\"terminating\":%s},",
		   bits & 1 ? "true" : "false", bits & 2 ? "true" : "null", bits & 4 ? "true" : "false");
}

static void odd_endpoints(struct odd *o)
{
	unsigned count = odd_count(o), net = odd_byte(o), form = odd_byte(o);
	struct odd_steps s = odd_steps(o);

	buf_puts(o->out, "\"endpoints\":[");
	for (unsigned i = 0; i < count && !odd_full(o); i++) {
		buf_puts(o->out, "{\"addresses\":[");
		odd_addr(o, net, odd_step(s, i));
		buf_puts(o->out, "],");
		odd_conditions(o);
		if (form % 4 == 1)
			odd_text(o, "nodeName", i % 3 != 0 ? "here" : "there");
		if (form % 8 > 5)
			buf_printf(o->out, "\"hostname\":\"h%u\",", form > 128 ? odd_step(s, i) : 0);
		if (form % 16 == 9)
			buf_puts(o->out, "\"zone\":\"a\",\"hints\":{\"forZones\":[{\"name\":\"a\"}]},");
		odd_close(o, "}");
	}
	odd_close(o, "]");
}

static const char *odd_name(struct odd *o)
{
	return ODD_PICK(
		o, "a", "b", "c", "d", "a-1", "web", "n23456789012345678901234567890123456789012345678901234567890123",
		"n234567890123456789012345678901234567890123456789012345678901234", "A", "a/b", "a\\nb", "a.b", "");
}

static const char *odd_namespace(struct odd *o)
{
	return ODD_PICK(o, "default", "default", "default", "other", "kube-system", "Default", "");
}

static void odd_annotations(struct odd *o)
{
	unsigned form = odd_byte(o);

	if (form < 200)
		return;
	buf_puts(o->out, "\"annotations\":{");
	if (form % 2 == 0)
		odd_text(o, "fairlead/lb", ODD_PICK(o, "maglev", "random", "MAGLEV", " "));
	if (form % 3 == 0)
		odd_text(o, "fairlead/source-ranges", ODD_PICK(o, "all", "loadBalancer", ""));
	if (form % 5 == 0) {
		unsigned count = odd_count(o), weight = odd_byte(o);
		buf_puts(o->out, "\"fairlead/weight\":\"");
		for (unsigned i = 0; i < count && !odd_full(o); i++)
			buf_printf(o->out, "10.244.%u.%u=%u%s", i >> 8, i & 255, weight % 101,
				   form % 7 == 0 ? " " : ",");
		buf_puts(o->out, "\",");
	}
	if (form % 7 == 0)
		odd_text(o, "service.kubernetes.io/topology-mode", ODD_PICK(o, "Auto", "auto", "Disabled", "x"));
	if (form % 11 == 0)
		odd_text(o, "endpoints.kubernetes.io/last-change-trigger-time", "2026-01-02T03:04:05.678Z");
	odd_close(o, "}");
}

static void odd_labels(struct odd *o, enum object_kind kind)
{
	buf_puts(o->out, "\"labels\":{");
	if (kind == OBJECT_SLICE)
		odd_text(o, "kubernetes.io/service-name", odd_name(o));
	if (odd_byte(o) > 240)
		odd_text(o, "service.kubernetes.io/service-proxy-name", ODD_PICK(o, "other", ""));
	if (odd_byte(o) > 240)
		odd_text(o, "service.kubernetes.io/headless", "");
	odd_close(o, "}");
}

static void odd_metadata(struct odd *o, enum object_kind kind)
{
	buf_puts(o->out, "\"metadata\":{");
	odd_text(o, "name", odd_name(o));
	if (kind != OBJECT_NODE && kind != OBJECT_NAMESPACE && kind != OBJECT_SERVICE_CIDR)
		odd_text(o, "namespace", odd_namespace(o));
	buf_printf(o->out, "\"resourceVersion\":\"%zu\",", o->at);
	buf_printf(o->out, "\"creationTimestamp\":\"2026-01-02T03:04:%02uZ\",", odd_byte(o) % 60);
	odd_labels(o, kind);
	odd_annotations(o);
	odd_close(o, "}");
}

static void odd_service(struct odd *o)
{
	unsigned ip = odd_byte(o), net = odd_byte(o);

	buf_puts(o->out, "\"spec\":{");
	odd_text(o, "type", ODD_PICK(o, "ClusterIP", "ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "x"));
	if (ip > 230) {
		odd_text(o, "clusterIP", "None");
	} else {
		buf_puts(o->out, "\"clusterIP\":");
		odd_addr(o, net % 16 == 0 ? 3 : 0, ip % 16);
		buf_puts(o->out, ",");
	}
	odd_ports(o, true);
	odd_addrs(o, "externalIPs");
	odd_ranges(o);
	unsigned form = odd_byte(o);
	if (form % 2 != 0)
		odd_text(o, "externalTrafficPolicy", "Local");
	if (form % 4 == 1)
		odd_text(o, "internalTrafficPolicy", "Local");
	if (form % 8 == 3)
		odd_text(o, "sessionAffinity", "ClientIP");
	if (form % 8 == 6)
		odd_text(o, "externalName", odd_name(o));
	if (form % 16 == 5)
		buf_puts(o->out, "\"publishNotReadyAddresses\":true,");
	if (form % 16 == 7)
		odd_number(o, "healthCheckNodePort", 31000 + form);
	odd_close(o, "}");
	buf_puts(o->out, "\"status\":{\"loadBalancer\":{\"ingress\":[");
	unsigned count = odd_count(o);
	for (unsigned i = 0; i < count && !odd_full(o); i++) {
		buf_puts(o->out, "{\"ip\":");
		odd_addr(o, net, i);
		buf_printf(o->out, "%s},", form % 32 == 9 ? ",\"ipMode\":\"Proxy\"" : "");
	}
	odd_close(o, "]");
	odd_close(o, "}");
	odd_close(o, "}");
}

static void odd_slice(struct odd *o)
{
	odd_text(o, "addressType", ODD_PICK(o, "IPv4", "IPv4", "IPv4", "IPv6", "FQDN"));
	odd_ports(o, false);
	odd_endpoints(o);
}

static void odd_rest(struct odd *o, enum object_kind kind)
{
	buf_puts(o->out, "\"spec\":{");
	if (kind == OBJECT_POD)
		odd_text(o, "nodeName", "here");
	if (kind == OBJECT_NODE)
		odd_text(o, "podCIDR", "10.244.0.0/24");
	if (kind == OBJECT_SERVICE_CIDR)
		buf_puts(o->out, "\"cidrs\":[\"10.96.0.0/16\"],");
	odd_close(o, "}");
	if (kind != OBJECT_POD)
		return;
	unsigned net = odd_byte(o), n = odd_byte(o);
	buf_puts(o->out, "\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":");
	odd_addr(o, net, n);
	buf_puts(o->out, "}]},");
}

/* Appends one event; its object's kind. False: the input is used up. */
static bool odd_event(struct odd *o, enum object_kind *kind)
{
	static const enum object_kind kinds[] = {OBJECT_SERVICE, OBJECT_SLICE,	   OBJECT_SERVICE, OBJECT_SLICE,
						 OBJECT_POD,	 OBJECT_NAMESPACE, OBJECT_NODE,	   OBJECT_SERVICE_CIDR};
	static const char *const versions[OBJECT_KINDS] = {
		[OBJECT_SERVICE] = "v1",   [OBJECT_SLICE] = "discovery.k8s.io/v1",
		[OBJECT_NAMESPACE] = "v1", [OBJECT_NODE] = "v1",
		[OBJECT_POD] = "v1",	   [OBJECT_SERVICE_CIDR] = "networking.k8s.io/v1"};

	if (o->at >= o->size)
		return false;
	unsigned b = odd_byte(o);
	*kind = kinds[b % 8];
	o->begin = o->out->length_bytes;
	buf_printf(o->out, "{\"type\":\"%s\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\",",
		   b > 224 ? "DELETED" : "ADDED", object_kind_name(*kind), versions[*kind]);
	odd_metadata(o, *kind);
	if (*kind == OBJECT_SERVICE)
		odd_service(o);
	else if (*kind == OBJECT_SLICE)
		odd_slice(o);
	else
		odd_rest(o, *kind);
	odd_close(o, "}");
	odd_close(o, "}");
	o->out->data[o->out->length_bytes - 1] = '\n';
	return true;
}

#endif
