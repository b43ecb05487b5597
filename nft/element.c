/* Compares and formats elements. */
#include "nft/element.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nft/names.h"

static bool has_frontend(const struct element *e)
{
	return e->set != SET_CLUSTER_IPS && e->set != SET_SERVICE_CIDRS;
}

static bool has_range(const struct element *e)
{
	return e->set == SET_SERVICE_CIDRS || e->set == SET_ALLOWED_SOURCES || e->set == SET_AFFINITY;
}

static bool has_slot(const struct element *e)
{
	return e->set == SET_ENDPOINTS || e->set == SET_INTERNAL_ENDPOINTS;
}

static bool has_target(const struct element *e)
{
	return has_slot(e) || e->set == SET_AFFINITY;
}

static bool has_verdict(const struct element *e)
{
	return e->set == SET_DISPATCH || e->set == SET_SOURCE_RANGES || e->set == SET_LOCAL || e->set == SET_INTERNAL ||
	       e->set == SET_AFFINITY_FRONTENDS;
}

#define SIZES_ALL_UP_TO 8u
#define SIZES_CLOSE_UP_TO 128u

uint32_t slot_size(uint32_t count)
{
	uint32_t power = 1, step;

	if (count <= SIZES_ALL_UP_TO)
		return count > 0 ? count : 1;
	while (power < count)
		power *= 2;
	step = power <= SIZES_CLOSE_UP_TO ? power / 8 : power;
	return (count + step - 1) / step * step;
}

bool maglev_size_exists(uint32_t size)
{
	uint32_t exists = MAGLEV_SIZE_MIN;

	while (exists < size)
		exists *= MAGLEV_SIZE_STEP;
	return exists == size && size <= MAGLEV_SIZE_MAX;
}

int element_family(const struct element *e)
{
	return e->set == SET_SERVICE_CIDRS ? e->range.addr.family : e->daddr.family;
}

static int compare_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

unsigned element_kind(const struct element *e)
{
	return e->set * 2u + (element_family(e) == AF_INET6);
}

static int compare_range(const struct cidr *a, const struct cidr *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	return order != 0 ? order : compare_number(a->prefix, b->prefix);
}

static int compare_frontend(const struct element *a, const struct element *b)
{
	int order = addr_compare(&a->daddr, &b->daddr);

	if (order == 0 && a->set != SET_CLUSTER_IPS)
		order = compare_number(a->proto, b->proto);
	if (order == 0 && a->set != SET_CLUSTER_IPS)
		order = compare_number(a->port, b->port);
	return order;
}

static int compare_key(const struct element *a, const struct element *b)
{
	int order = compare_number(a->set, b->set);

	if (order == 0)
		order = compare_number((uint64_t)element_family(a), (uint64_t)element_family(b));
	if (order == 0 && (has_frontend(a) || a->set == SET_CLUSTER_IPS))
		order = compare_frontend(a, b);
	if (order == 0 && has_slot(a))
		order = compare_number(a->slot, b->slot);
	if (order == 0 && has_range(a))
		order = compare_range(&a->range, &b->range);
	return order;
}

/* Fields that a kind does not use do not count. */
static int compare_verdict(const struct verdict *a, const struct verdict *b)
{
	int order = compare_number(a->kind, b->kind);

	if (order == 0 && a->kind == VERDICT_AFFINITY_RECORD)
		return compare_number(a->timeout_s, b->timeout_s);
	if (order != 0 || !names_balances(a->kind))
		return order;
	order = compare_number(a->affinity, b->affinity);
	if (order == 0)
		order = compare_number(a->maglev, b->maglev);
	return order != 0 ? order : compare_number(a->size, b->size);
}

static int compare_value(const struct element *a, const struct element *b)
{
	if (has_verdict(a))
		return compare_verdict(&a->verdict, &b->verdict);
	if (has_target(a)) {
		int order = addr_compare(&a->to, &b->to);

		return order != 0 ? order : compare_number(a->to_port, b->to_port);
	}
	return 0;
}

bool element_same_key(const struct element *a, const struct element *b)
{
	return compare_key(a, b) == 0;
}

bool element_equal(const struct element *a, const struct element *b)
{
	return element_compare(a, b) == 0;
}

int element_compare(const struct element *a, const struct element *b)
{
	int order = compare_key(a, b);

	return order != 0 ? order : compare_value(a, b);
}

/* As `nft` prints protocols: lower case. */
static const char *proto_text(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		return "?";
	}
}

/* Appends; the room is enough for every element (ELEMENT_TEXT_BYTES), a cut text is still a string. */
static void __attribute__((format(printf, 2, 3))) append(char *text, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + used, ELEMENT_TEXT_BYTES - used, fmt, args);
	va_end(args);
}

static void format_key(const struct element *e, char *text)
{
	char addr[ADDR_TEXT_BYTES], range[CIDR_TEXT_BYTES];

	if (e->set == SET_AFFINITY)
		append(text, "%s . ", addr_format(&e->range.addr, addr));
	if (e->set == SET_CLUSTER_IPS)
		append(text, "%s", addr_format(&e->daddr, addr));
	if (has_frontend(e))
		append(text, "%s . %s . %u", addr_format(&e->daddr, addr), proto_text(e->proto), e->port);
	if (has_slot(e))
		append(text, " . %u", e->slot);
	if (e->set == SET_ALLOWED_SOURCES)
		append(text, " . ");
	if (has_range(e) && e->set != SET_AFFINITY)
		append(text, "%s", cidr_format(&e->range, range));
}

static void format_value(const struct element *e, char *text)
{
	char addr[ADDR_TEXT_BYTES], chain[NAME_BYTES];

	if (has_target(e))
		append(text, " : %s . %u", addr_format(&e->to, addr), e->to_port);
	if (!has_verdict(e))
		return;
	if (e->verdict.kind == VERDICT_DROP || e->verdict.kind == VERDICT_BY_SOURCE)
		append(text, " : %s", e->verdict.kind == VERDICT_DROP ? "drop" : "return");
	else
		append(text, " : %s %s", e->verdict.kind == VERDICT_AFFINITY_RECORD ? "jump" : "goto",
		       names_chain(&e->verdict, element_family(e), chain));
}

const char *element_format(const struct element *e, char text[ELEMENT_TEXT_BYTES])
{
	char set[NAME_BYTES];

	text[0] = '\0';
	append(text, "%s { ", names_set(e->set, element_family(e), set));
	format_key(e, text);
	format_value(e, text);
	append(text, " }");
	return text;
}
