/* Names that an API server takes, and objects by them. */
#include "watch/identity.h"

#include <ctype.h>
#include <string.h>

#include "base/domain.h"

#define LABEL_PART_BYTES 63 /* of a label: the key behind its prefix, the value */

bool name_is_label(const char *s)
{
	return strlen(s) <= DOMAIN_LABEL_BYTES && domain_label(s, strlen(s), DOMAIN_LOWER);
}

bool name_is_subdomain(const char *s)
{
	return domain_name(s, DOMAIN_LABEL_BYTES, DOMAIN_LOWER);
}

bool name_is_object(const char *s)
{
	return domain_name(s, DOMAIN_BYTES, DOMAIN_LOWER);
}

bool name_is_netns(const char *s)
{
	const size_t n = strlen(s);

	return n != 0 && n <= PROBE_NETNS_MAX_BYTES && s[0] != '.' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

bool name_is_service(const char *s)
{
	bool letter = false;

	if (strlen(s) > 15 || !name_is_label(s) || strstr(s, "--") != NULL)
		return false;
	for (; *s != '\0'; s++)
		letter = letter || isalpha((unsigned char)*s);
	return letter;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool is_qualified_part(const char *s, size_t n)
{
	if (n == 0 || n > LABEL_PART_BYTES || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '.')
			return false;
	return true;
}

bool name_is_label_key(const char *s, bool annotation)
{
	const char *slash = strchr(s, '/'), *name = slash != NULL ? slash + 1 : s;
	char prefix[DOMAIN_BYTES + 1];
	size_t n = slash != NULL ? (size_t)(slash - s) : 0;

	if (n >= sizeof prefix)
		return false;
	for (size_t i = 0; i < n; i++)
		prefix[i] = annotation && s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 'a' - 'A') : s[i];
	prefix[n] = '\0';
	return (slash == NULL || name_is_object(prefix)) && is_qualified_part(name, strlen(name));
}

bool name_is_label_value(const char *s)
{
	return s[0] == '\0' || is_qualified_part(s, strlen(s));
}

static bool is_namespaced(enum object_kind kind)
{
	return kind == OBJECT_SERVICE || kind == OBJECT_SLICE || kind == OBJECT_POD || kind >= OBJECT_KINDS;
}

/* "SERVICE:endpoints-ipv4-0": what becomes of an Endpoints object (decode_endpoints.c), no name that an object can
 * have. */
static bool is_of_endpoints(const struct slice_object *s)
{
	static const char mark[] = ":endpoints-";
	size_t length = strlen(s->service_name);
	const char *name = s->object.name;

	return length != 0 && strncmp(name, s->service_name, length) == 0 &&
	       strncmp(name + length, mark, strlen(mark)) == 0 && name_is_label(name + length + strlen(mark));
}

static bool name_fits(const struct object *o)
{
	const char *name = o->name;
	enum object_kind kind = o->kind;

	if (kind == OBJECT_SLICE && is_of_endpoints((const struct slice_object *)o))
		return true;
	return kind == OBJECT_SERVICE || kind == OBJECT_NAMESPACE ? name_is_label(name) : name_is_object(name);
}

static const char *slice_wrong(const struct slice_object *s)
{
	if (s->service_name[0] != '\0' && !name_is_label(s->service_name))
		return "the label kubernetes.io/service-name is not the name of a Service (a DNS label: a-z, 0-9, -)";
	for (size_t i = 0; i < s->endpoint_count; i++) {
		const struct endpoint_object *e = &s->endpoints[i];
		const char *hostname = endpoint_extra(e)->hostname;
		if (hostname != NULL && !name_is_label(hostname))
			return "a hostname is not a DNS label (a-z, 0-9, -)";
		if (e->pod_name != NULL && !name_is_object(e->pod_name))
			return "the name of a pod is not a DNS name (a-z, 0-9, -, .)";
		if (e->node_name != NULL && !name_is_object(e->node_name))
			return "the name of a node is not a DNS name (a-z, 0-9, -, .)";
	}
	return NULL;
}

const char *identity_wrong(const struct object *o)
{
	if (is_namespaced(o->kind) ? !name_is_label(o->ns) : o->ns[0] != '\0')
		return "the namespace is not a DNS label (a-z, 0-9, -)";
	if (!name_fits(o))
		return o->kind == OBJECT_SERVICE || o->kind == OBJECT_NAMESPACE
			       ? "the name is not a DNS label (a-z, 0-9, -)"
			       : "the name is not a DNS name (a-z, 0-9, -, .)";
	return o->kind == OBJECT_SLICE ? slice_wrong((const struct slice_object *)o) : NULL;
}
