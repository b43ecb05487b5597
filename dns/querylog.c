#include "dns/querylog.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "dns/query.h"

#define TYPE_TEXT_BYTES 16

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

static const char *client_format(const struct sockaddr *from, char text[64])
{
	char addr[INET6_ADDRSTRLEN] = "";

	if (from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)from;
		inet_ntop(AF_INET6, &in6->sin6_addr, addr, sizeof addr);
		snprintf(text, 64, "[%s]:%u", addr, ntohs(in6->sin6_port));
	} else {
		const struct sockaddr_in *in = (const void *)from;
		inet_ntop(AF_INET, &in->sin_addr, addr, sizeof addr);
		snprintf(text, 64, "%s:%u", addr, ntohs(in->sin_port));
	}
	return text;
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
static void result_format(const struct query *q, const uint8_t *reply, size_t reply_bytes, char text[64])
{
	unsigned flags;
	char names[32];

	if (reply_bytes < WIRE_HEADER_BYTES) {
		snprintf(text, 64, "- - 0");
		return;
	}
	flags = wire_get16(reply + 2);
	flags_format(flags, names);
	/* BADVERS is the one rcode that does not fit into the header */
	snprintf(text, 64, "%s %s %zu", q->edns_version != 0 ? "BADVERS" : respond_rcode_name(flags & FLAG_RCODE),
		 names, reply_bytes);
}

const char *querylog_format(const struct packet *in, const uint8_t *reply, size_t reply_bytes, uint64_t ns,
			    char text[QUERYLOG_LINE_BYTES])
{
	struct query q = {.udp_bytes = WIRE_UDP_PLAIN_BYTES};
	char name[NAME_TEXT_BYTES] = "?", client[64], type[TYPE_TEXT_BYTES], result[64];
	enum query_result parsed = query_parse(&q, in->bytes, in->length);

	if (parsed == QUERY_OK || parsed == QUERY_FORMERR)
		name_format(q.name.wire, name);
	result_format(&q, reply, reply_bytes, result);
	snprintf(text, QUERYLOG_LINE_BYTES, "%s - %u \"%s %s %s %s %zu %s %u\" %s %" PRIu64 ".%09" PRIu64 "s",
		 client_format(in->from, client), q.id, type_format(q.type, type), class_name(q.class), name,
		 in->proto == RESPOND_TCP ? "tcp" : "udp", in->length, q.dnssec_ok ? "true" : "false", q.udp_bytes,
		 result, ns / 1000000000, ns % 1000000000);
	return text;
}

/* ---- writing ---- */

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

void querylog_flush(struct querylog *l, struct responder *r)
{
	if (l->used == 0)
		return;
	if (!has_room(l->used) || write(STDERR_FILENO, l->lines, l->used) != (ssize_t)l->used)
		respond_unlogged(r, l->count);
	l->used = l->count = 0;
}

void querylog_add(struct querylog *l, struct responder *r, const struct packet *in, const uint8_t *reply,
		  size_t reply_bytes, uint64_t ns)
{
	char text[QUERYLOG_LINE_BYTES];
	struct timespec now;
	struct tm utc;

	if (sizeof l->lines - l->used < QUERYLOG_LINE_BYTES + 64)
		querylog_flush(l, r);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	l->used += strftime(l->lines + l->used, 32, "%Y-%m-%dT%H:%M:%S", &utc);
	l->used += (size_t)snprintf(l->lines + l->used, sizeof l->lines - l->used, ".%03ldZ query: %s\n",
				    now.tv_nsec / 1000000, querylog_format(in, reply, reply_bytes, ns, text));
	l->count++;
}
