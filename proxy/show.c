/* The words for what frontends and endpoints do. */
#include "proxy/show.h"

const char *print_frontend_kind(const struct frontend *f)
{
	static const char *const names[] = {
		[FRONTEND_CLUSTER_IP] = "cluster-ip",
		[FRONTEND_LOAD_BALANCER] = "load-balancer",
		[FRONTEND_EXTERNAL_IP] = "external-ip",
		[FRONTEND_NODE_PORT] = "node-port",
	};

	return names[f->kind];
}

const char *print_frontend_action(const struct frontend *f)
{
	static const char *const names[] = {
		[ACTION_BALANCE] = "balance", [ACTION_REJECT] = "reject", [ACTION_DROP] = "drop"};

	return f->split ? "split" : names[f->action];
}
