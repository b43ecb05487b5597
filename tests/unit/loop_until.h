/* Runs an event loop until something has happened; a test that waits for longer than a minute fails. After cmocka.h. */
#ifndef TESTS_UNIT_LOOP_UNTIL_H
#define TESTS_UNIT_LOOP_UNTIL_H

#include <ev.h>

#define LOOP_TICK_S 0.02
#define LOOP_TICKS 3000u /* a minute */

static inline void loop_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	unsigned *left = timer->data;

	(void)loop, (void)events;
	if ((*left)-- == 0)
		fail_msg("not within the limit");
}

/* Looks at the condition after each round. */
#define LOOP_UNTIL(loop, condition)                                         \
	do {                                                                \
		unsigned left_ = LOOP_TICKS;                                \
		ev_timer tick_;                                             \
		ev_timer_init(&tick_, loop_tick, LOOP_TICK_S, LOOP_TICK_S); \
		tick_.data = &left_;                                        \
		ev_now_update(loop);                                        \
		ev_timer_start(loop, &tick_);                               \
		while (!(condition))                                        \
			ev_run(loop, EVRUN_ONCE);                           \
		ev_timer_stop(loop, &tick_);                                \
	} while (0)

#endif
