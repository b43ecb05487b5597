/* What a watcher says in the log about its requests. */
#include "watch/api/watcher.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#define WARN_AGAIN_MS 600000

/* What the server said, in words: the message of a Status, or the start of whatever it is. */
static void message_read(const struct watcher *f, char *text, size_t room_bytes)
{
	struct span answer = {f->answer.data, f->answer.length_bytes};

	text[0] = '\0';
	if (answer.length_bytes > 0 && !span_member_text(answer, "message", text, room_bytes))
		snprintf(text, room_bytes, "%.*s", answer.length_bytes < 80 ? (int)answer.length_bytes : 80,
			 answer.bytes);
}

/* What is wrong with a success; NULL: nothing. */
static const char *problem_of(const struct watcher *f)
{
	return f->reflector.problem != NULL ? f->reflector.problem : f->stream.error;
}

static void failure_describe(const struct watcher *f, const struct fetch_end *end, int code, struct buf *text)
{
	const struct reflector_resource *resource = &f->resource;
	char message[PROBLEM_BYTES / 2];

	message_read(f, message, sizeof message);
	buf_printf(text, "apiserver: %s: ", f->resource.plural);
	if (code == 403)
		buf_printf(text, "forbidden: the role needs the verb %s on %s%s%s: %s",
			   f->reflector.page_request ? "list" : "watch", resource->plural,
			   resource->group[0] != '\0' ? " of API group " : "", resource->group, message);
	else if (code == 401)
		buf_printf(text, "unauthorized: the server does not accept the token or certificate: %s", message);
	else if (code != 0)
		buf_printf(text, "answer %d: %s", code, message);
	else if (problem_of(f) != NULL)
		buf_printf(text, "malformed answer: %s", problem_of(f));
	else
		buf_printf(text, "%s", end->error[0] != '\0' ? end->error : "ended early");
}

/* Silence while nothing is served is told once for all kinds (struct watchers, failed); all else once per kind and
 * code. */
void watcher_log_failure(struct watcher *f, const struct fetch_end *end, int code, uint32_t wait_ms)
{
	uint64_t now_ms = clock_ms();
	struct buf text = {0};
	bool again = code != f->warned_code || f->warned_ms == 0 || now_ms - f->warned_ms >= WARN_AGAIN_MS;

	failure_describe(f, end, code, &text);
	bool own = end->status != 0 ? code != 0 || problem_of(f) != NULL || end->excess : f->all->served_count > 0;
	if (own && again) {
		f->warned_code = code;
		f->warned_ms = now_ms;
		log_warn("%s; trying again", text.data);
	}
	log_debug("%s; next try in %u ms", text.data, wait_ms);
	snprintf(f->all->problem, sizeof f->all->problem, "%s", text.data);
	buf_fini(&text);
}

void watcher_log_next(const struct watcher *f, enum reflector_next next)
{
	if (next == REFLECTOR_EXPIRED)
		log_info("apiserver: %s: the server no longer has version %s: listing again", f->resource.plural,
			 f->reflector.version);
	else if (next == REFLECTOR_NO_STREAM)
		log_info("apiserver: %s: no streaming lists here: listing by pages", f->resource.plural);
	else if (next == REFLECTOR_ABSENT && !f->counted)
		log_info("apiserver: %s: unknown to the server: taken as none", f->resource.plural);
}

void watcher_log_end(const struct watcher *f, const struct fetch_end *end)
{
	log_debug("apiserver: %s: request ended: status %d%s%s%s", f->resource.plural, end->status,
		  end->whole ? ", whole" : ", cut off", end->error[0] != '\0' ? ": " : "", end->error);
}
