/* Pod: the fields that are used, and of manifests what a Service's selector and ports look at. */
#include <string.h>

#include "watch/decode/decode_field.h"
#include "watch/decode/validate.h"

#define PORT_MAX 65535
#define IP_ANNOTATION "fairlead/pod-ip"

static bool is_text(const struct value *v, const char *text)
{
	return v != NULL && v->type == VALUE_STRING && strcmp(v->text, text) == 0;
}

static const struct value *items_of(const struct place *list)
{
	return list->v != NULL && list->v->type == VALUE_LIST ? list->v->first : NULL;
}

/* ---- addresses ---- */

/* "podIPs" of {ip: …}, or "podIP" where only that is there. */
static size_t read_ips(struct decoder *d, const struct place *status, const char *many, const char *one,
		       struct addr *all)
{
	struct place list = place_key(status, many), single = place_key(status, one);
	const size_t most = field_list(d, &list);
	size_t index = 0, count = 0;

	for (const struct value *v = most != 0 ? list.v->first : NULL; v != NULL; v = v->next) {
		struct place entry = place_item(&list, index++, v), ip = place_key(&entry, "ip");
		count += field_addr(d, &ip, &all[count]);
	}
	if (count == 0 && !place_unset(&single))
		count += field_addr(d, &single, all);
	return count;
}

/* Commas between, blanks around. */
static size_t read_annotation(struct decoder *d, const struct place *root, struct addr *all, size_t room)
{
	struct place metadata = place_key(root, "metadata"), annotations = place_key(&metadata, "annotations");
	struct place annotation = place_key(&annotations, IP_ANNOTATION);
	char *rest = arena_strdup(d->scratch, field_annotation(d, IP_ANNOTATION)), *one;
	size_t count = 0;

	while ((one = strsep(&rest, ",")) != NULL) {
		one += strspn(one, " \t\n");
		one[strcspn(one, " \t\n")] = '\0';
		if (count == room)
			break;
		if (addr_parse(&all[count], one))
			count++;
		else
			decode_error(d, &annotation, "\"%.60s\" is not an IP address", one);
	}
	if (one != NULL)
		decode_error(d, &annotation, "more than %zu addresses", room);
	return count;
}

static size_t list_count(const struct place *up, const char *key)
{
	struct place list = place_key(up, key);

	return list.v != NULL && list.v->type == VALUE_LIST ? list.v->count : 0;
}

/* status.podIPs, else the annotation, else those of the host whose network it uses. */
static const struct addr *pod_addrs(struct decoder *d, const struct place *root, const struct pod_object *p,
				    size_t *count)
{
	struct place status = place_key(root, "status");
	const size_t most = list_count(&status, "podIPs") + list_count(&status, "hostIPs") + 2;
	struct addr *all = arena_array(d->scratch, most, sizeof *all);

	*count = read_ips(d, &status, "podIPs", "podIP", all);
	if (d->lenient)
		return all;
	if (*count == 0)
		*count = read_annotation(d, root, all, 2);
	if (*count == 0 && p->host_network)
		*count = read_ips(d, &status, "hostIPs", "hostIP", all);
	if (*count > 2 || (*count == 2 && all[0].family == all[1].family)) {
		struct place ips = place_key(&status, "podIPs");
		decode_error(d, &ips, "more than one address of a family");
	}
	return all;
}

/* ---- ports, and probes of them ---- */

static bool read_port(struct decoder *d, const struct place *entry, struct container_port *p)
{
	struct place name = place_key(entry, "name"), port = place_key(entry, "containerPort");
	struct place proto = place_key(entry, "protocol");

	if (!field_map(d, entry))
		return false;
	p->port = (uint16_t)field_integer(d, &port, 1, PORT_MAX, 0);
	p->proto = field_proto(d, &proto);
	p->name = field_string(d, &name);
	if (p->name == NULL)
		p->name = "";
	if (place_absent(&port))
		decode_error(d, &port, "missing");
	if (p->name[0] != '\0' && !name_is_service(p->name))
		decode_error(d, &name, "\"%.40s\" is not a port name (15 of a-z, 0-9, -, one letter)", p->name);
	return p->port != 0 && p->proto != 0;
}

