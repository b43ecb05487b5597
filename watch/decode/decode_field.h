/*
 * Inside of the decoder: typed access to the fields of a value tree that knows the path of what it reads, so that a
 * problem can say `spec.ports[1].port`. A place lives on the stack of the function that reads it.
 */
#ifndef WATCH_DECODE_DECODE_FIELD_H
#define WATCH_DECODE_DECODE_FIELD_H

#include "watch/decode/decode_pack.h"
#include "watch/decode/decode_sink.h"
#include "watch/decode/value.h"
#include "watch/identity.h"

struct decoder {
	bool lenient;
	const struct decode_sink *sink;
	struct arena *scratch; /* emptied after each object */
	struct pack pack;
	/* the object at hand */
	const char *kind, *ns, *name;
	const struct value *labels, *annotations;
	unsigned problems; /* that were told, see PROBLEMS_MAX */
	bool refused;
	bool typed; /* strict_check has said what has a wrong type */
};

struct place {
	const struct place *up;
	const char *key; /* NULL: an element of a list */
	size_t index;
	const struct value *v; /* NULL: absent */
	bool object;	       /* paths start here, once the object has a name */
};

struct place place_key(const struct place *up, const char *key);
struct place place_item(const struct place *list, size_t index, const struct value *v);
static inline bool place_absent(const struct place *p)
{
	return p->v == NULL;
}
/* Absent, or the empty text. */
bool place_unset(const struct place *p);
/* The text of a string, "" when it is none. */
const char *place_text(const struct place *p);

/* The object is refused; when lenient the part is skipped. */
void decode_error(struct decoder *d, const struct place *p, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The part is skipped. */
void decode_warning(struct decoder *d, const struct place *p, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The object is refused, lenient or not. */
void decode_refuse(struct decoder *d, const struct place *p, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Absent: NULL, false, 0, the default. Of a wrong type or out of range: an error and the same. */
const char *field_string(struct decoder *d, const struct place *p);
bool field_bool(struct decoder *d, const struct place *p, bool absent);
int64_t field_integer(struct decoder *d, const struct place *p, int64_t min, int64_t max, int64_t absent);
/* names ends with NULL; returns the index. */
int field_enum(struct decoder *d, const struct place *p, const char *const *names, int absent);
/* The same where the API server fills an empty text in as if it were absent. */
int field_enum_filled(struct decoder *d, const struct place *p, const char *const *names, int absent);
/* A port's protocol: IPPROTO_TCP, also when absent or empty, IPPROTO_UDP, IPPROTO_SCTP; 0 after an error. */
uint8_t field_proto(struct decoder *d, const struct place *p);
/* A port's name: "" when absent. What is no DNS label is an error and returned all the same: kube-proxy takes it. */
const char *field_port_name(struct decoder *d, const struct place *port);
/* The name of a node or pod: NULL when absent, empty or (with an error) no DNS name. */
const char *field_name(struct decoder *d, const struct place *p);
/* An endpoint's hostname: NULL when absent, empty or (with an error) no DNS label. */
const char *field_hostname(struct decoder *d, const struct place *endpoint);
/* Elements of a list; 0 and an error when it is no list. */
size_t field_list(struct decoder *d, const struct place *p);
/* True when present and a map; an error when it is something else. */
bool field_map(struct decoder *d, const struct place *p);
/* False when absent or (with an error) no address. */
bool field_addr(struct decoder *d, const struct place *p, struct addr *a);
/* An IPv4-mapped IPv6 address or range, which is read as IPv4, gets a warning. */
void field_warn_mapped(struct decoder *d, const struct place *p, const char *text);
bool field_cidr(struct decoder *d, const struct place *p, struct cidr *c);
/* Lists of these; bad elements are left out, with their error. The array is in the scratch arena. */
const struct addr *field_addrs(struct decoder *d, const struct place *p, size_t *count);
const struct cidr *field_cidrs(struct decoder *d, const struct place *p, size_t *count);
/* A map of labels sorted by key, in the scratch arena; what is no string is "". */
const struct label_object *field_labels(struct decoder *d, const struct place *map, size_t *count);
/* A label or annotation; NULL = absent. */
const char *field_label(struct decoder *d, const char *key);
const char *field_annotation(struct decoder *d, const char *key);

/* A name that is there twice, NULL: none is. Sorts the names. */
const char *names_twice(const char **names, size_t count);
/* What the API server has against it as an endpoint's or external address: unspecified, loopback, link-local (also as
 * multicast: 224.0.0.0/24, ff02::/16); NULL. */
const char *addr_is_special(const struct addr *a);
/* The API server takes multicast addresses outside the link-local ones; no rule is made for them. */
void field_warn_multicast(struct decoder *d, const struct place *p, const struct addr *a);
/* A range with blanks around it. */
bool field_cidr_text(struct cidr *c, const char *text, char trimmed[CIDR_TEXT_BYTES]);

/* metadata: false when the object's identity cannot be used. Sets d->ns and d->name. */
bool decode_identity(struct decoder *d, const struct place *root, bool namespaced, bool (*name_ok)(const char *s));
/* Labels and annotations, for field_label and field_annotation. */
void decode_labels(struct decoder *d, const struct place *root);

/* Packs the object, and passes its exact copy on unless it was refused. */
void decode_emit(struct decoder *d, struct object *o, uint32_t line, int64_t trigger_ms);

/* The kinds: root is the whole object. */
void decode_service(struct decoder *d, const struct place *root);
/* A part of decode_service: what a manifest leaves to watch/lab/. */
void decode_wishes(struct decoder *d, const struct place *root, const struct place *spec, struct service_object *s);
/* A part of that: the annotation fairlead/endpoints. */
void decode_given(struct decoder *d, const struct place *root, const struct service_object *s,
		  struct service_wishes *w);
/* A part of that: the annotations fairlead/probe and fairlead/when-all-fail. */
void decode_probe_annotations(struct decoder *d, const struct place *root, const struct service_object *s,
			      struct service_wishes *w);
/* A part of decode_pod: the probes of a container; false: it has none that is run. */
bool decode_probes(struct decoder *d, const struct place *container, const struct container_port *ports, size_t count,
		   struct probe_set *to);
/* A part of decode_pod: an init container that ends has none. */
void decode_probes_refuse(struct decoder *d, const struct place *container);
/* Parts of these: what an exec probe has, and the annotation fairlead/probe-netns for all of an object's probes. */
void decode_probe_exec(struct decoder *d, const struct place *action, struct probe_object *to);
void decode_probe_netns(struct decoder *d, const struct place *root, const struct probe_set *sets, size_t count);
void decode_slice(struct decoder *d, const struct place *root);
void decode_endpoints(struct decoder *d, const struct place *root);
void decode_namespace(struct decoder *d, const struct place *root);
void decode_node(struct decoder *d, const struct place *root);
void decode_pod(struct decoder *d, const struct place *root);
void decode_service_cidr(struct decoder *d, const struct place *root);
void decode_deployment(struct decoder *d, const struct place *root);
void decode_stateful_set(struct decoder *d, const struct place *root);
void decode_daemon_set(struct decoder *d, const struct place *root);
void decode_job(struct decoder *d, const struct place *root);

#endif
