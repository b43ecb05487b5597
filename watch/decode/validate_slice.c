/* ValidateEndpointSlice and ValidateEndpoints of Kubernetes, as far as the decoders do not see to it. */
#include <string.h>

#include "watch/decode/validate.h"

#define PORTS_MAX 20000
#define HINTS_MAX 8
#define TOPOLOGY_MAX 16

/* Fields that are pointers in the API: there, but empty, is an error. */
static void not_empty(struct decoder *d, const struct place *up, const char *key, const char *expected)
{
	struct place p = place_key(up, key);

	if (!place_absent(&p) && place_unset(&p))
		decode_error(d, &p, "\"\" is not %s", expected);
}

static const struct value *items_of(const struct place *list)
{
	return list->v != NULL && list->v->type == VALUE_LIST ? list->v->first : NULL;
}

/* ---- hints ---- */

static void check_hints(struct decoder *d, const struct place *hints, const char *key)
{
	struct place list = place_key(hints, key);
	const bool zones = strcmp(key, "forZones") == 0;
	const char *names[HINTS_MAX], *twice;
	size_t count = 0;

	if (list.v == NULL || list.v->type != VALUE_LIST)
		return;
	if (list.v->count > HINTS_MAX) /* the decoder says so */
		return;
	for (const struct value *v = items_of(&list); v != NULL; v = v->next) {
		struct place item = place_item(&list, count, v), name = place_key(&item, "name");
		names[count++] = place_text(&name);
		if (place_absent(&name))
			continue; /* the decoder says so */
		if (zones ? !name_is_label_value(place_text(&name)) : !name_is_object(place_text(&name)))
			decode_error(d, &name, "\"%.80s\" is not the name of a %s", place_text(&name),
				     zones ? "zone (a label value)" : "node");
	}
	if ((twice = names_twice(names, count)) != NULL && twice[0] != '\0')
		decode_error(d, &list, "\"%.80s\" is there twice", twice);
}

/* ---- EndpointSlice ---- */

static void check_fqdn(struct decoder *d, const struct place *endpoint)
{
	struct place list = place_key(endpoint, "addresses");
	size_t index = 0;

	for (const struct value *v = items_of(&list); v != NULL; v = v->next) {
		struct place item = place_item(&list, index++, v);
		const char *text = place_text(&item);
		const size_t n = strlen(text);
		char *name = arena_strndup(d->scratch, text, n > 0 && text[n - 1] == '.' ? n - 1 : n);
		if (!name_is_subdomain(name) || strchr(name, '.') == NULL)
			decode_error(d, &item, "\"%.80s\" is not a fully qualified name", text);
	}
}

static void check_endpoint(struct decoder *d, const struct place *entry, bool fqdn)
{
	struct place topology = place_key(entry, "deprecatedTopology"), hints = place_key(entry, "hints");

	not_empty(d, entry, "nodeName", "the name of a node");
	not_empty(d, entry, "hostname", "a DNS label");
	if (topology.v != NULL && topology.v->count > TOPOLOGY_MAX)
		decode_error(d, &topology, "more than %d labels", TOPOLOGY_MAX);
	validate_labels(d, &topology);
	check_hints(d, &hints, "forZones");
	check_hints(d, &hints, "forNodes");
	if (fqdn)
		check_fqdn(d, entry);
}

static void check_app_protocols(struct decoder *d, const struct place *ports)
{
	size_t index = 0;

	for (const struct value *v = items_of(ports); v != NULL; v = v->next) {
		struct place entry = place_item(ports, index++, v), app = place_key(&entry, "appProtocol");
		validate_label_key(d, &app);
	}
}

void validate_slice(struct decoder *d, const struct place *root)
{
	struct place endpoints = place_key(root, "endpoints"), ports = place_key(root, "ports");
	struct place type = place_key(root, "addressType");
	const bool fqdn = strcmp(place_text(&type), "FQDN") == 0;
	size_t index = 0;

	for (const struct value *v = items_of(&endpoints); v != NULL; v = v->next) {
		struct place entry = place_item(&endpoints, index++, v);
		check_endpoint(d, &entry, fqdn);
	}
	if (ports.v != NULL && ports.v->count > PORTS_MAX)
		decode_error(d, &ports, "more than %d ports", PORTS_MAX);
	index = 0;
	for (const struct value *v = items_of(&ports); v != NULL; v = v->next) {
		struct place entry = place_item(&ports, index++, v);
		not_empty(d, &entry, "protocol", "one of TCP, UDP, SCTP");
	}
	check_app_protocols(d, &ports);
}

/* ---- Endpoints ---- */

static size_t check_addresses(struct decoder *d, const struct place *subset, const char *key)
{
	struct place list = place_key(subset, key);
	size_t index = 0;

	for (const struct value *v = items_of(&list); v != NULL; v = v->next) {
		struct place entry = place_item(&list, index++, v);
		not_empty(d, &entry, "nodeName", "the name of a node");
	}
	return index;
}

void validate_subset(struct decoder *d, const struct place *subset)
{
	struct place ports = place_key(subset, "ports");
	const size_t ready = check_addresses(d, subset, "addresses");
	size_t index = 0;

	if (check_addresses(d, subset, "notReadyAddresses") + ready == 0)
		decode_error(d, subset, "neither addresses nor notReadyAddresses");
	for (const struct value *v = items_of(&ports); v != NULL && ports.v->count > 1; v = v->next) {
		struct place entry = place_item(&ports, index++, v), name = place_key(&entry, "name");
		if (place_unset(&name))
			decode_error(d, &name, "missing: names are required when there are several ports");
	}
	check_app_protocols(d, &ports);
}
