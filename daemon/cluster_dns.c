/* Reads --cluster-dns and --dns-local-address, and lists the addresses that are to be steered. */
#include "daemon/cluster_dns.h"

#include <string.h>

#include "base/text.h"
#include "service/addresses.h"

/* Link-local addresses are what --dns-local-address is for. */
static bool pods_can_ask(const struct addr *a)
{
	return addr_is_link_local(a) || !address_is_special(a);
}

static bool add(struct addr *list, size_t *count, const struct addr *a)
{
	for (size_t i = 0; i < *count; i++)
		if (addr_equal(&list[i], a))
			return false;
	list[(*count)++] = *a;
	return true;
}

static const char *add_item(struct cluster_dns_addrs *to, struct arena *arena, const char *item)
{
	struct addr a;

	if (!addr_parse(&a, item))
		return arena_printf(arena, "\"%s\" is not an IP address", item);
	if (!pods_can_ask(&a))
		return arena_printf(arena, "%s: pods cannot ask there", item);
	if (to->count == CLUSTER_DNS_ADDRS_MAX)
		return "more than 4 addresses";
	if (!add(to->items, &to->count, &a))
		return arena_printf(arena, "%s is given twice", item);
	return NULL;
}

const char *cluster_dns_parse_local(void *addrs, struct arena *a, const char *text)
{
	char *rest = arena_strdup(a, text), *item;
	const char *error = NULL;

	if (text[0] == '\0') /* a variable that is empty */
		return NULL;
	while (error == NULL && (item = strsep(&rest, ",")) != NULL)
		error = add_item(addrs, a, item);
	return error;
}

const char *cluster_dns_parse(void *addrs, struct arena *a, const char *text)
{
	struct cluster_dns_addrs *to = addrs;

	if (strcmp(text, "none") != 0)
		return to->none ? "\"none\" and addresses" : cluster_dns_parse_local(addrs, a, text);
	if (to->count > 0)
		return "\"none\" and addresses";
	to->none = true;
	return NULL;
}

size_t cluster_dns_list(const struct cluster_dns_addrs *given, const struct cluster_dns_addrs *local,
			const struct service_object *service, struct addr *out)
{
	size_t count = 0;

	for (size_t i = 0; i < given->count; i++)
		add(out, &count, &given->items[i]);
	const bool by_service = given->count == 0 && !given->none && service != NULL;
	for (size_t i = 0; by_service && i < service->cluster_ip_count && i < CLUSTER_DNS_ADDRS_MAX; i++)
		if (pods_can_ask(&service->cluster_ips[i]))
			add(out, &count, &service->cluster_ips[i]);
	for (size_t i = 0; i < local->count; i++)
		add(out, &count, &local->items[i]);
	return count;
}
