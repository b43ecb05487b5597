/* What the control socket says about DNS. */
#include "daemon/control_dns.h"

#include "daemon/daemon.h"

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
