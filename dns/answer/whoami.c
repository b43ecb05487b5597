/* Tells the asker as whom the server sees it. */
#include "dns/answer/whoami.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/sock.h"
#include "dns/zone/table.h"

#define STRING_BYTES_MAX 255 /* RFC 1035 3.3 */

__attribute__((format(printf, 2, 3))) static void put_string(struct writer *w, const char *format, ...)
{
	char text[STRING_BYTES_MAX + 1];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	unsigned bytes = length < 0 ? 0 : length < (int)sizeof text ? (unsigned)length : STRING_BYTES_MAX;
	writer_u8(w, bytes);
	writer_bytes(w, text, bytes);
}

static void put_pod(const struct zone *z, const struct pod *pod, struct writer *w)
{
	char domain[NAME_TEXT_BYTES];

	name_format(z->domain.wire, domain);
	domain[strlen(domain) - 1] = '\0'; /* resolv.conf has no dot behind it */
	put_string(w, "pod=%s", pod->name);
	put_string(w, "namespace=%s", pod->ns);
	put_string(w, "search=%s.svc.%s", pod->ns, domain);
	put_string(w, "search=svc.%s", domain);
	put_string(w, "search=%s", domain);
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
	put_string(&r->w, "address=%s", addr_format(&from, text));
	put_string(&r->w, "port=%u", port);
	put_string(&r->w, "transport=%s", in->proto == RESPOND_TCP ? "TCP" : "UDP");
	if (pod != NULL)
		put_pod(z, pod, &r->w);
	else
		put_string(&r->w, "pod=unknown");
	record_close(r, p, &r->answers);
}
