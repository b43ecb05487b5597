/* Mail to the loop of another thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mailbox.h"

#define COUNT 1000

struct letter {
	struct mail mail;
	size_t number;
};

static struct mailbox there, back;
static struct letter letters[COUNT];
static size_t seen, returned;
static pthread_t receiver;

static void take(void *about)
{
	const struct letter *letter = about;

	assert_int_equal(letter->number, seen);
	seen++;
}

static void one_in_each_turn_in_order(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);

	(void)state;
	seen = 0;
	mailbox_init(&there, loop);
	for (size_t i = 0; i < 10; i++) {
		letters[i].number = i;
		mailbox_put(&there, &letters[i].mail, take, &letters[i]);
	}
	for (size_t i = 1; i <= 5; i++) {
		ev_run(loop, EVRUN_ONCE);
		assert_int_equal(seen, i);
	}
	mailbox_drain(&there);
	assert_int_equal(seen, 10);
	ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(seen, 10);
	mailbox_fini(&there);
	ev_loop_destroy(loop);
}

static void take_back(void *about)
{
	const struct letter *letter = about;

	assert_int_equal(letter->number, returned);
	if (++returned == COUNT)
		ev_break(back.loop, EVBREAK_ALL);
}

static void send_back(void *about)
{
	struct letter *letter = about;

	assert_true(pthread_equal(pthread_self(), receiver));
	mailbox_put(&back, &letter->mail, take_back, letter);
	if (letter->number == COUNT - 1)
		ev_break(there.loop, EVBREAK_ALL);
}

static void *run(void *loop)
{
	ev_run(loop, 0);
	return NULL;
}

/* The same piece goes to a thread and comes back. */
static void there_and_back(void **state)
{
	struct ev_loop *loop = ev_loop_new(0), *own = ev_loop_new(0);

	(void)state;
	mailbox_init(&there, loop);
	mailbox_init(&back, own);
	assert_int_equal(pthread_create(&receiver, NULL, run, loop), 0);
	for (size_t i = 0; i < COUNT; i++) {
		letters[i].number = i;
		mailbox_put(&there, &letters[i].mail, send_back, &letters[i]);
	}
	ev_run(own, 0);
	pthread_join(receiver, NULL);
	assert_int_equal(returned, COUNT);
	mailbox_fini(&there);
	mailbox_fini(&back);
	ev_loop_destroy(loop);
	ev_loop_destroy(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_in_each_turn_in_order),
		cmocka_unit_test(there_and_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
