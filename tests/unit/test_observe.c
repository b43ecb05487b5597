/* The daemon's own pages, with the thread that serves them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "observe/observe.h"
#include "observe/requests.h"
#include "tests/unit/http_ask.h"

#define LIMIT_MS 3000

static uint16_t port;

static const char *livez(struct ev_loop *loop)
{
	return ask(loop, AF_INET, port, "GET /livez HTTP/1.0\r\n\r\n");
}

static void on_end(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void run_for(struct ev_loop *loop, double seconds)
{
	ev_timer end;

	ev_timer_init(&end, on_end, seconds, 0.);
	ev_timer_start(loop, &end);
	ev_run(loop, 0);
}

/* Longer than the limit: a loop that turns is alive, one that does not is not, until it turns again. */
static void main_loop_is_alive_while_it_turns(void **state)
{
	struct ev_loop *loop = ev_loop_new(0), *other = ev_loop_new(0);
	struct requests *requests = requests_new(loop);

	(void)state;
	port = freeport(SOCK_STREAM);
	const struct observe_config config = {.healthz = {.addr = {.family = AF_INET}, .port = port},
					      .health_limit_ms = LIMIT_MS};
	struct observe *observe = observe_new(loop, requests, &config);
	assert_true(observe_bound(observe));
	requests_start(requests);
	run_for(loop, 1.5 * LIMIT_MS / 1000);
	assert_non_null(strstr(livez(loop), " 200 OK"));
	while (strstr(livez(other), " 200 OK") != NULL)
		usleep(10000);
	assert_non_null(strstr(livez(other), " 503 "));
	run_for(loop, 0.5 * LIMIT_MS / 1000);
	assert_non_null(strstr(livez(other), " 200 OK"));
	requests_stop(requests);
	observe_free(observe);
	requests_free(requests);
	ev_loop_destroy(other);
	ev_loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_loop_is_alive_while_it_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
