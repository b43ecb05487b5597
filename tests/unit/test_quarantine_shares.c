/* What all Services share: a few are always admitted, of more only as many as others leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/quarantine.h"
#include "tests/unit/objects.h"

#define VERDICTS_MAX 131072u
#define FEW 1024u

struct place {
	struct arena *objects, *scratch;
	struct node_facts node;
	struct quarantine quarantine;
};

static struct store_service *service_new(const char *name)
{
	struct store_service *service = mem_alloc(sizeof *service + 64);

	snprintf(service->key, 64, "default/%s", name);
	service->ns = "default";
	return service;
}

/* Of one port: a verdict for the ClusterIP, and one for each of the others. */
static bool admit(struct place *p, struct store_service *service, size_t verdicts)
{
	struct service_object *o = make_service(p->objects, "web", "10.96.0.1");
	struct addr *addresses = arena_array(p->objects, verdicts, sizeof *addresses);

	for (size_t i = 0; i + 1 < verdicts; i++)
		addresses[i] = (struct addr){AF_INET, {100, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
	o->external_ips = addresses;
	o->external_ip_count = verdicts - 1;
	add_port(p->objects, o, "", IPPROTO_TCP, 80, 0);
	const struct compile_input in = {.object = o, .node = &p->node};
	return quarantine_admit(&p->quarantine, service, &in, p->scratch, 1000);
}

static void free_all(struct store_service **services, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(services[i]->refusal);
		free(services[i]);
	}
}

static int setup(void **state)
{
	struct place *p = mem_alloc(sizeof *p);

	p->objects = arena_new(4096);
	p->scratch = arena_new(4096);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	arena_free(p->objects);
	arena_free(p->scratch);
	free(p);
	return 0;
}

/* The kernel walks the verdict maps of all Services for each change that has a verdict. */
static void verdicts_of_all_services(void **state)
{
	struct place *p = *state;
	struct store_service *a = service_new("a"), *b = service_new("b"), *c = service_new("c"),
			     *few = service_new("few");

	assert_true(admit(p, few, FEW));
	assert_int_equal(p->quarantine.verdicts, 0);
	assert_true(admit(p, a, VERDICTS_MAX / 2));
	assert_false(admit(p, b, VERDICTS_MAX / 2 + 1));
	assert_string_equal(b->refusal,
			    "asks for up to 65537 entries of verdict maps (addresses x ports, 1 to 4 of each), "
			    "of 131072 for all Services 65536 are taken");
	assert_int_equal(b->asks.verdicts, 0);
	assert_true(admit(p, b, VERDICTS_MAX / 2));
	assert_int_equal(p->quarantine.verdicts, VERDICTS_MAX);
	assert_false(admit(p, few, FEW + 1));
	assert_int_equal(few->asks.verdicts, FEW); /* as it was */
	assert_true(admit(p, c, FEW));
	assert_false(admit(p, a, VERDICTS_MAX / 2 + 1));
	assert_true(admit(p, a, VERDICTS_MAX / 2 - 1)); /* less than it has always fits */
	quarantine_take(&p->quarantine, a, &(struct budget_counts){0});
	assert_int_equal(p->quarantine.verdicts, VERDICTS_MAX / 2);
	assert_true(admit(p, c, VERDICTS_MAX / 2));
	free_all((struct store_service *[]){a, b, c, few}, 4);
}

/* More is refused, none is lost: what was taken is as before when all of it was given back. */
static void all_is_given_back(void **state)
{
	struct place *p = *state;
	struct store_service *a = service_new("a");

	for (size_t verdicts = 1; verdicts < 4 * VERDICTS_MAX; verdicts *= 3) {
		admit(p, a, verdicts);
		assert_true(a->asks.verdicts <= VERDICTS_MAX);
		assert_int_equal(p->quarantine.verdicts, a->asks.verdicts > FEW ? a->asks.verdicts : 0);
	}
	quarantine_give_back(&p->quarantine, a);
	assert_int_equal(p->quarantine.verdicts, 0);
	assert_int_equal(p->quarantine.ranges, 0);
	free_all(&a, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(verdicts_of_all_services, setup, teardown),
		cmocka_unit_test_setup_teardown(all_is_given_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
