/* Any bytes in: no crash, and every reply is a message that ldns can read, of the right size, to the same question. */
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include <netinet/in.h>

#include "dns/answer/stranger.h"
#include "dns/server/transfer.h"
#include "dns/zone/clients.h"
#include "tests/unit/dns_lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lab lab;

static void fill(void)
{
	lab_init(&lab);
	lab.config.fixed_order = false;
	lab.config.debug_names = true;
	zone_note_set(lab.zone, ZONE_NODE, "node");
	lab.config.version = lab.config.identity = "x";
	memcpy(lab.config.edns.nsid, "node", 5);
	lab_put(&lab, lab_cluster_ip("default", "web", "10.96.0.1 fd00:96::1", "dns:udp:53 http:tcp:80", "a=10.0.0.1"));
	lab_put(&lab, lab_headless("default", "hl", "http:tcp:80", "hl-0=10.0.0.2 hl-0=fd00::2 10.0.0.3", 0));
	lab_put(&lab, lab_headless("default", "gone", "http:tcp:80", "", 3));
	lab_put(&lab, lab_external("default", "ext", "www.example.test"));
	lab_put(&lab, lab_external("default", "in", "hl.default.svc.cluster.local"));
	lab_put(&lab, lab_external("default", "loop", "loop.default.svc.cluster.local"));
	lab.config.autopath = true;
	zone_pod_set(lab.zone, &(struct addr){AF_INET, {127, 0, 0, 1}}, &(struct zone_pod){.ns = "other", .name = "p"});
}

static void require(int truth)
{
	if (!truth)
		abort();
}

static void check(const uint8_t *data, size_t size, enum respond_proto proto)
{
	ldns_pkt *packet = NULL;

	if (lab_send(&lab, data, size, proto) == 0)
		return;
	require(proto == RESPOND_TCP || lab.reply_bytes <= WIRE_UDP_BYTES);
	require(lab.reply_bytes <= WIRE_UDP_PLAIN_BYTES || proto == RESPOND_TCP || wire_get16(data + 10) > 0);
	require(memcmp(data, lab.reply, 2) == 0 && (lab.reply[2] & 0x80) != 0);
	require(ldns_wire2pkt(&packet, lab.reply, lab.reply_bytes) == LDNS_STATUS_OK);
	if (ldns_pkt_qdcount(packet) == 1) {
		uint16_t question = 0;
		for (question = WIRE_HEADER_BYTES; data[question] != 0;)
			question = (uint16_t)(question + data[question] + 1);
		require(memcmp(data + WIRE_HEADER_BYTES, lab.reply + WIRE_HEADER_BYTES,
			       question + 5U - WIRE_HEADER_BYTES) == 0);
	}
	ldns_pkt_free(packet);
}

/* Nothing is reflected to a stranger: without a cookie of ours no reply is more than half again as large as its query.
 */
static void check_stranger(const uint8_t *data, size_t size)
{
	static struct clients *no_clients;

	if (no_clients == NULL)
		no_clients = clients_new();
	lab.config.clients = no_clients;
	check(data, size, RESPOND_UDP);
	require(2 * lab.reply_bytes <= 3 * size && lab.reply_bytes <= STRANGER_BYTES_MAX);
	lab.config.clients = NULL;
}

/* A transfer that is had: every message of the stream can be read, none is empty. */
static void check_transfer(const uint8_t *data, size_t size)
{
	static const struct cidr everyone = {.addr.family = AF_INET};
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct packet in = {data, size, (struct sockaddr *)&from, RESPOND_TCP};
	static struct transfer transfer;
	struct buf out = {0};

	lab.config.transfer = &everyone;
	lab.config.transfer_count = 1;
	if (!transfer_wanted(&lab.config, &in, &transfer))
		return;
	transfer_build(&lab.config, &transfer, (struct sockaddr *)&from, &out);
	const uint8_t *stream = (const uint8_t *)out.data;
	for (size_t at = 0; at < out.length_bytes; at += 2U + wire_get16(stream + at)) {
		ldns_pkt *packet = NULL;
		require(at + 2 + wire_get16(stream + at) <= out.length_bytes);
		require(ldns_wire2pkt(&packet, stream + at + 2, wire_get16(stream + at)) == LDNS_STATUS_OK);
		require(ldns_pkt_ancount(packet) > 0);
		ldns_pkt_free(packet);
	}
	require(out.length_bytes > 0);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (lab.zone == NULL)
		fill();
	check_transfer(data, size);
	check(data, size, RESPOND_UDP);
	check(data, size, RESPOND_TCP);
	check_stranger(data, size);
	return 0;
}
