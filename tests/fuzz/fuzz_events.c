/*
 * The whole way: watch events of an API server, cut from the stream, decoded, stored, compiled, sent to a kernel of
 * memory, published and asked for by DNS. Objects are odd but parseable (odd_objects.h). The kernel holds what the
 * objects ask for, log lines are few, and the work is bounded by bytes read and elements sent (cost.h).
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "dns/wire/name.h"
#include "proxy/pod_addresses.h"
#include "proxy/sync.h"
#include "tests/fuzz/cost.h"
#include "tests/fuzz/memory_table.h"
#include "tests/fuzz/odd_objects.h"
#include "tests/fuzz/quiet_log.h"
#include "tests/unit/dns_lab.h"
#include "watch/api/apiserver_object.h"
#include "watch/api/reflector_event.h"
#include "watch/api/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_ELEMENTS 20000
#define LINES_PER_EVENT 60u
#define COST_FACTOR 3u
#define OPERATION_BYTES 100u /* one element costs no more than so many bytes of JSON */
#define QUERY_BYTES 20000u
#define NAMES_ASKED 20u
#define TURNS_MAX 100u /* of one event: a large service is sent in parts */

/* ---- the daemon, without its loop ---- */

struct world {
	struct buf events; /* the input */
	const enum object_kind *kinds;
	size_t event_count, at;
	struct object_reader *reader;
	struct store *store;
	struct sink sink;
	struct sync *sync;
	struct node node;
	struct pod_addrs pods;
	struct lab lab;
	uint64_t now_ms, operations;
};

/* DNS knows the pod that has the address now. */
static void show_pods(struct world *w, const struct pod_object *of)
{
	for (size_t i = 0; of != NULL && i < of->addr_count; i++) {
		const struct pod_object *now = pod_addrs_find(&w->pods, &of->addrs[i]);
		zone_pod_set(w->lab.zone, &of->addrs[i],
			     now != NULL ? &(struct zone_pod){.ns = now->object.ns, .name = now->object.name} : NULL);
	}
}

