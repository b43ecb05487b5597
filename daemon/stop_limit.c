/* Ends the process when a stop takes too long. */
#include "daemon/stop_limit.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static timer_t limit;

/* Both run in a signal handler: only calls that are safe there. */
static void on_stop(int signal)
{
	static const struct itimerspec after = {
		.it_value = {.tv_sec = STOP_LIMIT_MS / 1000, .tv_nsec = STOP_LIMIT_MS % 1000 * 1000000L}};
	const int kept = errno;

	timer_settime(limit, 0, &after, NULL);
	ev_feed_signal(signal);
	errno = kept;
}

static void on_limit(int signal)
{
	static const char line[] = "notice: stopped in the middle of its work; rules stay\n";

	(void)signal;
	if (write(STDERR_FILENO, line, sizeof line - 1) < 0)
		_exit(0);
	_exit(0);
}

void stop_limit_heard(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	signal(SIGALRM, SIG_IGN);
#endif
}

void stop_limit_start(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART}, over = {.sa_handler = on_limit};

	sigfillset(&stop.sa_mask);
	if (timer_create(CLOCK_MONOTONIC, &event, &limit) != 0) {
		log_warn("a stop may take longer than a second: %s", strerror(errno));
		return;
	}
	sigaction(SIGALRM, &over, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
}
