/* Metrics of the DNS server: adds up what the workers count while a page is made. */
#include "dns/server/server.h"

#include "dns/answer/respond.h"
#include "dns/forward/forward.h"

/* CoreDNS's labels for a server block that answers everything. */
#define SERVER                        \
	{                             \
		"server", "dns://:53" \
	}
#define ZONE                \
	{                   \
		"zone", "." \
	}
#define VIEW               \
	{                  \
		"view", "" \
	}

static const struct metric_desc requests = {"coredns_dns_requests_total", "Queries by transport, family and type.",
					    METRIC_COUNTER, NULL, 0};
static const struct metric_desc responses = {"coredns_dns_responses_total", "Replies by rcode.", METRIC_COUNTER, NULL,
					     0};
static const struct metric_desc dnssec_ok = {"coredns_dns_do_requests_total", "Queries with the DO bit.",
					     METRIC_COUNTER, NULL, 0};
static const struct metric_desc durations = {"coredns_dns_request_duration_seconds",
					     "From receiving a query to having sent the reply.", METRIC_HISTOGRAM,
					     respond_duration_bounds, COUNT_DURATIONS - 1};
static const struct metric_desc request_sizes = {"coredns_dns_request_size_bytes", "Bytes of answered queries.",
						 METRIC_HISTOGRAM, respond_size_bounds, COUNT_SIZES - 1};
static const struct metric_desc response_sizes = {"coredns_dns_response_size_bytes", "Bytes of replies.",
						  METRIC_HISTOGRAM, respond_size_bounds, COUNT_SIZES - 1};
static const struct metric_desc nodata = {"fairlead_dns_nodata_total", "NOERROR replies without an answer.",
					  METRIC_COUNTER, NULL, 0};
static const struct metric_desc truncated = {"fairlead_dns_truncated_total", "Replies cut to what the client takes.",
					     METRIC_COUNTER, NULL, 0};
static const struct metric_desc dropped = {"fairlead_dns_dropped_total", "Packets that got no reply.", METRIC_COUNTER,
					   NULL, 0};

static const struct metric_desc unlogged = {"fairlead_dns_log_dropped_total",
					    "Lines of the query log that were not taken in time.", METRIC_COUNTER, NULL,
					    0};
static const struct metric_desc searched = {"coredns_autopath_success_total",
					    "Replies with a name further down a pod's search list.", METRIC_COUNTER,
					    NULL, 0};
static const struct metric_desc limited = {"fairlead_dns_strangers_limited_total",
					   "Replies to clients outside --dns-allow above their rate.", METRIC_COUNTER,
					   NULL, 0};
static const struct metric_desc starved = {"fairlead_dns_tcp_starved_total",
					   "Times that no descriptor was left for a TCP connection.", METRIC_COUNTER,
					   NULL, 0};

struct size_sums {
	uint64_t messages[COUNT_SIZES], bytes;
};

struct sums {
	uint64_t queries[RESPOND_PROTOS][2][COUNT_TYPES];
	uint64_t replies[2][COUNT_RCODES]; /* a worker's, the forwarder's */
	const struct respond_counts *forwarder;
	uint64_t nodata, truncated, dnssec_ok, dropped, unlogged, starved, searched, limited_dropped, limited_truncated;
	uint64_t durations[COUNT_DURATIONS], durations_ns;
	struct size_sums questions_in[RESPOND_PROTOS], replies_out[RESPOND_PROTOS];
};

static void counts_add(uint64_t *to, const _Atomic uint64_t *from)
{
	*to += atomic_load_explicit((_Atomic uint64_t *)from, memory_order_relaxed);
}

static void add_sizes(struct size_sums *to, const struct size_counts *from)
{
	for (unsigned i = 0; i < COUNT_SIZES; i++)
		counts_add(&to->messages[i], &from->messages[i]);
	counts_add(&to->bytes, &from->bytes);
}

