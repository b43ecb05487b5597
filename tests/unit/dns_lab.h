/*
 * For DNS unit tests: services by hand, a zone of them, and questions whose replies are decoded by ldns (not by our
 * code) into one comparable line.
 */
#ifndef TESTS_DNS_LAB_H
#define TESTS_DNS_LAB_H

#include "dns/answer/respond.h"
#include "dns/zone/zone.h"

/* "http:tcp:80 dns:udp:53 :tcp:8080" */
#define LAB_PORTS 8
/* "label=10.0.0.1 label=fd00::1 10.0.0.2" (no label: dashed address); "/1" behind: only the second port */
#define LAB_ENDPOINTS 512

/* cluster_ips: "10.96.0.1 fd00::1". Endpoints may be "". Sorted as the compiler does. */
struct service *lab_cluster_ip(const char *ns, const char *name, const char *cluster_ips, const char *ports,
			       const char *endpoints);
/* Endpoints that are not ready are called waiting-0 to waiting-2, as far as there are that many. */
struct service *lab_headless(const char *ns, const char *name, const char *ports, const char *endpoints,
			     unsigned not_ready);
struct service *lab_external(const char *ns, const char *name, const char *target);
struct addr lab_addr(const char *text);

struct lab {
	struct zone *zone;
	struct respond_config config;
	struct respond_counts counts;
	struct responder responder;
	struct addr from; /* who asks; none: 127.0.0.1 */
	uint8_t reply[WIRE_MESSAGE_BYTES];
	size_t reply_bytes;
	enum respond_verdict verdict; /* of the last query; what is to be forwarded is refused */
	char line[65536];
};

/* Namespaces default, other and kube-system, nothing else; complete. Fixed order unless the test changes it. */
void lab_init(struct lab *l);
void lab_fini(struct lab *l);
void lab_put(struct lab *l, struct service *s);

/* Sends raw bytes from l->from; the reply is in l->reply. */
size_t lab_send(struct lab *l, const void *bytes, size_t length, enum respond_proto proto);
/* A query with RD and, if edns_bytes > 0, an OPT record; returns its length. */
size_t lab_query(uint8_t *to, const char *name, unsigned type, unsigned class, unsigned edns_bytes);

/*
 * "NOERROR aa: answers / authority / additional": records as "owner TYPE data", joined by ", ", without TTL and class;
 * ".svc.cluster.local." is written ".~", a SOA as "owner SOA". A failed decode aborts the test.
 */
const char *lab_ask(struct lab *l, const char *name, const char *type);
const char *lab_line(struct lab *l);

/* A question and what lab_ask makes of its reply. */
struct lab_row {
	const char *name, *type, *expected;
};

/* "big" in namespace default: headless, with `count` endpoints 10.244.100.1 and on. */
struct service *lab_big(unsigned count);

/* Of the last reply. */
static inline unsigned lab_flags(const struct lab *l)
{
	return wire_get16(l->reply + 2);
}

static inline unsigned lab_rcode(const struct lab *l)
{
	return lab_flags(l) & FLAG_RCODE;
}

/* How many rows differ; each is printed. */
size_t lab_differing(struct lab *l, const struct lab_row *rows, size_t count);

#endif
