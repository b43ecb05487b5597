/* Our parser and ldns read the same bytes: where both accept them, they must have read the same. */
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "dns/wire/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void compare_question(const struct query *q, const ldns_rr_list *questions)
{
	const ldns_rr *rr = ldns_rr_list_rr(questions, 0);
	ldns_rdf *owner = ldns_rdf_clone(ldns_rr_owner(rr));

	require(ldns_rr_list_rr_count(questions) == 1);
	require((uint16_t)ldns_rr_get_type(rr) == q->type && (uint16_t)ldns_rr_get_class(rr) == q->class);
	ldns_dname2canonical(owner);
	require(ldns_rdf_size(owner) == q->name.length);
	require(memcmp(ldns_rdf_data(owner), q->name.wire, q->name.length) == 0);
	require(ldns_dname_label_count(owner) == q->name.labels);
	ldns_rdf_deep_free(owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query q;
	ldns_pkt *p = NULL;
	enum query_result result = query_parse(&q, data, size);
	bool good = ldns_wire2pkt(&p, data, size) == LDNS_STATUS_OK;

	require(result != QUERY_OK || (q.question_end <= size && q.udp_bytes >= WIRE_UDP_PLAIN_BYTES));
	/* Only the data of records that we skip may make a difference. */
	if (result == QUERY_OK && wire_get16(data + 6) + wire_get16(data + 8) + wire_get16(data + 10) == 0)
		require(good);
	if (result == QUERY_OK && good) {
		require(ldns_pkt_id(p) == q.id && ldns_pkt_rd(p) == ((q.flags & FLAG_RD) != 0));
		compare_question(&q, ldns_pkt_question(p));
		require(ldns_pkt_edns(p) == q.edns);
		if (q.edns)
			require(ldns_pkt_edns_version(p) == q.edns_version && ldns_pkt_edns_do(p) == q.dnssec_ok);
	}
	ldns_pkt_free(p);
	return 0;
}
