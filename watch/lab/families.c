/* Decides the IP families of a Service. */
#include "watch/lab/families.h"

const char *family_name(uint8_t family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

bool families_have(const struct families *f, uint8_t family)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i] == family)
			return true;
	return false;
}

static void add(struct families *f, uint8_t family)
{
	if (f->count < 2 && !families_have(f, family))
		f->items[f->count++] = family;
}

static void add_other(struct families *f)
{
	add(f, f->items[0] == AF_INET ? AF_INET6 : AF_INET);
}

/* Endpoints that are written, all of them as IPv6 addresses. */
static bool only_ipv6_given(const struct service_object *s)
{
	for (size_t i = 0; i < service_wishes(s)->given_count; i++)
		if (service_wishes(s)->given[i].host != NULL || service_wishes(s)->given[i].addr.family != AF_INET6)
			return false;
	return service_wishes(s)->given_count != 0;
}

/* ipFamilies, and those of the addresses that are written. */
static struct families asked(const struct service_object *s)
{
	struct families f = {0};

	for (size_t i = 0; i < service_wishes(s)->family_count; i++)
		add(&f, service_wishes(s)->families[i]);
	for (size_t i = 0; i < s->cluster_ip_count; i++)
		add(&f, s->cluster_ips[i].family);
	if (f.count == 0 && service_wishes(s)->family_policy == FAMILY_POLICY_NONE && only_ipv6_given(s))
		add(&f, AF_INET6);
	return f;
}

static bool has_address(const struct service_object *s, uint8_t family)
{
	for (size_t i = 0; i < s->cluster_ip_count; i++)
		if (s->cluster_ips[i].family == family)
			return true;
	return false;
}

/* Without selector its endpoints are written by hand, of any family. */
static void decide_free(struct families *f, enum family_policy policy, const struct families *cluster)
{
	if (f->count == 0)
		add(f, cluster->items[0]);
	if (policy != FAMILY_SINGLE)
		add_other(f);
}

const char *families_decide(struct families *out, const struct service_object *s, const struct families *cluster,
			    const char **field)
{
	enum family_policy policy = service_wishes(s)->family_policy;

	*out = asked(s);
	*field = "spec.ipFamilyPolicy";
	if (policy == FAMILY_SINGLE && out->count == 2)
		return "SingleStack, but two families are asked for";
	if (s->headless && (service_wishes(s)->selector_count == 0 || service_wishes(s)->given_count != 0)) {
		decide_free(out, policy, cluster);
		return NULL;
	}
	if (policy == FAMILY_POLICY_NONE)
		policy = out->count == 2 ? FAMILY_REQUIRE_DUAL : FAMILY_SINGLE;
	if (out->count == 0)
		add(out, cluster->items[0]);
	if (policy != FAMILY_SINGLE && cluster->count == 2)
		add_other(out);
	if (policy == FAMILY_REQUIRE_DUAL && out->count < 2)
		return "RequireDualStack, but the service ranges have one family only (see --service-cidr)";
	*field = "spec.ipFamilies";
	for (size_t i = 0; i < out->count; i++)
		if (!families_have(cluster, out->items[i]) && !has_address(s, out->items[i]))
			return out->items[i] == AF_INET6 ? "no service range is IPv6 (see --service-cidr)"
							 : "no service range is IPv4 (see --service-cidr)";
	return NULL;
}