static void on_changed(void *ctx, const struct object *prev, const struct object *next)
{
	struct world *w = ctx;
	const struct object *o = next != NULL ? next : prev;

	if (o->kind == OBJECT_NAMESPACE)
		zone_namespace_set(w->lab.zone, o->name, next != NULL);
	if (o->kind == OBJECT_POD) {
		pod_addrs_change(&w->pods, (const struct pod_object *)prev, (const struct pod_object *)next);
		show_pods(w, (const struct pod_object *)prev);
		show_pods(w, (const struct pod_object *)next);
	}
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static void turn(struct world *w)
{
	uint64_t wait_ms = 0;

	for (unsigned i = 0; wait_ms == 0 && i < TURNS_MAX; i++)
		wait_ms = sync_turn(w->sync, w->now_ms += 1000);
	table_must(sync_stats(w->sync)->in_sync);
}

/* As the API server source does, see watch/api/watcher.c. */
static bool on_value(void *ctx, struct span value, bool cut)
{
	struct world *w = ctx;
	enum object_kind kind = w->kinds[w->at++];
	struct object_name n;
	struct object *o = NULL;
	struct event e;
	uint64_t before = lines;

	table_must(!cut && event_read(value, &e));
	if (e.type == EVENT_DELETED) {
		if (object_name_read(e.object, &n))
			w->sink.remove(w->sink.ctx, kind, n.ns, n.name);
	} else {
		enum object_verdict verdict = object_read(w->reader, kind, e.object, &o);
		if (verdict == OBJECT_USABLE)
			w->sink.upsert(w->sink.ctx, o);
		else if (object_name_read(e.object, &n) && verdict == OBJECT_NOT_OURS)
			w->sink.remove(w->sink.ctx, kind, n.ns, n.name);
	}
	turn(w);
	table_must(lines - before <= LINES_PER_EVENT);
	return true;
}

static void world_begin(struct world *w)
{
	const struct store_listener listener = {w, on_changed, nothing, nothing};
	static const struct cidr_list no_cidrs;

	lab_init(&w->lab);
	w->reader = object_reader_new();
	w->store = store_new(&listener);
	w->sink = store_sink(w->store);
	w->node.facts.name = "here";
	w->node.facts.zone = "a";
	const struct sync_config config = {.store = w->store,
					   .nft = &kernel,
					   .zone = w->lab.zone,
					   .node = &w->node,
					   .table = "fairlead",
					   .ranges = {&no_cidrs, &no_cidrs},
					   .max_elements = MAX_ELEMENTS};
	w->sync = sync_new(&config);
	w->sink.complete(w->sink.ctx);
	w->at = 0;
	turn(w);
}

static void world_end(struct world *w)
{
	pod_addrs_fini(&w->pods);
	w->pods = (struct pod_addrs){0};
	sync_free(w->sync);
	store_free(w->store);
	object_reader_free(w->reader);
	lab_fini(&w->lab);
	table_fini();
}

static void ask(struct world *w, const char *name, unsigned type)
{
	uint8_t query[WIRE_MESSAGE_BYTES], encoded[NAME_BYTES];

	if (name_encode(encoded, name) == 0)
		return; /* longer than DNS has names */
	size_t length = lab_query(query, name, type, 1, 1232);
	table_must(lab_send(&w->lab, query, length, RESPOND_UDP) >= WIRE_HEADER_BYTES);
}

static void ask_all(struct world *w)
{
	const struct store_service *service;
	char name[2048];
	size_t at = 0;

	for (unsigned i = 0; i < NAMES_ASKED && (service = store_next_service(w->store, &at)) != NULL; i++) {
		snprintf(name, sizeof name, "%.500s.%.500s.svc.cluster.local", service->name, service->ns);
		ask(w, name, 1);
		ask(w, name, 28);
		ask(w, name, 33);
		snprintf(name, sizeof name, "_p1._tcp.%.500s.%.500s.svc.cluster.local", service->name, service->ns);
		ask(w, name, 33);
		snprintf(name, sizeof name, "%u.0.96.10.in-addr.arpa", i % 16);
		ask(w, name, 12);
	}
}

/* The kernel holds what the services ask for that won their addresses. */
static void kernel_check(struct world *w)
{
	struct element_list want = {0};
	struct store_service *service;
	size_t at = 0;

	while ((service = store_next_service(w->store, &at)) != NULL) {
		table_must(!service->pending);
		if (service->current != NULL)
			elements_collect(&want, service->current, sync_owners(w->sync));
	}
	table_check(&want);
	element_list_fini(&want);
}

static void work(void *ctx)
{
	struct world *w = ctx;
	struct stream stream;

	lines = 0;
	world_begin(w);
	stream_init(&stream, STREAM_WATCH, &(struct stream_handler){w, on_value});
	table_must(stream_feed(&stream, w->events.data != NULL ? w->events.data : "", w->events.length_bytes));
	stream_fini(&stream);
	ask_all(w);
	kernel_check(w);
	w->operations = kernel.operations;
	world_end(w);
}

/* ---- what an ordinary cluster costs ---- */

#define ORDINARY 100u

static double byte_ns; /* of JSON, from the stream to the kernel */

static void calibrate(void)
{
	enum object_kind kinds[2 * ORDINARY];
	struct world w = {.kinds = kinds};

	for (unsigned i = 0; i < ORDINARY; i++) {
		buf_printf(&w.events,
			   "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{"
			   "\"name\":\"s%u\","
			   "\"namespace\":\"default\"},\"spec\":{\"clusterIP\":\"10.96.1.%u\",\"ports\":[{\"port\":80,"
			   "\"protocol\":\"TCP\"}]}}}\n",
			   i, i);
		buf_printf(&w.events,
			   "{\"type\":\"ADDED\",\"object\":{\"kind\":\"EndpointSlice\",\"apiVersion\":\"discovery.k8s."
			   "io/v1\","
			   "\"metadata\":{\"name\":\"s%u\",\"namespace\":\"default\",\"labels\":{\"kubernetes.io/"
			   "service-name\":\"s%u\"}},"
			   "\"addressType\":\"IPv4\",\"ports\":[{\"port\":80,\"protocol\":\"TCP\",\"name\":\"\"}],"
			   "\"endpoints\":[",
			   i, i);
		for (unsigned k = 0; k < 50; k++)
			buf_printf(&w.events, "%s{\"addresses\":[\"10.244.%u.%u\"],\"conditions\":{\"ready\":true}}",
				   k != 0 ? "," : "", i, k);
		buf_puts(&w.events, "]}}\n");
		kinds[2 * i] = OBJECT_SERVICE;
		kinds[2 * i + 1] = OBJECT_SLICE;
	}
	work(&w);
	byte_ns = (double)cost_of(work, &w, 0) / (double)w.events.length_bytes;
	buf_fini(&w.events);
}

#define EVENTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum object_kind kinds[EVENTS_MAX];
	struct world w = {.kinds = kinds};
	struct odd odd = {.data = data, .size = size, .out = &w.events};

	if (byte_ns == 0)
		calibrate();
	while (w.event_count < EVENTS_MAX && odd_event(&odd, &kinds[w.event_count]))
		w.event_count++;
	uint64_t bytes = w.events.length_bytes + NAMES_ASKED * 5 * QUERY_BYTES / 10;
	uint64_t limit_ns = COST_FREE_NS + (uint64_t)((double)bytes * byte_ns * COST_FACTOR);
	uint64_t took_ns = cost_of(work, &w, limit_ns);
	limit_ns += (uint64_t)((double)(w.operations * OPERATION_BYTES) * byte_ns);
	if (took_ns > limit_ns) {
		fprintf(stderr, "%llu ms for %zu bytes and %llu elements: more than %llu ms\n",
			(unsigned long long)took_ns / 1000000, w.events.length_bytes, (unsigned long long)w.operations,
			(unsigned long long)limit_ns / 1000000);
		abort();
	}
	buf_fini(&w.events);
	return 0;
}
