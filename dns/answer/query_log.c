/* Writes query lines from a queue in a thread of its own. */
#include "dns/answer/query_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/call_list.h"
#include "base/mem.h"
#include "base/sock.h"
#include "base/thread.h"
#include "dns/wire/query.h"

#define TYPE_TEXT_BYTES 16
#define ORIGIN_TEXT_BYTES (64 + ADDR_PORT_TEXT_BYTES)
#define RING_ENTRIES 512 /* a power of two */
#define QUERY_BYTES 320	 /* a header, the longest name, an OPT record; longer ones are cut */
#define LOOK_EVERY_NS (20 * 1000 * 1000)
#define WRITE_BYTES 4096 /* PIPE_BUF: a pipe takes it whole or says that it is full */

/* ---- the line ---- */

static const char *type_format(unsigned type, char text[TYPE_TEXT_BYTES])
{
	static const struct {
		unsigned type;
		const char *name;
	} names[] = {{TYPE_A, "A"},	    {TYPE_AAAA, "AAAA"}, {TYPE_CNAME, "CNAME"}, {TYPE_DS, "DS"},
		     {TYPE_HTTPS, "HTTPS"}, {TYPE_MX, "MX"},	 {TYPE_NS, "NS"},	{TYPE_PTR, "PTR"},
		     {TYPE_SOA, "SOA"},	    {TYPE_SRV, "SRV"},	 {TYPE_TXT, "TXT"},	{TYPE_ANY, "ANY"},
		     {TYPE_AXFR, "AXFR"},   {TYPE_IXFR, "IXFR"}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].type == type)
			return names[i].name;
	snprintf(text, TYPE_TEXT_BYTES, "TYPE%u", type);
	return text;
}

static const char *class_name(unsigned class)
{
	return class == CLASS_IN ? "IN" : class == CLASS_CH ? "CH" : "CLASS?";
}

static const char *client_format(const struct sockaddr *from, char text[ADDR_PORT_TEXT_BYTES])
{
	struct addr a;
	uint16_t port = sock_parse(&a, from);

	return addr_port_format(&a, port, text);
}

static void flags_format(unsigned flags, char text[32])
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{FLAG_QR, "qr"}, {FLAG_AA, "aa"}, {FLAG_TC, "tc"},
		     {FLAG_RD, "rd"}, {FLAG_RA, "ra"}, {FLAG_CD, "cd"}};
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (flags & names[i].bit)
			n += (size_t)snprintf(text + n, 32 - n, "%s%s", n != 0 ? "," : "", names[i].name);
}

/* The part after the question; "-" when nothing was sent. */
static void result_format(const struct query *q, const struct querylog_result *r, char text[64])
{
	unsigned flags;
	char names[32];

	if (r->reply_bytes < WIRE_HEADER_BYTES) {
		snprintf(text, 64, "- - 0");
		return;
	}
	flags = wire_get16(r->reply + 2);
	flags_format(flags, names);
	/* BADVERS is the one rcode that does not fit into the header */
	snprintf(text, 64, "%s %s %zu", q->edns_version != 0 ? "BADVERS" : respond_rcode_name(flags & FLAG_RCODE),
		 names, r->reply_bytes);
}

/* Behind what CoreDNS prints: nothing for names of ours. */
static void origin_format(const struct origin *o, char text[ORIGIN_TEXT_BYTES])
{
	static const char *const words[] = {"", " cache=hit", " cache=miss", " cache=stale"};
	char to[ADDR_PORT_TEXT_BYTES];
	int n = snprintf(text, ORIGIN_TEXT_BYTES, "%s", words[o->cache]);

	if (o->upstream.port != 0)
		snprintf(text + n, ORIGIN_TEXT_BYTES - (size_t)n,
			 " upstream=%s upstream-time=%" PRIu64 ".%09" PRIu64 "s",
			 addr_port_format(&o->upstream.addr, o->upstream.port, to), o->upstream_ns / 1000000000,
			 o->upstream_ns % 1000000000);
}

