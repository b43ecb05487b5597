/*
 * A shell on nft/ for the kernel tests and benches: commands on stdin, answers on stdout, each ended by "ok" or
 * "error TEXT". Elements are written as words, e.g.
 *
 *   dispatch 10.96.0.1 tcp 80 cluster 4 [affinity] [maglev]
 *   endpoints 10.96.0.1 tcp 80 0 10.0.0.1 8080
 *   affinity-frontends 10.96.0.1 tcp 80 affinity-record 10800
 *   allowed-sources 10.96.0.1 tcp 80 10.0.0.0/8
 *   affinity 10.96.0.1 tcp 80 10.1.1.1 10.0.0.1 8080
 *   cluster-ips 10.96.0.1
 *   service-cidrs 10.96.0.0/12
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/poll.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "netlink/conntrack.h"
#include "netlink/host_addresses.h"
#include "nft/nft.h"
#include "service/pool.h"
#include "tests/kernel/driver_times.h"
#include "tests/kernel/words.h"

static void print_element(void *ctx, const struct element *e)
{
	char text[ELEMENT_TEXT_BYTES];

	(void)ctx;
	if (e->packets != 0 || e->bytes != 0)
		printf("%s packets %llu bytes %llu\n", element_format(e, text), (unsigned long long)e->packets,
		       (unsigned long long)e->bytes);
	else
		printf("%s\n", element_format(e, text));
}

static void count_element(void *ctx, const struct element *e)
{
	(void)e;
	++*(size_t *)ctx;
}

static void answer(const struct nft *nft, int error)
{
	if (error == 0)
		printf("ok\n");
	else
		printf("error %s\n", nft_error(nft));
	fflush(stdout);
}

static int state(struct nft *nft)
{
	static const char *const names[] = {"absent", "ours", "other"};
	enum table_state s;
	int error = nft_table_state(nft, &s);

	if (error == 0)
		printf("%s\n", s == TABLE_OURS && nft_tx_count(nft) != 0 ? "damaged" : names[s]);
	return error;
}

/* Waits for a change by another program, `limit_ms` at most, as the daemon does: it reads when the descriptor says so.
 */
static void monitor(struct nft *nft, int limit_ms)
{
	struct pollfd p = {.fd = nft_monitor_fd(nft), .events = POLLIN};
	uint64_t end = clock_ms() + (uint64_t)limit_ms;
	struct external_changes changes = {0};

	while (clock_ms() < end && !external_changes_due(&changes))
		if (poll(&p, 1, (int)(end - clock_ms())) > 0)
			nft_monitor_read(nft, &changes);
	printf("%s\n", !external_changes_due(&changes) ? "quiet" : changes.lost ? "changed, lost" : "changed");
}

/* The host's addresses, as they are or (limit_ms > 0) as soon as they have changed. */
static void addresses(int limit_ms)
{
	static struct hostaddr *h;
	const char *error = NULL;
	char text[ADDR_TEXT_BYTES];
	const struct addr *list;
	size_t count;

	if (h == NULL && (h = hostaddr_open(&error)) == NULL)
		fatalx("driver: %s", error);
	struct pollfd p = {.fd = hostaddr_fd(h), .events = POLLIN};
	uint64_t end = clock_ms() + (uint64_t)limit_ms;
	bool changed = false;
	while (clock_ms() < end && !changed)
		changed = poll(&p, 1, (int)(end - clock_ms())) > 0 && hostaddr_read(h);
	if (limit_ms > 0)
		printf("%s\n", changed ? "changed" : "quiet");
	list = hostaddr_list(h, &count);
	for (size_t i = 0; i < count; i++)
		printf("address %s\n", addr_format(&list[i], text));
	list = hostaddr_routes(h, &count);
	for (size_t i = 0; i < count; i++)
		printf("route %s\n", addr_format(&list[i], text));
}

struct sweeping {
	const char *answering; /* entries that this address answers go */
};

