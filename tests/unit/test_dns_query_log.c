/* Lines of the query log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "dns/answer/query_log.h"
#include "tests/unit/stderrlines.h"

/* id 0x1234, RD, one question: Web.prod A IN */
static const uint8_t plain[] = {0x12, 0x34, 1,	 0, 0,	 1,   0,   0,	0, 0, 0, 0, 3,
				'W',  'e',  'b', 4, 'p', 'r', 'o', 'd', 0, 0, 1, 0, 1};
/* the same for AAAA with EDNS: 1232 bytes, DO */
static const uint8_t edns[] = {0x12, 0x34, 1, 0, 0,  1, 0, 0, 0, 0,  0, 1,    3, 'w', 'e',  'b', 4, 'p', 'r',
			       'o',  'd',  0, 0, 28, 0, 1, 0, 0, 41, 4, 0xd0, 0, 0,   0x80, 0,	 0, 0};
static const uint8_t good[12] = {0x12, 0x34, 0x85, 0x80};    /* qr aa rd ra NOERROR */
static const uint8_t missing[12] = {0x12, 0x34, 0x85, 0x83}; /* NXDOMAIN */

static void lines(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(41234)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53), .sin6_addr = in6addr_loopback};
	static const struct pod pod = {.ns = "default", .name = "web-0"};
	char text[QUERYLOG_LINE_BYTES];

	(void)state;
	in.sin_addr.s_addr = htonl(0x0af40007);
	struct packet udp = {plain, sizeof plain, (struct sockaddr *)&in, RESPOND_UDP};
	struct packet tcp = {edns, sizeof edns, (struct sockaddr *)&in6, RESPOND_TCP};
	assert_string_equal(
		querylog_format(&udp, &pod, &(struct querylog_result){good, 60, 52001, {0}}, text),
		"10.244.0.7:41234 default/web-0 4660 \"A IN web.prod. udp 26 false 512\" NOERROR qr,aa,rd,ra 60 "
		"0.000052001s");
	assert_string_equal(querylog_format(&tcp, NULL, &(struct querylog_result){missing, 100, 1500000000, {0}}, text),
			    "[::1]:53 - 4660 \"AAAA IN web.prod. tcp 37 true 1232\" NXDOMAIN qr,aa,rd,ra 100 "
			    "1.500000000s");
}

/* Names outside the cluster: cache, server and its time, behind the rest of the line. */
static void origins(void **state)
{
	static const struct {
		struct origin origin;
		const char *end;
	} rows[] = {
		{{.cache = ORIGIN_HIT}, "s cache=hit"},
		{{.cache = ORIGIN_STALE}, "s cache=stale"},
		{{ORIGIN_MISS, {.addr = {AF_INET, {10, 0, 0, 1}}, .port = 53}, 12345678},
		 "s cache=miss upstream=10.0.0.1:53 upstream-time=0.012345678s"},
		{{ORIGIN_STALE, {.addr = {AF_INET6, {0xfd, [15] = 1}}, .port = 853}, 2000000000},
		 "s cache=stale upstream=[fd00::1]:853 upstream-time=2.000000000s"},
	};
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct packet packet = {plain, sizeof plain, (struct sockaddr *)&in, RESPOND_UDP};
	char text[QUERYLOG_LINE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		querylog_format(&packet, NULL, &(struct querylog_result){good, 60, 0, rows[i].origin}, text);
		assert_string_equal(strstr(text, "0.000000000s") + strlen("0.000000000"), rows[i].end);
	}
}

/* Nothing that a client sends may break the line or overrun it. */
static void hostile(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	char text[QUERYLOG_LINE_BYTES];
	uint8_t message[12 + 255 + 4] = {0x12, 0x34, 1, 0, 0, 1};
	size_t at = 12;

	(void)state;
	for (int label = 0; label < 3; label++) {
		message[at++] = 63;
		memset(message + at, label == 0 ? '\n' : '"', 63);
		at += 63;
	}
	message[at++] = 0;
	message[at++] = 0xff; /* TYPE65280 CLASS 256 */
	message[at++] = 0;
	message[at++] = 1;
	message[at++] = 0;
	struct packet packet = {message, at, (struct sockaddr *)&in, RESPOND_UDP};
	querylog_format(&packet, NULL, &(struct querylog_result){good, 60, 0, {0}}, text);
	assert_null(strchr(text, '\n'));
	assert_non_null(strstr(text, "TYPE65280 CLASS? "));
	packet.length = 12; /* cut off: no question */
	assert_non_null(
		strstr(querylog_format(&packet, NULL, &(struct querylog_result){0}, text), "\" - - 0 0.000000000s"));
}

/* The lines that the log has written to stderr when it has ended. */
static unsigned lines_written(struct querylog *l)
{
	struct stderr_lines lines = stderr_lines_begin();

	querylog_start(l);
	querylog_free(l);
	return stderr_lines_end(&lines);
}

static void add(struct querylog_ring *r, unsigned times)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct packet packet = {plain, sizeof plain, (struct sockaddr *)&in, RESPOND_UDP};

	for (unsigned i = 0; i < times; i++)
		querylog_add(r, &packet, &(struct querylog_result){good, sizeof good, 0, {0}});
}

/* More than a ring holds while nothing is written: lost and counted, never waited for. */
static void full_ring_loses(void **state)
{
	struct respond_counts counts = {0};
	struct querylog *l = querylog_new(&(struct querylog_config){.every = 1});

	(void)state;
	add(querylog_ring(l, &counts), 600);
	assert_int_equal(counts.unlogged, 88);
	assert_int_equal(lines_written(l), 512);
}

static void sampling_and_suffix(void **state)
{
	struct respond_counts counts = {0};
	struct querylog *l = querylog_new(&(struct querylog_config){.every = 10, .suffix = "PROD"});

	(void)state;
	add(querylog_ring(l, &counts), 100);
	assert_int_equal(lines_written(l), 10);
	l = querylog_new(&(struct querylog_config){.every = 1, .suffix = "svc.cluster.local"});
	add(querylog_ring(l, &counts), 100);
	assert_int_equal(lines_written(l), 0);
	assert_null(querylog_new(&(struct querylog_config){.every = 1, .suffix = "a..b"}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(origins),
		cmocka_unit_test(hostile),
		cmocka_unit_test(full_ring_loses),
		cmocka_unit_test(sampling_and_suffix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
