/* The thread that reads conntrack: passes go there and back, the main thread never waits, and the end is near. */
#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "objects.h"
#include "proxy/stale_thread.h"

#define PATIENCE_S 60

/* ---- a kernel that answers when it is told to ---- */

struct conntrack {
	sem_t answer; /* a sweep waits for it */
	atomic_bool stopped, closed;
	atomic_uint sweeps;
	bool deaf; /* not even conntrack_stop ends a sweep */
};

static struct conntrack kernel;

int conntrack_sweep(struct conntrack *c, const struct conntrack_sweep *sweep, size_t *deleted)
{
	const struct conntrack_entry entry = {.orig_dst = ip("10.96.0.1"),
					      .reply_src = ip("10.0.0.9"),
					      .orig_port = 53,
					      .reply_port = 5353,
					      .proto = IPPROTO_UDP};

	c->sweeps++;
	sem_wait(&c->answer);
	*deleted = sweep->check(sweep->ctx, &entry) ? 1 : 0;
	return c->stopped ? -ECANCELED : 0;
}

int conntrack_count(struct conntrack *c, uint32_t *entries)
{
	(void)c;
	*entries = 0;
	return 0;
}

void conntrack_stop(struct conntrack *c)
{
	c->stopped = true;
	if (!c->deaf)
		sem_post(&c->answer);
}

void conntrack_close(struct conntrack *c)
{
	c->closed = true;
}

/* ---- the main thread ---- */

static sem_t woken;

static void wake(void *ctx)
{
	assert_ptr_equal(ctx, &woken);
	sem_post(&woken);
}

static void wait_for_wake(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	assert_int_equal(sem_timedwait(&woken, &until), 0);
}

/* The one that is left behind keeps its memory: no leak. */
static struct stale_thread *volatile last;

static struct stale_thread *start(void)
{
	last = stale_thread_start(&kernel, wake, &woken);
	return last;
}

/* About the UDP frontend 10.96.0.1:53, which no service has any more. */
static struct stale_pass *make_pass(void)
{
	const struct frontend_key key = {.addr = ip("10.96.0.1"), .proto = IPPROTO_UDP, .port = 53};
	struct stale_pass *p = mem_alloc(sizeof *p);
	struct owners *none = owners_new(NULL, NULL);

	stale_pass_add(p, none, &key);
	owners_free(none);
	return p;
}

static void wait_for_sweep(void)
{
	const uint64_t end_ms = clock_ms() + PATIENCE_S * 1000;

	while (kernel.sweeps == 0 && clock_ms() < end_ms)
		usleep(1000);
	assert_int_equal(kernel.sweeps, 1);
}

static int setup(void **state)
{
	(void)state;
	kernel = (struct conntrack){0};
	sem_init(&kernel.answer, 0, 0);
	sem_init(&woken, 0, 0);
	return 0;
}

/* ---- tests ---- */

static void a_pass_goes_there_and_back(void **state)
{
	struct stale_thread *t = start();
	struct stale_pass *p = make_pass();

	(void)state;
	assert_false(stale_thread_is_busy(t));
	for (unsigned i = 1; i <= 3; i++) {
		stale_thread_give(t, p);
		assert_true(stale_thread_is_busy(t));
		assert_null(stale_thread_take(t)); /* the kernel has not answered; nothing waits for it */
		sem_post(&kernel.answer);
		wait_for_wake();
		assert_ptr_equal(stale_thread_take(t), p);
		assert_false(stale_thread_is_busy(t));
		assert_null(stale_thread_take(t));
		assert_int_equal(p->error, 0);
		assert_int_equal(p->deleted[0], i);
		p->looks[STALE_UDP][0].wanted = true;
	}
	stale_pass_free(p);
	stale_thread_stop(t);
	assert_true(kernel.closed);
}

/* Neither leaks, and the main loop, which is gone then, is not woken. */
static void it_ends_with_a_pass_under_way_or_over(void **state)
{
	struct stale_thread *t = start();

	(void)state;
	stale_thread_give(t, make_pass());
	wait_for_sweep();
	stale_thread_stop(t);
	assert_true(kernel.closed);
	assert_int_equal(sem_trywait(&woken), -1);

	setup(NULL);
	t = start();
	stale_thread_give(t, make_pass());
	sem_post(&kernel.answer);
	wait_for_wake();
	stale_thread_stop(t);
	assert_true(kernel.closed);
}

/* SIGTERM ends the daemon within a second, whatever the kernel does. */
static void the_end_does_not_wait_for_a_kernel_that_does_not_answer(void **state)
{
	struct stale_thread *t = start();
	const uint64_t start_ms = clock_ms();

	(void)state;
	kernel.deaf = true;
	stale_thread_give(t, make_pass());
	wait_for_sweep();
	stale_thread_stop(t);
	assert_in_range(clock_ms() - start_ms, STALE_STOP_MS, PATIENCE_S * 1000 / 2);
	assert_false(kernel.closed); /* it is still in use */
	sem_post(&kernel.answer);
	assert_int_equal(sem_trywait(&woken), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_pass_goes_there_and_back, setup),
		cmocka_unit_test_setup(it_ends_with_a_pass_under_way_or_over, setup),
		cmocka_unit_test_setup(the_end_does_not_wait_for_a_kernel_that_does_not_answer, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
