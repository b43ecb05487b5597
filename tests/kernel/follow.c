/*
 * Follows an API server as the daemon does and prints every call of the sink as a line, so that tests see what a
 * source says, and when, without a kernel. usage: follow [--FLAG VALUE]…, see flags below. Ends with SIGTERM.
 */
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "watch/api/apiserver.h"
#include "watch/api/credentials_load.h"

static void service_print(const struct service_object *s)
{
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < s->cluster_ip_count; i++)
		printf(" %s", addr_format(&s->cluster_ips[i], text));
	for (size_t i = 0; i < s->port_count; i++)
		printf(" %u", s->ports[i].port);
}

static void slice_print(const struct slice_object *s)
{
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < s->port_count; i++)
		printf(" %u", s->ports[i].port);
	for (size_t i = 0; i < s->endpoint_count; i++)
		printf(" %s", addr_format(&s->endpoints[i].addr, text));
}

static void cidrs_print(const struct cidr *cidrs, size_t count)
{
	char text[CIDR_TEXT_BYTES];

	for (size_t i = 0; i < count; i++)
		printf(" %s", cidr_format(&cidrs[i], text));
}

static void pod_print(const struct pod_object *p)
{
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < p->addr_count; i++)
		printf(" %s", addr_format(&p->addrs[i], text));
}

static void upsert(void *ctx, struct object *o)
{
	(void)ctx;
	printf("upsert %s %s/%s", object_kind_name(o->kind), o->ns, o->name);
	if (o->kind == OBJECT_SERVICE)
		service_print((struct service_object *)o);
	else if (o->kind == OBJECT_SLICE)
		slice_print((struct slice_object *)o);
	else if (o->kind == OBJECT_NODE)
		cidrs_print(((struct node_object *)o)->pod_cidrs, ((struct node_object *)o)->pod_cidr_count);
	else if (o->kind == OBJECT_SERVICE_CIDR)
		cidrs_print(((struct service_cidr_object *)o)->cidrs, ((struct service_cidr_object *)o)->cidr_count);
	else if (o->kind == OBJECT_POD)
		pod_print((struct pod_object *)o);
	printf("\n");
	object_free(o);
}

static void removed(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	(void)ctx;
	printf("remove %s %s/%s\n", object_kind_name(kind), ns, name);
}

static void keep(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	(void)ctx;
	printf("keep %s %s/%s\n", object_kind_name(kind), ns, name);
}

static void list_begin(void *ctx, enum object_kind kind)
{
	(void)ctx;
	printf("begin %s\n", object_kind_name(kind));
}

static void list_end(void *ctx, enum object_kind kind)
{
	(void)ctx;
	printf("end %s\n", object_kind_name(kind));
}

static void complete(void *ctx)
{
	(void)ctx;
	printf("complete\n");
}

static void turn_end(void *ctx)
{
	(void)ctx;
	printf("turn\n");
	fflush(stdout);
}

static void on_signal(struct ev_loop *loop, struct ev_signal *signal, int events)
{
	(void)signal;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static bool flag_read(const char *name, const char *value, struct credentials_flags *flags,
		      struct apiserver_config *config)
{
	if (strcmp(name, "--kubeconfig") == 0)
		flags->kubeconfig = value;
	else if (strcmp(name, "--apiserver") == 0)
		flags->server = value;
	else if (strcmp(name, "--token-file") == 0)
		flags->token_file = value;
	else if (strcmp(name, "--ca-file") == 0)
		flags->ca_file = value;
	else if (strcmp(name, "--insecure") == 0)
		flags->insecure = strcmp(value, "yes") == 0;
	else if (strcmp(name, "--node-name") == 0)
		config->node_name = value;
	else if (strcmp(name, "--proxy-only") == 0)
		config->proxy_only = strcmp(value, "yes") == 0;
	else if (strcmp(name, "--proxy-name") == 0)
		config->proxy_name = value;
	else if (strcmp(name, "--watch-quiet-ms") == 0)
		config->watch_quiet_ms = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "--list-quiet-ms") == 0)
		config->list_quiet_ms = (uint32_t)strtoul(value, NULL, 10);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct credentials_flags flags = {0};
	struct credentials credentials = {0};
	struct apiserver_config config = {
		.loop = ev_default_loop(0),
		.sink = {NULL, upsert, removed, keep, list_begin, list_end, complete, turn_end},
		.node_name = "node-a",
	};
	char error[ERROR_BYTES];
	struct ev_signal term;

	for (int i = 1; i < argc; i += 2)
		if (i + 1 == argc || !flag_read(argv[i], argv[i + 1], &flags, &config))
			fatalx("%s: not understood", argv[i]);
	log_set_level(LOG_DEBUG);
	signal(SIGPIPE, SIG_IGN);
	if (!credentials_load(&credentials, &flags, error)) {
		credentials_fini(&credentials);
		fatalx("%s", error);
	}
	struct apiserver *a = apiserver_new(&config, &credentials, error);
	if (a == NULL)
		fatalx("%s", error);
	ev_signal_init(&term, on_signal, SIGTERM);
	ev_signal_start(config.loop, &term);
	ev_run(config.loop, 0);
	apiserver_free(a);
	ev_loop_destroy(config.loop);
	return 0;
}
