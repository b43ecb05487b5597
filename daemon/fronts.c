/* Starts and stops what talks to clients. */
#include "daemon/fronts.h"

#include "base/log.h"
#include "daemon/daemon_private.h"
#include "daemon/dns_server.h"
#include "daemon/steering.h"

void fronts_bind(struct daemon *d)
{
	char error[ERROR_BYTES];

	d->control = control_open(d->config->control, error);
	if (d->control == NULL && d->take_over.fd < 0) /* else it is bound when that process has left */
		fatalx("%s", error);
}

void fronts_start(struct daemon *d)
{
	if (d->control != NULL)
		control_start(d->control, d->requests, control_commands, d);
	requests_start(d->requests);
}

void fronts_taken_over(struct daemon *d)
{
	if (d->control == NULL) {
		fronts_bind(d);
		control_start(d->control, d->requests, control_commands, d);
	}
}

void fronts_stop(struct daemon *d)
{
	if (d->fronts_stopped)
		return;
	d->fronts_stopped = true;
	requests_stop(d->requests);
	control_close(d->control);
	source_stop(&d->source);
	observe_free(d->observe); /* its pages ask the next two */
	requests_free(d->requests);
	relay_stop(d->relay);
}

void fronts_leave(struct daemon *d)
{
	ev_io_stop(d->loop, &d->addresses);
	ev_timer_stop(d->loop, &d->later);
	ev_async_stop(d->loop, &d->flows_looked);
	ev_signal_stop(d->loop, &d->reload);
	if (d->nft != NULL)
		ev_io_stop(d->loop, &d->external_changes);
	steering_close(d);
	dns_server_leave(d);
	fronts_stop(d);
}
