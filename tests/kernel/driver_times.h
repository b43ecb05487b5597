/* Many elements at once, and how long transactions take, for the nft driver: include after words.h's headers. */
#ifndef TESTS_DRIVER_TIMES_H
#define TESTS_DRIVER_TIMES_H

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "nft/element_list.h"
#include "nft/nft.h"
#include "service/pool.h"
#include "tests/kernel/words.h"

/* `services` UDP frontends with `endpoints` endpoints each, with their ClusterIPs, in one family. */
static inline void generate(struct element_list *l, uint32_t services, uint32_t endpoints, int family)
{
	uint32_t size = pool_size(endpoints, 0);

	for (uint32_t s = 0; s < services; s++) {
		uint8_t high = (uint8_t)(s >> 16), mid = (uint8_t)(s >> 8), low = (uint8_t)s;
		struct element e = {.daddr = {AF_INET, {10, (uint8_t)(128 + high), mid, low}}, .proto = 17, .port = 80};

		if (family == AF_INET6)
			e.daddr = (struct addr){AF_INET6, {0xfd, 0x80, [13] = high, mid, low}};
		e.set = SET_CLUSTER_IPS;
		element_list_add(l, &e);
		e.set = SET_DISPATCH;
		e.verdict = (struct verdict){.kind = VERDICT_CLUSTER, .size = size};
		element_list_add(l, &e);
		e.set = SET_ENDPOINTS;
		e.to_port = 8080;
		for (e.slot = 0; e.slot < endpoints; e.slot++) {
			e.to = (struct addr){AF_INET, {172, mid, low, (uint8_t)e.slot}};
			if (family == AF_INET6)
				e.to = (struct addr){AF_INET6, {0xfd, 0x90, [13] = mid, low, (uint8_t)e.slot}};
			element_list_add(l, &e);
		}
	}
}

static inline int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The median and the slowest of the times. */
static inline void print_times(uint64_t *took_ns, uint32_t count)
{
	qsort(took_ns, count, sizeof *took_ns, compare_ns);
	printf("median_us %.1f max_us %.1f\n", (double)took_ns[count / 2] / 1e3, (double)took_ns[count - 1] / 1e3);
}

/* service ENDPOINTS ROUNDS: adds and deletes one service so often; the times are those of the additions. */
static inline int add_service(struct nft *nft, struct words *w)
{
	uint32_t endpoints = next_number(w), rounds = next_number(w);
	uint64_t *took_ns = mem_array(rounds, sizeof *took_ns);
	struct element_list one = {0};
	int error = 0;

	generate(&one, 1, endpoints, AF_INET);
	for (size_t i = 0; i < one.count; i++)
		one.items[i].daddr.bytes[1] = 127; /* 10.127.0.0: none of the others has it */
	for (uint32_t round = 0; round < rounds && error == 0; round++) {
		uint64_t start = clock_ns();

		for (size_t i = 0; i < one.count; i++)
			nft_tx_add(nft, &one.items[i]);
		error = nft_tx_commit(nft);
		took_ns[round] = clock_ns() - start;
		for (size_t i = 0; i < one.count && error == 0; i++)
			nft_tx_del(nft, &one.items[i]);
		error = error == 0 ? nft_tx_commit(nft) : error;
	}
	print_times(took_ns, rounds);
	free(one.items);
	free(took_ns);
	return error;
}

/* parts MOST: commits the transaction in parts, and prints how many there were. */
static inline int commit_in_parts(struct nft *nft, size_t most)
{
	struct nft_parts *parts = nft_tx_take(nft, NFT_RANGES_TOGETHER);
	unsigned count = 0;
	int more = 1;

	while (more > 0) {
		more = nft_parts_commit(nft, parts, most);
		count++;
	}
	nft_parts_free(parts);
	printf("parts %u\n", count);
	return more;
}

/* Replaces the target of one endpoint `rounds` times. */
static inline int replace(struct nft *nft, const struct element_list *l, uint32_t rounds)
{
	uint64_t *took_ns = mem_array(rounds, sizeof *took_ns);
	struct element e = {0};
	int error = 0;

	for (size_t i = 0; i < l->count && e.set != SET_ENDPOINTS; i++)
		e = l->items[l->count / 2 + i];
	for (uint32_t i = 0; i < rounds && error == 0; i++) {
		uint64_t start = clock_ns();

		nft_tx_del(nft, &e);
		e.to_port ^= 1;
		nft_tx_add(nft, &e);
		error = nft_tx_commit(nft);
		took_ns[i] = clock_ns() - start;
	}
	print_times(took_ns, rounds);
	free(took_ns);
	return error;
}

#endif
