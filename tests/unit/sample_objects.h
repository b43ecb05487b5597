/*
 * An object of every kind that the store has, with every field set. Include after <cmocka.h>, in one file of a test
 * program.
 */
#ifndef TESTS_SAMPLE_OBJECTS_H
#define TESTS_SAMPLE_OBJECTS_H

#include <sys/socket.h>

#include "watch/object.h"

static struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static struct port_object ports[] = {{"http", 6, 80, 30080, "web"}, {"dns", 17, 53, 0, "53"}};
static struct addr external[1], more[1], addrs[2];
static struct ingress_object ingress[2];
static struct cidr ranges[1];
static const char *const zones[] = {"a", "b"}, *const nodes[] = {"n1"};
static struct slice_port_object slice_ports[] = {{"http", 6, 8080}};
static struct endpoint_object endpoints[2];
static struct service_object service;
static struct slice_object slice;
static struct namespace_object ns = {{.kind = OBJECT_NAMESPACE, .ns = "", .name = "prod"}};
static struct node_object node;
static struct pod_object pod;
static struct service_cidr_object cidr;

static void sample_service(void)
{
	static const struct label_object selector = {"app", "web"};
	static const struct service_wishes wishes = {.family_policy = FAMILY_REQUIRE_DUAL,
						     .family_count = 2,
						     .families = {AF_INET6, AF_INET},
						     .no_node_ports = true,
						     .selector_count = 1,
						     .selector = &selector,
						     .distribution = DISTRIBUTION_SAME_NODE};

	external[0] = ip("203.0.113.9");
	ingress[0] = (struct ingress_object){ip("198.51.100.1"), true};
	assert_true(cidr_parse(&ranges[0], "10.0.0.0/8"));
	service = (struct service_object){.object = {.kind = OBJECT_SERVICE, .ns = "prod", .name = "web"},
					  .created_s = 1795194000,
					  .type = SERVICE_LOAD_BALANCER,
					  .cluster_ip_count = 2,
					  .cluster_ips = {ip("10.96.0.1"), ip("fd00:96::1")},
					  .port_count = 2,
					  .ports = ports,
					  .external_ip_count = 1,
					  .external_ips = external,
					  .ingress_count = 2,
					  .ingress = ingress,
					  .source_range_count = 1,
					  .source_ranges = ranges,
					  .external_policy = POLICY_LOCAL,
					  .client_ip_affinity = true,
					  .affinity_timeout_s = 100,
					  .health_check_node_port = 31000,
					  .publish_not_ready = true,
					  .external_name = "x.example.org",
					  .proxy_name = "other",
					  .headless_label = true,
					  .balance = BALANCE_MAGLEV,
					  .source_ranges_everywhere = true,
					  .wishes = &wishes};
}

static void sample_slice(void)
{
	static const struct endpoint_extra extra = {.hostname = "web-0",
						    .reason = "probe failing",
						    .zone_hint_count = 2,
						    .node_hint_count = 1,
						    .zone_hints = zones,
						    .node_hints = nodes,
						    .more_addr_count = 1,
						    .more_addrs = more};

	more[0] = ip("10.1.0.9");
	endpoints[0] = (struct endpoint_object){.addr = ip("10.1.0.2"),
						.ready = true,
						.serving = true,
						.weight = 5,
						.node_name = "n1",
						.pod_name = "web-0",
						.zone = "a",
						.extra = &extra};
	endpoints[1] = (struct endpoint_object){.addr = ip("10.1.0.3"), .terminating = true, .node_name = "n1"};
	slice = (struct slice_object){.object = {.kind = OBJECT_SLICE, .ns = "prod", .name = "web-1"},
				      .service_name = "web",
				      .family = AF_INET,
				      .headless_label = true,
				      .port_count = 1,
				      .ports = slice_ports,
				      .endpoint_count = 2,
				      .endpoints = endpoints};
}

static void sample_small_kinds(void)
{
	addrs[0] = ip("10.1.0.1");
	addrs[1] = ip("fd00::1");
	node = (struct node_object){.object = {.kind = OBJECT_NODE, .ns = "", .name = "node-a"},
				    .addr_count = 2,
				    .addrs = addrs,
				    .pod_cidr_count = 1,
				    .pod_cidrs = ranges,
				    .zone = "a",
				    .deleting = true,
				    .to_be_deleted = true};
	pod = (struct pod_object){.object = {.kind = OBJECT_POD, .ns = "prod", .name = "web-0"},
				  .addr_count = 2,
				  .addrs = addrs,
				  .node_name = "node-a",
				  .host_network = true,
				  .own_search = true,
				  .finished = true};
	cidr = (struct service_cidr_object){.object = {.kind = OBJECT_SERVICE_CIDR, .ns = "", .name = "kubernetes"},
					    .cidr_count = 1,
					    .cidrs = ranges};
}

static struct object *const *samples(void)
{
	static struct object *const all[] = {&service.object, &slice.object, &ns.object, &node.object,
					     &pod.object,     &cidr.object,  NULL};

	sample_service();
	sample_slice();
	sample_small_kinds();
	return all;
}

#endif
