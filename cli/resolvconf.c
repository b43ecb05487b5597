/* `fairlead resolvconf`: the resolv.conf that kubelet writes for a pod. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/read_file.h"
#include "cli/cli.h"
#include "dns/resolver/pod_dns.h"
#include "watch/manifest/yaml.h"

static const char *const policy_words[] = {[POLICY_CLUSTER_FIRST] = "ClusterFirst",
					   [POLICY_CLUSTER_FIRST_HOST_NET] = "ClusterFirstWithHostNet",
					   [POLICY_DEFAULT] = "Default",
					   [POLICY_NONE] = "None",
					   NULL};
static const char *pod_ns, *dns_config; /* dns_config: a file */
static int policy;			/* enum dns_policy */
static bool host_network;
static const struct option options[] = {
	FLAG_CONTROL,
	FLAGS_POD_FILE,
	FLAG_AT("namespace", OPTION_TEXT, pod_ns, "NS", "namespace of the pod", .initial = "default", .max_bytes = 63,
		.refuse = option_not_namespace),
	FLAG_AT("policy", OPTION_CHOICE, policy, "POLICY",
		"dnsPolicy: ClusterFirst, ClusterFirstWithHostNet, Default or None", .initial = "ClusterFirst",
		.words = policy_words),
	FLAG_AT("host-network", OPTION_BOOL, host_network, NULL, "the pod is in the host's network"),
	FLAG_AT("dns-config", OPTION_TEXT, dns_config, "FILE", "the pod's dnsConfig, YAML or JSON"),
	OPTIONS_END,
};

struct making {
	struct config *config;
	const char *command;
	struct pod_dns_input in;
	struct resolv_conf node, pod;
};

static bool complain(const struct making *m, const char *what, const char *why)
{
	fprintf(stderr, "fairlead %s: %s: %s\n", m->command, what, why);
	return false;
}

static bool read_whole(const struct making *m, const char *path, char **text, size_t *length)
{
	*text = read_file(path, RESOLV_FILE_BYTES_MAX, length);
	return *text != NULL || complain(m, path, strerror(errno));
}

static bool read_node_file(struct making *m)
{
	const char *path = m->config->node_resolv_conf, *error = "";
	char *text;
	size_t length;

	if (path[0] == '\0')
		return true;
	if (!read_whole(m, path, &text, &length))
		return false;
	bool good = resolv_conf_parse(m->config->arena, text, length, &m->node, &error);
	free(text);
	m->in.node = &m->node;
	return good || complain(m, path, error);
}

/* A list of texts, or what is wrong with it. */
static const char *take_texts(struct arena *a, const struct value *list, struct text_list *out)
{
	if (list == NULL)
		return NULL;
	if (list->type != VALUE_LIST)
		return "must be a list";
	for (const struct value *v = list->first; v != NULL; v = v->next) {
		if (v->type == VALUE_LIST || v->type == VALUE_MAP || v->text[0] == '\0')
			return "must be a list of texts";
		text_list_add(a, out, v->text);
	}
	return NULL;
}

static const char *take_options(struct arena *a, const struct value *list, struct text_list *out)
{
	if (list == NULL)
		return NULL;
	if (list->type != VALUE_LIST)
		return "must be a list";
	for (const struct value *v = list->first; v != NULL; v = v->next) {
		const struct value *name = value_get(v, "name"), *value = value_get(v, "value");
		if (name == NULL || name->text[0] == '\0')
			return "each needs a name";
		text_list_add(a, out,
			      value != NULL && value->text[0] != '\0'
				      ? arena_printf(a, "%s:%s", name->text, value->text)
				      : name->text);
	}
	return NULL;
}

/* The rules of validatePodDNSConfig. */
static const char *pod_refuse(const struct resolv_conf *pod, const char **field)
{
	struct addr address;

	*field = "nameservers";
	if (pod->nameservers.count > RESOLV_NAMESERVERS_MAX)
		return "more than 3";
	for (size_t i = 0; i < pod->nameservers.count; i++)
		if (!addr_parse(&address, pod->nameservers.items[i]))
			return "not an IP address";
	*field = "searches";
	if (pod->searches.count > RESOLV_SEARCHES_MAX)
		return "more than 32";
	return NULL;
}

static const char *take_config(struct making *m, const struct value *config, const char **field)
{
	struct arena *a = m->config->arena;
	const char *why;

	*field = "nameservers";
	if ((why = take_texts(a, value_get(config, *field), &m->pod.nameservers)) != NULL)
		return why;
	*field = "searches";
	if ((why = take_texts(a, value_get(config, *field), &m->pod.searches)) != NULL)
		return why;
	*field = "options";
	if ((why = take_options(a, value_get(config, *field), &m->pod.options)) != NULL)
		return why;
	return pod_refuse(&m->pod, field);
}

