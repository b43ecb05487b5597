/* What the control socket says about DNS. */
#include "daemon/control_dns.h"

#include "daemon/daemon_private.h"
#include "dns/forward/forward.h"

int control_cluster_dns(void *ctx, int argc, char **argv, struct buf *out)
{
	const struct daemon *d = ctx;
	const struct store_service *service = store_service(d->store, "kube-system", "kube-dns");
	char text[ADDR_TEXT_BYTES];

	(void)argc, (void)argv;
	buf_printf(out, "%s\n", d->config->cluster_domain);
	for (size_t i = 0; service != NULL && service->object != NULL && i < service->object->cluster_ip_count; i++)
		buf_printf(out, "%s%s", i != 0 ? " " : "", addr_format(&service->object->cluster_ips[i], text));
	buf_puts(out, "\n");
	return 0;
}

int control_cache_flush(void *ctx, int argc, char **argv, struct buf *out)
{
	const struct daemon *d = ctx;
	struct forward *forward = d->server != NULL ? server_forward(d->server) : NULL;
	struct name name;

	if (argc > 1 && !name_parse(&name, argv[1])) {
		buf_printf(out, "\"%s\" is not a domain name\n", argv[1]);
		return 2;
	}
	if (forward == NULL) {
		buf_puts(out, "the daemon has no cache: it runs with --forward none\n");
		return 1;
	}
	if (argc > 1)
		name_lower(name.wire, name.wire, name.length);
	size_t gone = forward_flush(forward, argc > 1 ? &name : NULL);
	buf_printf(out, "%zu %s forgotten\n", gone, gone == 1 ? "answer" : "answers");
	return 0;
}
