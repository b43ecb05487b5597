/* The kernel refuses one endpoint for good: the value of every element that sends to port REFUSED gets a wrong type. */
#ifndef TESTS_REFUSING_H
#define TESTS_REFUSING_H

#include <linux/netfilter/nf_tables.h>

#include "tests/kernel/onsend.h"

#define REFUSED 6666

static void refuse(uint8_t *messages, size_t bytes)
{
	/* header of NFTA_DATA_VALUE, an IPv4 address, the port, two bytes of zero */
	const uint8_t port[] = {REFUSED >> 8, REFUSED & 0xff, 0, 0};

	for (size_t at = 8; at + sizeof port <= bytes; at += 4) {
		struct nlattr *value = (struct nlattr *)(void *)(messages + at - 8);

		if (memcmp(messages + at, port, sizeof port) == 0 && value->nla_len == 12 &&
		    value->nla_type == NFTA_DATA_VALUE)
			value->nla_type = NFTA_DATA_VERDICT;
	}
}

#endif
