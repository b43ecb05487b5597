/* Compiles one Service and its EndpointSlices. */
#include "service/compile.h"

#include <stdlib.h>
#include <string.h>

#include "service/compile_private.h"
#include "service/maglev.h"

static int by_name(const void *a, const void *b)
{
	const struct slice_object *x = *(const struct slice_object *const *)a;
	const struct slice_object *y = *(const struct slice_object *const *)b;

	return strcmp(x->object.name, y->object.name);
}

static void sort_slices(struct compilation *b)
{
	size_t count = b->in->slice_count;

	b->slices = arena_array(b->scratch, count, sizeof *b->slices);
	for (size_t i = 0; i < count; i++)
		b->slices[i] = b->in->slices[i];
	qsort(b->slices, count, sizeof *b->slices, by_name);
}

bool build_cluster_dns(const struct compilation *b)
{
	const struct steered_dns *s = &b->in->node->steered;
	const struct service_object *o = b->in->object;

	if (s->count == 0)
		return strcmp(o->object.ns, "kube-system") == 0 && strcmp(o->object.name, "kube-dns") == 0;
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < o->cluster_ip_count; k++)
			if (addr_equal(&s->addrs[i], &o->cluster_ips[k]))
				return true;
	return false;
}

bool build_external_local(const struct compilation *b)
{
	const struct service_object *o = b->in->object;

	if (o->external_policy != POLICY_LOCAL)
		return false;
	return o->type == SERVICE_NODE_PORT || o->type == SERVICE_LOAD_BALANCER ||
	       (o->type == SERVICE_CLUSTER_IP && o->external_ip_count != 0);
}

static bool build_has_family(const struct compilation *b, int family)
{
	for (size_t i = 0; i < b->out.cluster_ip_count; i++)
		if (b->out.cluster_ips[i].family == family)
			return true;
	return false;
}

/* One label gives a Service to another implementation, one says that it needs none. */
static bool meant_for_us(const struct compilation *b)
{
	const char *label = b->in->object->proxy_name, *ours = b->in->proxy_name;

	if (b->in->object->headless_label)
		return false;
	return label == NULL || ours == NULL ? label == ours : strcmp(label, ours) == 0;
}

static void compile_head(struct compilation *b)
{
	const struct service_object *o = b->in->object;
	struct service *out = &b->out;

	out->ns = o->object.ns;
	out->name = o->object.name;
	out->created_s = o->created_s;
	for (size_t i = 0; o->type != SERVICE_EXTERNAL_NAME && !o->headless && i < o->cluster_ip_count; i++)
		if (!build_has_family(b, o->cluster_ips[i].family)) /* one per family, even if the API server did not
								       write the object */
			out->cluster_ips[out->cluster_ip_count++] = o->cluster_ips[i];
	out->proxied = out->cluster_ip_count != 0 && o->port_count != 0 && meant_for_us(b);
	if (!out->proxied)
		return;
	out->affinity = o->client_ip_affinity;
	out->affinity_timeout_s = o->client_ip_affinity ? o->affinity_timeout_s : 0;
	out->maglev = o->balance == BALANCE_MAGLEV;
	out->maglev_slots = out->maglev ? maglev_size(build_maglev_fits(b), 0, 0) : 0;
	if (o->type == SERVICE_LOAD_BALANCER && build_external_local(b))
		out->health_check_node_port = o->health_check_node_port;
}

struct compilation build_start(const struct compile_input *in, struct arena *scratch)
{
	struct compilation b = {.in = in, .scratch = scratch};

	arena_reset(scratch);
	sort_slices(&b);
	compile_head(&b);
	return b;
}

struct service *service_compile(const struct compile_input *in, struct arena *scratch)
{
	struct compilation b = build_start(in, scratch);

	if (b.out.proxied) {
		compile_index_feeds(&b);
		compile_ports(&b);
		compile_frontends(&b);
		compile_index_frontends(&b);
		compile_endpoints(&b);
		compile_actions(&b);
		compile_source_ranges(&b);
	}
	if (b.out.health_check_node_port != 0)
		compile_health(&b);
	compile_dns(&b);
	return service_pack(&b.out);
}
