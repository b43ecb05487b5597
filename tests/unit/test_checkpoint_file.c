/* The checkpoint file: what is written is read, and nothing else is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/addr.h"
#include "tests/tempfolder.h"
#include "watch/decode/decode_pack.h"
#include "watch/checkpoint_file.h"

#define SOURCE "https://10.0.0.1:6443 node-a"

struct heard {
	struct object *objects[16];
	size_t count, completes, turns, begins, ends;
};

static void upsert(void *ctx, struct object *o)
{
	struct heard *h = ctx;

	assert_int_equal(h->begins, OBJECT_KINDS);
	assert_int_equal(h->ends, 0);
	h->objects[h->count++] = o;
}

static void list_begin(void *ctx, enum object_kind kind)
{
	(void)kind;
	((struct heard *)ctx)->begins++;
}

static void list_end(void *ctx, enum object_kind kind)
{
	(void)kind;
	((struct heard *)ctx)->ends++;
}

static void complete(void *ctx)
{
	((struct heard *)ctx)->completes++;
}

static void turn_end(void *ctx)
{
	((struct heard *)ctx)->turns++;
}

static struct sink sink_of(struct heard *h)
{
	return (struct sink){.ctx = h,
			     .upsert = upsert,
			     .list_begin = list_begin,
			     .list_end = list_end,
			     .complete = complete,
			     .turn_end = turn_end};
}

static void heard_free(struct heard *h)
{
	for (size_t i = 0; i < h->count; i++)
		object_free(h->objects[i]);
	*h = (struct heard){0};
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

/* One of every kind, with every field set. */
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
					  .source_ranges_everywhere = true};
}

