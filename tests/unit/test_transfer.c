/* Zone transfers: no count wraps, no client holds a thread for longer than its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dns/server/transfer_thread.h"
#include "dns/zone/table.h"
#include "tests/unit/dns_lab.h"

#define MANY 70000 /* more than a 16-bit count holds */

static struct lab lab;
static const struct cidr everyone = {{AF_INET, {0}}, 0};
static uint8_t query[512];
static size_t query_bytes;

static void put_many(void)
{
	struct service draft = {.ns = "default", .name = "many", .dns_kind = DNS_HEADLESS};
	struct dns_endpoint *e = mem_array(MANY, sizeof *e);

	for (size_t i = 0; i < MANY; i++)
		e[i] = (struct dns_endpoint){
			.label = "one", .addr = {AF_INET, {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}}};
	draft.dns_endpoints = e;
	draft.dns_endpoint_count = MANY;
	lab_put(&lab, service_pack(&draft));
	free(e);
}

static int setup(void **state)
{
	(void)state;
	lab_init(&lab);
	lab.config.transfer = &everyone;
	lab.config.transfer_count = 1;
	query_bytes = lab_query(query, "cluster.local", TYPE_AXFR, CLASS_IN, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

static struct packet packet_of(const struct sockaddr_in *from)
{
	return (struct packet){query, query_bytes, (const struct sockaddr *)from, RESPOND_TCP};
}

static const struct sockaddr_in client = {.sin_family = AF_INET};

/* ---- contents ---- */

/* Behind a name that may end in a pointer. */
static size_t behind_name(const uint8_t *m, size_t at)
{
	while (m[at] != 0 && m[at] < 0xc0)
		at += m[at] + 1U;
	return m[at] == 0 ? at + 1 : at + 2;
}

/* Records of the type in one message, which must hold exactly what its header says. */
static size_t count_records(const uint8_t *m, size_t length, unsigned type)
{
	size_t at = behind_name(m, WIRE_HEADER_BYTES) + 4, found = 0;

	for (unsigned i = wire_get16(m + 6); i > 0; i--) {
		at = behind_name(m, at);
		found += wire_get16(m + at) == type;
		at += 10U + wire_get16(m + at + 8);
	}
	assert_int_equal(at, length); /* without OPT */
	return found;
}

static size_t transferred(unsigned type)
{
	struct packet in = packet_of(&client);
	struct transfer t = {0};
	struct buf out = {0};
	size_t found = 0;

	assert_true(transfer_wanted(&lab.config, &in, &t));
	assert_true(transfer_build(&lab.config, &t, in.from, &out));
	for (size_t at = 0; at < out.length_bytes;) {
		size_t length = wire_get16((const uint8_t *)out.data + at);
		found += count_records((const uint8_t *)out.data + at + 2, length, type);
		at += 2 + length;
	}
	buf_fini(&out);
	return found;
}

/* Each address is there twice: at the service and at its one endpoint name. */
static void no_count_wraps(void **state)
{
	(void)state;
	put_many();
	assert_int_equal(transferred(TYPE_A), 2 * MANY);
	assert_int_equal(transferred(TYPE_SOA), 2);
}

/* RFC 5936 2.2: every message by itself; with EDNS each has an OPT record. */
static void headers(void **state)
{
	(void)state;
	put_many();
	for (unsigned edns = 0; edns <= 1232; edns += 1232) {
		struct transfer t = {0};
		struct buf out = {0};
		query_bytes = lab_query(query, "Cluster.local", TYPE_AXFR, CLASS_IN, edns);
		struct packet in = packet_of(&client);
		assert_true(transfer_wanted(&lab.config, &in, &t) && transfer_build(&lab.config, &t, in.from, &out));
		size_t messages = 0;
		for (size_t at = 0; at < out.length_bytes; messages++) {
			const uint8_t *m = (const uint8_t *)out.data + at + 2;
			assert_int_equal(wire_get16(m), 0x1234);
			assert_int_equal(wire_get16(m + 2), FLAG_QR | FLAG_AA | FLAG_RD | FLAG_RA);
			assert_int_equal(wire_get16(m + 4), 1);
			assert_memory_equal(m + WIRE_HEADER_BYTES, query + WIRE_HEADER_BYTES, 19);
			assert_int_equal(wire_get16(m + 8), 0);
			assert_int_equal(wire_get16(m + 10), edns > 0);
			at += 2U + wire_get16((const uint8_t *)out.data + at);
		}
		assert_true(messages > 100);
		buf_fini(&out);
	}
}

/* RFC 1982: a client that has ours or a newer one gets the SOA alone, any other the zone. */
static void serials(void **state)
{
	static const struct {
		uint32_t ours, theirs;
		size_t soas;
	} rows[] = {
		{100, 100, 1},	    {100, 99, 2},	{100, 101, 1},	    {5, 0xfffffff0, 2},
		{0xfffffff0, 5, 1}, {0, 0x7fffffff, 1}, {0, 0x80000001, 2},
	};
	size_t plain = lab_query(query, "cluster.local", TYPE_IXFR, CLASS_IN, 0);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		atomic_store(&lab.zone->serial, rows[i].ours);
		wire_put16(query + 8, 1);
		memcpy(query + plain, "\xc0\x0c\0\6\0\1\0\0\0\0\0\26\0\0", 14);
		memset(query + plain + 14, 0, 20);
		wire_put32(query + plain + 14, rows[i].theirs);
		query_bytes = plain + 34;
		assert_int_equal(transferred(TYPE_SOA), rows[i].soas);
	}
}

/* ---- threads ---- */

/* Our end of a new connection, the client's in *theirs. */
static int connection(int *theirs)
{
	int pair[2], bytes = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*theirs = pair[1];
	return pair[0];
}

static bool take(struct transfer_threads *t, int *theirs)
{
	struct packet in = packet_of(&client);
	struct buf unsent = {0};
	int fd = connection(theirs);

	if (transfer_threads_take(t, &lab.config, &in, fd, &unsent))
		return true;
	close(fd);
	close(*theirs);
	return false;
}

/* Until the other side has ended, reading `bytes` each `pause_ms`. Returns how many bytes came. */
static size_t read_slowly(int fd, size_t bytes, unsigned pause_ms)
{
	uint8_t some[4096];
	size_t all = 0;
	ssize_t got;

	while ((got = read(fd, some, bytes)) > 0) {
		all += (size_t)got;
		poll(NULL, 0, (int)pause_ms);
	}
	return all;
}

static bool wait_for_place(struct transfer_threads *t, int *theirs, uint64_t limit_ms)
{
	for (uint64_t end_ms = clock_ms() + limit_ms; clock_ms() < end_ms; poll(NULL, 0, 10))
		if (take(t, theirs))
			return true;
	return false;
}

/* Four who read nothing have all threads; a fifth is refused until their limit has passed. */
static void who_reads_nothing(void **state)
{
	struct transfer_threads t = {.send_limit_ms = 200};
	int fds[TRANSFER_THREADS + 1];

	(void)state;
	put_many();
	for (unsigned i = 0; i < TRANSFER_THREADS; i++)
		assert_true(take(&t, &fds[i]));
	assert_false(take(&t, &fds[TRANSFER_THREADS]));
	assert_true(wait_for_place(&t, &fds[TRANSFER_THREADS], 30000));
	transfer_threads_stop(&t);
	for (unsigned i = 0; i <= TRANSFER_THREADS; i++)
		close(fds[i]);
}

/* Each send succeeds in time, but the whole takes too long: 4 MB at 20 KB/s and less. */
static void who_reads_a_little(void **state)
{
	struct transfer_threads t = {.send_limit_ms = 100, .bytes_per_s = 20000000};
	int fd;

	(void)state;
	put_many();
	uint64_t start_ms = clock_ms();
	assert_true(take(&t, &fd));
	size_t got = read_slowly(fd, 200, 10);
	assert_true(got < 1000000);
	assert_true(clock_ms() - start_ms < 20000);
	close(fd);
	transfer_threads_stop(&t);
}

/* One who keeps up gets all of it, with the limits of the product. */
static void who_keeps_up(void **state)
{
	struct transfer_threads t = {0};
	int fd;

	(void)state;
	put_many();
	assert_true(take(&t, &fd));
	assert_true(read_slowly(fd, 4096, 0) > 2 * MANY * (size_t)16);
	close(fd);
	transfer_threads_stop(&t);
}

/* The end of the server does not wait for clients. */
static void stop_does_not_wait(void **state)
{
	struct transfer_threads t = {0};
	int fd;

	(void)state;
	put_many();
	assert_true(take(&t, &fd));
	uint64_t start_ms = clock_ms();
	transfer_threads_stop(&t);
	assert_true(clock_ms() - start_ms < 1000 * TRANSFER_SEND_LIMIT_S / 2);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_count_wraps, setup, teardown),
		cmocka_unit_test_setup_teardown(headers, setup, teardown),
		cmocka_unit_test_setup_teardown(serials, setup, teardown),
		cmocka_unit_test_setup_teardown(who_reads_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(who_reads_a_little, setup, teardown),
		cmocka_unit_test_setup_teardown(who_keeps_up, setup, teardown),
		cmocka_unit_test_setup_teardown(stop_does_not_wait, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