static bool is_answered_by(void *ctx, const struct conntrack_entry *e)
{
	const struct sweeping *s = ctx;
	char to[ADDR_PORT_TEXT_BYTES], from[ADDR_PORT_TEXT_BYTES], text[ADDR_TEXT_BYTES];

	printf("entry %s %s answered by %s%s%s%s\n", proto_name(e->proto),
	       addr_port_format(&e->orig_dst, e->orig_port, to), addr_port_format(&e->reply_src, e->reply_port, from),
	       e->unreplied ? " unreplied" : "", e->syn_sent ? " syn-sent" : "", e->dnat ? " dnat" : "");
	return strcmp(addr_format(&e->reply_src, text), s->answering) == 0;
}

/* The next word is this one, and is taken. */
static bool next_is(struct words *w, const char *word)
{
	if (w->next == w->count || strcmp(w->at[w->next], word) != 0)
		return false;
	w->next++;
	return true;
}

/* sweep udp [unreplied] [to DST PORT] [ADDRESS]: lists what went to DST (any: all) and deletes what ADDRESS answers. */
static void sweep(struct words *w)
{
	struct sweeping s = {.answering = "none"};
	struct conntrack_sweep sweep = {.proto = next_proto(w), .check = is_answered_by, .ctx = &s};
	const char *error = NULL;
	struct conntrack *c = conntrack_open(&error);
	size_t deleted, sum = 0;
	struct addr dst;
	int result = 0;

	if (c == NULL)
		fatalx("driver: %s", error);
	sweep.unreplied_only = next_is(w, "unreplied");
	if (next_is(w, "to")) {
		sweep.dst = next_is(w, "any") ? NULL : (next_addr(w, &dst), &dst);
		sweep.dst_port = (uint16_t)next_number(w);
	}
	if (w->next < w->count)
		s.answering = next(w);
	for (size_t i = 0; i < 2 && result == 0; i++) {
		sweep.family = i == 0 ? AF_INET : AF_INET6;
		if (sweep.dst != NULL && sweep.dst->family != sweep.family)
			continue;
		result = conntrack_sweep(c, &sweep, &deleted);
		sum += deleted;
	}
	printf("result %d\n", result);
	printf("deleted %zu\n", sum);
	conntrack_close(c);
}

/* What this process used, in the kernel too: on a busy machine the time that passed says little. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Commands that only fill lists; false: none of them. */
static bool collecting(const char *verb, struct nft *nft, struct words *w, struct element_list *list)
{
	if (strcmp(verb, "element") == 0) {
		struct element e = next_element(w);
		element_list_add(list, &e);
	} else if (strcmp(verb, "generate") == 0) {
		uint32_t services = next_number(w), endpoints = next_number(w);
		generate(list, services, endpoints, strcmp(next(w), "6") == 0 ? AF_INET6 : AF_INET);
	} else if (strcmp(verb, "forget") == 0) {
		list->count = 0;
	} else if (strcmp(verb, "add") == 0) {
		struct element e = next_element(w);
		nft_tx_add(nft, &e);
	} else if (strcmp(verb, "del") == 0) {
		struct element e = next_element(w);
		nft_tx_del(nft, &e);
	} else if (strcmp(verb, "addall") == 0 || strcmp(verb, "delall") == 0) {
		for (size_t i = 0; i < list->count; i++)
			(verb[0] == 'a' ? nft_tx_add : nft_tx_del)(nft, &list->items[i]);
	} else {
		return false;
	}
	return true;
}

/* Commands beside the table; false: none of them. */
static bool looking(const char *verb, struct nft *nft, struct words *w)
{
	if (strcmp(verb, "addresses") == 0)
		addresses((int)next_number(w));
	else if (strcmp(verb, "sweep") == 0)
		sweep(w);
	else if (strcmp(verb, "wait") == 0)
		monitor(nft, (int)next_number(w));
	else
		return false;
	return true;
}

/* dump, dump affinity: the second with the remembered clients. */
static int dump(struct nft *nft, struct words *w)
{
	int error = nft_dump(nft, TABLE_SETS_ALL, print_element, NULL);

	if (error == 0 && strcmp(next(w), "affinity") == 0)
		error = nft_dump_set(nft, SET_AFFINITY, print_element, NULL);
	return error;
}

/* get ELEMENT: as the kernel has it; only the key counts. */
static int get(struct nft *nft, struct words *w)
{
	struct element e = next_element(w);
	int error = nft_get(nft, &e);

	if (error == 0)
		print_element(NULL, &e);
	return error;
}

