/* Lines about the objects of one namespace, so many a minute. */
#include "base/log_about.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define SHARES 1024u /* namespaces that fall together share one: nothing here grows with their number */

static struct log_share shares[SHARES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool log_share_take(struct log_share *share, uint64_t now_ms)
{
	const uint64_t from_ms = share->spent_ms > now_ms ? share->spent_ms : now_ms;

	if (from_ms + LOG_ABOUT_EVERY_MS > now_ms + LOG_ABOUT_BURST * (uint64_t)LOG_ABOUT_EVERY_MS) {
		share->left_out++;
		return false;
	}
	share->spent_ms = from_ms + LOG_ABOUT_EVERY_MS;
	return true;
}

bool log_about(enum log_level level, const char *ns)
{
	struct log_share *share;
	uint64_t before;
	bool may;

	if (!log_enabled(level) || ns == NULL || ns[0] == '\0')
		return log_enabled(level);
	pthread_mutex_lock(&lock);
	share = &shares[hash_key(ns, strlen(ns)) % SHARES];
	before = share->left_out;
	may = log_share_take(share, clock_ms());
	if (may)
		share->left_out = 0;
	pthread_mutex_unlock(&lock);
	if (may && before != 0)
		log_warn("namespace %s: %" PRIu64 " lines about its objects were left out", ns, before);
	else if (!may && before == 0)
		log_warn("namespace %s: too many lines about its objects: %u a minute from now on", ns,
			 60000 / LOG_ABOUT_EVERY_MS);
	return may;
}
