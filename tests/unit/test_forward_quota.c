/* How many queries each client may have at the forwarder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "dns/forward/quota.h"
#include "dns/forward/request.h"

static struct sockaddr_in client(uint32_t number)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0af40000 + number)};
}

/* As many as it gets; `place` is the last one. */
static unsigned take_all(struct quota *q, uint32_t number, int *place)
{
	const struct sockaddr_in from = client(number);
	unsigned taken = 0;

	for (int got; (got = quota_take(q, (const struct sockaddr *)&from)) != QUOTA_NONE; taken++)
		*place = got;
	return taken;
}

static void one_client_has_its_limit(void **state)
{
	struct quota q = {0};
	int place = QUOTA_NONE;

	(void)state;
	quota_init(&q, FORWARD_PENDING);
	assert_int_equal(take_all(&q, 1, &place), FORWARD_PENDING_PER_CLIENT);
	assert_false(quota_take_more(&q, place));
	quota_give(&q, place);
	assert_int_equal(take_all(&q, 1, &place), 1);
	quota_give(&q, QUOTA_NONE);
}

/* Addresses of one attacker take more and more, and a new client still finds a place. */
static void no_number_of_clients_takes_all(void **state)
{
	struct quota q = {0};
	int place = QUOTA_NONE, newcomer = QUOTA_NONE;
	unsigned sum = 0;

	(void)state;
	quota_init(&q, FORWARD_PENDING);
	for (uint32_t i = 0; i < 8; i++)
		sum += take_all(&q, i, &place);
	assert_in_range(sum, FORWARD_PENDING / 2, FORWARD_PENDING - 1);
	assert_true(take_all(&q, 1000000, &newcomer) > 0);
}

/* n clients that take in turns: each has the same, and so much is left. */
static void clients_share(void **state)
{
	struct quota q = {0};
	uint32_t taken[7] = {0};

	(void)state;
	quota_init(&q, FORWARD_PENDING);
	for (unsigned round = 0; round < FORWARD_PENDING; round++)
		for (uint32_t i = 0; i < 7; i++) {
			const struct sockaddr_in from = client(i);
			taken[i] += quota_take(&q, (const struct sockaddr *)&from) != QUOTA_NONE;
		}
	for (unsigned i = 0; i < 7; i++)
		assert_in_range(taken[i], FORWARD_PENDING / 8 - 7, FORWARD_PENDING / 8 + 7);
}

/* What a question keeps comes on top, and is given back once. */
static void a_question_keeps_its_clients_place(void **state)
{
	struct quota q = {0};
	int place = QUOTA_NONE;

	(void)state;
	quota_init(&q, FORWARD_PENDING);
	take_all(&q, 1, &place);
	quota_keep(&q, place);
	quota_give(&q, place);
	assert_int_equal(q.taken, FORWARD_PENDING_PER_CLIENT);
	quota_give(&q, place);
	assert_true(quota_take_more(&q, place));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_client_has_its_limit),
		cmocka_unit_test(no_number_of_clients_takes_all),
		cmocka_unit_test(clients_share),
		cmocka_unit_test(a_question_keeps_its_clients_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