static size_t containers_of(const struct place *spec)
{
	return list_count(spec, "containers") + list_count(spec, "initContainers");
}

static size_t ports_of(const struct place *containers)
{
	size_t count = 0, index = 0;

	for (const struct value *v = items_of(containers); v != NULL; v = v->next) {
		struct place entry = place_item(containers, index++, v);
		count += list_count(&entry, "ports");
	}
	return count;
}

static void read_container(struct decoder *d, const struct place *container, struct pod_details *to,
			   struct container_port *all, struct probe_set *probes)
{
	const size_t before = to->port_count;
	struct place ports = place_key(container, "ports");
	const char **names = arena_array(d->scratch, list_count(container, "ports"), sizeof *names), *twice;
	size_t index = 0, named = 0;

	field_list(d, &ports);
	for (const struct value *v = items_of(&ports); v != NULL; v = v->next) {
		struct place entry = place_item(&ports, index++, v);
		struct container_port *p = &all[to->port_count];
		if (!read_port(d, &entry, p))
			continue;
		to->port_count++;
		if (p->name[0] != '\0')
			names[named++] = p->name;
	}
	if ((twice = names_twice(names, named)) != NULL)
		decode_error(d, &ports, "two ports are named \"%s\"", twice);
	to->probe_count += decode_probes(d, container, all + before, to->port_count - before, &probes[to->probe_count]);
}

/* Init containers that end have no port that can be reached. */
static void read_ports(struct decoder *d, const struct place *spec, struct pod_details *to)
{
	struct place lists[2] = {place_key(spec, "containers"), place_key(spec, "initContainers")};
	struct container_port *all = arena_array(d->scratch, ports_of(&lists[0]) + ports_of(&lists[1]), sizeof *all);
	struct probe_set *probes = arena_array(d->scratch, containers_of(spec), sizeof *probes);

	to->ports = all;
	to->probes = probes;
	for (size_t i = 0; i < 2; i++) {
		size_t index = 0;
		field_list(d, &lists[i]);
		for (const struct value *v = items_of(&lists[i]); v != NULL; v = v->next) {
			struct place entry = place_item(&lists[i], index++, v);
			if (i == 0 || is_text(value_get(v, "restartPolicy"), "Always"))
				read_container(d, &entry, to, all, probes);
			else
				decode_probes_refuse(d, &entry);
		}
	}
}

/* ---- readiness ---- */

/* -1: the status has no such condition. */
static int condition(const struct place *status, const char *type)
{
	struct place conditions = place_key(status, "conditions");

	for (const struct value *v = items_of(&conditions); v != NULL; v = v->next)
		if (is_text(value_get(v, "type"), type))
			return is_text(value_get(v, "status"), "True");
	return -1;
}

static bool containers_ready(const struct place *status, const char *key)
{
	struct place list = place_key(status, key);

	for (const struct value *v = items_of(&list); v != NULL; v = v->next) {
		const struct value *ready = value_get(v, "ready"), *state = value_get(v, "state");
		if (ready != NULL && ready->type == VALUE_BOOL
			    ? !ready->boolean
			    : value_get(state, "waiting") != NULL || value_get(state, "terminated") != NULL)
			return false;
	}
	return true;
}