const char *querylog_format(const struct packet *in, const struct pod *pod, const struct querylog_result *r,
			    char text[QUERYLOG_LINE_BYTES])
{
	struct query q = {.udp_bytes = WIRE_UDP_PLAIN_BYTES};
	char name[NAME_TEXT_BYTES] = "?", client[ADDR_PORT_TEXT_BYTES], type[TYPE_TEXT_BYTES], result[64];
	char origin[ORIGIN_TEXT_BYTES];
	enum query_result parsed = query_parse(&q, in->bytes, in->length < QUERY_BYTES ? in->length : QUERY_BYTES);

	if (parsed == QUERY_OK || parsed == QUERY_FORMERR)
		name_format(q.name.wire, name);
	result_format(&q, r, result);
	origin_format(&r->origin, origin);
	snprintf(text, QUERYLOG_LINE_BYTES, "%s %s%s%s %u \"%s %s %s %s %zu %s %u\" %s %" PRIu64 ".%09" PRIu64 "s%s",
		 client_format(in->from, client), pod == NULL ? "-" : pod->ns, pod == NULL ? "" : "/",
		 pod == NULL ? "" : pod->name, q.id, type_format(q.type, type), class_name(q.class), name,
		 in->proto == RESPOND_TCP ? "tcp" : "udp", in->length, q.dnssec_ok ? "true" : "false", q.udp_bytes,
		 result, r->ns / 1000000000, r->ns % 1000000000, origin);
	return text;
}

/* ---- worker ---- */

struct logged {
	struct sockaddr_in6 from; /* or a sockaddr_in */
	struct timespec when;
	enum respond_proto proto;
	struct querylog_result result; /* reply: not here */
	size_t query_bytes;
	uint8_t query[QUERY_BYTES], reply[WIRE_HEADER_BYTES];
};

/* One thread adds, one takes. */
struct querylog_ring {
	struct querylog *log;
	struct respond_counts *counts; /* the adder's */
	uint32_t seen;		       /* for sampling; the adder's */
	_Atomic uint32_t added, taken;
	_Atomic uint64_t lost;
	struct logged entries[RING_ENTRIES];
};

struct querylog {
	struct querylog_config config;
	struct name suffix;
	pthread_t thread;
	bool started;
	_Atomic bool stopping;
	size_t ring_count;
	struct querylog_ring **rings;
	size_t used;				       /* of lines */
	struct querylog_ring *whose[WRITE_BYTES / 64]; /* lines these are */
	unsigned count;
	char lines[WRITE_BYTES];
};

static void lose(struct querylog_ring *r)
{
	atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
}

static bool wanted(struct querylog_ring *r, const struct packet *in)
{
	const struct querylog *l = r->log;
	struct name name;
	size_t at = WIRE_HEADER_BYTES;

	if (l->config.suffix != NULL &&
	    (in->length < at || !name_read(&name, in->bytes, in->length, &at) || !name_ends_with(&name, &l->suffix)))
		return false;
	if (++r->seen < l->config.every)
		return false;
	r->seen = 0;
	return true;
}

void querylog_add(struct querylog_ring *r, const struct packet *in, const struct querylog_result *result)
{
	uint32_t added = atomic_load_explicit(&r->added, memory_order_relaxed);

	if (!wanted(r, in))
		return;
	if (added - atomic_load_explicit(&r->taken, memory_order_acquire) == RING_ENTRIES) {
		lose(r);
		atomic_store_explicit(&r->counts->unlogged, atomic_load(&r->lost), memory_order_relaxed);
		return;
	}
	struct logged *e = &r->entries[added % RING_ENTRIES];
	memcpy(&e->from, in->from,
	       in->from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	clock_gettime(CLOCK_REALTIME_COARSE, &e->when);
	e->proto = in->proto;
	e->result = *result;
	e->query_bytes = in->length;
	memcpy(e->query, in->bytes, in->length < QUERY_BYTES ? in->length : QUERY_BYTES);
	if (result->reply_bytes >= WIRE_HEADER_BYTES)
		memcpy(e->reply, result->reply, WIRE_HEADER_BYTES);
	atomic_store_explicit(&r->added, added + 1, memory_order_release);
	atomic_store_explicit(&r->counts->unlogged, atomic_load(&r->lost), memory_order_relaxed);
}

/* ---- writer ---- */

/*
 * Room for these lines, and for those that the daemon itself has to say: they wait for a reader, so the query log must
 * not be what fills the pipe. (A socket, as systemd gives, calls itself writable only while it is mostly empty.)
 */
static bool has_room(size_t bytes)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	int size = fcntl(STDERR_FILENO, F_GETPIPE_SZ), waiting;

	if (size > 0 && ioctl(STDERR_FILENO, FIONREAD, &waiting) == 0)
		return (size_t)waiting + bytes <= (size_t)size / 4;
	return poll(&out, 1, 0) > 0;
}

