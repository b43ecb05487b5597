/* Probes of a Pod's containers: what the API server and a kubelet make of them. */
#include <stdlib.h>
#include <string.h>

#include "watch/decode/decode_field.h"

#define PORT_MAX 65535
#define SECONDS_MAX 86400 /* more counts as that: a day */
#define HEADERS_MAX 32
#define TEXT_MAX_BYTES 2048 /* of a path, a header's value */

static bool is_printable(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
		if (*p < ' ' || *p == 0x7f)
			return false;
	return strlen(text) <= TEXT_MAX_BYTES;
}

/* ---- what is asked ---- */

/* A number, or the name of one of the container's ports: "80" is neither for an API server. */
static void read_port(struct decoder *d, const struct place *action, const struct container_port *ports, size_t count,
		      struct probe_object *to)
{
	struct place port = place_key(action, "port");
	const char *text = place_text(&port);

	if (port.v != NULL && port.v->type == VALUE_STRING && text[strspn(text, "0123456789")] == '\0') {
		decode_error(d, &port, "\"%.40s\" is a text: a number has no quotes", text);
	} else if (port.v != NULL && port.v->type == VALUE_STRING) {
		for (size_t i = 0; i < count; i++)
			if (strcmp(ports[i].name, text) == 0)
				to->port = ports[i].port;
		if (to->port == 0)
			decode_error(d, &port, "the container has no port named \"%.40s\"", text);
	} else {
		to->port = (uint16_t)field_integer(d, &port, 1, PORT_MAX, 0);
		if (place_absent(&port))
			decode_error(d, &port, "missing");
	}
}

static void read_host(struct decoder *d, const struct place *action, struct probe_object *to)
{
	struct place host = place_key(action, "host");

	if (!place_unset(&host) && !addr_parse(&to->host, place_text(&host)))
		decode_error(d, &host, "\"%.60s\" is not an address; for a virtual host write a Host header",
			     place_text(&host));
}

static bool header_ok(const char *name, const char *value)
{
	static const char token[] = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return name[0] != '\0' && name[strspn(name, token)] == '\0' && strlen(name) <= TEXT_MAX_BYTES &&
	       is_printable(value);
}

static void read_headers(struct decoder *d, const struct place *action, struct probe_object *to)
{
	struct place list = place_key(action, "httpHeaders");
	const size_t count = field_list(d, &list);
	struct probe_header *all = arena_array(d->scratch, count, sizeof *all);
	size_t index = 0;

	if (count > HEADERS_MAX)
		decode_error(d, &list, "more than %d headers", HEADERS_MAX);
	for (const struct value *v = count != 0 ? list.v->first : NULL; v != NULL; v = v->next) {
		struct place entry = place_item(&list, index, v);
		struct place name = place_key(&entry, "name"), value = place_key(&entry, "value");
		all[index++] = (struct probe_header){place_text(&name), place_text(&value)};
		if (!header_ok(place_text(&name), place_text(&value)))
			decode_error(d, &entry, "\"%.60s\" is not a header", place_text(&name));
	}
	to->headers = all;
	to->header_count = count;
}

static void read_tcp(struct decoder *d, const struct place *action, const struct container_port *ports, size_t count,
		     struct probe_object *to)
{
	to->action = PROBE_TCP;
	to->path = "";
	read_host(d, action, to);
	read_port(d, action, ports, count, to);
}

static void read_http(struct decoder *d, const struct place *action, const struct container_port *ports, size_t count,
		      struct probe_object *to)
{
	static const char *const schemes[] = {"HTTP", "HTTPS", NULL};
	struct place path = place_key(action, "path"), scheme = place_key(action, "scheme");
	const char *text = place_text(&path);

	to->action = field_enum_filled(d, &scheme, schemes, 0) == 1 ? PROBE_HTTPS : PROBE_HTTP;
	to->path = text[0] == '/' ? text : arena_printf(d->scratch, "/%s", text);
	if (!is_printable(text) || strchr(text, ' ') != NULL)
		decode_error(d, &path, "is not a path");
	read_host(d, action, to);
	read_headers(d, action, to);
	read_port(d, action, ports, count, to);
}