static void sample_slice(void)
{
	more[0] = ip("10.1.0.9");
	endpoints[0] = (struct endpoint_object){.addr = ip("10.1.0.2"),
						.ready = true,
						.serving = true,
						.weight = 5,
						.node_name = "n1",
						.hostname = "web-0",
						.pod_name = "web-0",
						.zone = "a",
						.zone_hint_count = 2,
						.node_hint_count = 1,
						.zone_hints = zones,
						.node_hints = nodes,
						.more_addr_count = 1,
						.more_addrs = more};
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

static int folder_new(void **state)
{
	static char folder[TEMPFOLDER_BYTES];

	tempfolder_new(folder, "state");
	*state = folder;
	return 0;
}

static int folder_free(void **state)
{
	tempfolder_free(*state);
	return 0;
}

static void save_samples(const char *folder)
{
	struct checkpoint_file_writer *w = checkpoint_file_begin(folder, SOURCE, 1234567);

	assert_non_null(w);
	for (struct object *const *o = samples(); *o != NULL; o++)
		checkpoint_file_put(w, *o);
	assert_true(checkpoint_file_commit(w));
}

/* Packing again gives the same bytes only when every field came back. */
static void assert_same(const struct object *a, const struct object *b)
{
	struct pack x = {0}, y = {0};

	pack_object(&x, a);
	pack_object(&y, b);
	assert_int_equal(x.bytes.length_bytes, y.bytes.length_bytes);
	assert_memory_equal(x.bytes.data, y.bytes.data, x.bytes.length_bytes);
	pack_fini(&x);
	pack_fini(&y);
}

static void round_trip(void **state)
{
	struct heard h = {0};
	struct sink sink = sink_of(&h);
	struct checkpoint_file_info info;
	const struct slice_object *read;

	save_samples(*state);
	assert_true(checkpoint_file_load(*state, SOURCE, &sink, &info));
	assert_int_equal(info.objects, 6);
	assert_int_equal(info.saved_wall_ms, 1234567);
	assert_int_equal(h.count, 6);
	assert_int_equal(h.ends, OBJECT_KINDS);
	assert_int_equal(h.completes, 1);
	assert_int_equal(h.turns, 1);
	for (size_t i = 0; i < h.count; i++)
		assert_same(h.objects[i], samples()[i]);
	read = (const struct slice_object *)h.objects[1];
	assert_string_equal(read->endpoints[0].zone_hints[1], "b");
	assert_null(read->endpoints[1].hostname);
	assert_true(addr_equal(&read->endpoints[0].more_addrs[0], &(struct addr){AF_INET, {10, 1, 0, 9}}));
	assert_true(read->endpoints[1].terminating && !read->endpoints[1].ready);
	heard_free(&h);
}

/* Equal content, equal digest; any other content, another digest. */
static void digests(void **state)
{
	struct service_object *s = (struct service_object *)samples()[0];
	struct pack p = {0};
	struct object *first, *again, *other;

	(void)state;
	pack_object(&p, &s->object);
	first = pack_read(p.bytes.data, p.bytes.length_bytes);
	again = pack_read(p.bytes.data, p.bytes.length_bytes);
	s->affinity_timeout_s++;
	pack_object(&p, &s->object);
	other = pack_read(p.bytes.data, p.bytes.length_bytes);
	assert_true(first->digest == again->digest);
	assert_true(first->digest != other->digest);
	assert_int_equal(((struct service_object *)other)->affinity_timeout_s, 101);
	object_free(first);
	object_free(again);
	object_free(other);
	pack_fini(&p);
}

/* The exact size hint: one arena chunk holds the object. */
static void memory_is_exact(void **state)
{
	(void)state;
	for (struct object *const *o = samples(); *o != NULL; o++) {
		struct pack p = {0};
		struct object *copy;
		uint32_t hint;
		pack_object(&p, *o);
		memcpy(&hint, p.bytes.data, sizeof hint);
		copy = pack_read(p.bytes.data, p.bytes.length_bytes);
		assert_int_equal(arena_bytes(copy->arena), hint);
		object_free(copy);
		pack_fini(&p);
	}
}

static char *slurp(const char *folder, size_t *n)
{
	char path[128], *bytes;
	FILE *f;

	snprintf(path, sizeof path, "%s/" CHECKPOINT_FILE, folder);
	f = fopen(path, "rb");
	assert_non_null(f);
	bytes = mem_alloc(65536);
	*n = fread(bytes, 1, 65536, f);
	fclose(f);
	return bytes;
}

/* Every prefix, every flipped bit and a byte too many is refused, and the sink hears nothing of it. */
static void damage_is_refused(void **state)
{
	struct heard h = {0};
	struct sink sink = sink_of(&h);
	struct checkpoint_file_info info;
	size_t n;
	char *bytes;

	save_samples(*state);
	bytes = slurp(*state, &n);
	assert_null(checkpoint_file_read(bytes, n, SOURCE, &sink, &info));
	heard_free(&h);
	for (size_t cut = 0; cut < n; cut++)
		assert_non_null(checkpoint_file_read(bytes, cut, SOURCE, &sink, &info));
	for (size_t i = 0; i < n * 8; i++) {
		bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
		assert_non_null(checkpoint_file_read(bytes, n, SOURCE, &sink, &info));
		bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
	}
	bytes = mem_resize(bytes, n + 1);
	bytes[n] = 0;
	assert_non_null(checkpoint_file_read(bytes, n + 1, SOURCE, &sink, &info));
	assert_non_null(checkpoint_file_read(bytes, n, "https://elsewhere node-a", &sink, &info));
	assert_int_equal(h.begins + h.count + h.completes, 0);
	free(bytes);
}

static void absent_or_of_another_program(void **state)
{
	struct heard h = {0};
	struct sink sink = sink_of(&h);
	struct checkpoint_file_info info;
	char path[128];
	FILE *f;

	assert_false(checkpoint_file_load(*state, SOURCE, &sink, &info));
	snprintf(path, sizeof path, "%s/" CHECKPOINT_FILE, (char *)*state);
	f = fopen(path, "w");
	fputs("something else entirely, and long enough to hold a whole header of a checkpoint file\n", f);
	fclose(f);
	assert_false(checkpoint_file_load(*state, SOURCE, &sink, &info));
	assert_int_equal(h.begins, 0);
}

/* A writer that dies leaves the old state, and what it wrote is in no way. */
static void unfinished_keeps_the_old(void **state)
{
	struct heard h = {0};
	struct sink sink = sink_of(&h);
	struct checkpoint_file_info info;
	char path[128];
	pid_t pid;

	save_samples(*state);
	pid = fork();
	if (pid == 0) {
		checkpoint_file_put(checkpoint_file_begin(*state, SOURCE, 99), samples()[0]);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	snprintf(path, sizeof path, "%s/" CHECKPOINT_FILE ".tmp", (char *)*state);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(checkpoint_file_load(*state, SOURCE, &sink, &info));
	assert_int_equal(info.saved_wall_ms, 1234567);
	save_samples(*state);
	assert_int_not_equal(access(path, F_OK), 0);
	heard_free(&h);
	assert_null(checkpoint_file_begin("/proc/nowhere", SOURCE, 1));
	assert_int_equal(errno, ENOENT);
	assert_null(checkpoint_file_begin("/proc/version", SOURCE, 1));
	assert_int_equal(errno, ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, folder_new, folder_free),
		cmocka_unit_test(digests),
		cmocka_unit_test(memory_is_exact),
		cmocka_unit_test_setup_teardown(damage_is_refused, folder_new, folder_free),
		cmocka_unit_test_setup_teardown(absent_or_of_another_program, folder_new, folder_free),
		cmocka_unit_test_setup_teardown(unfinished_keeps_the_old, folder_new, folder_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