/* Why a container is not ready, by what a kubelet writes; NULL: it is. */
static const char *container_trouble(struct decoder *d, const struct value *container)
{
	const struct value *state = value_get(container, "state"), *name = value_get(container, "name");
	const struct value *waiting = value_get(state, "waiting"), *ended = value_get(state, "terminated");
	const struct value *ready = value_get(container, "ready"), *started = value_get(container, "started");
	const struct value *reason = value_get(waiting != NULL ? waiting : ended, "reason");
	const char *called = name != NULL && name->text != NULL ? name->text : "?";

	if (ready == NULL || ready->type != VALUE_BOOL || ready->boolean)
		return NULL;
	if (waiting != NULL || ended != NULL)
		return arena_printf(d->scratch, "container %.63s %s: %.63s", called,
				    waiting != NULL ? "waits" : "has ended",
				    reason != NULL && reason->text != NULL ? reason->text : "?");
	if (started != NULL && started->type == VALUE_BOOL && !started->boolean)
		return arena_printf(d->scratch, "container %.63s has not passed its startup probe", called);
	return arena_printf(d->scratch, "the readiness probe of container %.63s fails", called);
}

static const char *pod_trouble(struct decoder *d, const struct place *status)
{
	struct place list = place_key(status, "containerStatuses");
	const char *why = NULL;

	for (const struct value *v = items_of(&list); v != NULL && why == NULL; v = v->next)
		why = container_trouble(d, v);
	return why;
}

/* The condition that a kubelet writes; where there is none, what it would be made of; without a status it is ready. */
static bool is_ready(const struct place *status)
{
	struct place phase = place_key(status, "phase");
	const int ready = condition(status, "Ready");

	if (ready >= 0)
		return ready != 0;
	if (!place_unset(&phase) && strcmp(place_text(&phase), "Running") != 0)
		return false;
	return containers_ready(status, "containerStatuses") && condition(status, "ContainersReady") != 0;
}

static const char *read_label(struct decoder *d, const struct place *spec, const char *key)
{
	struct place p = place_key(spec, key);

	if (place_unset(&p))
		return NULL;
	if (!name_is_label(place_text(&p)))
		decode_error(d, &p, "\"%.80s\" is not a DNS label (a-z, 0-9, -)", place_text(&p));
	return place_text(&p);
}

static void read_details(struct decoder *d, const struct place *root, struct pod_details *to)
{
	struct place spec = place_key(root, "spec"), status = place_key(root, "status");
	struct place metadata = place_key(root, "metadata"), labels = place_key(&metadata, "labels");
	struct place deletion = place_key(&metadata, "deletionTimestamp");

	d->typed = false; /* the schema ends where these fields begin */
	to->labels = field_labels(d, &labels, &to->label_count);
	to->hostname = read_label(d, &spec, "hostname");
	to->subdomain = read_label(d, &spec, "subdomain");
	to->ready = is_ready(&status);
	to->terminating = !place_absent(&deletion);
	read_ports(d, &spec, to);
	decode_probe_netns(d, root, to->probes, to->probe_count);
}

static bool has_own_search(struct decoder *d, const struct place *spec)
{
	struct place policy = place_key(spec, "dnsPolicy"), config = place_key(spec, "dnsConfig");
	struct place searches = place_key(&config, "searches");
	const char *text = field_string(d, &policy);

	return (text != NULL && strncmp(text, "ClusterFirst", strlen("ClusterFirst")) != 0) ||
	       field_list(d, &searches) > 0;
}

void decode_pod(struct decoder *d, const struct place *root)
{
	struct place spec = place_key(root, "spec"), status = place_key(root, "status");
	struct place node = place_key(&spec, "nodeName"), host_network = place_key(&spec, "hostNetwork");
	struct place phase = place_key(&status, "phase");
	struct pod_object p = {.object = {.kind = OBJECT_POD}};
	const char *text = field_string(d, &phase);

	p.host_network = field_bool(d, &host_network, false);
	p.own_search = has_own_search(d, &spec);
	p.addrs = pod_addrs(d, root, &p, &p.addr_count);
	p.node_name = d->lenient ? field_string(d, &node) : field_name(d, &node);
	p.finished = text != NULL && (strcmp(text, "Succeeded") == 0 || strcmp(text, "Failed") == 0);
	p.trouble = pod_trouble(d, &status);
	if (!d->lenient)
		read_details(d, root, &p.details);
	decode_emit(d, &p.object, root->v->line, 0);
}