/* Kubernetes has no named ports here. */
static void read_grpc(struct decoder *d, const struct place *action, struct probe_object *to)
{
	struct place port = place_key(action, "port"), service = place_key(action, "service");
	const char *name = field_string(d, &service);

	to->action = PROBE_GRPC;
	to->path = name != NULL ? name : "";
	to->port = (uint16_t)field_integer(d, &port, 1, PORT_MAX, 0);
	if (place_absent(&port))
		decode_error(d, &port, "missing");
	if (!is_printable(to->path))
		decode_error(d, &service, "is not the name of a service");
}

/* ---- when, and what counts ---- */

/* An int32 of Kubernetes, which takes 0 for absent. */
static uint32_t number(struct decoder *d, const struct place *probe, const char *key, int64_t most, uint32_t absent)
{
	struct place p = place_key(probe, key);
	const int64_t x = field_integer(d, &p, 0, INT32_MAX, absent);

	return x == 0 ? absent : (uint32_t)(x < most ? x : most);
}

/* Nothing is ended here; what an API server has against it is told. */
static void read_grace(struct decoder *d, const struct place *probe, enum probe_role role)
{
	struct place grace = place_key(probe, "terminationGracePeriodSeconds");

	if (!place_absent(&grace) && role == PROBE_READINESS)
		decode_error(d, &grace, "not in a readinessProbe");
	else
		field_integer(d, &grace, 1, INT64_MAX, 1);
}

static void read_times(struct decoder *d, const struct place *probe, enum probe_role role, struct probe_object *to)
{
	struct place successes = place_key(probe, "successThreshold");

	to->initial_delay_ms = number(d, probe, "initialDelaySeconds", SECONDS_MAX, 0) * 1000;
	to->period_ms = number(d, probe, "periodSeconds", SECONDS_MAX, 10) * 1000;
	to->timeout_ms = number(d, probe, "timeoutSeconds", SECONDS_MAX, 1) * 1000;
	to->success_threshold = number(d, probe, "successThreshold", INT32_MAX, 1);
	to->failure_threshold = number(d, probe, "failureThreshold", INT32_MAX, 3);
	if (role != PROBE_READINESS && to->success_threshold != 1)
		decode_error(d, &successes, "must be 1");
	read_grace(d, probe, role);
}

static void read_probe(struct decoder *d, const struct place *probe, const struct container_port *ports, size_t count,
		       struct probe_object *to, enum probe_role role)
{
	static const char *const names[] = {"httpGet", "tcpSocket", "exec", "grpc"};
	struct place actions[4];
	size_t found = 0, which = 0;

	for (size_t i = 0; i < 4; i++) {
		actions[i] = place_key(probe, names[i]);
		if (!place_absent(&actions[i]) && found++ == 0)
			which = i;
	}
	if (found != 1) {
		decode_error(d, probe, "one of httpGet, tcpSocket, grpc and exec is needed");
		return;
	}
	if (!field_map(d, &actions[which]))
		return;
	if (which == 0)
		read_http(d, &actions[0], ports, count, to);
	else if (which == 1)
		read_tcp(d, &actions[1], ports, count, to);
	else if (which == 2)
		decode_probe_exec(d, &actions[2], to);
	else
		read_grpc(d, &actions[3], to);
	read_times(d, probe, role, to);
}

static const char *const names[PROBE_ROLES] = {"startupProbe", "readinessProbe", "livenessProbe"};

void decode_probes_refuse(struct decoder *d, const struct place *container)
{
	for (unsigned i = 0; i < PROBE_ROLES; i++) {
		struct place probe = place_key(container, names[i]);
		if (!place_absent(&probe))
			decode_error(d, &probe, "only with restartPolicy: Always");
	}
}

bool decode_probes(struct decoder *d, const struct place *container, const struct container_port *ports, size_t count,
		   struct probe_set *to)
{
	struct place name = place_key(container, "name");
	bool any = false;

	to->container = place_text(&name);
	for (unsigned i = 0; i < PROBE_ROLES; i++) {
		struct place probe = place_key(container, names[i]);
		if (place_absent(&probe) || !field_map(d, &probe))
			continue;
		read_probe(d, &probe, ports, count, &to->of[i], (enum probe_role)i);
		any = any || to->of[i].action != PROBE_NONE;
	}
	return any;
}