static bool parse_config(struct making *m, const char *text, size_t length, const struct value **out)
{
	const struct yaml_chunk chunk = {.text = text, .length_bytes = length, .line = 1};
	struct yaml_parser *parser = yaml_parser_new();
	struct yaml_error error = {0};
	char where[32];

	bool good = yaml_parse(parser, &chunk, m->config->arena, out, &error);
	yaml_parser_free(parser);
	snprintf(where, sizeof where, ":%u", error.line);
	return good || complain(m, arena_printf(m->config->arena, "%s%s", dns_config, where), error.reason);
}

/* The pod's dnsConfig: the map itself, or a file that holds it below that name. */
static bool read_pod_config(struct making *m)
{
	const char *path = dns_config, *field = "", *why;
	const struct value *root = NULL;
	char *text;
	size_t length;

	if (path == NULL)
		return true;
	if (!read_whole(m, path, &text, &length))
		return false;
	bool good = parse_config(m, text, length, &root);
	free(text);
	if (!good)
		return false;
	if (value_get(root, "dnsConfig") != NULL)
		root = value_get(root, "dnsConfig");
	if (root != NULL && root->type != VALUE_MAP)
		return complain(m, path, "dnsConfig must be a map");
	m->in.pod = &m->pod;
	why = take_config(m, root, &field);
	return why == NULL || complain(m, arena_printf(m->config->arena, "%s: dnsConfig.%s", path, field), why);
}

/* What flags leave open is asked from a running daemon; without one, defaults hold. */
static void fill_from_daemon(struct making *m)
{
	struct config *c = m->config;
	struct buf answer = {0};
	char *rest = NULL, *word;

	if (c->cluster_domain != NULL && c->cluster_dns.count != 0)
		return;
	if (cli_ask(c->control, "cluster-dns", &answer) == EXIT_YES) {
		word = strtok_r(answer.data, " \n", &rest);
		if (c->cluster_domain == NULL && word != NULL)
			c->cluster_domain = arena_strdup(c->arena, word);
		while (c->cluster_dns.count == 0 && (word = strtok_r(NULL, " \n", &rest)) != NULL)
			text_list_add(c->arena, &m->in.cluster_dns, arena_strdup(c->arena, word));
	}
	buf_fini(&answer);
	if (c->cluster_domain == NULL)
		c->cluster_domain = "cluster.local";
}

static void take_cluster_dns(struct making *m)
{
	const struct addr_list *list = &m->config->cluster_dns;
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < list->count; i++) {
		addr_format(&list->items[i], text);
		text_list_add(m->config->arena, &m->in.cluster_dns, arena_strdup(m->config->arena, text));
	}
}

static void resolvconf_make(struct making *m, struct buf *out)
{
	struct buf warnings = {0};
	const struct resolv_conf c = pod_dns_make(m->config->arena, &m->in, &warnings);

	resolv_conf_format(&c, out);
	if (warnings.length_bytes != 0)
		fprintf(stderr, "fairlead %s: warning: %s", m->command, warnings.data);
	buf_fini(&warnings);
}

bool cli_pod_file(struct config *c, const char *command, const char *ns, struct buf *out)
{
	struct making m = {.config = c,
			   .command = command,
			   .in = {.policy = (enum dns_policy)policy, .host_network = host_network, .ns = ns}};

	if (!read_node_file(&m) || !read_pod_config(&m))
		return false;
	if (m.in.policy == POLICY_NONE && m.pod.nameservers.count == 0)
		return complain(&m, "--policy None", "needs --dns-config with at least one nameserver");
	fill_from_daemon(&m);
	m.in.domain = c->cluster_domain;
	take_cluster_dns(&m);
	resolvconf_make(&m, out);
	return true;
}

static int resolvconf(struct config *c, int argc, char **argv)
{
	struct buf out = {0};

	(void)argc, (void)argv;
	bool good = cli_pod_file(c, "resolvconf", pod_ns, &out);
	if (out.length_bytes != 0)
		fputs(out.data, stdout);
	buf_fini(&out);
	return good ? EXIT_YES : EXIT_USAGE;
}

const struct command cli_resolvconf = {.name = "resolvconf",
				       .options = options,
				       .arguments = "",
				       .arguments_min = 0,
				       .arguments_max = 0,
				       .summary = "the resolv.conf that kubelet writes for a pod",
				       .run = resolvconf};
