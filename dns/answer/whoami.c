/* Tells the asker as whom the server sees it. */
#include "dns/answer/whoami.h"

#include <string.h>

#include "base/sock.h"
#include "dns/answer/txt.h"
#include "dns/zone/table.h"

static void put_pod(const struct zone *z, const struct pod *pod, struct writer *w)
{
	char domain[NAME_TEXT_BYTES];

	name_format(z->domain.wire, domain);
	domain[strlen(domain) - 1] = '\0'; /* resolv.conf has no dot behind it */
	txt_put(w, "pod=%s", pod->name);
	txt_put(w, "namespace=%s", pod->ns);
	if (pod->own_search) /* not what is in its resolv.conf */
		return;
	txt_put(w, "search=%s.svc.%s", pod->ns, domain);
	txt_put(w, "search=svc.%s", domain);
	txt_put(w, "search=%s", domain);
}

void whoami_answer(const struct zone *z, const struct packet *in, struct reply *r)
{
	char text[ADDR_TEXT_BYTES];
	struct addr from;
	unsigned port = sock_parse(&from, in->from);
	const struct pod *pod = table_pod(z, &from);
	uint8_t *p = record_open(r, WIRE_HEADER_BYTES, TYPE_TXT, 0);

	if (p == NULL)
		return;
	txt_put(&r->w, "address=%s", addr_format(&from, text));
	txt_put(&r->w, "port=%u", port);
	txt_put(&r->w, "transport=%s", in->proto == RESPOND_TCP ? "TCP" : "UDP");
	if (pod != NULL)
		put_pod(z, pod, &r->w);
	else
		txt_put(&r->w, "pod=unknown");
	record_close(r, p, &r->answers);
}
