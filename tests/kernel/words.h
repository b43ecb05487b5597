/* Elements and their parts written as words, for nft_driver.c: a bad word ends the program. */
#ifndef TESTS_WORDS_H
#define TESTS_WORDS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "nft/names.h"

#define WORDS_MAX 16

struct words {
	char *at[WORDS_MAX];
	int count, next;
};

static inline struct words split(char *line)
{
	struct words w = {0};

	for (char *word = strtok_r(line, " \n", &line); word != NULL && w.count < WORDS_MAX;
	     word = strtok_r(NULL, " \n", &line))
		w.at[w.count++] = word;
	return w;
}

static inline const char *next(struct words *w)
{
	return w->next < w->count ? w->at[w->next++] : "";
}

static inline uint32_t next_number(struct words *w)
{
	return (uint32_t)strtoul(next(w), NULL, 10);
}

static inline void next_addr(struct words *w, struct addr *a)
{
	if (!addr_parse(a, next(w)))
		fatalx("driver: no address: %s", w->at[w->next - 1]);
}

static inline uint8_t next_proto(struct words *w)
{
	const char *name = next(w);

	return strcasecmp(name, "tcp") == 0 ? 6 : strcasecmp(name, "udp") == 0 ? 17 : 132;
}

static inline void next_verdict(struct words *w, struct verdict *v)
{
	static const char *const kinds[] = {"none",	 "cluster", "external", "pick",		  "pick-internal",
					    "by-source", "reject",  "drop",	"affinity-record"};
	const char *word = next(w);

	for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++)
		if (strcmp(kinds[kind], word) == 0)
			v->kind = (uint8_t)kind;
	if (v->kind == VERDICT_AFFINITY_RECORD)
		v->timeout_s = next_number(w);
	else if (names_balances(v->kind))
		v->size = next_number(w);
	while (w->next < w->count) {
		word = next(w);
		v->affinity = v->affinity || strcmp(word, "affinity") == 0;
		v->maglev = v->maglev || strcmp(word, "maglev") == 0;
	}
}

static inline struct element next_element(struct words *w)
{
	struct element e = {0};
	char name[NAME_BYTES];
	enum set_id set;
	int family;

	snprintf(name, sizeof name, "%s4", next(w));
	if (!names_set_parse(name, &set, &family))
		fatalx("driver: no set: %s", name);
	e.set = (uint8_t)set;
	if (set == SET_SERVICE_CIDRS) {
		cidr_parse(&e.range, next(w));
		return e;
	}
	next_addr(w, &e.daddr);
	if (set == SET_CLUSTER_IPS)
		return e;
	e.proto = next_proto(w);
	e.port = (uint16_t)next_number(w);
	if (set == SET_ALLOWED_SOURCES) {
		cidr_parse(&e.range, next(w));
	} else if (set == SET_ENDPOINTS || set == SET_INTERNAL_ENDPOINTS || set == SET_AFFINITY) {
		struct addr client;

		if (set != SET_AFFINITY)
			e.slot = next_number(w);
		else if (next_addr(w, &client), true)
			e.range = cidr_host(&client);
		next_addr(w, &e.to);
		e.to_port = (uint16_t)next_number(w);
		e.packets = next_number(w);
		e.bytes = next_number(w);
	} else {
		next_verdict(w, &e.verdict);
	}
	return e;
}

#endif