static int count_elements(struct nft *nft)
{
	size_t count = 0;
	int error = nft_dump(nft, TABLE_SETS_ALL, count_element, &count);

	printf("%zu\n", count);
	return error;
}

static int acting(const char *verb, struct nft *nft, struct words *w, struct element_list *list)
{

	if (strcmp(verb, "load") == 0)
		return nft_load(nft, list->items, list->count);
	if (strcmp(verb, "commit") == 0)
		return nft_tx_commit(nft);
	if (strcmp(verb, "parts") == 0)
		return commit_in_parts(nft, next_number(w));
	if (strcmp(verb, "dump") == 0)
		return dump(nft, w);
	if (strcmp(verb, "get") == 0)
		return get(nft, w);
	if (strcmp(verb, "count") == 0)
		return count_elements(nft);
	if (strcmp(verb, "replace") == 0)
		return replace(nft, list, next_number(w));
	if (strcmp(verb, "service") == 0)
		return add_service(nft, w);
	if (strcmp(verb, "state") == 0)
		return state(nft);
	if (strcmp(verb, "probe") == 0)
		return nft_probe(nft);
	if (strcmp(verb, "cleanup") == 0)
		return nft_cleanup(nft);
	if (strcmp(verb, "watch") == 0)
		return nft_monitor_open(nft);
	fatalx("driver: no command: %s", verb);
}

static int command(struct nft *nft, struct words *w, struct element_list *list)
{
	const char *verb = next(w);
	uint64_t start = clock_ns(), cpu_start = cpu_ns();
	int error;

	if (collecting(verb, nft, w, list) || looking(verb, nft, w))
		return 0;
	error = acting(verb, nft, w, list);
	if (strcmp(verb, "load") == 0 || strcmp(verb, "commit") == 0 || strcmp(verb, "count") == 0)
		printf("took_ms %.3f cpu_ms %.3f\n", (double)(clock_ns() - start) / 1e6,
		       (double)(cpu_ns() - cpu_start) / 1e6);
	return error;
}

/* "sources:CIDR[,CIDR]", "interface:NAME", "prefix:NAME" */
static void detector(char *text, struct ruleset_config *s)
{
	static struct cidr pod_cidrs[RULESET_CIDRS_MAX];
	char *save = NULL;

	if (strncmp(text, "sources:", 8) == 0) {
		s->detector = DETECT_POD_CIDRS;
		s->pod_cidrs = pod_cidrs;
		for (char *range = strtok_r(text + 8, ",", &save); range != NULL; range = strtok_r(NULL, ",", &save))
			if (!cidr_parse(&pod_cidrs[s->pod_cidr_count++], range))
				fatalx("driver: no range: %s", range);
	}
	if (strncmp(text, "interface:", 10) == 0) {
		s->detector = DETECT_INTERFACE;
		s->interface = text + 10;
	}
	if (strncmp(text, "prefix:", 7) == 0) {
		s->detector = DETECT_INTERFACE_PREFIX;
		s->interface = text + 7;
	}
}

int main(int argc, char **argv)
{
	struct ruleset_config s = {.table = "fairlead", .masquerade_bit = 14};
	const char *error = NULL;
	struct element_list list = {0};
	char line[1024];
	struct nft *nft;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "counters") == 0)
			s.counters = true;
		else if (strcmp(argv[i], "masquerade-all") == 0)
			s.masquerade_all = true;
		else if (strncmp(argv[i], "table:", 6) == 0)
			s.table = argv[i] + 6;
		else if (strncmp(argv[i], "bit:", 4) == 0)
			s.masquerade_bit = (unsigned)strtoul(argv[i] + 4, NULL, 10);
		else
			detector(argv[i], &s);
	}
	nft = nft_open(&s, &error);
	if (nft == NULL)
		fatalx("driver: %s", error);
	while (fgets(line, sizeof line, stdin) != NULL) {
		struct words w = split(line);

		if (w.count > 0)
			answer(nft, command(nft, &w, &list));
	}
	nft_close(nft);
	free(list.items);
	return 0;
}
