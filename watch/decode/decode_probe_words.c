/*
 * The annotation fairlead/probe: "http:/healthz every 2s", "https:/path timeout 3s", "grpc:service", "tcp port 81",
 * "exec:/program".
 */
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "watch/decode/decode_field.h"

#define ANNOTATION "fairlead/probe"
#define PERIOD_MIN_MS 100
#define TIME_MAX_MS 86400000
#define THRESHOLD_MAX 1000
#define PATH_MAX_BYTES 2048
#define BLANKS " \t\r\n"

/* "/usr/lib/check": what it is to look at is in its environment. */
static bool program_read(struct decoder *d, struct probe_object *to, const char *path)
{
	const char **command = arena_array(d->scratch, 1, sizeof *command);

	command[0] = path;
	to->action = PROBE_EXEC;
	to->path = "";
	to->command = command;
	to->command_count = 1;
	to->netns = field_annotation(d, "fairlead/probe-netns");
	return path[0] == '/' && strlen(path) <= PATH_MAX_BYTES;
}

/* "http:/healthz", "https", "tcp", "exec:/program". */
static bool action_read(struct decoder *d, struct probe_object *to, const char *word)
{
	static const struct {
		const char *name;
		enum probe_action action;
		const char *path; /* where the word has none */
	} all[] = {{"http", PROBE_HTTP, "/"},
		   {"https", PROBE_HTTPS, "/"},
		   {"grpc", PROBE_GRPC, ""},
		   {"tcp", PROBE_TCP, ""}};
	const size_t n = strcspn(word, ":");

	if (strncmp(word, "exec:", strlen("exec:")) == 0)
		return program_read(d, to, word + strlen("exec:"));
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (strlen(all[i].name) != n || strncmp(all[i].name, word, n) != 0)
			continue;
		to->action = all[i].action;
		to->path = word[n] == ':' ? word + n + 1 : all[i].path;
		if (strlen(to->path) > PATH_MAX_BYTES || (to->action == PROBE_TCP && word[n] == ':'))
			return false;
		return all[i].path[0] == '\0' || to->path[0] == '/';
	}
	return false;
}

/* "2s", "500ms", "1m". */
static bool time_read(uint32_t *to, const char *word, uint32_t least)
{
	char *unit;
	unsigned long x = strtoul(word, &unit, 10);

	if (!isdigit((unsigned char)word[0]) || x > TIME_MAX_MS)
		return false;
	x *= strcmp(unit, "ms") == 0 ? 1 : strcmp(unit, "s") == 0 ? 1000 : strcmp(unit, "m") == 0 ? 60000 : 0;
	*to = (uint32_t)x;
	return x >= least && x <= TIME_MAX_MS;
}

static bool number_read(uint32_t *to, const char *word, uint32_t most)
{
	char *end;
	const unsigned long x = strtoul(word, &end, 10);

	*to = (uint32_t)x;
	return isdigit((unsigned char)word[0]) && *end == '\0' && x != 0 && x <= most;
}

static bool option_read(struct probe_object *to, const char *name, const char *word)
{
	uint32_t port;

	if (strcmp(name, "every") == 0)
		return time_read(&to->period_ms, word, PERIOD_MIN_MS);
	if (strcmp(name, "timeout") == 0)
		return time_read(&to->timeout_ms, word, 1);
	if (strcmp(name, "failures") == 0)
		return number_read(&to->failure_threshold, word, THRESHOLD_MAX);
	if (strcmp(name, "successes") == 0)
		return number_read(&to->success_threshold, word, THRESHOLD_MAX);
	if (strcmp(name, "port") != 0 || !number_read(&port, word, UINT16_MAX))
		return false;
	to->port = (uint16_t)port;
	return true;
}

static char *next_word(char **rest)
{
	char *word;

	while ((word = strsep(rest, BLANKS)) != NULL && word[0] == '\0')
		;
	return word;
}

static void words_read(struct decoder *d, const struct place *annotation, const char *text, struct probe_object *to)
{
	char *rest = arena_strdup(d->scratch, text), *word = next_word(&rest), *value;

	if (word == NULL || !action_read(d, to, word)) {
		decode_error(d, annotation,
			     "\"%.60s\" is not http:/PATH, https:/PATH, grpc:SERVICE, tcp or exec:/PROGRAM",
			     word != NULL ? word : "");
		return;
	}
	while ((word = next_word(&rest)) != NULL) {
		value = next_word(&rest);
		if (value != NULL && option_read(to, word, value))
			continue;
		decode_error(d, annotation,
			     "\"%.40s%s%.40s\" is none of every TIME, timeout TIME, failures N, successes N, port N",
			     word, value != NULL ? " " : "", value != NULL ? value : "");
		return;
	}
}

static bool has_tcp(const struct service_object *s)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i].proto == IPPROTO_TCP)
			return true;
	return false;
}

static void read_probe(struct decoder *d, const struct place *root, const struct service_object *s,
		       struct service_wishes *w)
{
	struct place metadata = place_key(root, "metadata"), annotations = place_key(&metadata, "annotations");
	struct place annotation = place_key(&annotations, ANNOTATION);
	const char *text = field_annotation(d, ANNOTATION);
	struct probe_set *set;

	if (text == NULL)
		return;
	if (w->given_count == 0) {
		decode_warning(d, &annotation, "is for endpoints of fairlead/endpoints; Pods have probes of their own");
		return;
	}
	set = arena_array(d->scratch, 1, sizeof *set);
	set->container = "";
	set->of[PROBE_READINESS] = (struct probe_object){
		.period_ms = 10000, .timeout_ms = 1000, .success_threshold = 1, .failure_threshold = 3};
	words_read(d, &annotation, text, &set->of[PROBE_READINESS]);
	decode_probe_netns(d, root, set, 1);
	if (set->of[PROBE_READINESS].action != PROBE_EXEC && set->of[PROBE_READINESS].port == 0 && !has_tcp(s))
		decode_error(d, &annotation, "the Service has no TCP port: write port N");
	w->probe = set;
	w->probe_count = 1;
}

void decode_probe_annotations(struct decoder *d, const struct place *root, const struct service_object *s,
			      struct service_wishes *w)
{
	struct place metadata = place_key(root, "metadata"), annotations = place_key(&metadata, "annotations");
	struct place all_fail = place_key(&annotations, "fairlead/when-all-fail");
	const char *text = field_annotation(d, "fairlead/when-all-fail");

	read_probe(d, root, s, w);
	w->all_when_all_fail = text != NULL && strcmp(text, "all") == 0;
	if (text != NULL && !w->all_when_all_fail && strcmp(text, "none") != 0)
		decode_warning(d, &all_fail, "\"%.40s\" is none of none, all", text);
}