static void add_counts(void *ctx, const struct respond_counts *c)
{
	struct sums *s = ctx;

	for (unsigned proto = 0; proto < RESPOND_PROTOS; proto++)
		for (unsigned family = 0; family < 2; family++)
			for (unsigned type = 0; type < COUNT_TYPES; type++)
				counts_add(&s->queries[proto][family][type], &c->queries[proto][family][type]);
	for (unsigned rcode = 0; rcode < COUNT_RCODES; rcode++)
		counts_add(&s->replies[c == s->forwarder][rcode], &c->replies[rcode]);
	for (unsigned i = 0; i < COUNT_DURATIONS; i++)
		counts_add(&s->durations[i], &c->durations[i]);
	counts_add(&s->durations_ns, &c->durations_ns);
	for (unsigned proto = 0; proto < RESPOND_PROTOS; proto++) {
		add_sizes(&s->questions_in[proto], &c->questions_in[proto]);
		add_sizes(&s->replies_out[proto], &c->replies_out[proto]);
	}
	counts_add(&s->nodata, &c->nodata);
	counts_add(&s->searched, &c->searched);
	counts_add(&s->truncated, &c->truncated);
	counts_add(&s->dnssec_ok, &c->dnssec_ok);
	counts_add(&s->dropped, &c->dropped);
	counts_add(&s->unlogged, &c->unlogged);
	counts_add(&s->starved, &c->starved);
	counts_add(&s->limited_dropped, &c->limited_dropped);
	counts_add(&s->limited_truncated, &c->limited_truncated);
}

/* Combinations that never happened are left out, as CoreDNS does. */
static void requests_put(struct metrics_page *page, const struct sums *s)
{
	for (unsigned proto = 0; proto < RESPOND_PROTOS; proto++)
		for (unsigned family = 0; family < 2; family++)
			for (unsigned type = 0; type < COUNT_TYPES; type++) {
				uint64_t n = s->queries[proto][family][type];
				if (n == 0)
					continue;
				metrics_put(page, &requests,
					    METRIC_LABELS(SERVER, ZONE, VIEW,
							  {"proto", proto == RESPOND_UDP ? "udp" : "tcp"},
							  {"family", family == 0 ? "1" : "2"},
							  {"type", respond_type_name(type)}),
					    (double)n);
			}
}

static void sizes_put(struct metrics_page *page, const struct metric_desc *desc,
		      const struct size_sums of[RESPOND_PROTOS])
{
	for (unsigned proto = 0; proto < RESPOND_PROTOS; proto++)
		metrics_put_histogram(
			page, desc, METRIC_LABELS(SERVER, ZONE, VIEW, {"proto", proto == RESPOND_UDP ? "udp" : "tcp"}),
			of[proto].messages, (double)of[proto].bytes);
}

/* What a worker answers from the cache counts as its own. */
static void replies_put(struct metrics_page *page, const struct sums *s)
{
	for (unsigned by = 0; by < 2; by++)
		for (unsigned rcode = 0; rcode < COUNT_RCODES; rcode++)
			if (s->replies[by][rcode] != 0)
				metrics_put(page, &responses,
					    METRIC_LABELS(SERVER, ZONE, VIEW, {"rcode", respond_rcode_name(rcode)},
							  {"plugin", by == 0 ? "kubernetes" : "forward"}),
					    (double)s->replies[by][rcode]);
}

static void sums_put(void *ctx, struct metrics_page *page)
{
	const struct forward *forward = server_forward(ctx);
	struct sums s = {.forwarder = forward != NULL ? &forward_counts(forward)->later : NULL};

	server_each_counts(ctx, add_counts, &s);
	requests_put(page, &s);
	replies_put(page, &s);
	metrics_put_histogram(page, &durations, METRIC_LABELS(SERVER, ZONE, VIEW), s.durations,
			      (double)s.durations_ns / 1e9);
	sizes_put(page, &request_sizes, s.questions_in);
	sizes_put(page, &response_sizes, s.replies_out);
	metrics_put(page, &dnssec_ok, METRIC_LABELS(SERVER, ZONE, VIEW), (double)s.dnssec_ok);
	metrics_put(page, &nodata, NULL, (double)s.nodata);
	metrics_put(page, &searched, NULL, (double)s.searched);
	metrics_put(page, &truncated, NULL, (double)s.truncated);
	metrics_put(page, &dropped, NULL, (double)s.dropped);
	metrics_put(page, &unlogged, NULL, (double)s.unlogged);
	metrics_put(page, &starved, NULL, (double)s.starved);
	metrics_put(page, &limited, METRIC_LABELS({"action", "drop"}), (double)s.limited_dropped);
	metrics_put(page, &limited, METRIC_LABELS({"action", "truncate"}), (double)s.limited_truncated);
}

void server_metrics(struct server *server, struct metrics *m)
{
	metrics_provider(m, sums_put, server);
	if (server_forward(server) != NULL)
		forward_metrics(server_forward(server), m);
}
