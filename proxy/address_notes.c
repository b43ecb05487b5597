/* What a Service asks for and does not get as asked: addresses, and endpoints beyond the slots of a port. */
#include "proxy/address_notes.h"

#include <string.h>

#include "base/log_about.h"
#include "service/addresses.h"

void address_note_format(struct buf *out, const struct address_note *n)
{
	static const char *const kinds[] = {
		[FRONTEND_CLUSTER_IP] = "ClusterIP",
		[FRONTEND_LOAD_BALANCER] = "load balancer address",
		[FRONTEND_EXTERNAL_IP] = "external address",
		[FRONTEND_NODE_PORT] = "node port at",
	};
	char text[ADDR_TEXT_BYTES];

	buf_printf(out, "%s %s", kinds[n->kind], addr_format(&n->addr, text));
	if (n->proto != 0)
		buf_printf(out, " port %u/%s", n->port, proto_name(n->proto));
	buf_printf(out, ": %s%s",
		   n->fault == ADDRESS_SHARED ? "" : "refused: ", address_fault_text((enum address_fault)n->fault));
}

static bool same_notes(const struct service *prev, const struct service *next)
{
	return prev != NULL && prev->note_count == next->note_count &&
	       (next->note_count == 0 || memcmp(prev->notes, next->notes, next->note_count * sizeof *next->notes) == 0);
}

static void log_fault(const struct service *s, enum address_fault fault)
{
	const struct address_note *first = NULL;
	struct buf line = {0};
	size_t more = 0;

	for (size_t i = 0; i < s->note_count; i++) {
		if (s->notes[i].fault != fault)
			continue;
		if (first == NULL)
			first = &s->notes[i];
		else
			more++;
	}
	if (first == NULL || !log_about(LOG_WARN, s->ns))
		return;
	address_note_format(&line, first);
	if (more != 0)
		buf_printf(&line, "; and %zu more", more);
	log_warn("service %s/%s: %s", s->ns, s->name, line.data);
	buf_fini(&line);
}

void left_out_format(struct buf *out, const struct service_port *p)
{
	buf_printf(out, "port %s %u/%s %s: %u endpoints are left out, only the first %u are used",
		   p->name[0] != '\0' ? p->name : "-", p->port, proto_name(p->proto),
		   p->family == AF_INET ? "IPv4" : "IPv6", p->left_out, p->target_count);
}

static size_t ports_cut(const struct service *s, const struct service_port **first)
{
	size_t count = 0;

	for (size_t i = 0; s != NULL && i < s->port_count; i++)
		if (s->ports[i].left_out != 0 && count++ == 0)
			*first = &s->ports[i];
	return count;
}

void left_out_log(const struct service *prev, const struct service *next)
{
	const struct service_port *first = NULL, *before = NULL;
	const size_t count = ports_cut(next, &first);
	struct buf line = {0};

	if (count == 0 || count == ports_cut(prev, &before)) /* how many endpoints changes all the time */
		return;
	if (!log_about(LOG_WARN, next->ns))
		return;
	left_out_format(&line, first);
	if (count > 1)
		buf_printf(&line, "; and %zu more ports", count - 1);
	log_warn("service %s/%s: %s", next->ns, next->name, line.data);
	buf_fini(&line);
}

void address_notes_log(const struct service *prev, const struct service *next)
{
	if (next == NULL || next->note_count == 0 || same_notes(prev, next))
		return;
	for (int fault = ADDRESS_SHARED; fault <= ADDRESS_OWN_SOCKET; fault++)
		log_fault(next, (enum address_fault)fault);
}