static void querylog_flush(struct querylog *l)
{
	bool written =
		l->used == 0 || (has_room(l->used) && write(STDERR_FILENO, l->lines, l->used) == (ssize_t)l->used);

	for (unsigned i = 0; i < l->count && !written; i++)
		lose(l->whose[i]);
	l->used = l->count = 0;
}

static const struct pod *pod_of(const struct querylog *l, const struct logged *e)
{
	struct addr a;

	if (l->config.zone == NULL)
		return NULL;
	sock_parse(&a, &e->from);
	return table_pod(l->config.zone, &a);
}

static void line_add(struct querylog *l, struct querylog_ring *r, const struct logged *e)
{
	struct packet in = {e->query, e->query_bytes, (const struct sockaddr *)&e->from, e->proto};
	struct querylog_result result = e->result;
	char text[QUERYLOG_LINE_BYTES];
	struct tm utc;

	result.reply = e->reply;
	if (sizeof l->lines - l->used < sizeof text + 64 || l->count == sizeof l->whose / sizeof *l->whose)
		querylog_flush(l);
	gmtime_r(&e->when.tv_sec, &utc);
	l->used += strftime(l->lines + l->used, 32, "%Y-%m-%dT%H:%M:%S", &utc);
	l->used += (size_t)snprintf(l->lines + l->used, sizeof l->lines - l->used, ".%03ldZ query: %s\n",
				    e->when.tv_nsec / 1000000, querylog_format(&in, pod_of(l, e), &result, text));
	l->whose[l->count++] = r;
}

static void ring_write(struct querylog *l, struct querylog_ring *r)
{
	uint32_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);
	uint32_t added = atomic_load_explicit(&r->added, memory_order_acquire);

	for (; taken != added; taken++) {
		line_add(l, r, &r->entries[taken % RING_ENTRIES]);
		atomic_store_explicit(&r->taken, taken + 1, memory_order_release);
	}
}

static void write_all(struct querylog *l)
{
	for (size_t i = 0; i < l->ring_count; i++)
		ring_write(l, l->rings[i]);
	querylog_flush(l);
}

static void *querylog_run(void *arg)
{
	struct querylog *l = arg;

	rcu_register_thread();
	while (!atomic_load(&l->stopping)) {
		rcu_thread_offline();
		nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_NS}, NULL);
		rcu_thread_online();
		write_all(l);
	}
	write_all(l);
	rcu_unregister_thread();
	return NULL;
}

struct querylog *querylog_new(const struct querylog_config *config)
{
	struct name suffix = {.length = 0};

	if (config->suffix != NULL && !name_parse(&suffix, config->suffix))
		return NULL;
	struct querylog *l = mem_alloc(sizeof *l);
	l->config = *config;
	l->suffix = suffix;
	return l;
}

struct querylog_ring *querylog_ring(struct querylog *l, struct respond_counts *counts)
{
	struct querylog_ring *r = mem_alloc(sizeof *r);

	r->log = l;
	r->counts = counts;
	l->rings = mem_resize(l->rings, (l->ring_count + 1) * sizeof(struct querylog_ring *));
	l->rings[l->ring_count++] = r;
	return r;
}

void querylog_start(struct querylog *l)
{
	static const struct thread_kind kind = {.name = "dns-log", .calls = CALLS_BASIC "fcntl ioctl poll ppoll"};

	thread_need(&l->thread, &kind, querylog_run, l);
	l->started = true;
}

void querylog_free(struct querylog *l)
{
	if (l == NULL)
		return;
	atomic_store(&l->stopping, true);
	if (l->started)
		pthread_join(l->thread, NULL);
	for (size_t i = 0; i < l->ring_count; i++)
		free(l->rings[i]);
	free(l->rings);
	free(l);
}
