/* Decides when a change by another program is repaired. */
#include "proxy/drift.h"

#define PAUSE_FIRST_MS 50u
#define QUIET_MS 10000u /* a change after this long a time is repaired at once again */

void drift_notice(struct drift *d, uint64_t now_ms)
{
	bool again = d->repaired_ms != 0 && now_ms - d->repaired_ms < QUIET_MS;

	if (d->waits)
		return;
	d->waits = true;
	if (!again) {
		d->pause_ms = 0;
		d->slow_told = false;
	} else if (d->pause_ms == 0) {
		d->pause_ms = PAUSE_FIRST_MS;
	} else {
		d->pause_ms = d->pause_ms * 2 < DRIFT_PAUSE_LAST_MS ? d->pause_ms * 2 : DRIFT_PAUSE_LAST_MS;
	}
	d->due_ms = now_ms + d->pause_ms;
}

/*
 * One big change is told in many messages, and the last of them may come after the repair: only a second one
 * that needs repair means that the changes do not stop.
 */
bool drift_repaired(struct drift *d, uint64_t now_ms, size_t operations)
{
	external_changes_clear(&d->seen);
	d->waits = false;
	d->repaired_ms = now_ms;
	if (operations == 0 || d->pause_ms == 0 || d->slow_told)
		return false;
	d->slow_told = true;
	return true;
}
