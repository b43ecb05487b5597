/* Names of sets and chains, and back. */
#include "nft/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AFFINITY_MAX_S 86400u /* the API's limit of sessionAffinityConfig.clientIP.timeoutSeconds */

static const char *const set_names[SET_COUNT] = {
	[SET_DISPATCH] = "dispatch",
	[SET_SOURCE_RANGES] = "source-ranges",
	[SET_LOCAL] = "local",
	[SET_INTERNAL] = "internal",
	[SET_ENDPOINTS] = "endpoints",
	[SET_INTERNAL_ENDPOINTS] = "internal-endpoints",
	[SET_CLUSTER_IPS] = "cluster-ips",
	[SET_SERVICE_CIDRS] = "service-cidrs",
	[SET_ALLOWED_SOURCES] = "allowed-sources",
	[SET_RESTRICTED] = "restricted",
	[SET_AFFINITY_FRONTENDS] = "affinity-frontends",
	[SET_AFFINITY] = "affinity",
};

static const struct {
	enum verdict_kind kind;
	const char *name;
} kinds[] = {
	{VERDICT_PICK_INTERNAL, "pick-internal"}, /* before pick, whose name is its beginning */
	{VERDICT_CLUSTER, "cluster"},
	{VERDICT_EXTERNAL, "external"},
	{VERDICT_PICK, "pick"},
	{VERDICT_REJECT, "refuse"},
	{VERDICT_AFFINITY_RECORD, "affinity-record"},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static char digit(int family)
{
	return family == AF_INET ? '4' : '6';
}

const char *names_set(enum set_id set, int family, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%s%c", set_names[set], digit(family));
	return name;
}

static bool parse_family(const char **at, int *family)
{
	if (**at != '4' && **at != '6')
		return false;
	*family = **at == '4' ? AF_INET : AF_INET6;
	++*at;
	return true;
}

static bool skip(const char **at, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*at, word, length) != 0)
		return false;
	*at += length;
	return true;
}

bool names_set_parse(const char *name, enum set_id *set, int *family)
{
	for (int id = 0; id < SET_COUNT; id++) {
		const char *at = name;

		if (skip(&at, set_names[id]) && parse_family(&at, family) && *at == '\0') {
			*set = (enum set_id)id;
			return true;
		}
	}
	return false;
}

static const char *kind_name(enum verdict_kind kind)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "";
}

const char *names_chain(const struct verdict *v, int family, char name[NAME_BYTES])
{
	const char *kind = kind_name(v->kind);

	if (names_balances(v->kind))
		snprintf(name, NAME_BYTES, "%s%c%s%s-%u", kind, digit(family), v->affinity ? "-affinity" : "",
			 v->maglev ? "-maglev" : "", v->size);
	else if (v->kind == VERDICT_AFFINITY_RECORD)
		snprintf(name, NAME_BYTES, "%s%c-%u", kind, digit(family), v->timeout_s);
	else
		snprintf(name, NAME_BYTES, "%s", kind);
	return name;
}

/* "-17" to 17; nothing may follow. */
static bool parse_number(const char *at, uint32_t max, uint32_t *number)
{
	char *end;
	unsigned long value;

	if (at[0] != '-' || at[1] < '1' || at[1] > '9') /* as we write it: "-017" is another chain */
		return false;
	value = strtoul(at + 1, &end, 10);
	if (*end != '\0' || value > max)
		return false;
	*number = (uint32_t)value;
	return true;
}

static bool parse_rest(const char *at, struct verdict *v, int *family)
{
	if (v->kind == VERDICT_REJECT)
		return *at == '\0';
	if (!parse_family(&at, family))
		return false;
	if (v->kind == VERDICT_AFFINITY_RECORD)
		return parse_number(at, AFFINITY_MAX_S, &v->timeout_s);
	v->affinity = skip(&at, "-affinity");
	v->maglev = skip(&at, "-maglev");
	return parse_number(at, SLOT_MAX_SIZE, &v->size) && slot_size(v->size) == v->size;
}

bool names_chain_parse(const char *name, struct verdict *v, int *family)
{
	for (size_t i = 0; i < KINDS; i++) {
		const char *at = name;

		*v = (struct verdict){.kind = (uint8_t)kinds[i].kind};
		if (skip(&at, kinds[i].name) && parse_rest(at, v, family))
			return true;
	}
	return false;
}
